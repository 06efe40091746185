// So many packets per second and no more: a token bucket that holds what comes in a twentieth of a second, so that no NAS sees
// a burst.

const BURST_MS = 50;

export class Pace {
  readonly #perMs: number;
  readonly #most: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#most = Math.max(1, this.#perMs * BURST_MS);
    this.#tokens = this.#most;
    this.#atMs = nowMs;
  }

  /** ms until a packet may leave; 0 = now. */
  waitMs(nowMs: number): number {
    this.#tokens = Math.min(this.#most, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    // A little less than one: sums of fractions must not cost a turn of the clock.
    return this.#tokens >= 0.999 ? 0 : (1 - this.#tokens) / this.#perMs;
  }

  spend(): void {
    this.#tokens -= 1;
  }
}
