// When a NAS counts as silent: three timeouts in a row from two sessions or more. One session may have its own trouble; all of
// them at once mean the NAS, the secret, our address or a clock. One answer ends it.

const TIMEOUTS = 3;

export class Silence {
  #timeouts = 0;
  #first: string | undefined;
  #isSeveral = false;
  #sinceMs: number | undefined;

  get timeoutsInARow(): number {
    return this.#timeouts;
  }

  get isSilent(): boolean {
    return this.#sinceMs !== undefined;
  }

  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** true = the NAS became silent by it. */
  timedOut(session: string, nowMs: number): boolean {
    this.#timeouts += 1;
    this.#first ??= session;
    this.#isSeveral ||= this.#first !== session;
    if (this.isSilent || this.#timeouts < TIMEOUTS || !this.#isSeveral) return false;
    this.#sinceMs = nowMs;
    return true;
  }

  /** Since when it had been silent, if it was. */
  heard(): number | undefined {
    const sinceMs = this.#sinceMs;
    this.#timeouts = 0;
    this.#first = undefined;
    this.#isSeveral = false;
    this.#sinceMs = undefined;
    return sinceMs;
  }
}
