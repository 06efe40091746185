// What a case must be woken for. Derived from the folded case alone, so arming is always: replace all timers by these.
import { type Instant, MINUTE } from '../kernel/time.ts';
import { LIMITS } from '../policy/policy.ts';
import type { Case } from './case.ts';
import { isGarden } from './evolve.ts';

export const TIMER_KINDS = ['expire', 'step-end', 'probation-end', 'portal-unseen', 'hold-retry'] as const;
export type TimerKind = (typeof TIMER_KINDS)[number];

export interface CaseTimer {
  readonly kind: TimerKind;
  readonly dueAt: Instant;
}

/** Holds that pass by themselves are looked at again this often; the others wait for a person. */
const HOLD_RETRY_MS = 5 * MINUTE;
const PASSING_HOLDS = new Set(['support-hours', 'clock', 'tightenings-today']);

/** `now` only spaces the retries of a hold; every other due time comes from the case. Kinds left out are to be disarmed. */
export function timersOf(state: Case, now: Instant): readonly CaseTimer[] {
  if (state.state === 'closed') return [];
  const timers: CaseTimer[] = [];
  const add = (kind: TimerKind, dueAt: Instant | undefined) => {
    if (dueAt !== undefined) timers.push({ kind, dueAt });
  };
  add('expire', state.expiresAt);
  add('step-end', state.stepEndsAt);
  add('probation-end', state.probationEndsAt);
  if (isGarden(state.access) && state.portalSeenAt === undefined && state.portalUnseenAt === undefined)
    add('portal-unseen', state.quarantinedAt === undefined ? undefined : state.quarantinedAt + LIMITS.portalUnseenMs);
  if (state.hold !== undefined && PASSING_HOLDS.has(state.hold.reason)) add('hold-retry', now + HOLD_RETRY_MS);
  return timers;
}
