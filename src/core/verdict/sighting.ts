// Verify's first form: «still seen at T», «not seen since T», or «unknown». Never «clean»: silence of a sensor is not a
// measurement of a home, and a claim by the subscriber is neither.
import type { Instant } from '../kernel/time.ts';
import { LIMITS } from '../policy/policy.ts';

export interface SightingInput {
  /** Newest report of an open case; undefined without any. */
  readonly lastReportAt?: Instant;
  /** Newest rise of the line's own deny counters. */
  readonly lastDenyAt?: Instant;
  /** When those counters were last read successfully while the line was in a garden. */
  readonly countersReadAt?: Instant;
  readonly now: Instant;
}

export interface Sighting {
  readonly kind: 'still-seen' | 'not-seen-since' | 'unknown';
  /** The sighting meant: still seen at, not seen since, or last known. */
  readonly at: Instant;
}

export function sightingOf({ lastReportAt, lastDenyAt, countersReadAt, now }: SightingInput): Sighting | undefined {
  const seen = [lastReportAt, lastDenyAt].filter((at) => at !== undefined);
  if (seen.length === 0) return undefined;
  const at = Math.max(...seen);
  if (now - at < LIMITS.selfReleaseQuietMs) return { kind: 'still-seen', at };
  // Feeds come hours late: only counters that are being read can say that there was nothing since.
  const watching = countersReadAt !== undefined && now - countersReadAt < LIMITS.selfReleaseQuietMs;
  return { kind: watching ? 'not-seen-since' : 'unknown', at };
}
