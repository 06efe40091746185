// What is recorded of a decided report, and where it belongs in its line's history. The words are the decision's own.
import type { Decision } from '../core/policy/decision.ts';
import type { Report } from '../core/report/report.ts';
import { type Attributed, evidenceOf } from './attribute.ts';
import type { Json, ReportOutcome } from './ports.ts';

export function outcomeOf(report: Report, found: Attributed, decision: Decision): ReportOutcome {
  const plan = decision.kind === 'act' ? decision.plan : undefined;
  return {
    reportId: report.id,
    attribution: found.attribution.kind,
    attributionReason: found.attribution.reason,
    ...(found.line === undefined ? {} : { lineId: found.line.id, epoch: found.line.epoch }),
    ...(decision.caseId === undefined ? {} : { caseId: decision.caseId }),
    decision: plan === undefined ? decision.kind : plan.hold === undefined ? plan.access : 'held',
    reason: plan?.hold ?? decision.reason,
    evidence: { attribution: evidenceOf(found.attribution), trace: decision.trace as unknown as Json },
  };
}

/** Keeps the order of observation. */
export function insertByTime(reports: Report[], report: Report): void {
  const after = reports.findLastIndex((one) => one.observedAt <= report.observedAt);
  reports.splice(after + 1, 0, report);
}
