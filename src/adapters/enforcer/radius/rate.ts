// How many per second, over the last ten seconds or since it began. For people to read; decides nothing.

const SECONDS = 10;

export class Rate {
  readonly #counts = new Array<number>(SECONDS).fill(0);
  #second = Number.NEGATIVE_INFINITY;
  #beganMs = 0;

  count(nowMs: number): void {
    this.#moveTo(nowMs);
    this.#counts[this.#second % SECONDS]! += 1;
  }

  perSecond(nowMs: number): number {
    this.#moveTo(nowMs);
    const seconds = Math.min(SECONDS, Math.max(1, (nowMs - this.#beganMs) / 1000));
    return Math.round((10 * this.#counts.reduce((sum, one) => sum + one, 0)) / seconds) / 10;
  }

  #moveTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (this.#counts.every((one) => one === 0)) this.#beganMs = nowMs;
    for (let at = Math.max(this.#second + 1, second - SECONDS + 1); at <= second; at++) this.#counts[at % SECONDS] = 0;
    this.#second = second;
  }
}
