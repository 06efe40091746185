// Asks the real attributor about a mutilated world, and compares with the truth. `unique` must name who was there; anything else is
// allowed, and counted. Some are asked the moment they arrive, with what is known by then, and once more at the end.
import type { Attribution } from '../../src/core/line/attribution.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import { Chance } from './chance.ts';
import { type Feeding, mutilate } from './mutilator.ts';
import { Product } from './product.ts';
import { type Asked, reportsOf } from './reports.ts';
import { holderText, MECHANISMS, type Mechanism, spotText } from './truth.ts';
import { END_MS, type World, worldFrom } from './world.ts';

export interface Count {
  asked: number;
  /** Of those somebody who knew everything could name the line. */
  attributable: number;
  /** Of the attributable ones: named, and rightly so. */
  recalled: number;
  unique: number;
  ambiguous: number;
  stale: number;
  none: number;
  impossible: number;
}

export interface Wrong {
  readonly seed: number;
  readonly reports: number;
  readonly number: string;
  readonly when: 'at-arrival' | 'at-end';
  readonly text: string;
}

export interface Verdict {
  readonly counts: Readonly<Record<Mechanism, Count>>;
  readonly reasons: Map<string, number>;
  /** Named before the records that say otherwise were there, from an open tail: must be withdrawn later, and was. */
  early: { asked: number; unique: number; provisionallyWrong: number };
  readonly wrong: Wrong[];
}

function emptyCount(): Count {
  return { asked: 0, attributable: 0, recalled: 0, unique: 0, ambiguous: 0, stale: 0, none: 0, impossible: 0 };
}

export function emptyVerdict(): Verdict {
  const counts = Object.fromEntries(MECHANISMS.map((one) => [one, emptyCount()])) as Record<Mechanism, Count>;
  return { counts, reasons: new Map(), early: { asked: 0, unique: 0, provisionallyWrong: 0 }, wrong: [] };
}

const CHECKPOINTS = 6;
/** Nothing in memory, everything, hardly more than a day. */
const HOT_BYTES = [0, 64_000_000, 300_000];
const DAY_MS = 86_400_000;
/** Everything late is there by then. */
const KNOWN_MS = END_MS + 3 * 3_600_000;
/** What an operator writes down as shared: the outside addresses of translators. */
const SHARED = ['203.0.113.0/26', '198.51.100.0/30', '192.0.2.0/24'].map((text) => parsePrefix(text)!);

export async function judgeWorld(seed: number, reports: number): Promise<Verdict> {
  const world = worldFrom(seed);
  const feeding = mutilate(world);
  const sharing = { version: 'oracle', rules: world.rules };
  const product = new Product({ sharing, feeding, shared: SHARED, hotBytes: HOT_BYTES[seed % HOT_BYTES.length]! });
  try {
    return await new Judge(world, feeding, product).judge(reports);
  } finally {
    await product.close();
  }
}

class Judge {
  readonly #world: World;
  readonly #feeding: Feeding;
  readonly #product: Product;
  readonly #verdict = emptyVerdict();
  #fedMs = Number.NEGATIVE_INFINITY;

  constructor(world: World, feeding: Feeding, product: Product) {
    this.#world = world;
    this.#feeding = feeding;
    this.#product = product;
  }

  async judge(count: number): Promise<Verdict> {
    const chance = new Chance(this.#world.seed ^ 0x0a5c);
    const all = reportsOf(this.#world, count, chance);
    const early = all.filter((one) => one.arrivedMs < END_MS && chance.is(0.5));
    for (let i = 1; i <= CHECKPOINTS; i++) {
      const [fromMs, toMs] = [((i - 1) * END_MS) / CHECKPOINTS, (i * END_MS) / CHECKPOINTS];
      await this.#feed(toMs);
      if (chance.is(0.1)) await this.#product.restart();
      for (const one of early)
        if (fromMs <= one.arrivedMs && one.arrivedMs < toMs) await this.#askEarly(one, count, toMs);
    }
    await this.#feed(KNOWN_MS);
    this.#product.setClock(this.#world.t0 + KNOWN_MS + 3 * DAY_MS);
    for (const one of all) await this.#askLate(one, count);
    return this.#verdict;
  }

  /** What arrives until then, in its order: a new lines file is imported between two batches of records. */
  async #feed(untilMs: number): Promise<void> {
    const stops = this.#world.files.map((one) => one.atMs).filter((ms) => ms > this.#fedMs && ms <= untilMs);
    for (const ms of [...new Set([...stops, untilMs])].sort((a, b) => a - b)) await this.#feedTo(ms);
  }

  async #feedTo(ms: number): Promise<void> {
    const isNew = (one: { readonly arrivedMs: number }) => one.arrivedMs > this.#fedMs && one.arrivedMs <= ms;
    this.#product.setClock(this.#world.t0 + ms);
    const accounting = this.#feeding.accounting.filter(isNew).map((one) => one.value);
    const events = this.#feeding.events.filter(isNew).map((one) => one.value);
    await this.#product.record(accounting, { events, heard: this.#feeding.heardBy(ms) });
    this.#fedMs = ms;
    const file = this.#world.files.find((one) => one.atMs === ms);
    if (file !== undefined) await this.#product.importLines(file);
  }

  async #askEarly(one: Asked, count: number, nowMs: number): Promise<void> {
    this.#product.setClock(this.#world.t0 + nowMs);
    const attribution = await this.#product.attribute(one.report, this.#world.t0 + one.arrivedMs);
    const { early } = this.#verdict;
    early.asked++;
    if (attribution.kind !== 'unique') return;
    early.unique++;
    if (this.#isRight(one, attribution)) return;
    // From an open tail it may be: the later record withdraws it, and at the end it is asked again.
    if (attribution.provisional) early.provisionallyWrong++;
    else this.#wrong(one, attribution, count, 'at-arrival');
  }

  async #askLate(one: Asked, count: number): Promise<void> {
    const attribution = await this.#product.attribute(one.report, this.#world.t0 + one.arrivedMs);
    const counted = this.#verdict.counts[one.mechanism];
    counted.asked++;
    const isAttributable = this.#isAttributable(one);
    if (isAttributable) counted.attributable++;
    const reason = `${one.mechanism} ${attribution.kind} ${attribution.reason}${isAttributable ? ' !' : ''}`;
    this.#verdict.reasons.set(reason, (this.#verdict.reasons.get(reason) ?? 0) + 1);
    switch (attribution.kind) {
      case 'unique':
        counted.unique++;
        if (!this.#isRight(one, attribution)) this.#wrong(one, attribution, count, 'at-end');
        else if (isAttributable) counted.recalled++;
        return;
      case 'not-ours':
        throw new Error('the oracle configures no ranges');
      default:
        counted[attribution.kind]++;
    }
  }

  /** The one line there, at the moment itself; of a row with two moments at both. */
  #isRight(one: Asked, attribution: Attribution): boolean {
    const named = attribution.candidates[0];
    if (named === undefined) return false;
    const moments = [one.trueMs, ...(one.untilMs === undefined ? [] : [one.untilMs])];
    return moments.every((ms) => {
      const there = this.#world.truth.holders(one.spot, ms, ms);
      // Nobody was there: such a report tells of nothing. Whoever alone was there within the margin may be named.
      const { deltaMs } = attribution;
      const known = there.size > 0 ? there : this.#world.truth.holders(one.spot, ms - deltaMs, ms + deltaMs);
      return known.size === 1 && known.has(holderText(named));
    });
  }

  /** Would somebody with every record and perfect clocks, who takes the margin we take, name the line that is there today? */
  #isAttributable(one: Asked): boolean {
    if (!one.isReal) return false;
    const { spot, trueMs, untilMs, report } = one;
    const isShared = !['dynamic-ipv4', 'static', 'ipv6-prefix'].includes(one.mechanism);
    if (isShared && (spot.port === undefined || spot.protocol === 'icmp')) return false;
    const holders = this.#world.truth.holders(spot, trueMs, trueMs);
    if (holders.size !== 1) return false;
    const [holder] = holders;
    if (!this.#world.truth.isCurrent(holder!)) return false;
    const deltaMs = Math.max(
      one.mechanism === 'static' || one.mechanism === 'lw4o6' ? 5000 : 60_000,
      report.precisionMs,
    );
    const at = report.observedAt - this.#world.t0;
    const until = report.untilAt === undefined ? [] : [report.untilAt - this.#world.t0];
    if (untilMs !== undefined && !this.#world.truth.holders(spot, untilMs, untilMs).has(holder!)) return false;
    return [at, ...until].every((ms) => this.#world.truth.holdsThroughout(holder!, spot, ms - deltaMs, ms + deltaMs));
  }

  #wrong(one: Asked, attribution: Attribution, reports: number, when: Wrong['when']): void {
    const { trueMs, untilMs, spot, report } = one;
    const named = attribution.candidates[0];
    const there = [...this.#world.truth.holders(spot, trueMs, trueMs)].join(' ');
    const text = [
      `${one.mechanism}: ${spotText(spot)} at ${trueMs / 1000} s${untilMs === undefined ? '' : ` and ${untilMs / 1000} s`} (±${report.precisionMs} ms)`,
      `named ${named === undefined ? 'nobody' : holderText(named)} (${attribution.reason}) by ${(named?.bindingId ?? '').replaceAll('\u0000', ' ')}`,
      `there was ${there || 'nobody'}`,
    ].join('; ');
    this.#verdict.wrong.push({ seed: this.#world.seed, reports, number: report.id, when, text });
  }
}

export function total(counts: Verdict['counts']): Count {
  const all = emptyCount();
  for (const mechanism of MECHANISMS) addCount(all, counts[mechanism]);
  return all;
}

function addCount(into: Count, one: Count): void {
  for (const key of Object.keys(into) as (keyof Count)[]) into[key] += one[key];
}

export function add(into: Verdict, one: Verdict): void {
  for (const mechanism of MECHANISMS) addCount(into.counts[mechanism], one.counts[mechanism]);
  for (const [reason, count] of one.reasons) into.reasons.set(reason, (into.reasons.get(reason) ?? 0) + count);
  into.early.asked += one.early.asked;
  into.early.unique += one.early.unique;
  into.early.provisionallyWrong += one.early.provisionallyWrong;
  into.wrong.push(...one.wrong);
}
