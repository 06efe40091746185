// Whose clock is off by more than was granted: one word per client, however many NASes it speaks for, and one word in all when
// every NAS disagrees with us by the same: then it is our own.
import { MINUTE, SECOND } from '../../../core/kernel/time.ts';

export interface Measured {
  readonly nas: string;
  /** Positive = behind ours. */
  readonly offsetMs: number;
  readonly measuredAt: number;
}

export type ClockOff =
  | { readonly whose: 'ours'; readonly offsetMs: number; readonly nases: number }
  | {
      readonly whose: 'nas';
      readonly client: string;
      /** The one that is furthest off. */
      readonly nas: string;
      readonly offsetMs: number;
      readonly allowedMs: number;
      /** How many of this client's are off. */
      readonly nases: number;
    };

/** Where nothing was granted: Event-Timestamp counts seconds, and queues take some. */
const LEAST_ALLOWED_MS = 5 * SECOND;
/** Older than this it says nothing about now. */
const BELIEVED_MS = 60 * MINUTE;
/** From so many NASes on we may be the one that is wrong. */
const LEAST_NASES = 3;

export function clocksOff(
  clients: readonly { readonly name: string; readonly skewMs: number }[],
  measured: readonly Measured[],
  now: number,
): readonly ClockOff[] {
  const granted = new Map(clients.map(({ name, skewMs }) => [name, Math.max(LEAST_ALLOWED_MS, skewMs)]));
  const recent = measured
    .filter((one) => now - one.measuredAt <= BELIEVED_MS)
    .map((one) => ({ ...one, client: one.nas.split('/')[0]! }));
  const off = recent
    .filter((one) => Math.abs(one.offsetMs) > (granted.get(one.client) ?? Number.POSITIVE_INFINITY))
    .sort((a, b) => Math.abs(b.offsetMs) - Math.abs(a.offsetMs));
  const ours = off.length >= LEAST_NASES && off.length === recent.length ? agreed(off) : undefined;
  if (ours !== undefined) return [{ whose: 'ours', offsetMs: ours, nases: off.length }];
  return [...granted].flatMap(([client, allowedMs]) => {
    const own = off.filter((one) => one.client === client);
    const worst = own[0];
    if (worst === undefined) return [];
    return [{ whose: 'nas', client, nas: worst.nas, offsetMs: worst.offsetMs, allowedMs, nases: own.length }];
  });
}

/** What they all say, when they say the same. Positive = they are behind: ours is ahead. */
function agreed(off: readonly Measured[]): number | undefined {
  const sorted = off.map((one) => one.offsetMs).sort((a, b) => a - b);
  const width = sorted.at(-1)! - sorted[0]!;
  return width > 2 * LEAST_ALLOWED_MS ? undefined : sorted[Math.floor(sorted.length / 2)];
}
