// Step 2: address, port and time → a line, or why not. Loads what core judges and keeps what the answer rested on.
import { type Instant, MINUTE } from '../core/kernel/time.ts';
import { attribute, type Ranges, type Standing, standingFor } from '../core/line/attribute.ts';
import type { Attribution } from '../core/line/attribution.ts';
import type { Binding } from '../core/line/binding.ts';
import type { Line } from '../core/line/line.ts';
import { widestWindow } from '../core/line/window.ts';
import type { Report } from '../core/report/report.ts';
import type { Bindings, Clock, Json, ReportOutcome, Store } from './ports.ts';

export interface AttributeParts {
  readonly store: Pick<Store, 'line' | 'lineByAccessKey' | 'evidenceFile'>;
  readonly bindings: Pick<Bindings, 'holders'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly ranges: Ranges;
  readonly realm: string;
  readonly onInfrastructure?: (source: string) => void;
  /** How far the clock of the binding's NAS may be off whatever was measured; left out: as measured. */
  readonly leastSkewMsOf?: (binding: Binding) => number;
}

export interface Attributed {
  readonly attribution: Attribution;
  readonly line: Line | undefined;
}

/** Widest skew a NAS is believed to have: a look-up reaches this much further than the plain window. */
const SKEW_REACH_MS = 10 * MINUTE;
const ARRIVALS_KEPT = 1000;

export class Attributor {
  readonly #parts: AttributeParts;
  readonly #arrivals = new Map<string, Instant>();

  constructor(parts: AttributeParts) {
    this.#parts = parts;
  }

  async attribute(report: Report, arrivedAt?: Instant): Promise<Attributed> {
    const now = this.#parts.clock.now();
    const window = widestWindow(report.observedAt, report.precisionMs, SKEW_REACH_MS);
    const found = await this.#parts.bindings.holders(this.#parts.realm, report.ip, window.fromAt, window.toAt);
    const { leastSkewMsOf = () => 0 } = this.#parts;
    const holders = { ...found, skewMs: Math.max(found.skewMs, ...found.bindings.map(leastSkewMsOf)) };
    const lines = await this.#linesOf(holders.bindings);
    const attribution = attribute({
      report,
      arrivedAt: arrivedAt ?? (await this.#arrivedAt(report, now)),
      holders,
      lines,
      ranges: this.#parts.ranges,
      now,
    });
    if (attribution.reason === 'infrastructure') this.#parts.onInfrastructure?.(report.source);
    const lineId = attribution.kind === 'unique' ? attribution.candidates[0]?.lineId : undefined;
    return { attribution, line: [...lines.values()].find((line) => line.id === lineId) };
  }

  /** What an earlier answer for `lineId` is worth by what is known now. */
  async standing(report: Report, lineId: string): Promise<Standing> {
    return standingFor(lineId, (await this.attribute(report)).attribution);
  }

  async #linesOf(bindings: readonly Binding[]): Promise<ReadonlyMap<string, Line>> {
    const lines = new Map<string, Line>();
    for (const key of new Set(bindings.map((binding) => binding.accessKey))) {
      const line = await this.#parts.store.lineByAccessKey(key);
      if (line !== undefined) lines.set(key, line);
    }
    return lines;
  }

  async #arrivedAt(report: Report, now: Instant): Promise<Instant> {
    const hash = report.evidence.hash;
    const known = this.#arrivals.get(hash);
    if (known !== undefined) return known;
    const file = await this.#parts.store.evidenceFile(hash);
    const arrivedAt = file?.receivedAt ?? now;
    if (this.#arrivals.size >= ARRIVALS_KEPT) this.#arrivals.clear();
    if (file !== undefined) this.#arrivals.set(hash, arrivedAt);
    return arrivedAt;
  }
}

/** Was the answer on record taken from an open tail? A covered one is never withdrawn: its records may be purged by now. */
export function wasProvisional(outcome: ReportOutcome | undefined): boolean {
  const evidence = outcome?.evidence as { readonly attribution?: { readonly provisional?: Json } } | undefined;
  return evidence?.attribution?.provisional === true;
}

/** What the outcome keeps as proof of how the line was found; reproducible from the same records. */
export function evidenceOf(attribution: Attribution): Json {
  return {
    candidates: attribution.candidates.map((one) => ({ ...one })),
    bindingId: attribution.binding?.id ?? null,
    deltaMs: attribution.deltaMs,
    fromAt: attribution.window.fromAt,
    toAt: attribution.window.toAt,
    provisional: attribution.provisional,
  };
}
