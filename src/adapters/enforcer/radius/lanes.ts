// What is to be told next: towards freedom first, then the rest, each oldest first; what failed waits its time. Level-triggered:
// a thing stands here once, and what is told is what is wanted at the moment of sending.

interface Resting {
  readonly dueMs: number;
  readonly isUrgent: boolean;
}

export class Lanes<T> {
  readonly #urgent = new Map<T, number>();
  readonly #others = new Map<T, number>();
  readonly #resting = new Map<T, Resting>();
  readonly #nowMs: () => number;
  /** Nobody's rest ends before: asked with every record, looked through when it is time. */
  #firstDueMs = Infinity;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#urgent.size + this.#others.size + this.#resting.size;
  }

  /** ms the oldest one has waited; resting ones count from when they are due. */
  oldestMs(): number {
    const first = Math.min(...[this.#urgent, this.#others].map((lane) => lane.values().next().value ?? Infinity));
    return first === Infinity ? 0 : Math.max(0, this.#nowMs() - first);
  }

  /** Again while it stands: keeps its place, unless it became urgent. */
  put(one: T, isUrgent: boolean): void {
    this.#resting.delete(one);
    const since = this.#others.get(one) ?? this.#urgent.get(one) ?? this.#nowMs();
    this.#others.delete(one);
    if (isUrgent) {
      if (!this.#urgent.has(one)) this.#urgent.set(one, since);
    } else {
      this.#urgent.delete(one);
      this.#others.set(one, since);
    }
  }

  rest(one: T, isUrgent: boolean, forMs: number): void {
    this.remove(one);
    const dueMs = this.#nowMs() + forMs;
    this.#resting.set(one, { dueMs, isUrgent });
    this.#firstDueMs = Math.min(this.#firstDueMs, dueMs);
  }

  remove(one: T): void {
    this.#urgent.delete(one);
    this.#others.delete(one);
    this.#resting.delete(one);
  }

  isResting(one: T): boolean {
    return this.#resting.has(one);
  }

  take(): T | undefined {
    for (const lane of [this.#urgent, this.#others])
      for (const [one] of lane) {
        lane.delete(one);
        return one;
      }
    return undefined;
  }

  /** Those whose rest is over stand in line again. */
  wake(): void {
    const now = this.#nowMs();
    if (now < this.#firstDueMs) return;
    this.#firstDueMs = Infinity;
    for (const [one, { dueMs, isUrgent }] of this.#resting)
      if (dueMs <= now) this.put(one, isUrgent);
      else this.#firstDueMs = Math.min(this.#firstDueMs, dueMs);
  }
}
