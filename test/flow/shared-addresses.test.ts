// Two steps from a shared address to a line, over the real stores: who is named, and above all who is not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SqliteBindings } from '../../src/adapters/store/sqlite/bindings.ts';
import { Database } from '../../src/adapters/store/sqlite/database.ts';
import { migrate } from '../../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../src/adapters/store/sqlite/migrations.ts';
import { SqliteTranslations } from '../../src/adapters/store/sqlite/translations.ts';

import type { AccountingRecord } from '../../src/core/line/accounting.ts';
import type { Ranges } from '../../src/core/line/attribute.ts';
import type { ClockCorrection } from '../../src/core/line/corrections.ts';
import type { SharingRule } from '../../src/core/line/sharing/rules.ts';
import type { CoverageSpan, TranslationEvent } from '../../src/core/line/translation.ts';
import type { Report } from '../../src/core/report/report.ts';
import { Attributor, insideOf } from '../../src/flow/attribute.ts';
import { outcomeOf } from '../../src/flow/outcome.ts';
import { at, INTERIM_MS, ip, line, named, prefix, reset, said } from '../core/line/records.ts';

const OUTSIDE = '192.0.2.1';
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface World {
  readonly records?: readonly AccountingRecord[];
  readonly log?: readonly TranslationEvent[];
  /** Without it: as long as the world lasts. */
  readonly heard?: readonly CoverageSpan[];
  readonly rules?: readonly SharingRule[];
  readonly now?: number;
  readonly unknown?: readonly string[];
  /** How far the translator's clock may be off, and the NAS's, ms. */
  readonly skewMs?: number;
  readonly nasSkewMs?: number;
  readonly interimMs?: number;
  readonly ranges?: Ranges;
  readonly corrections?: readonly ClockCorrection[];
}

async function attributor(world: World): Promise<Attributor> {
  const path = mkdtempSync(join(tmpdir(), 'engawa-two-steps-'));
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  const database = Database.open(join(path, 'store.db'));
  migrate(database, MIGRATIONS);
  undo.push(() => database.close());
  const clock = { now: () => at(world.now ?? 120) };
  const interim = { of: () => INTERIM_MS, widestMs: INTERIM_MS };
  const bindings = new SqliteBindings({ database, clock, interim, reserved: [], retentionDays: 30 });
  const { skewMs = 0, nasSkewMs = 0, interimMs } = world;
  const sourceOf = () => ({ skewMs, ...(interimMs === undefined ? {} : { interimMs }) });
  const translations = new SqliteTranslations({ database, clock, sourceOf, retentionDays: 30 });
  await bindings.record(world.records ?? []);
  await translations.record({
    events: world.log ?? [],
    heard: world.heard ?? [{ source: 'cgn1', fromAt: at(0), toAt: at(120) }],
  });
  return new Attributor({
    store: {
      line: async () => undefined,
      lineByAccessKey: async (key) =>
        world.unknown?.includes(key) === true || key.startsWith('?') ? undefined : line(key),
      evidenceFile: async () => undefined,
    },
    bindings,
    translations,
    sharing: () => ({ version: 'test', rules: world.rules ?? [] }),
    leastSkewMsOf: () => nasSkewMs,
    clock,
    ranges: world.ranges ?? { ours: [], infrastructure: [], shared: [prefix('192.0.2.0/24')] },
    corrections: () => world.corrections ?? [],
    realm: 'main',
  });
}

function report(minute: number, more: Partial<Report> = {}): Report {
  return {
    id: 'r1',
    source: 'honeypot',
    type: 'api',
    class: 'attack-handshake',
    mayAct: true,
    family: 'mirai',
    ip: ip(OUTSIDE),
    port: 1100,
    protocol: 'tcp',
    observedAt: at(minute),
    precisionMs: 1000,
    extra: {},
    evidence: { hash: 'h', line: 1 },
    ...more,
  };
}

async function answer(world: World, asked: Report): Promise<string> {
  const { attribution, line: named_ } = await (await attributor(world)).attribute(asked);
  return [attribution.kind, attribution.reason, named_?.id].filter((one) => one !== undefined).join(' ');
}

function log(kind: TranslationEvent['kind'], inside: string, minute: number, ports = [1024, 2047]): TranslationEvent {
  return {
    source: 'cgn1',
    kind,
    at: at(minute),
    realm: 'main',
    outside: ip(OUTSIDE),
    ports: { low: ports[0]!, high: ports[1]! },
    inside: { realm: 'main', ip: ip(inside) },
  };
}

const home = (key: string, address: string, from = 0, to = 120) => [
  said('start', { key, minute: from, addresses: [address.includes('/') ? named(address) : address] }),
  ...Array.from({ length: Math.floor((to - from) / 10) }, (_, i) =>
    said('interim', {
      key,
      minute: from + 10 * (i + 1),
      began: from,
      addresses: [address.includes('/') ? named(address) : address],
    }),
  ),
];

const CGN: World = {
  records: [...home('ann', '100.64.0.1'), ...home('bob', '100.64.0.2')],
  log: [
    log('allocated', '100.64.0.1', 5),
    log('released', '100.64.0.1', 60),
    log('allocated', '100.64.0.2', 5, [2048, 3071]),
    log('released', '100.64.0.2', 100, [2048, 3071]),
  ],
};

describe('a CGN’s port block', () => {
  it('leads over the inside address to the line, and the other block of the same address to the neighbour', async () => {
    expect(await answer(CGN, report(30))).toBe('unique covered line-ann');
    expect(await answer(CGN, report(30, { port: 2048 }))).toBe('unique covered line-bob');
  });

  it('A03: without a port, with ICMP, outside every block, at the edge of the block’s time: nobody', async () => {
    const { port: _port, ...portless } = report(30);
    expect(await answer(CGN, portless)).toBe('ambiguous shared-address-without-port');
    expect(await answer(CGN, report(30, { protocol: 'icmp' }))).toBe('impossible shared-address-icmp');
    expect(await answer(CGN, report(30, { port: 4000 }))).toBe('none no-translation');
    expect(await answer(CGN, report(5))).toBe('ambiguous holder-began-in-window');
    expect(await answer(CGN, report(60))).toBe('ambiguous holder-ended-in-window');
  });

  it('answers about a moment ago from what is open, however far the clocks of translator and NAS may be off', async () => {
    const open = { records: home('ann', '100.64.0.1'), interimMs: INTERIM_MS, now: 120.1 };
    const live = { ...open, log: [log('allocated', '100.64.0.1', 5), log('in-use', '100.64.0.1', 119)] };
    for (const skews of [{}, { skewMs: 1000 }, { nasSkewMs: 2000 }, { skewMs: 1000, nasSkewMs: 2000 }])
      expect(await answer({ ...live, ...skews }, report(120)), JSON.stringify(skews)).toBe('unique open-tail line-ann');
  });

  it('names nobody without the protocol, where the translator gives ports for each protocol apart', async () => {
    const only = (protocol: 'tcp' | 'udp') => CGN.log!.map((one) => ({ ...one, protocol }));
    const { protocol: _protocol, ...bare } = report(30);
    expect(await answer({ ...CGN, log: only('tcp') }, bare)).toBe('ambiguous shared-address-without-protocol');
    expect(await answer({ ...CGN, log: only('tcp') }, report(30))).toBe('unique covered line-ann');
    expect(await answer(CGN, bare)).toBe('unique covered line-ann');
  });

  it('names nobody while the inside address is nobody’s we know', async () => {
    expect(await answer({ ...CGN, records: home('bob', '100.64.0.2') }, report(30))).toBe('none inside-holder-unknown');
    expect(await answer({ ...CGN, unknown: ['ann'] }, report(30))).toBe('none access-key-unknown');
  });

  it('names nobody when the inside address changed hands in the window, though the block did not', async () => {
    const records = [
      ...home('ann', '100.64.0.1', 0, 20),
      said('stop', { key: 'ann', minute: 30, began: 0, addresses: ['100.64.0.1'] }),
      ...home('eve', '100.64.0.1', 30),
    ];
    expect(await answer({ ...CGN, records }, report(30))).toBe('ambiguous overlapping-holders');
    expect(await answer({ ...CGN, records }, report(35))).toBe('unique covered line-eve');
    expect(await answer({ ...CGN, records }, report(25))).toBe('unique covered line-ann');
  });

  it('names nobody beside a block whose inside holder is not known any more, when the protocol does not tell them apart', async () => {
    const perProtocol = [
      { ...log('allocated', '100.64.0.1', 5), protocol: 'tcp' as const },
      { ...log('released', '100.64.0.1', 100), protocol: 'tcp' as const },
      { ...log('allocated', '100.64.0.9', 5), protocol: 'udp' as const },
      { ...log('released', '100.64.0.9', 100), protocol: 'udp' as const },
    ];
    const { protocol: _protocol, ...asked } = report(60);
    const gone = [said('start', { key: 'old', minute: 0, addresses: ['100.64.0.9'] })];
    const records = [...CGN.records!, ...gone];
    expect(await answer({ ...CGN, records, log: perProtocol }, asked)).toMatch(/^ambiguous/);
    expect(await answer({ ...CGN, records, log: perProtocol }, report(60, { protocol: 'udp' }))).toMatch(/^stale/);
    expect(await answer({ ...CGN, records, log: perProtocol }, report(60))).toBe('unique covered line-ann');
  });

  it('answers for an open block only as far as its source was heard', async () => {
    const open = { ...CGN, log: [log('allocated', '100.64.0.1', 5)] };
    expect(await answer({ ...open, heard: [] }, report(60))).toBe('stale last-evidence-too-old');
    const heard = [{ source: 'cgn1', fromAt: at(0), toAt: at(90) }];
    expect(await answer({ ...open, heard }, report(60))).toBe('unique open-tail line-ann');
    expect(await answer({ ...open, heard }, report(95))).toBe('stale last-evidence-too-old');
  });

  it('keeps for the record what stood behind the port', async () => {
    const asked = report(30);
    const found = await (await attributor(CGN)).attribute(asked);
    const outcome = outcomeOf(asked, found, { kind: 'none', reason: 'x', trace: [] } as never);
    expect(insideOf(outcome)).toEqual([prefix('100.64.0.1')]);
  });
});

describe('an AFTR’s log', () => {
  it('leads over the B4’s address to whoever holds the prefix around it', async () => {
    const world: World = {
      records: [...home('ann', '2001:db8:100:100::/56'), ...home('bob', '2001:db8:100:200::/56')],
      log: [log('allocated', '2001:db8:100:1ab::1', 5), log('released', '2001:db8:100:1ab::1', 60)],
    };
    expect(await answer(world, report(30))).toBe('unique covered line-ann');
  });
});

const MAP_E: SharingRule = {
  kind: 'map-e',
  id: 'map-1',
  realm: 'main',
  insideRealm: 'main',
  ipv6Prefix: prefix('2001:db8::/40'),
  ipv4Prefix: prefix('192.0.2.0/24'),
  eaLength: 16,
  psidOffset: 6,
  layout: 'rfc7597',
} as SharingRule;

describe('a MAP-E rule', () => {
  const asked = report(30, { ip: ip('192.0.2.18'), port: 1232 });
  const world: World = {
    records: [...home('ann', '2001:db8:12:3400::/56'), ...home('bob', '2001:db8:12:3500::/56')],
    rules: [MAP_E],
  };

  it('leads by arithmetic to the prefix and from there to the line (RFC 7597 appendix A)', async () => {
    expect(await answer(world, asked)).toBe('unique covered line-ann');
    expect(await answer(world, { ...asked, port: 1236 })).toBe('unique covered line-bob');
  });

  it('finds a line that holds more than the rule derives, and one that holds less', async () => {
    expect(await answer({ ...world, records: home('ann', '2001:db8:12::/48') }, asked)).toBe('unique covered line-ann');
    expect(await answer({ ...world, records: home('ann', '2001:db8:12:3401::/64') }, asked)).toBe(
      'unique covered line-ann',
    );
  });

  it('names nobody where several lines hold parts of the derived prefix', async () => {
    const records = [...home('ann', '2001:db8:12:3401::/64'), ...home('bob', '2001:db8:12:3402::/64')];
    expect(await answer({ ...world, records }, asked)).toMatch(/^ambiguous/);
  });

  it('calls a port that nobody can have impossible, and never rounds', async () => {
    expect(await answer(world, { ...asked, port: 1023 })).toBe('impossible port-excluded');
  });

  it('names nobody when the rule changed inside the window, and goes by the rule of the time otherwise', async () => {
    const rules = [
      { ...MAP_E, id: 'old', validToAt: at(30) },
      { ...MAP_E, id: 'new', validFromAt: at(30), ipv6Prefix: prefix('2001:db8:8000::/40') },
    ] as SharingRule[];
    const records = [...home('ann', '2001:db8:12:3400::/56'), ...home('eve', '2001:db8:8012:3400::/56')];
    expect(await answer({ records, rules }, { ...asked, observedAt: at(30) })).toMatch(/^ambiguous/);
    expect(await answer({ records, rules }, { ...asked, observedAt: at(25) })).toBe('unique covered line-ann');
    expect(await answer({ records, rules }, { ...asked, observedAt: at(40) })).toBe('unique covered line-eve');
  });

  it('shares nothing before it holds: until then the address is whose records say', async () => {
    const records = home('ann', '192.0.2.18');
    const rules = [{ ...MAP_E, validFromAt: at(36) } as SharingRule];
    const ranges = { ours: [], infrastructure: [], shared: [] };
    expect(await answer({ records, rules, ranges }, asked)).toBe('unique covered line-ann');
    expect(await answer({ records, rules, ranges }, { ...asked, observedAt: at(36) })).toMatch(/^ambiguous/);
    // A NAS's clock may have shown any moment of these.
    expect(await answer({ records, rules, ranges, nasSkewMs: 6 * 60_000 }, asked)).toMatch(/^ambiguous/);
    // Who is looked for further off, since some clock was put right, is not who had it then.
    const corrections = [{ of: 'feed', name: 'other', offsetMs: 86_400_000, fromAt: at(0), toAt: at(1) }] as const;
    const tomorrow = [{ ...MAP_E, validFromAt: at(700) } as SharingRule];
    expect(await answer({ records, rules: tomorrow, ranges, corrections }, asked)).toBe('unique covered line-ann');
  });

  it('stays stale when the inner evidence is old, whatever the rule', async () => {
    const records = home('ann', '2001:db8:12:3400::/56', 0, 20);
    expect(await answer({ ...world, records, now: 24 * 60 }, { ...asked, observedAt: at(60) })).toMatch(/^stale/);
  });
});

describe('a row that tells of several observations', () => {
  const records = [
    ...home('ann', '198.51.100.7', 0, 30),
    said('stop', { key: 'ann', minute: 40, began: 0, addresses: ['198.51.100.7'] }),
    ...home('bob', '198.51.100.7', 45),
  ];
  const asked = report(10, { ip: ip('198.51.100.7') });

  it('is one line’s only when both ends are', async () => {
    expect(await answer({ records }, { ...asked, untilAt: at(25) })).toBe('unique covered line-ann');
    expect(await answer({ records }, { ...asked, untilAt: at(60) })).toBe('ambiguous holder-changed-meanwhile');
    expect(await answer({ records }, { ...asked, untilAt: at(43) })).not.toMatch(/^unique/);
  });
});

describe('what a later record leaves of an earlier answer', () => {
  const standing = async (records: readonly AccountingRecord[], minute: number) =>
    (await attributor({ records })).standing(report(minute, { ip: ip('198.51.100.7') }), 'line-ann', undefined);
  const address = { addresses: ['198.51.100.7'] };
  const before = home('ann', '198.51.100.7', 0, 30);

  it('stands when the line hung up and dialled again right after it', async () => {
    const again = [
      said('stop', { key: 'ann', minute: 30.6, began: 0, ...address }),
      said('start', { key: 'ann', session: 's2', minute: 30.7, ...address }),
    ];
    expect(await standing([...before, ...again], 30.4)).toBe('stands');
  });

  it('is unclear, not withdrawn, when the NAS restarted right after it', async () => {
    expect(await standing([...before, reset(31)], 30.5)).toBe('unclear');
  });

  it('is withdrawn when the session ended between the two ends of a row', async () => {
    const ended = said('stop', { key: 'ann', minute: 31, began: 0, ...address });
    const row = report(25, { ip: ip('198.51.100.7'), untilAt: at(40) });
    const asked = await attributor({ records: [...before, ended] });
    expect(await asked.standing(row, 'line-ann', undefined)).toBe('ended');
  });

  it('is withdrawn when the session had ended before it', async () => {
    expect(await standing([...before, said('stop', { key: 'ann', minute: 31, began: 0, ...address })], 31.5)).toBe(
      'ended',
    );
    expect(await standing([...before, said('stop', { key: 'ann', minute: 31, began: 0, ...address })], 40)).toBe(
      'ended',
    );
  });
});

describe('a NAS’s clock put right by a person', () => {
  const place = { addresses: ['198.51.100.7'] };
  const bob = [
    said('start', { key: 'bob', nas: 'bng2', minute: 0, ...place }),
    said('interim', { key: 'bob', nas: 'bng2', minute: 120, began: 0, ...place }),
  ];
  const ann = (from: number) => [
    said('start', { key: 'ann', minute: from, ...place }),
    said('interim', { key: 'ann', minute: from + 20, began: from, ...place }),
  ];
  const ranges = { ours: [], infrastructure: [], shared: [] };
  const corrections = [{ of: 'nas', name: 'bng1', offsetMs: 3_600_000, fromAt: at(-100), toAt: at(200) }] as const;
  const asked = report(75, { ip: ip('198.51.100.7') });

  it('names nobody whom records told right would not name', async () => {
    expect(await answer({ records: [...bob, ...ann(30)], ranges }, asked)).toMatch(/^ambiguous/);
    expect(await answer({ records: [...bob, ...ann(-30)], ranges, corrections }, asked)).toMatch(/^ambiguous/);
    expect(await answer({ records: bob, ranges, corrections }, asked)).toBe('unique covered line-bob');
  });
});
