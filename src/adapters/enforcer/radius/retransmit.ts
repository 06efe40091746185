// When a request is sent again and when it is given up: RFC 5080 §2.2.1, with the names it has there. Knows no packet.

export interface Timers {
  /** First wait. */
  readonly irtMs: number;
  /** Longest wait between two transmissions. */
  readonly mrtMs: number;
  /** Most transmissions. */
  readonly mrc: number;
  /** Longest time from the first transmission to giving up. */
  readonly mrdMs: number;
}

/** What FreeRADIUS presets for CoA. */
export const TIMERS: Timers = { irtMs: 2000, mrtMs: 16_000, mrc: 5, mrdMs: 30_000 };

export interface Wait {
  readonly ms: number;
  /** RT without the deadline's cut: the next wait is made from it. */
  readonly rtMs: number;
  /** After it the request is given up, not sent again. */
  readonly isLast: boolean;
}

/** After a transmission. `beforeMs`: the `rtMs` of the wait before, undefined after the first; `chance`: 0 to 1. */
export function nextWait(
  timers: Timers,
  so: { readonly sent: number; readonly elapsedMs: number; readonly beforeMs?: number; readonly chance: number },
): Wait {
  const rand = (so.chance - 0.5) * 0.2; // RAND: −0.1 to 0.1, so that many requests do not stay in step
  const doubled = so.beforeMs === undefined ? timers.irtMs * (1 + rand) : so.beforeMs * (2 + rand);
  const rtMs = doubled > timers.mrtMs ? timers.mrtMs * (1 + rand) : doubled;
  const leftMs = Math.max(0, timers.mrdMs - so.elapsedMs);
  return { ms: Math.min(rtMs, leftMs), rtMs, isLast: so.sent >= timers.mrc || rtMs >= leftMs };
}
