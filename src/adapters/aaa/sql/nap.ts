// A wait that can be cut short: by news, unless it was said to sleep through them, and by the end.

export class Nap {
  #wake: (() => void) | undefined;
  #isDeaf = false;
  #isOver = false;

  sleep(ms: number): Promise<void> {
    return this.#sleep(ms, false);
  }

  /** Only the end wakes it. */
  sleepThrough(ms: number): Promise<void> {
    return this.#sleep(ms, true);
  }

  wake(): void {
    if (!this.#isDeaf) this.#wake?.();
  }

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  #sleep(ms: number, isDeaf: boolean): Promise<void> {
    if (this.#isOver || ms <= 0) return Promise.resolve();
    this.#isDeaf = isDeaf;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        this.#isDeaf = false;
        resolve();
      };
    });
  }
}
