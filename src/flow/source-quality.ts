// How good a source is, from what came of its reports: how much of it could not be attributed, how often its line was the wrong one,
// and whether it suddenly says far more than it used to. A source over its limit goes to review by itself; a person lets it act again.

import type { Case } from '../core/casefile/case.ts';
import { DAY, HOUR, type Instant } from '../core/kernel/time.ts';
import type { Attribution } from '../core/line/attribution.ts';
import type { Ordered } from './casebook.ts';
import type { Clock, Json, Log, Store } from './ports.ts';

export interface QualityLimits {
  /** Fewer reports (or cases) in the window say nothing about a source. */
  readonly leastReports: number;
  readonly leastCases: number;
  /** Share of reports about our own addresses that name no line for sure, 0–1. */
  readonly unresolvedShare: number;
  /** Share of cases closed as the wrong line, 0–1. */
  readonly wrongShare: number;
  /** A day this many times the median of the days before is sudden. */
  readonly suddenFactor: number;
}

export const QUALITY_LIMITS: QualityLimits = {
  leastReports: 50,
  leastCases: 10,
  unresolvedShare: 0.5,
  wrongShare: 0.2,
  suddenFactor: 10,
};

interface DayTally {
  reports: number;
  ours: number;
  unresolved: number;
  cases: number;
  wrong: number;
}

export interface Demotion {
  readonly at: Instant;
  readonly reason: 'unresolved-share' | 'wrong-share';
  readonly share: number;
}

export interface SourceView {
  readonly name: string;
  readonly reports: number;
  readonly unresolvedShare: number;
  readonly cases: number;
  readonly wrongShare: number;
  readonly lastAt: Instant | undefined;
  readonly demoted: Demotion | undefined;
  /** Today against the median of the days before, when that is sudden. */
  readonly sudden: number | undefined;
}

export interface QualityParts {
  readonly store: Pick<Store, 'setting' | 'commit'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly limitsOf?: (name: string) => QualityLimits;
}

const SETTING = 'source-quality';
const WINDOW_DAYS = 7;
const MOST_NAMES = 2000;
const UNRESOLVED: ReadonlySet<Attribution['kind']> = new Set(['ambiguous', 'stale', 'none']);

/** Sources and, under `gateway NAME`, the places their reports are about. */
export class SourceQuality {
  readonly #parts: QualityParts;
  readonly #days = new Map<string, Map<number, DayTally>>();
  readonly #lastAt = new Map<string, Instant>();
  #demoted = new Map<string, Demotion>();
  #changed = false;

  constructor(parts: QualityParts) {
    this.#parts = parts;
  }

  async load(): Promise<void> {
    const kept = (await this.#parts.store.setting(SETTING)) as unknown as Kept | undefined;
    if (kept === undefined) return;
    for (const [name, days] of kept.days) this.#days.set(name, new Map(days));
    for (const [name, at] of kept.lastAt) this.#lastAt.set(name, at);
    this.#demoted = new Map(kept.demoted);
  }

  isDemoted(source: string): boolean {
    return this.#demoted.has(source);
  }

  /** `gateway`: whose addresses the report is about; undefined = nobody's of ours. */
  note(source: string, attribution: Pick<Attribution, 'kind'>, gateway?: string): void {
    if (attribution.kind === 'not-ours') {
      this.#tally(source, { reports: 1 });
      return;
    }
    const isUnresolved = UNRESOLVED.has(attribution.kind) ? 1 : 0;
    const one = { reports: 1, ours: 1, unresolved: isUnresolved };
    this.#tally(source, one);
    if (gateway !== undefined) this.#tally(`gateway ${gateway}`, one);
    this.#judge(source);
  }

  /** Cases count once per source: when they get their first step, and when they turn out to be another line's. */
  onOrdered({ before, after, events }: Ordered): void {
    if (events.some(({ event }) => event.type === 'case-opened'))
      for (const one of after.sources) this.#tally(one, { cases: 1 });
    else for (const one of newSources(before, after)) this.#tally(one, { cases: 1 });
    if (after.state !== 'closed' || after.closeReason !== 'wrong-line' || before?.state === 'closed') return;
    for (const source of after.sources) {
      this.#tally(source, { wrong: 1 });
      this.#judge(source);
    }
  }

  #tally(name: string, add: Partial<DayTally>): void {
    const now = this.#parts.clock.now();
    if (!this.#days.has(name) && this.#days.size >= MOST_NAMES) return;
    const days = this.#days.get(name) ?? new Map<number, DayTally>();
    this.#days.set(name, days);
    const day = Math.floor(now / DAY);
    const tally = days.get(day) ?? { reports: 0, ours: 0, unresolved: 0, cases: 0, wrong: 0 };
    for (const [key, value] of Object.entries(add) as [keyof DayTally, number][]) tally[key] += value;
    days.set(day, tally);
    for (const old of days.keys()) if (old <= day - 2 * WINDOW_DAYS) days.delete(old);
    if (add.reports !== undefined) this.#lastAt.set(name, now);
    this.#changed = true;
  }

  #judge(source: string): void {
    if (this.#demoted.has(source)) return;
    const limits = this.#limitsOf(source);
    const sum = this.#sum(source);
    const reason = overLimit(sum, limits);
    if (reason === undefined) return;
    const share = reason === 'wrong-share' ? sum.wrong / sum.cases : sum.unresolved / sum.ours;
    this.#demoted.set(source, { at: this.#parts.clock.now(), reason, share: Math.round(share * 1000) / 1000 });
    // At once: a crash must not let it act again.
    this.#keep([]).catch((cause: unknown) => {
      this.#changed = true;
      this.#parts.log.error('LOOP_FAILED', { loop: 'source-quality', text: String(cause).slice(0, 200) });
    });
    this.#parts.log.error('SOURCE_DEMOTED', { source, reason, percent: Math.round(100 * share) });
  }

  /** A person has looked and lets it act again: what was counted until now is forgotten. */
  async restore(source: string, by: string, reason: string): Promise<boolean> {
    if (!this.#demoted.delete(source)) return false;
    this.#days.delete(source);
    await this.#keep([
      {
        at: this.#parts.clock.now(),
        actor: { kind: 'staff', name: by },
        action: 'source-restored',
        detail: { source, reason },
      },
    ]);
    return true;
  }

  view(): readonly SourceView[] {
    return [...this.#days.keys()].map((name) => {
      const sum = this.#sum(name);
      return {
        name,
        reports: sum.reports,
        unresolvedShare: sum.ours === 0 ? 0 : sum.unresolved / sum.ours,
        cases: sum.cases,
        wrongShare: sum.cases === 0 ? 0 : sum.wrong / sum.cases,
        lastAt: this.#lastAt.get(name),
        demoted: this.#demoted.get(name),
        sudden: this.#sudden(name),
      };
    });
  }

  /** Sources and gateways of which more than the limit named no line: told as standing warnings. */
  alarms(): readonly SourceView[] {
    return this.view().filter(({ name, demoted, sudden, unresolvedShare, reports }) => {
      const { leastReports, unresolvedShare: limit } = this.#limitsOf(name);
      return demoted !== undefined || sudden !== undefined || (reports >= leastReports && unresolvedShare > limit);
    });
  }

  /** What was counted survives a restart, up to the last minute. */
  async save(): Promise<void> {
    if (this.#changed) await this.#keep([]);
  }

  async #keep(audit: NonNullable<Parameters<Store['commit']>[0]['audit']>): Promise<void> {
    const kept: Kept = {
      days: [...this.#days].map(([name, days]) => [name, [...days]]),
      lastAt: [...this.#lastAt],
      demoted: [...this.#demoted],
    };
    this.#changed = false;
    await this.#parts.store.commit({ settings: { [SETTING]: kept as unknown as Json }, audit });
  }

  #limitsOf(name: string): QualityLimits {
    return this.#parts.limitsOf?.(name) ?? QUALITY_LIMITS;
  }

  #sum(name: string): Readonly<DayTally> {
    const from = Math.floor(this.#parts.clock.now() / DAY) - WINDOW_DAYS;
    const sum = { reports: 0, ours: 0, unresolved: 0, cases: 0, wrong: 0 };
    for (const [day, tally] of this.#days.get(name) ?? [])
      if (day > from) for (const key of Object.keys(sum) as (keyof DayTally)[]) sum[key] += tally[key];
    return sum;
  }

  /** A night without reports is no median: at least three days before must have had some. */
  #sudden(name: string): number | undefined {
    const { leastReports, suddenFactor } = this.#limitsOf(name);
    const today = Math.floor(this.#parts.clock.now() / DAY);
    const days = this.#days.get(name);
    const now = days?.get(today)?.reports ?? 0;
    const before = [...(days ?? [])].filter(([day]) => day < today).map(([, tally]) => tally.reports);
    if (before.length < 3 || now < leastReports) return undefined;
    const median = before.sort((a, b) => a - b)[Math.floor(before.length / 2)]!;
    return now > suddenFactor * Math.max(1, median) ? Math.round(now / Math.max(1, median)) : undefined;
  }
}

interface Kept {
  readonly days: readonly (readonly [string, readonly (readonly [number, DayTally])[]])[];
  readonly lastAt: readonly (readonly [string, Instant])[];
  readonly demoted: readonly (readonly [string, Demotion])[];
}

function overLimit(sum: Readonly<DayTally>, limits: QualityLimits): Demotion['reason'] | undefined {
  if (sum.cases >= limits.leastCases && sum.wrong > limits.wrongShare * sum.cases) return 'wrong-share';
  if (sum.ours >= limits.leastReports && sum.unresolved > limits.unresolvedShare * sum.ours) return 'unresolved-share';
  return undefined;
}

function newSources(before: Case | undefined, after: Case): readonly string[] {
  return after.sources.filter((one) => before !== undefined && !before.sources.includes(one));
}

/** How often counters are written down. */
export const SAVE_EVERY_MS = HOUR / 60;
