// What the garden's servers count. Names are fixed words, never anything a peer sent: invariant 10 leaves us numbers only.
const MAX_NAMES = 200;

export interface Counters {
  add(name: string, by?: number): void;
}

export class GardenCounters implements Counters {
  readonly #values = new Map<string, number>();

  add(name: string, by = 1): void {
    const value = this.#values.get(name);
    if (value === undefined && this.#values.size >= MAX_NAMES) return;
    this.#values.set(name, (value ?? 0) + by);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** For metrics: names sorted, so that two read-outs compare line by line. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
