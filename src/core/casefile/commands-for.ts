// From a decision to the orders of its case. The flow runs them with decideAll and commits what comes out as one unit.
import type { Decision, Plan } from '../policy/decision.ts';
import type { Report } from '../report/report.ts';
import type { Actor, Case, HoldReason } from './case.ts';
import type { CaseCommand } from './command.ts';

export interface CommandsInput {
  readonly decision: Decision;
  readonly report: Report;
  /** The case named by the decision, as loaded. */
  readonly open?: Case;
  /** Used only when a case is opened. */
  readonly fresh: {
    readonly caseId: string;
    readonly checkCode: string;
    readonly lineId: string;
    readonly epoch: number;
  };
  /** What the flow found after the decision: the breaker, a holder that changed… beats the plan. */
  readonly hold?: HoldReason;
  /** A held case decided anew: its report is on it already. */
  readonly again?: boolean;
}

const POLICY: Actor = { kind: 'policy' };

/** Empty: nothing to record on a case. */
export function commandsFor(input: CommandsInput): readonly CaseCommand[] {
  const { decision, open } = input;
  switch (decision.kind) {
    case 'ignore':
    case 'review':
      return open === undefined || decision.caseId === undefined ? [] : [...attach(input), ...heldStill(input, open)];
    case 'watch':
      return [...openIfNone(input, decision), ...attach(input)];
    case 'act':
      return [...openIfNone(input, decision.plan), ...attach(input), order(decision.plan, input.hold)];
  }
}

function openIfNone(
  { open, fresh, report }: CommandsInput,
  words: Pick<Plan, 'ruleId' | 'policyVersion' | 'legalBasis' | 'expiresAt'>,
): readonly CaseCommand[] {
  if (open !== undefined) return [];
  const { ruleId, policyVersion, legalBasis, expiresAt } = words;
  const { family } = report;
  return [{ kind: 'openCase', actor: POLICY, ...fresh, family, ruleId, policyVersion, legalBasis, expiresAt }];
}

function attach({ report, again }: CommandsInput): readonly CaseCommand[] {
  if (again === true) return [];
  const { id, source, observedAt, destinationPort } = report;
  const port = destinationPort === undefined ? {} : { destinationPort };
  return [{ kind: 'attachReport', actor: POLICY, reportId: id, source, class: report.class, observedAt, ...port }];
}

/** A held plan whose report grew old waits for a person, not for the clock any more. */
function heldStill({ decision, again }: CommandsInput, open: Case): readonly CaseCommand[] {
  if (again !== true || open.hold === undefined || open.hold.wantedAccess === 'open') return [];
  if (decision.kind !== 'ignore' || decision.reason !== 'report-too-old') return [];
  return [{ kind: 'hold', actor: POLICY, reason: 'report-too-old', wantedAccess: open.hold.wantedAccess }];
}

function order(plan: Plan, heldBy: HoldReason | undefined): CaseCommand {
  const hold = heldBy ?? plan.hold;
  if (hold !== undefined) return { kind: 'hold', actor: POLICY, reason: hold, wantedAccess: plan.access };
  const { step, ruleId, policyVersion, legalBasis, expiresAt, access } = plan;
  const end = plan.stepEndsAt === undefined ? {} : { stepEndsAt: plan.stepEndsAt };
  if (access === 'notice') return { kind: 'advance', actor: POLICY, step, ruleId, policyVersion, ...end };
  return { kind: 'quarantine', actor: POLICY, step, ruleId, policyVersion, legalBasis, expiresAt, access, ...end };
}
