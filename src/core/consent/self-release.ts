// May a device on this line release the line now? Asked over all cases of the line: one journey, one answer. The release
// it allows leads to leaky at most; what consent was given to is consent.ts's.
import type { Case } from '../casefile/case.ts';
import type { SelfReleaseStanding } from '../casefile/command.ts';
import { isGarden } from '../casefile/evolve.ts';
import { selfReleasesOf } from '../casefile/line-view.ts';
import { DAY, type Instant } from '../kernel/time.ts';
import { LIMITS, type SelfRelease } from '../policy/policy.ts';

export interface StandingInput {
  /** All cases of (line, epoch), closed ones too. */
  readonly cases: readonly Case[];
  /** The limits of each open case's rule; the most careful of each holds. Never empty for a line in a garden. */
  readonly limits: readonly SelfRelease[];
  /** Steps of the guide that must have an answer. */
  readonly requiredSteps: readonly string[];
  /** At least one of these must be done; left out: any of the required ones. */
  readonly cureSteps?: readonly string[];
  /** Last rise of the line's deny counters, newer than what the cases recorded. */
  readonly deniedAt?: Instant;
  /** When all counters were last read; undefined = not, or one of them could not be. */
  readonly countersReadAt?: Instant;
  /** First reading of this process: what the counters did before is not known. */
  readonly watchedSince?: Instant;
  readonly now: Instant;
}

const NINETY_DAYS = 90 * DAY;

export function selfReleaseStanding(input: StandingInput): SelfReleaseStanding {
  const { cases, now } = input;
  const gardens = cases.filter((one) => isGarden(one.access) && one.probationEndsAt === undefined);
  if (gardens.length === 0) return { allowed: false, reason: 'not-in-garden' };
  const seenAt = lastSeen(input);
  // «We still see it»: said first, because nothing else the household does helps before this.
  if (now - seenAt < LIMITS.selfReleaseQuietMs)
    return { allowed: false, reason: 'still-seen', nextAt: seenAt + LIMITS.selfReleaseQuietMs };
  return overLimit(input) ?? stepsMissing(gardens, input) ?? blind(gardens, input) ?? { allowed: true };
}

function lastSeen({ cases, deniedAt }: StandingInput): Instant {
  const open = cases.filter((one) => one.state !== 'closed');
  return Math.max(
    deniedAt ?? -Infinity,
    ...open.map((one) => Math.max(one.stillSeenAt ?? -Infinity, one.lastObservedAt)),
  );
}

/** Unread is not quiet: a garden older than our watch is judged when we have looked as long as the rule asks. */
function blind(
  gardens: readonly Case[],
  { countersReadAt, watchedSince, now }: StandingInput,
): SelfReleaseStanding | undefined {
  if (countersReadAt === undefined || watchedSince === undefined || now - countersReadAt > LIMITS.countersFreshMs)
    return { allowed: false, reason: 'cannot-see' };
  const knownAt = watchedSince + LIMITS.selfReleaseQuietMs;
  if (now >= knownAt || gardens.every((one) => (one.quarantinedAt ?? -Infinity) >= watchedSince)) return undefined;
  return { allowed: false, reason: 'cannot-see', nextAt: knownAt };
}

function overLimit({ cases, limits, now }: StandingInput): SelfReleaseStanding | undefined {
  const releases = selfReleasesOf(cases);
  return (
    exceeded('limit-per-day', releases, { atMost: least(limits, 'perDay'), withinMs: DAY, now }) ??
    exceeded('limit-per-90-days', releases, { atMost: least(limits, 'per90Days'), withinMs: NINETY_DAYS, now })
  );
}

function exceeded(
  reason: 'limit-per-day' | 'limit-per-90-days',
  releases: readonly Instant[],
  { atMost, withinMs, now }: { atMost: number; withinMs: number; now: Instant },
): SelfReleaseStanding | undefined {
  const inside = releases.filter((at) => at > now - withinMs);
  if (inside.length < atMost) return undefined;
  // Free again when enough of them have left the window; with a limit of 0, never.
  const leaving = inside[inside.length - atMost];
  return leaving === undefined ? { allowed: false, reason } : { allowed: false, reason, nextAt: leaving + withinMs };
}

function least(limits: readonly SelfRelease[], key: 'perDay' | 'per90Days'): number {
  return Math.min(...limits.map((one) => one[key]));
}

/** Every step answered – «cannot» and «I do not know» are answers – and at least one that cures done. */
function stepsMissing(gardens: readonly Case[], input: StandingInput): SelfReleaseStanding | undefined {
  const { requiredSteps: required, cureSteps: cures = required } = input;
  const ticks = gardens.flatMap((one) => one.ticks);
  const answered = required.every((step) => ticks.some((tick) => tick.step === step));
  const cured = cures.length === 0 || ticks.some((tick) => cures.includes(tick.step) && tick.answer === 'done');
  return answered && cured ? undefined : { allowed: false, reason: 'steps-missing' };
}

/** The probation of a release over several cases: the longest of their rules. */
export function probationOf(limits: readonly SelfRelease[]): number {
  return Math.max(...limits.map((one) => one.probationMs));
}
