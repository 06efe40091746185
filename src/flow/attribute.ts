// Step 2: address, port and time → a line, or why not. Loads what core judges and keeps what the answer rested on.
import { type Instant, MINUTE } from '../core/kernel/time.ts';
import { attribute, type Ranges, type Standing, standingFor } from '../core/line/attribute.ts';
import type { Attribution } from '../core/line/attribution.ts';
import type { Binding, Via } from '../core/line/binding.ts';
import { type ClockCorrection, correctionMs } from '../core/line/corrections.ts';
import type { Line } from '../core/line/line.ts';
import type { SharingRules } from '../core/line/sharing/rules.ts';
import { widestWindow } from '../core/line/window.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../core/net/prefix.ts';
import type { Report } from '../core/report/report.ts';
import { findHolders } from './holders.ts';
import type { Bindings, Clock, Json, ReportOutcome, Store, Translations } from './ports.ts';

export interface AttributeParts {
  readonly store: Pick<Store, 'line' | 'lineByAccessKey' | 'evidenceFile'>;
  readonly bindings: Pick<Bindings, 'holders' | 'over'>;
  readonly sharing?: () => SharingRules;
  readonly translations?: Pick<Translations, 'over'>;
  /** Clocks put right by a person. */
  readonly corrections?: () => readonly ClockCorrection[];
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
  /** When it was observed, where a person has put the feed's clock right. */
  readonly observedAt?: Instant;
}

/** Widest skew a NAS is believed to have: a look-up reaches this much further than the plain window. */
const SKEW_REACH_MS = 10 * MINUTE;
const ARRIVALS_KEPT = 1000;
/** Of an address that hundreds share, a feed precise to a day has thousands in question: too many to keep with each report. */
const MOST_KEPT = 50;

export class Attributor {
  readonly #parts: AttributeParts;
  readonly #arrivals = new Map<string, Instant>();

  constructor(parts: AttributeParts) {
    this.#parts = parts;
  }

  /** A row that tells of several observations is asked about at both ends, and both must name one line. */
  attribute(report: Report, arrivedAt?: Instant): Promise<Attributed> {
    return this.#ask(report, { arrivedAt });
  }

  async #ask(
    report: Report,
    how: { readonly arrivedAt?: Instant | undefined; readonly narrow?: boolean },
  ): Promise<Attributed> {
    const first = await this.#attributeAt(report, how);
    if (report.untilAt === undefined || report.untilAt <= report.observedAt) return first;
    const last = await this.#attributeAt({ ...report, observedAt: report.untilAt }, how);
    return bothEnds(first, last);
  }

  async #attributeAt(
    asTold: Report,
    how: { readonly arrivedAt?: Instant | undefined; readonly narrow?: boolean },
  ): Promise<Attributed> {
    const report = this.#corrected(asTold);
    const now = this.#parts.clock.now();
    const arrivedAt = how.arrivedAt ?? (await this.#arrivedAt(report, now));
    const found = await findHolders(this.#parts, {
      ...report,
      window: widestWindow(report.observedAt, report.precisionMs, SKEW_REACH_MS),
      core: widestWindow(report.observedAt, report.precisionMs, 0),
      limitAt: Math.min(arrivedAt, now),
    });
    const { leastSkewMsOf = () => 0 } = this.#parts;
    const skewMs = Math.max(found.holders.skewMs, ...found.holders.bindings.map(leastSkewMsOf));
    const lines = await this.#linesOf(found.holders.bindings);
    const attribution = attribute({
      ...found,
      report,
      arrivedAt,
      holders: { ...found.holders, skewMs },
      lines,
      ranges: this.#parts.ranges,
      narrow: how.narrow === true,
      now,
    });
    if (attribution.reason === 'infrastructure') this.#parts.onInfrastructure?.(report.source);
    const lineId = attribution.kind === 'unique' ? attribution.candidates[0]?.lineId : undefined;
    const line = [...lines.values()].find((one) => one.id === lineId);
    return { attribution, line, ...(report === asTold ? {} : { observedAt: report.observedAt }) };
  }

  #corrected(report: Report): Report {
    const { source, observedAt } = report;
    const byMs = correctionMs(this.#parts.corrections?.() ?? [], 'feed', source, observedAt);
    return byMs === 0 ? report : { ...report, observedAt: observedAt + byMs };
  }

  /**
   * What an earlier answer for `lineId` is worth by what is known now. A record that ends the line's session beside the very
   * moment (a re-dial, a NAS that restarts) withdraws nothing: then the moment itself is asked about, without the margin.
   * `outcome`: of the earlier answer.
   */
  async standing(report: Report, lineId: string, outcome: ReportOutcome | undefined): Promise<Standing> {
    const inside = insideOf(outcome);
    const wide = standingFor(lineId, (await this.attribute(report)).attribution, inside);
    if (wide !== 'ended') return wide;
    return standingFor(lineId, (await this.#ask(report, { narrow: true })).attribution, inside);
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

function bothEnds(first: Attributed, last: Attributed): Attributed {
  const [a, b] = [first.attribution, last.attribution];
  if (a.kind !== 'unique') return first;
  if (b.kind !== 'unique') return last;
  const window = { fromAt: a.window.fromAt, toAt: b.window.toAt };
  if (a.candidates[0]!.lineId === b.candidates[0]!.lineId)
    return { ...last, attribution: { ...b, window, provisional: a.provisional || b.provisional } };
  const { binding: _binding, ...rest } = a;
  const candidates = [...a.candidates, ...b.candidates];
  const attribution = { ...rest, kind: 'ambiguous' as const, reason: 'holder-changed-meanwhile', candidates, window };
  return { attribution, line: undefined };
}

/** Was the answer on record taken from an open tail? A covered one is never withdrawn: its records may be purged by now. */
export function wasProvisional(outcome: ReportOutcome | undefined): boolean {
  const evidence = outcome?.evidence as { readonly attribution?: { readonly provisional?: Json } } | undefined;
  return evidence?.attribution?.provisional === true;
}

/** What the outcome keeps as proof of how the line was found; reproducible from the same records. */
export function evidenceOf(attribution: Attribution): Json {
  const more = attribution.candidates.length - MOST_KEPT;
  return {
    candidates: attribution.candidates.slice(0, MOST_KEPT).map((one) => ({ ...one })),
    ...(more > 0 ? { more } : {}),
    bindingId: attribution.binding?.via?.bindingId ?? attribution.binding?.id ?? null,
    deltaMs: attribution.deltaMs,
    fromAt: attribution.window.fromAt,
    toAt: attribution.window.toAt,
    provisional: attribution.provisional,
    ...(attribution.via === undefined ? {} : { via: attribution.via.slice(0, MOST_KEPT).map(viaText) }),
  };
}

function viaText({ kind, id, realm, inside }: Via): Json {
  return { kind, id: id.replaceAll('\u0000', ' '), realm, inside: formatPrefix(inside) };
}

/** What stood behind the shared address when the report was attributed: where later records may name somebody else. */
export function insideOf(outcome: ReportOutcome | undefined): readonly Prefix[] {
  const evidence = outcome?.evidence as {
    readonly attribution?: { readonly via?: readonly { readonly inside?: Json }[] };
  };
  return (evidence?.attribution?.via ?? [])
    .map((one) => parsePrefix(String(one.inside ?? '')))
    .filter((one) => one !== undefined);
}
