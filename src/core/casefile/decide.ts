// decideCase(command, state, now): what happens to a case, or why not. Whether a report deserves a step is policy's
// question (policy/decide.ts); here is what a case allows at all. Loosening is never refused while there is a case.
import { isTightening } from '../garden/access.ts';
import { assertNever, err, ok, type Result } from '../kernel/result.ts';
import type { Instant } from '../kernel/time.ts';
import { LIMITS } from '../policy/policy.ts';
import type { Actor, Case, CaseEvent } from './case.ts';
import type { CaseCommand, CaseRefusal } from './command.ts';
import { evolve, isGarden } from './evolve.ts';

type Events = Result<readonly CaseEvent[], CaseRefusal>;
type Order<K extends CaseCommand['kind']> = Extract<CaseCommand, { kind: K }>;

const NOTHING: Events = ok([]);

export function decideCase(command: CaseCommand, state: Case | undefined, now: Instant): Events {
  if (command.kind === 'openCase') return state === undefined ? openCase(command) : err('already-open');
  if (state === undefined) return err('no-case');
  if (state.state === 'closed') return decideClosed(command);
  return decideOpen(command, state, now);
}

/** A closed case stays closed. Orders that only wanted it loose or closed have what they wanted. */
function decideClosed(command: CaseCommand): Events {
  switch (command.kind) {
    case 'note':
      return ok([{ type: 'note-added', by: command.actor, text: command.text }]);
    case 'messageSent':
      return ok([{ type: 'message-sent', channel: command.channel, outcome: command.outcome }]);
    case 'staffRelease':
    case 'expire':
    case 'endStep':
    case 'close':
    case 'endProbation':
    case 'portalSeen':
      return NOTHING;
    default:
      return err('case-closed');
  }
}

function decideOpen(command: CaseCommand, state: Case, now: Instant): Events {
  switch (command.kind) {
    case 'openCase':
      return err('already-open');
    case 'attachReport': {
      const { kind: _, actor: __, ...report } = command;
      return ok([{ type: 'report-attached', ...report }]);
    }
    case 'advance':
      return advance(command, state);
    case 'quarantine':
      return quarantine(command, state);
    case 'hold':
      return hold(command, state);
    case 'tick':
      return ok([{ type: 'step-ticked', step: command.step, answer: command.answer, with: command.with }]);
    case 'chooseDevice':
      return ok([{ type: 'device-chosen', device: command.device }]);
    case 'answer':
      return ok([{ type: 'question-answered', question: command.question, answer: command.answer }]);
    case 'consentAndRelease':
      return consentAndRelease(command, state, now);
    case 'refuse':
      return ok([{ type: 'release-refused', reason: command.reason }]);
    case 'medicalDoor':
      return medicalDoor(command, state, now);
    case 'postpone':
      return postpone(command, state, now);
    case 'staffRelease':
      return staffRelease(command, state, now);
    case 'expire':
      return now >= (state.expiresAt ?? now) ? ok([closed('expired', command.actor)]) : err('not-due');
    case 'endStep':
      return endStep(command, state, now);
    case 'close':
      return ok([closed(command.reason, command.actor)]);
    case 'endProbation':
      return endProbation(command, state, now);
    case 'note':
      return ok([{ type: 'note-added', by: command.actor, text: command.text }]);
    case 'messageSent':
      return ok([{ type: 'message-sent', channel: command.channel, outcome: command.outcome }]);
    case 'portalSeen':
      return state.portalSeenAt === undefined ? ok([{ type: 'portal-seen' }]) : NOTHING;
    case 'portalUnseen':
      return portalUnseen(state, now);
    case 'stillSeen':
      return stillSeen(command, state);
    case 'dispute':
      return state.disputed ? NOTHING : ok([{ type: 'disputed', by: command.actor }]);
    default:
      return assertNever(command);
  }
}

function openCase(command: Order<'openCase'>): Events {
  const { kind: _, actor: __, ...words } = command;
  return ok([{ type: 'case-opened', ...words }]);
}

function advance(command: Order<'advance'>, state: Case): Events {
  if (state.step >= command.step || isGarden(state.access)) return err('not-tighter');
  return ok([stepEntered(command), { type: 'noticed' }]);
}

function quarantine(command: Order<'quarantine'>, state: Case): Events {
  if (!hasNewerReport(state)) return err('no-newer-report');
  const again = state.releasedAt !== undefined && state.probationEndsAt !== undefined;
  if (!again && !isTightening(state.access, command.access)) return err('not-tighter');
  if (again && isTightening(command.access, state.access)) return err('not-tighter');
  const { access, ruleId, policyVersion, legalBasis, expiresAt } = command;
  return ok([stepEntered(command), { type: 'quarantined', access, ruleId, policyVersion, legalBasis, expiresAt }]);
}

/** C02, C03: after a release only a report observed after it and its grace may act. Before any: at least one report. */
function hasNewerReport(state: Case): boolean {
  if (state.reports === 0) return false;
  return state.releasedAt === undefined || state.lastObservedAt >= state.releasedAt + LIMITS.graceMs;
}

function stepEntered(command: Order<'advance'> | Order<'quarantine'>): CaseEvent {
  const { step, ruleId, policyVersion, stepEndsAt } = command;
  const event = { type: 'step-entered', step, ruleId, policyVersion } as const;
  return stepEndsAt === undefined ? event : { ...event, endsAt: stepEndsAt };
}

function hold(command: Order<'hold'>, state: Case): Events {
  const { reason, wantedAccess } = command;
  if (state.hold?.reason === reason && state.hold.wantedAccess === wantedAccess) return NOTHING;
  return ok([{ type: 'held', reason, wantedAccess }]);
}

function consentAndRelease(command: Order<'consentAndRelease'>, state: Case, now: Instant): Events {
  if (!isGarden(state.access) || state.probationEndsAt !== undefined) return err('not-in-garden');
  if (!command.checked.allowed) return err(command.checked.reason);
  const { pageHash, textVersion, language, declared, requestId, actor, selfRelease } = command;
  return ok([
    { type: 'consent-given', pageHash, textVersion, language, declared, requestId },
    {
      type: 'released',
      by: actor,
      reason: 'self-release',
      // To leaky, never to open: a script behind the portal gains nothing.
      access: 'leaky',
      probationEndsAt: now + selfRelease.probationMs,
    },
  ]);
}

function medicalDoor(command: Order<'medicalDoor'>, state: Case, now: Instant): Events {
  if (!isGarden(state.access)) return err('not-in-garden');
  const usedAt = Math.max(command.usedAt ?? -Infinity, state.medicalDoorAt ?? -Infinity);
  if (now - usedAt < LIMITS.medicalDoorMs) return err('medical-door-used');
  return ok([{ type: 'access-loosened', access: 'leaky', reason: 'medical-door' }]);
}

/** The next step waits. In leaky it may not: whoever is half closed already would postpone being closed. */
function postpone(command: Order<'postpone'>, state: Case, now: Instant): Events {
  if (state.postponedUntil !== undefined) return err('already-postponed');
  if (state.access === 'leaky') return err('not-available');
  const until = Math.min(command.until, now + command.postponeMs);
  return until > now ? ok([{ type: 'postponed', until, by: command.actor }]) : err('not-available');
}

function staffRelease(command: Order<'staffRelease'>, state: Case, now: Instant): Events {
  const { actor, reason, probationMs } = command;
  const onProbation = state.probationEndsAt !== undefined;
  if (command.to === 'leaky' && onProbation) return NOTHING;
  if (command.to === 'leaky' && probationMs !== undefined && isGarden(state.access))
    return ok([{ type: 'released', by: actor, reason, access: 'leaky', probationEndsAt: now + probationMs }]);
  return ok([{ type: 'released', by: actor, reason, access: 'open', probationEndsAt: now }, closed('staff', actor)]);
}

function endStep(command: Order<'endStep'>, state: Case, now: Instant): Events {
  if (state.stepEndsAt === undefined || now < state.stepEndsAt) return err('not-due');
  if (command.to === 'leaky' && state.access === 'strict')
    return ok([{ type: 'access-loosened', access: 'leaky', reason: 'ladder' }]);
  return ok([closed('expired', command.actor)]);
}

function endProbation(command: Order<'endProbation'>, state: Case, now: Instant): Events {
  if (state.probationEndsAt === undefined || now < state.probationEndsAt) return err('not-due');
  return ok([closed('not-seen', command.actor)]);
}

function portalUnseen(state: Case, now: Instant): Events {
  if (state.portalSeenAt !== undefined || state.portalUnseenAt !== undefined) return NOTHING;
  if (state.quarantinedAt === undefined || !isGarden(state.access)) return NOTHING;
  const afterMs = now - state.quarantinedAt;
  return afterMs >= LIMITS.portalUnseenMs ? ok([{ type: 'portal-unseen', afterMs }]) : err('not-due');
}

/** First, then hourly: counters are read every few seconds and would fill the log with one fact. */
function stillSeen(command: Order<'stillSeen'>, state: Case): Events {
  const { seenAt, from } = command;
  const known = state.stillSeenAt ?? Number.NEGATIVE_INFINITY;
  return seenAt - known < LIMITS.stillSeenEveryMs ? NOTHING : ok([{ type: 'still-seen', seenAt, from }]);
}

function closed(reason: Extract<CaseEvent, { type: 'closed' }>['reason'], by: Actor): CaseEvent {
  return { type: 'closed', reason, by };
}

export interface Outcome {
  readonly events: readonly { readonly at: Instant; readonly actor: Actor; readonly event: CaseEvent }[];
  /** The case after them. */
  readonly folded: Case;
}

/** Several orders as one unit, all or nothing: what a CaseChange of the store wants. */
export function decideAll(
  commands: readonly CaseCommand[],
  state: Case | undefined,
  now: Instant,
): Result<Outcome, { readonly refusal: CaseRefusal; readonly command: CaseCommand['kind'] }> {
  const events: { at: Instant; actor: Actor; event: CaseEvent }[] = [];
  let folded = state;
  for (const command of commands) {
    const decided = decideCase(command, folded, now);
    if (!decided.ok) return err({ refusal: decided.error, command: command.kind });
    for (const event of decided.value) {
      events.push({ at: now, actor: command.actor, event });
      folded = evolve(folded, { at: now, event, version: (folded?.version ?? 0) + 1 });
    }
  }
  if (folded === undefined) throw new Error('orders without a case');
  return ok({ events, folded });
}
