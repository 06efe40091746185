// Which step of the matched rule's ladder a report leads to, and whether now is the time for it. Steps only tighten and
// each needs a report of its own, observed after the line had the step's wait.
import type { Case, HoldReason } from '../casefile/case.ts';
import { isGarden } from '../casefile/evolve.ts';
import { medicalDoorOf, tighteningsOf, wantedOf } from '../casefile/line-view.ts';
import { ACCESSES, type Access, isTightening } from '../garden/access.ts';
import type { Plan, RuleContext, WatchReason } from './decision.ts';
import { formatLegalBasis, type LadderStep, LIMITS, type Rule, type StepAction } from './policy.ts';

type Planned =
  | { readonly plan: Plan; readonly reason: 'rule-matched' | 'seen-on-probation' }
  | { readonly watch: WatchReason };

const ACCESS_OF: Readonly<Record<StepAction, Plan['access']>> = {
  notify: 'notice',
  leaky: 'leaky',
  strict: 'strict',
};

export function planStep(context: RuleContext): Planned {
  const { input, rule, open } = context;
  const index = nextStep(rule, open);
  const step = rule.ladder[index];
  if (step === undefined) return { watch: 'ladder-complete' };
  if (!hasWaited(context, index, step)) return { watch: 'step-wait' };
  const stopped = stopsStep(context, step);
  if (stopped !== undefined) return { watch: stopped };

  const access = ACCESS_OF[step.do];
  const tightens = isGarden(access) && isTightening(wantedOf(input.history.cases), access);
  const hold = holdOf(context, step, tightens);
  return {
    reason: isOnProbation(open) ? 'seen-on-probation' : 'rule-matched',
    plan: {
      ruleId: rule.id,
      policyVersion: context.policy.version,
      legalBasis: formatLegalBasis(rule.legalBasis),
      step: index,
      access,
      expiresAt: expiryOf(context, access),
      newGarden: tightens,
      ...(step.maxMs !== undefined && { stepEndsAt: input.now + step.maxMs }),
      ...(hold !== undefined && { hold }),
    },
  };
}

/** Past the end = the ladder is complete. */
function nextStep(rule: Rule, open: Case | undefined): number {
  if (open === undefined) return 0;
  // Another rule of the same version took over: its first step that is stricter than what holds now.
  const from = open.ruleId === rule.id ? (isOnProbation(open) ? open.step : open.step + 1) : 0;
  // On probation the line is leaky already: the same access again ends the probation.
  const least = isOnProbation(open) ? rank(open.access) : rank(open.access) + 1;
  const found = rule.ladder.findIndex((step, i) => i >= from && rank(ACCESS_OF[step.do]) >= least);
  return found < 0 ? rule.ladder.length : found;
}

function isOnProbation(open: Case | undefined): boolean {
  return open?.probationEndsAt !== undefined;
}

function rank(access: Access): number {
  return ACCESSES.indexOf(access);
}

/** Steps after the first ask for a report observed after the wait: what was seen before is what the step answered. */
function hasWaited({ input, open }: RuleContext, index: number, step: LadderStep): boolean {
  if (isOnProbation(open)) return true;
  const since = open?.stepEnteredAt ?? input.now;
  if (open === undefined || open.step < 0) return step.waitMs === 0 || input.report.observedAt >= since + step.waitMs;
  return index <= open.step || input.report.observedAt >= since + Math.max(1, step.waitMs);
}

function stopsStep({ input, rule, open }: RuleContext, step: LadderStep): WatchReason | undefined {
  const { report, history, now } = input;
  if (step.do === 'notify') return undefined;
  if (report.class === 'exposed' && rule.match.class?.includes('exposed') !== true) return 'exposed-notice-only';
  if (open?.postponedUntil !== undefined && open.postponedUntil > now) return 'postponed';
  const medicalAt = medicalDoorOf(history.cases);
  if (step.do === 'strict' && medicalAt !== undefined && now - medicalAt < LIMITS.medicalDoorMs) return 'medical-door';
  return undefined;
}

/** Decided, but not now. A notice is a message: nothing stops it. */
function holdOf({ input }: RuleContext, step: LadderStep, tightens: boolean): HoldReason | undefined {
  if (step.do === 'notify') return undefined;
  if (input.hold) return 'hold';
  if (!input.clockOk) return 'clock';
  if (tightens && tighteningsOf(input.history.cases, input.now) >= LIMITS.tighteningsPerDay) return 'tightenings-today';
  return step.supportHoursOnly && !input.supportOpen ? 'support-hours' : undefined;
}

/** A garden's end is counted from its beginning; a stricter step does not move it. */
function expiryOf({ input, rule, open }: RuleContext, access: Access): number {
  const fresh = input.now + rule.expiryMs;
  if (open?.expiresAt === undefined || isOnProbation(open)) return fresh;
  return isGarden(access) && !isGarden(open.access) ? fresh : open.expiresAt;
}
