// Lines to look at, one batch at a time. Loosening outranks tightening; among equals, first come first served. Whoever
// asks while a batch runs is answered by a later one, which saw the line's state after the question.

type Waiter = () => void;

const BATCH = 256;

export class LineQueue {
  readonly #work: (lineIds: readonly string[]) => Promise<void>;
  readonly #urgent = new Map<string, Waiter[]>();
  readonly #dirty = new Map<string, Waiter[]>();
  #running: Promise<void> | undefined;
  #stopped = false;

  /** `work` never rejects: what failed is its own business. */
  constructor(work: (lineIds: readonly string[]) => Promise<void>) {
    this.#work = work;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Somebody asked for loosening since the running batch was planned: what that batch would tighten is old news. */
  isUrgent(lineId: string): boolean {
    return this.#urgent.has(lineId);
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Resolves when a batch that began after this call is done. */
  ask(lineId: string, isUrgent: boolean): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const waiters = this.#urgent.get(lineId) ?? this.#dirty.get(lineId) ?? [];
      waiters.push(resolve);
      if (isUrgent) this.#dirty.delete(lineId);
      const queue = isUrgent || this.#urgent.has(lineId) ? this.#urgent : this.#dirty;
      queue.set(lineId, waiters);
      this.#running ??= this.#drain();
    });
  }

  /** Ends with the batch that is running; who still waits is let go. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    while (this.#urgent.size + this.#dirty.size > 0) {
      const batch = this.#stopped ? [...this.#urgent, ...this.#dirty] : this.#nextBatch();
      for (const [lineId] of batch) if (!this.#urgent.delete(lineId)) this.#dirty.delete(lineId);
      if (!this.#stopped) await this.#work(batch.map(([lineId]) => lineId));
      for (const [, waiters] of batch) for (const done of waiters) done();
    }
    // In the same breath as the last look at the queues: whoever asks next starts a new run.
    this.#running = undefined;
  }

  #nextBatch(): readonly (readonly [string, Waiter[]])[] {
    const batch: (readonly [string, Waiter[]])[] = [];
    for (const queue of [this.#urgent, this.#dirty])
      for (const entry of queue) {
        if (batch.length === BATCH) return batch;
        batch.push(entry);
      }
    return batch;
  }
}
