// How far a NAS's clock is off, from what its records lag behind ours. Late delivery makes a lag longer and different each time;
// a wrong clock makes it the same again and again. So only a lag on which most records of a while agree is the clock's.
import { type Instant, MINUTE, SECOND } from '../kernel/time.ts';

export interface Lag {
  /** When the record was sent, on our clock. */
  readonly sentAt: Instant;
  /** What its Event-Timestamp was behind that. */
  readonly lagMs: number;
}

/** Event-Timestamp counts whole seconds, and so does Acct-Delay-Time. */
const AGREE_MS = 3 * SECOND;
const LEAST_LAGS = 5;
/** Records kept together and sent in one go lag alike, too: a clock is off for longer than that takes. */
const LEAST_SPAN_MS = 30 * SECOND;
/** Of the records sent within one of these only the promptest speaks of the clock. */
const SLOT_MS = 2 * SECOND;
/** A busy NAS is judged by this last while, a quiet one by its last few records. */
const WHILE_MS = 90 * SECOND;
const FEW = 8;
const LONGEST_MS = 10 * MINUTE;

/** The new list, oldest first; the same one when this record says nothing new. Bounded: 45 slots. */
export function withLag(lags: readonly Lag[], lag: Lag): readonly Lag[] {
  const last = lags.at(-1);
  if (last !== undefined && lag.sentAt < last.sentAt) return lags;
  if (last !== undefined && lag.sentAt < last.sentAt + SLOT_MS)
    return lag.lagMs < last.lagMs ? [...lags.slice(0, -1), { ...last, lagMs: lag.lagMs }] : lags;
  const kept = lags.filter(
    (one, i) =>
      one.sentAt >= lag.sentAt - WHILE_MS || (i >= lags.length + 1 - FEW && one.sentAt >= lag.sentAt - LONGEST_MS),
  );
  return [...kept, lag];
}

/** Positive = behind ours; undefined = no telling. The middle of the narrowest half of the lags. */
export function clockOffset(lags: readonly Lag[]): number | undefined {
  if (lags.length < LEAST_LAGS) return undefined;
  const sorted = lags.toSorted((a, b) => a.lagMs - b.lagMs);
  const half = Math.floor(lags.length / 2) + 1;
  let best = sorted.slice(0, half);
  for (let from = 1; from + half <= sorted.length; from++) {
    const next = sorted.slice(from, from + half);
    if (widthOf(next) < widthOf(best)) best = next;
  }
  if (widthOf(best) > AGREE_MS) return undefined;
  const times = best.map((one) => one.sentAt);
  if (Math.max(...times) - Math.min(...times) < LEAST_SPAN_MS) return undefined;
  return best[Math.floor(half / 2)]!.lagMs;
}

function widthOf(sorted: readonly Lag[]): number {
  return sorted.at(-1)!.lagMs - sorted[0]!.lagMs;
}
