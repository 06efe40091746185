// What a bad day does to what was said: clocks that are off and are set, records lost, doubled, late and out of order, hours without
// any. The result is what arrives, and when. A sequence number shows what is missing; where there is none, silence says nothing.
import { type AccountingRecord, eventTime } from '../../src/core/line/accounting.ts';
import type { CoverageSpan, TranslationEvent } from '../../src/core/line/translation.ts';
import { Chance } from './chance.ts';
import { INTERIM_MS, type Said } from './sessions.ts';
import type { Logged } from './translators.ts';
import { END_MS, NASES, type World } from './world.ts';

const SECOND = 1000;
const HEARTBEAT_MS = 60_000;

export interface Arrived<T> {
  readonly arrivedMs: number;
  readonly value: T;
}

export interface Feeding {
  readonly accounting: readonly Arrived<AccountingRecord>[];
  readonly events: readonly Arrived<TranslationEvent>[];
  /** Spans without a gap as far as they are known by then. */
  readonly heardBy: (ms: number) => readonly CoverageSpan[];
  /** What the operator said of each translator's clock, ms. */
  readonly translatorSkewMs: number;
  readonly interimMs: number;
  /** Of each translator that repeats what is open. */
  readonly logInterims: ReadonlyMap<string, number>;
}

interface Weather {
  readonly loss: number;
  readonly late: number;
  readonly doubled: number;
  readonly logLoss: number;
  /** From then to then nothing arrives: of a NAS or translator by name. */
  readonly outages: readonly {
    readonly name: string;
    readonly fromMs: number;
    readonly toMs: number;
    readonly isLost: boolean;
  }[];
}

interface NasClock {
  readonly hasEventTimestamp: boolean;
  readonly skewMs: number;
  readonly jumpAtMs: number;
  readonly jumpMs: number;
}

export function mutilate(world: World): Feeding {
  const chance = new Chance(world.seed ^ 0x5eed);
  const weather = weatherOf(chance, [...NASES, ...world.translators.map((one) => one.source)]);
  const clocks = new Map(NASES.map((nas, i) => [nas as string, clockOf(chance, i)]));
  const accounting = world.said.flatMap((one) => arrivalsOf(one, clocks.get(one.nas)!, { world, chance, weather }));
  const translatorSkewMs = chance.pick([0, 5, 30]) * SECOND;
  const logs = world.translators.map((translator) => {
    const skewMs = chance.whole(-translatorSkewMs, translatorSkewMs);
    const own = world.logged.filter((one) => one.source === translator.source).sort((a, b) => a.trueMs - b.trueMs);
    return logArrivals(own, { world, chance, weather, skewMs, isNumbered: translator.isNumbered });
  });
  return {
    accounting: accounting.sort((a, b) => a.arrivedMs - b.arrivedMs),
    events: logs.flatMap((one) => one.events).sort((a, b) => a.arrivedMs - b.arrivedMs),
    heardBy: (ms) => logs.flatMap((one) => one.heardBy(ms)),
    translatorSkewMs: translatorSkewMs + SECOND,
    interimMs: INTERIM_MS,
    logInterims: new Map(
      world.translators.flatMap(({ source, interimMs }) => (interimMs === undefined ? [] : [[source, interimMs]])),
    ),
  };
}

function weatherOf(chance: Chance, names: readonly string[]): Weather {
  // An ordinary day: now and then a record comes late.
  if (chance.is(0.35)) return { loss: 0, late: 0.02, doubled: 0.01, logLoss: 0, outages: [] };
  const outages = names
    .filter(() => chance.is(0.3))
    .map((name) => {
      const fromMs = chance.whole(0, END_MS - 60_000);
      return { name, fromMs, toMs: fromMs + chance.whole(60, 5400) * SECOND, isLost: chance.is(0.6) };
    });
  return {
    loss: chance.pick([0, 0.01, 0.05, 0.2]),
    late: chance.pick([0.02, 0.1, 0.3]),
    doubled: chance.pick([0.01, 0.2]),
    logLoss: chance.pick([0, 0.002, 0.02]),
    outages,
  };
}

function clockOf(chance: Chance, number: number): NasClock {
  const hasEventTimestamp = number !== 2 || chance.is(0.5);
  const isSet = hasEventTimestamp && chance.is(0.35);
  return {
    hasEventTimestamp,
    skewMs: hasEventTimestamp && chance.is(0.6) ? chance.whole(-150, 150) * SECOND : 0,
    jumpAtMs: isSet ? chance.whole(0, END_MS) : Number.POSITIVE_INFINITY,
    jumpMs: chance.whole(-200, 200) * SECOND,
  };
}

interface Circumstances {
  readonly world: World;
  readonly chance: Chance;
  readonly weather: Weather;
}

function arrivalsOf(said: Said, clock: NasClock, circumstances: Circumstances): Arrived<AccountingRecord>[] {
  const { chance, weather } = circumstances;
  const outage = weather.outages.find(
    (one) => one.name === said.nas && one.fromMs <= said.trueMs && said.trueMs < one.toMs,
  );
  if (outage?.isLost === true || chance.is(weather.loss)) return [];
  const lateMs =
    outage !== undefined
      ? outage.toMs - said.trueMs + chance.whole(1, 60_000)
      : chance.is(weather.late)
        ? chance.whole(2_000, 7_200_000)
        : chance.whole(0, 2_000);
  const first = received(said, clock, lateMs, circumstances);
  if (!chance.is(weather.doubled)) return [first];
  return [first, received(said, clock, lateMs + chance.whole(1, 120_000), circumstances)];
}

/** As `protocols/radius` and the accounting client make a record of a packet: RFC 2866 §5.2, RFC 2869 §5.3. */
function received(said: Said, clock: NasClock, lateMs: number, { world }: Circumstances): Arrived<AccountingRecord> {
  const arrivedMs = said.trueMs + lateMs;
  const shownMs = said.trueMs + clock.skewMs + (said.trueMs >= clock.jumpAtMs ? clock.jumpMs : 0);
  const time = eventTime({
    arrivedAt: world.t0 + arrivedMs,
    delaySeconds: Math.floor(lateMs / SECOND),
    ...(clock.hasEventTimestamp ? { eventTimestampSeconds: Math.floor((world.t0 + shownMs) / SECOND) } : {}),
  });
  const { record, nas, sessionMs } = said;
  if (record.status === 'on' || record.status === 'off') return { arrivedMs, value: { ...record, nas, ...time } };
  const startAt = sessionMs === undefined ? undefined : time.eventAt - Math.floor(sessionMs / SECOND) * SECOND;
  return { arrivedMs, value: { ...record, nas, ...time, ...(startAt === undefined ? {} : { startAt }) } };
}

interface LogCircumstances extends Circumstances {
  readonly skewMs: number;
  readonly isNumbered: boolean;
}

interface Packet {
  readonly atMs: number;
  /** Never, when it was lost. */
  readonly arrivedMs: number;
  readonly logged?: Logged;
}

function logArrivals(own: readonly Logged[], circumstances: LogCircumstances) {
  const { world, chance, skewMs, isNumbered } = circumstances;
  const source = own[0]?.source ?? '';
  const beats = Array.from({ length: Math.floor(END_MS / HEARTBEAT_MS) }, (_, i) => ({ trueMs: i * HEARTBEAT_MS }));
  const sent = [...own.map((logged) => ({ trueMs: logged.trueMs, logged })), ...beats].sort(
    (a, b) => a.trueMs - b.trueMs,
  );
  const packets = sent.map(
    (one): Packet => ({ ...one, atMs: one.trueMs + skewMs, arrivedMs: arrivalOf(source, one.trueMs, circumstances) }),
  );
  const events: Arrived<TranslationEvent>[] = [];
  for (const { logged, atMs, arrivedMs } of packets) {
    if (logged === undefined || arrivedMs === Number.POSITIVE_INFINITY) continue;
    const since = logged.sinceMs === undefined ? {} : { sinceAt: world.t0 + floorSecond(logged.sinceMs + skewMs) };
    const value = { ...logged.event, source, at: world.t0 + floorSecond(atMs), ...since };
    events.push({ arrivedMs, value });
    if (chance.is(circumstances.weather.doubled))
      events.push({ arrivedMs: arrivedMs + chance.whole(1, 60_000), value });
  }
  const heardBy = (ms: number) => (isNumbered ? spansOf(packets, source, { t0: world.t0, ms }) : []);
  return { events, heardBy };
}

function arrivalOf(name: string, trueMs: number, { chance, weather }: LogCircumstances): number {
  const outage = weather.outages.find((one) => one.name === name && one.fromMs <= trueMs && trueMs < one.toMs);
  if (outage?.isLost === true || chance.is(weather.logLoss)) return Number.POSITIVE_INFINITY;
  if (outage !== undefined) return outage.toMs + chance.whole(1, 30_000);
  return trueMs + (chance.is(0.1) ? chance.whole(2000, 60_000) : chance.whole(0, 2000));
}

/** Runs of packets of which none is missing yet: between two neighbours nothing was said that did not arrive. */
function spansOf(
  packets: readonly Packet[],
  source: string,
  at: { readonly t0: number; readonly ms: number },
): CoverageSpan[] {
  const spans: CoverageSpan[] = [];
  let run: Packet[] = [];
  const close = () => {
    if (run.length > 1)
      spans.push({ source, fromAt: at.t0 + floorSecond(run[0]!.atMs), toAt: at.t0 + floorSecond(run.at(-1)!.atMs) });
    run = [];
  };
  for (const packet of packets) {
    if (packet.arrivedMs <= at.ms) run.push(packet);
    else close();
  }
  close();
  return spans;
}

function floorSecond(ms: number): number {
  return Math.floor(ms / SECOND) * SECOND;
}
