// Which rule of a policy a report meets. Rules are tried in order and the first whose conditions all hold decides; the
// trace keeps what each other one missed.
import type { Case } from '../casefile/case.ts';
import type { Instant } from '../kernel/time.ts';
import type { Line } from '../line/line.ts';
import { countObservations } from '../report/corroboration.ts';
import type { Report } from '../report/report.ts';
import type { RuleTrace } from './decision.ts';
import type { Match, Policy, Rule } from './policy.ts';

export interface MatchInput {
  readonly report: Report;
  readonly line: Line;
  readonly cases: readonly Case[];
  readonly reports: readonly Report[];
  readonly now: Instant;
}

export interface Matched {
  readonly rule?: Rule;
  /** The first rule that missed by its report count alone: worth watching. */
  readonly almost?: Rule;
  readonly trace: readonly RuleTrace[];
}

/** The history looked at: the newest so many, so that one noisy line costs no more than another. */
const HISTORY_LIMIT = 500;

export function matchRule(policy: Policy, input: MatchInput): Matched {
  const trace: RuleTrace[] = [];
  let almost: Rule | undefined;
  for (const rule of policy.rules) {
    const missed = missedBy(rule.match, input);
    trace.push(missed === undefined ? { ruleId: rule.id } : { ruleId: rule.id, missed });
    if (missed === undefined) return { rule, trace, ...(almost && { almost }) };
    if (missed === 'min-reports') almost ??= rule;
  }
  return almost === undefined ? { trace } : { almost, trace };
}

function missedBy(match: Match, input: MatchInput): string | undefined {
  const { report, line } = input;
  if (lacks(match.class, report.class)) return 'class';
  if (lacks(match.family, report.family)) return 'family';
  if (lacks(match.source, report.source)) return 'source';
  if (lacks(match.lineClass, line.class)) return 'line-class';
  if (match.minPriorCases !== undefined && priorCases(match.minPriorCases.withinMs, input) < match.minPriorCases.count)
    return 'min-prior-cases';
  // Last, so that `almost` means: all else held.
  if (match.minReports !== undefined && !isCountReached(match.minReports, input)) return 'min-reports';
  return undefined;
}

function lacks<T>(list: readonly T[] | undefined, item: T): boolean {
  return list !== undefined && !list.includes(item);
}

/** The case that is open now is not history. */
function priorCases(withinMs: number, { cases, now }: MatchInput): number {
  return cases.filter((one) => one.state === 'closed' && one.openedAt >= now - withinMs).length;
}

/**
 * Is there a window of that length, the report inside it, with enough observations? Asked of every window and not just
 * of the one that ends with the report: rows arrive in any order and must give the same answer.
 */
function isCountReached(min: NonNullable<Match['minReports']>, { report, reports }: MatchInput): boolean {
  const same = reports
    .filter((one) => one.id !== report.id && one.family === report.family && one.mayAct && canAct(one))
    .slice(-HISTORY_LIMIT);
  const all = [report, ...same];
  return all.some((last) => {
    const after = last.observedAt - report.observedAt;
    if (after < 0 || after > min.withinMs) return false;
    const window = { fromAt: last.observedAt - min.withinMs, toAt: last.observedAt, limit: min.count };
    return countObservations(all, window) >= min.count;
  });
}

/** `victim` and `info` never act, whatever a policy says. */
export function canAct(report: Report): boolean {
  return report.class !== 'victim' && report.class !== 'info';
}
