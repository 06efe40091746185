// F07: a source that reports our own infrastructure is wrong about more than that. Counts such reports per source; the
// report itself is `not-ours` and acts on nobody.
import { DAY } from '../core/kernel/time.ts';
import type { Clock } from './ports.ts';

/** Sources come from configuration; the bound is for the day that is not true. */
const MAX_SOURCES = 1000;

export class OwnSightings {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #bySource = new Map<string, { count: number; lastMs: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  note(source: string): void {
    const known = this.#bySource.get(source);
    if (known === undefined && this.#bySource.size >= MAX_SOURCES) return;
    this.#bySource.set(source, { count: (known?.count ?? 0) + 1, lastMs: this.#clock.monotonicMs() });
  }

  /** Sources that did so in the last day. */
  recent(): readonly { readonly source: string; readonly reports: number }[] {
    const from = this.#clock.monotonicMs() - DAY;
    for (const [source, { lastMs }] of this.#bySource) if (lastMs < from) this.#bySource.delete(source);
    return [...this.#bySource].map(([source, { count }]) => ({ source, reports: count }));
  }
}
