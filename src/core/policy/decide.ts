// decide(): from one report, the line it was attributed to and the line's history to what happens next, with the reason.
// Pure: the same input gives the same answer years later. A held case is decided anew by asking again with its newest
// report. What holds whatever a policy says comes first; the rules come after. The breaker is the flow's next question.
import type { Case } from '../casefile/case.ts';
import { isInGrace } from '../casefile/line-view.ts';
import type { Line } from '../line/line.ts';
import { isCorroborated, needsSecondSource } from '../report/corroboration.ts';
import type {
  DecideInput,
  Decision,
  IgnoreReason,
  ReviewReason,
  RuleContext,
  RuleTrace,
  WatchReason,
} from './decision.ts';
import { canAct, matchRule } from './match.ts';
import { planStep } from './plan.ts';
import { formatLegalBasis, LIMITS } from './policy.ts';

const NO_TRACE: readonly RuleTrace[] = [];

export function decide(input: DecideInput): Decision {
  const stopped = byReport(input) ?? byAttribution(input);
  if (stopped !== undefined) return stopped;
  const { line } = input;
  if (line === undefined) return review('line-unknown');
  return byLine(input, line) ?? byTime(input) ?? bySource(input) ?? byRules(input, line);
}

/** These never touch a case: not evidence against this line, or not to be believed. */
function byReport({ report, now }: DecideInput): Decision | undefined {
  if (!canAct(report)) return ignore('class-never-acts');
  if (!report.mayAct) return ignore('type-never-acts');
  if (report.observedAt > now + LIMITS.futureToleranceMs) return ignore('observed-in-future');
  return undefined;
}

/** Only `unique` may ever lead to enforcement (invariant 2). */
function byAttribution({ attribution }: DecideInput): Decision | undefined {
  switch (attribution.kind) {
    case 'unique':
      return undefined;
    case 'ambiguous':
    case 'stale':
      return review(attribution.kind);
    case 'none':
      return ignore('no-line');
    default:
      return ignore(attribution.kind);
  }
}

function byLine({ attribution, report }: DecideInput, line: Line): Decision | undefined {
  // Several bindings may be one holder's: a session that was dialled anew, pieces of a log.
  const { candidates } = attribution;
  if (candidates.length === 0 || candidates.some(({ lineId }) => lineId !== line.id)) return review('line-unknown');
  if (candidates.some(({ epoch }) => epoch !== line.epoch)) return review('customer-changed');
  if (report.observedAt < line.epochStartedAt) return ignore('before-this-customer');
  if (line.contract === 'ended') return ignore('contract-ended');
  if (line.protected || line.class === 'voip-only') return review('line-protected');
  return line.class === 'wholesale' ? review('wholesale-line') : undefined;
}

/** Old news is kept and never acts (F06); what was seen before a release or in its grace neither (C02, C03). */
function byTime(input: DecideInput): Decision | undefined {
  const { report, now, history } = input;
  const caseId = openCaseOf(input)?.id;
  if (now - report.observedAt > LIMITS.reportFreshMs) return ignore('report-too-old', caseId);
  return isInGrace(history.cases, report.observedAt) ? ignore('grace-after-release', caseId) : undefined;
}

/** Its reports stay on record and on the case; nothing follows from them by itself (F18). */
function bySource(input: DecideInput): Decision | undefined {
  return input.sourceDemoted === true ? review('source-demoted', openCaseOf(input)?.id) : undefined;
}

function byRules(input: DecideInput, line: Line): Decision {
  const { report, history, now } = input;
  const open = openCaseOf(input);
  const policy = open === undefined ? input.policy : input.casePolicy;
  if (policy === undefined) return review('policy-missing', open?.id);

  const { rule, almost, trace } = matchRule(policy, { report, line, now, ...history });
  if (rule === undefined) {
    if (almost !== undefined) return watch('below-count', { input, policy, rule: almost, open, trace });
    return ignore('no-rule', open?.id, trace);
  }
  const context = { input, policy, rule, open, trace };
  if (open?.disputed === true) return review('disputed', open.id, trace);
  const by = { windowMs: policy.corroborationMs, ...(input.origins && { origins: input.origins }) };
  if (needsSecondSource(report.class) && !isCorroborated(report, history.reports, by))
    return watch('needs-second-source', context);

  const planned = planStep(context);
  if ('watch' in planned) return watch(planned.watch, context);
  return { kind: 'act', reason: planned.reason, plan: planned.plan, trace, ...(open && { caseId: open.id }) };
}

/** A case is one line + one family. */
function openCaseOf({ report, history }: DecideInput): Case | undefined {
  return history.cases.find((one) => one.state !== 'closed' && one.family === report.family);
}

function ignore(reason: IgnoreReason, caseId?: string, trace = NO_TRACE): Decision {
  return { kind: 'ignore', reason, trace, ...(caseId !== undefined && { caseId }) };
}

function review(reason: ReviewReason, caseId?: string, trace = NO_TRACE): Decision {
  return { kind: 'review', reason, trace, ...(caseId !== undefined && { caseId }) };
}

function watch(reason: WatchReason, { input, policy, rule, open, trace }: RuleContext): Decision {
  return {
    kind: 'watch',
    reason,
    ruleId: rule.id,
    policyVersion: policy.version,
    legalBasis: formatLegalBasis(rule.legalBasis),
    expiresAt: open?.expiresAt ?? input.now + rule.expiryMs,
    trace,
    ...(open && { caseId: open.id }),
  };
}
