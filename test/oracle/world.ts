// One world from one seed: who really held what, who the customers were, which rules held, and what NASes and translators would say.
// Forward arithmetic of shared ports is written out here once more, in its own words: the product's is what is being tried.
import type { DeterministicRule } from '../../src/core/line/sharing/deterministic.ts';
import type { Lw4o6Table } from '../../src/core/line/sharing/lw4o6.ts';
import type { MapERule } from '../../src/core/line/sharing/map-e.ts';
import type { SharingRule } from '../../src/core/line/sharing/rules.ts';
import { type Ip, parseIp } from '../../src/core/net/ip.ts';
import { formatPrefix, type Prefix, parsePrefix, prefixOf } from '../../src/core/net/prefix.ts';
import type { PortRange } from '../../src/core/net/transport.ts';
import { Chance } from './chance.ts';
import { Customers, type LinesFile } from './customers.ts';
import { type Crash, type Group, type Holding, type Said, SessionStory } from './sessions.ts';
import { type Allocation, allocate, type Logged, logOf, type Presence, type Translator } from './translators.ts';
import { type Activity, addressIn, type Mechanism, Truth } from './truth.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
export const END_MS = 6 * HOUR;
export const NASES = ['bng1', 'bng2', 'bng3'] as const;

export interface World {
  readonly seed: number;
  /** 2026-11-20 and some hours: worlds begin at any time of day, so that many cross midnight (UTC). */
  readonly t0: number;
  readonly truth: Truth;
  readonly files: readonly LinesFile[];
  readonly rules: readonly SharingRule[];
  readonly said: readonly Said[];
  readonly logged: readonly Logged[];
  readonly translators: readonly Translator[];
}

const ip = (text: string): Ip => parseIp(text)!;
const prefix = (text: string): Prefix => parsePrefix(text)!;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

export function worldFrom(seed: number): World {
  const chance = new Chance(seed);
  const t0 = Date.UTC(2026, 10, 20) + chance.whole(0, 23) * HOUR;
  const changeMs = chance.whole(HOUR, END_MS - HOUR);
  const crashes = NASES.filter(() => chance.is(0.5)).map((nas): Crash => {
    const atMs = chance.whole(20 * MINUTE, END_MS - 20 * MINUTE);
    return { nas, atMs, upMs: atMs + chance.whole(30, 300) * 1000 };
  });
  const story = new SessionStory(chance, END_MS, crashes);
  for (const group of groups()) story.tell(group);
  const lw = lightweight(chance, changeMs);
  const customers = new Customers(chance, END_MS, [
    ...groups().flatMap((one) => one.keys.map((key) => ({ key, prefixes: [] }))),
    ...STATIC_KEYS.map((key, i) => ({ key, prefixes: staticsOf(i) })),
    ...lw.homes,
  ]);
  const translators = translatorsOf(chance);
  const translated = translations(chance, translators, story.holdings);
  const deterministic = deterministicActivities(story.holdings, changeMs);
  const activities: Activity[] = [
    ...story.holdings
      .filter((one) => one.group === 'dial' && one.prefix.ip.family === 4)
      .map((one) => plain('dynamic-ipv4', one)),
    ...story.holdings.filter((one) => one.prefix.ip.family === 6).map((one) => plain('ipv6-prefix', one)),
    ...customers.statics,
    ...mapEActivities(story.holdings, changeMs),
    ...lw.behind(customers.statics),
    ...deterministic,
    ...translated.activities,
  ];
  return {
    seed,
    t0,
    truth: new Truth(activities, customers.contracts),
    files: customers.files,
    rules: [...mapERules(chance, t0 + changeMs), ...deterministicRules(t0 + changeMs), ...lw.rules(t0 + changeMs)],
    said: story.said,
    logged: translated.logged,
    translators,
  };
}

// ---------------------------------------------------------------- who is there

const names = (name: string, count: number) => range(count).map((i) => `${name}${i}`);
const STATIC_KEYS = names('static', 8);
const LW_KEYS = names('lw', 10);

function groups(): readonly Group[] {
  const main = { nases: NASES, realm: 'main', meanMs: 50 * MINUTE };
  const v6 = (text: string, count: number) => ({
    slot: 'delegated-ipv6' as const,
    prefixes: range(count).map((i) => prefix(`2001:db8:${text}${i.toString(16).padStart(2, '0')}::/48`)),
  });
  const v4 = (text: string, first: number, count: number) => ({
    slot: 'ipv4' as const,
    prefixes: range(count).map((i) => prefix(`${text}.${first + i}`)),
  });
  const shares = range(4).flatMap((suffix) => range(4).map((psid) => [5 + suffix * 7, 3 + psid * 60] as const));
  const mapE = shares.map(([suffix, psid]) => shareBytes(suffix, psid));
  return [
    { ...main, name: 'dial', keys: names('dial', 24), pools: [v4('198.51.100', 64, 20), v6('10', 22)] },
    {
      ...main,
      name: 'map-e',
      keys: names('mape', 12),
      pools: [{ slot: 'delegated-ipv6', prefixes: mapE.slice(0, 10).map((one) => prefixOf(one, 56)) }],
    },
    // A home that was given a /64 by router advertisement: longer than what the rule derives.
    {
      ...main,
      name: 'map-e',
      keys: names('mapeshort', 5),
      pools: [{ slot: 'framed-ipv6', prefixes: mapE.slice(10, 14).map((one) => prefixOf(one, 64)) }],
    },
    // And one that was given much more: every share of an address.
    {
      ...main,
      name: 'map-e',
      keys: names('mapewide', 3),
      pools: [{ slot: 'delegated-ipv6', prefixes: [60, 61].map((suffix) => prefixOf(shareBytes(suffix, 0), 48)) }],
    },
    { ...main, name: 'deterministic', keys: names('det', 16), pools: [v4('10.70.0', 9, 14)] },
    { ...main, name: 'cgn1', keys: names('cgna', 14), pools: [v4('10.80.0', 1, 12)] },
    // The same inside addresses behind another translator.
    { ...main, nases: ['bng3'], realm: 'vrf2', name: 'cgn2', keys: names('cgnb', 12), pools: [v4('10.80.0', 1, 10)] },
    { ...main, name: 'ds-lite', keys: names('ds', 10), pools: [v6('44', 9)] },
    { ...main, name: 'nat64', keys: names('six', 10), pools: [v6('45', 9)] },
  ];
}

function plain(mechanism: Mechanism, { accessKey, prefix: held, fromMs, toMs }: Holding): Activity {
  return { mechanism, accessKey, prefix: held, fromMs, toMs };
}

function staticsOf(i: number): readonly Prefix[] {
  return [prefix(`203.0.113.${128 + i * 8}/29`), prefix(`2001:db8:57${i.toString(16).padStart(2, '0')}::/56`)];
}

// ---------------------------------------------------------------- MAP-E: 2001:db8:4000::/40, 192.0.2.0/24, 16 EA bits

/** 2001:db8:40SS:PP00:: is the home of PSID PP on 192.0.2.SS. */
function shareBytes(suffix: number, psid: number): Ip {
  const bytes = new Uint8Array(16);
  bytes.set([0x20, 0x01, 0x0d, 0xb8, 0x40, suffix, psid]);
  return { family: 6, bytes };
}

/** Offset a: in each of the blocks of 2^(16−a) ports but the first, the psid-th of 256 equal parts. */
function partsOf(offset: number, psid: number): readonly PortRange[] {
  const block = 2 ** (16 - offset);
  const part = block / 256;
  return range(2 ** offset - 1).map((i) => {
    const low = (i + 1) * block + psid * part;
    return { low, high: low + part - 1 };
  });
}

function mapEActivities(holdings: readonly Holding[], changeMs: number): Activity[] {
  return holdings
    .filter((one) => one.group === 'map-e')
    .flatMap((one) => {
      const [suffix, psid] = [one.prefix.ip.bytes[5]!, one.prefix.ip.bytes[6]!];
      const ports = (offset: number) =>
        one.prefix.length > 48 ? partsOf(offset, psid) : [{ low: 2 ** (16 - offset), high: 65_535 }];
      const base = { mechanism: 'map-e' as const, accessKey: one.accessKey, prefix: prefix(`192.0.2.${suffix}`) };
      return [
        { ...base, ports: ports(6), fromMs: one.fromMs, toMs: Math.min(one.toMs, changeMs) },
        { ...base, ports: ports(4), fromMs: Math.max(one.fromMs, changeMs), toMs: one.toMs },
      ];
    });
}

function mapERules(chance: Chance, changeAt: number): readonly MapERule[] {
  const common = {
    kind: 'map-e' as const,
    realm: 'main',
    insideRealm: 'main',
    ipv6Prefix: prefix('2001:db8:4000::/40'),
    ipv4Prefix: prefix('192.0.2.0/24'),
    eaLength: 16,
  };
  // Some operators write down a change later than it was: a while without a rule.
  const late = chance.is(0.2) ? 10 * MINUTE : 0;
  return [
    { ...common, id: 'map-e-old', psidOffset: 6, layout: 'rfc7597', validToAt: changeAt },
    { ...common, id: 'map-e-new', psidOffset: 4, layout: 'draft-03', validFromAt: changeAt + late },
  ];
}

// ---------------------------------------------------------------- deterministic CGN: 10.70.0.0/27 on 198.51.100.1 and .2, 15 each

const DET_RATIO = 15;
const detSize = (factor: number) => Math.floor((65_536 - 1024) / (DET_RATIO + factor));

function deterministicActivities(holdings: readonly Holding[], changeMs: number): Activity[] {
  return holdings
    .filter((one) => one.group === 'deterministic')
    .flatMap((one) => {
      const host = one.prefix.ip.bytes[3]! - 1;
      const outside = prefix(`198.51.100.${1 + Math.floor(host / DET_RATIO)}`);
      const at = (factor: number) => {
        const low = 1024 + (host % DET_RATIO) * detSize(factor);
        return {
          mechanism: 'deterministic-cgn' as const,
          accessKey: one.accessKey,
          prefix: outside,
          ports: [{ low, high: low + detSize(factor) - 1 }],
        };
      };
      return [
        { ...at(2), fromMs: one.fromMs, toMs: Math.min(one.toMs, changeMs) },
        { ...at(3), fromMs: Math.max(one.fromMs, changeMs), toMs: one.toMs },
      ];
    });
}

function deterministicRules(changeAt: number): readonly DeterministicRule[] {
  const common = {
    kind: 'deterministic-cgn' as const,
    realm: 'main',
    insideRealm: 'main',
    inside: prefix('10.70.0.0/27'),
    insideLength: 32,
    insideHosts: 'usable' as const,
    outside: [prefix('198.51.100.1'), prefix('198.51.100.2')],
    outsideHosts: 'all' as const,
    ratio: DET_RATIO,
    reserved: [{ low: 0, high: 1023 }],
  };
  return [
    { ...common, id: 'cgn-old', dynamicFactor: 2, validToAt: changeAt },
    { ...common, id: 'cgn-new', dynamicFactor: 3, validFromAt: changeAt },
  ];
}

// ---------------------------------------------------------------- lw4o6: 203.0.113.64 and .65, 16 shares each

function lightweight(chance: Chance, changeMs: number) {
  const homes = LW_KEYS.map((key, i) => ({
    key,
    prefixes: [prefix(`2001:db8:46${i.toString(16).padStart(2, '0')}::/56`)],
  }));
  const places = range(32).map((i) => ({ outside: ip(`203.0.113.${64 + (i >> 4)}`), psid: i & 15 }));
  const shuffled = () =>
    places
      .map((one) => ({ one, at: chance.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  const [before, after] = [shuffled(), shuffled()];
  /** Whoever has the prefix in which the softwire ends. */
  const behindAt = (statics: readonly Activity[]) =>
    homes.flatMap(({ prefixes }, i): Activity[] =>
      statics
        .filter((one) => formatPrefix(one.prefix) === formatPrefix(prefixes[0]!))
        .flatMap(({ accessKey, fromMs, toMs }) => {
          const at = ({ outside: address, psid }: (typeof places)[number]) => ({
            mechanism: 'lw4o6' as const,
            accessKey,
            prefix: prefixOf(address),
            ports: [{ low: psid * 4096, high: psid * 4096 + 4095 }],
          });
          return [
            { ...at(before[i]!), fromMs: Math.max(0, fromMs), toMs: Math.min(toMs, changeMs) },
            { ...at(after[i]!), fromMs: Math.max(fromMs, changeMs), toMs },
          ];
        }),
    );
  const table = (id: string, drawn: typeof places, more: Partial<Lw4o6Table>): Lw4o6Table => ({
    kind: 'lw4o6',
    ...{ id, realm: 'main', insideRealm: 'main' },
    entries: homes.map((home, i) => ({
      ipv4: drawn[i]!.outside,
      psid: drawn[i]!.psid,
      psidLength: 4,
      offset: 0,
      b4: b4Of(home.prefixes[0]!),
    })),
    ...more,
  });
  const rules = (changeAt: number) => [
    table('lw-old', before, { validToAt: changeAt }),
    table('lw-new', after, { validFromAt: changeAt }),
  ];
  return { homes, behind: behindAt, rules };
}

/** The softwire of a home ends at ::b4 of its prefix. */
function b4Of(home: Prefix): Ip {
  const bytes = home.ip.bytes.slice();
  bytes[15] = 0xb4;
  return { family: 6, bytes };
}

// ---------------------------------------------------------------- translators with a log

const outside = (text: string, first: number, count: number) => range(count).map((i) => ip(`${text}.${first + i}`));
const BLOCKS = { isNumbered: true, perProtocol: false, tellsSince: false, firstPort: 1024, lastPort: 65_535 };
const translatorsOf = (chance: Chance): readonly Translator[] => [
  {
    ...BLOCKS,
    source: 'cgn-det',
    insideRealm: 'main',
    outside: outside('198.51.100', 1, 2),
    blockSize: 100,
    firstPort: 58_000,
    lastPort: 58_999,
    meanMs: 15 * MINUTE,
    mostPerHost: 2,
  },
  {
    ...BLOCKS,
    source: 'cgn1',
    insideRealm: 'main',
    outside: outside('203.0.113', 1, 1),
    blockSize: 4096,
    meanMs: 40 * MINUTE,
    mostPerHost: 3,
  },
  {
    ...BLOCKS,
    source: 'cgn2',
    insideRealm: 'vrf2',
    outside: outside('203.0.113', 9, 1),
    blockSize: 4096,
    meanMs: 40 * MINUTE,
    mostPerHost: 3,
    // Of vendors that number nothing some repeat what is open, some say since when, some neither.
    perProtocol: chance.is(0.5),
    isNumbered: false,
    ...(chance.is(0.6) ? { interimMs: chance.pick([10, 30]) * MINUTE } : {}),
    tellsSince: chance.is(0.5),
  },
  {
    ...BLOCKS,
    source: 'aftr1',
    insideRealm: 'main',
    outside: outside('203.0.113', 17, 1),
    blockSize: 4096,
    meanMs: 40 * MINUTE,
    mostPerHost: 2,
  },
  {
    ...BLOCKS,
    source: 'nat64a',
    insideRealm: 'main',
    outside: outside('203.0.113', 33, 1),
    blockSize: 1,
    firstPort: 40_000,
    lastPort: 40_024,
    perProtocol: true,
    meanMs: 8 * MINUTE,
    mostPerHost: 4,
  },
];

const BEHIND: Readonly<Record<string, { readonly group: string; readonly mechanism: Mechanism }>> = {
  'cgn-det': { group: 'deterministic', mechanism: 'dynamic-pool' },
  cgn1: { group: 'cgn1', mechanism: 'cgn-log' },
  cgn2: { group: 'cgn2', mechanism: 'cgn-log-unnumbered' },
  aftr1: { group: 'ds-lite', mechanism: 'ds-lite' },
  nat64a: { group: 'nat64', mechanism: 'nat64' },
};

function translations(chance: Chance, translators: readonly Translator[], holdings: readonly Holding[]) {
  const activities: Activity[] = [];
  const logged: Logged[] = [];
  for (const translator of translators) {
    const { group, mechanism } = BEHIND[translator.source]!;
    const homes = holdings.filter((one) => one.group === group);
    const allocations = allocate(
      chance,
      translator,
      homes.flatMap((one) => presenceOf(one, mechanism, chance)),
      END_MS,
    );
    logged.push(...logOf(translator, allocations, END_MS));
    for (const one of allocations) activities.push(...behind(one, mechanism, homes));
  }
  return { activities, logged };
}

function presenceOf(
  { prefix: held, fromMs, toMs }: Holding,
  mechanism: Mechanism,
  chance: Chance,
): readonly Presence[] {
  if (mechanism === 'ds-lite') return [{ inside: b4Of(held), fromMs, toMs }];
  if (mechanism !== 'nat64') return [{ inside: held.ip, fromMs, toMs }];
  return range(2).map(() => ({ inside: addressIn(held, chance), fromMs, toMs }));
}

/** Whoever has the inside address while the allocation lasts. */
function behind(
  { inside, outside: address, ports, protocol, fromMs, toMs }: Allocation,
  mechanism: Mechanism,
  homes: readonly Holding[],
): Activity[] {
  return homes
    .filter(
      (one) =>
        one.fromMs < toMs &&
        one.toMs > fromMs &&
        formatPrefix(prefixOf(inside, one.prefix.length)) === formatPrefix(one.prefix),
    )
    .map((one) => ({
      mechanism,
      accessKey: one.accessKey,
      prefix: prefixOf(address),
      ports: [ports],
      ...(protocol === undefined ? {} : { protocol }),
      fromMs: Math.max(fromMs, one.fromMs),
      toMs: Math.min(toMs, one.toMs),
    }));
}
