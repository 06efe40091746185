import { describe, expect, it } from 'vitest';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import { attribute, type Question, type Ranges } from '../../../src/core/line/attribute.ts';
import type { Attribution } from '../../../src/core/line/attribution.ts';
import type { Binding } from '../../../src/core/line/binding.ts';
import type { Line } from '../../../src/core/line/line.ts';
import { at, bindingsFrom, INTERIM_MS, ip, line, linesByKey, prefix, reset, said } from './records.ts';

const A = '198.51.100.7';
const EVERYWHERE: Ranges = { ours: [], infrastructure: [], shared: [] };

interface Asked {
  readonly minute: number;
  readonly address?: string;
  readonly arrived?: number;
  readonly now?: number;
  readonly lines?: readonly Line[];
  readonly ranges?: Partial<Ranges>;
  readonly report?: Partial<Question['report']>;
  readonly skewMs?: number;
}

function ask(bindings: readonly Binding[], asked: Asked): Attribution {
  const now = asked.now ?? asked.arrived ?? 600;
  return attribute({
    report: { ip: ip(asked.address ?? A), observedAt: at(asked.minute), precisionMs: 1000, ...asked.report },
    arrivedAt: at(asked.arrived ?? now),
    holders: { bindings, skewMs: asked.skewMs ?? 0, interimMs: INTERIM_MS },
    lines: linesByKey(...(asked.lines ?? [line('ann'), line('bob')])),
    ranges: { ...EVERYWHERE, ...asked.ranges },
    now: at(now),
  });
}

function short(answer: Attribution): string {
  const names = [...new Set(answer.candidates.map((one) => one.lineId))].join(' ');
  return `${answer.kind} ${answer.reason}${answer.provisional ? ' provisional' : ''} [${names}]`;
}

const session = (key: string, from: number, to: number, more = {}): AccountingRecord[] => [
  said('start', { key, minute: from, addresses: [A], ...more }),
  said('stop', { key, minute: to, began: from, addresses: [A], ...more }),
];
const fixed = (key: string, text: string, more: Partial<Binding> = {}): Binding => ({
  id: `static-${key}`,
  realm: 'main',
  prefix: prefix(text),
  accessKey: key,
  source: 'static',
  startAt: at(0),
  certainEndAt: at(600),
  ...more,
});

describe('attribution', () => {
  it('names the one line whose evidence covers the whole window', () => {
    const answer = ask(bindingsFrom(session('ann', 0, 60), 600), { minute: 30 });
    expect(short(answer)).toBe('unique covered [line-ann]');
    expect(answer.deltaMs).toBe(60_000);
    expect(answer.binding?.accessKey).toBe('ann');
  });

  it('A01: an address reassigned a second before the event is ambiguous, unless the interval covers the skew', () => {
    const records = [...session('ann', 0, 30), ...session('bob', 30 + 1 / 60, 60)];
    const bindings = bindingsFrom(records, 600);
    expect(short(ask(bindings, { minute: 30 + 2 / 60 }))).toBe(
      'ambiguous holder-changed-in-window [line-ann line-bob]',
    );
    expect(short(ask(bindings, { minute: 32 }))).toBe('unique covered [line-bob]');
    expect(short(ask(bindings, { minute: 32, skewMs: 120_000 }))).toMatch(/^ambiguous/);
  });

  it('A02: two sessions that overlap on one address (missed Stop) are ambiguous for all of the overlap', () => {
    const records = [
      ...session('ann', 0, 60),
      said('start', { key: 'bob', minute: 20, addresses: [A] }),
      said('interim', { key: 'bob', minute: 40, began: 20, addresses: [A] }),
    ];
    const bindings = bindingsFrom(records, 600);
    for (const minute of [21, 30, 39, 50]) expect(ask(bindings, { minute }).kind).toBe('ambiguous');
    expect(short(ask(bindings, { minute: 30 }))).toMatch(/\[line-ann line-bob\]$/);
  });

  it('says stale, not the old holder, after a lost Stop', () => {
    const bindings = bindingsFrom([said('start', { key: 'ann', minute: 0, addresses: [A] })], 600);
    expect(short(ask(bindings, { minute: 10 }))).toBe('stale last-evidence-too-old [line-ann]');
    expect(short(ask(bindings, { minute: 90 }))).toBe('stale last-evidence-too-old [line-ann]');
  });

  it('names nobody between the last Interim and Accounting-On', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] }),
      reset(19),
    ];
    expect(short(ask(bindingsFrom(records, 600), { minute: 15 }))).toBe('stale last-evidence-too-old [line-ann]');
    expect(short(ask(bindingsFrom(records, 600), { minute: 5 }))).toBe('unique covered [line-ann]');
    expect(short(ask(bindingsFrom(records, 600), { minute: 25 }))).toBe('none no-holder []');
  });

  it('answers from the open tail as provisional, and no further than two intervals', () => {
    const bindings = bindingsFrom([said('start', { key: 'ann', minute: 0, addresses: [A] })], 12);
    expect(short(ask(bindings, { minute: 11.5, arrived: 12 }))).toBe('unique open-tail provisional [line-ann]');
    const later = bindingsFrom([said('start', { key: 'ann', minute: 0, addresses: [A] })], 20);
    expect(short(ask(later, { minute: 19.5, arrived: 21 }))).toMatch(/^stale/);
  });

  it('A05: a line id reused by a new customer never answers for the customer before', () => {
    const bindings = [fixed('ann', '198.51.100.0/29')];
    const moved = (minute: number) => [line('ann', { epoch: 2, epochStartedAt: at(minute) })];
    expect(short(ask(bindings, { minute: 30, lines: moved(40) }))).toBe('stale previous-customer [line-ann]');
    expect(short(ask(bindings, { minute: 30, lines: moved(30) }))).toBe(
      'ambiguous customer-changed-in-window [line-ann]',
    );
    expect(short(ask(bindings, { minute: 30, lines: moved(20) }))).toBe('unique covered [line-ann]');
    const ended = [line('ann', { contract: 'ended' })];
    expect(short(ask(bindings, { minute: 30, lines: ended }))).toBe('stale contract-ended [line-ann]');
  });

  it('A09: takes the address of a portless or ICMP observation on a shared address for nobody’s', () => {
    const block = (key: string, low: number): Binding => fixed(key, A, { ports: { low, high: low + 999 } });
    const bindings = [block('ann', 4000), block('bob', 5000)];
    const port = (value: number) => ({ report: { port: value, protocol: 'tcp' as const } });
    expect(short(ask(bindings, { minute: 30, ...port(4999) }))).toBe('unique covered [line-ann]');
    expect(short(ask(bindings, { minute: 30, ...port(5000) }))).toBe('unique covered [line-bob]');
    expect(ask(bindings, { minute: 30, ...port(80) }).reason).toBe('port-outside-blocks');
    expect(ask(bindings, { minute: 30 }).reason).toBe('shared-address-without-port');
    expect(ask(bindings, { minute: 30, report: { protocol: 'icmp', port: 4999 } }).kind).toBe('impossible');
    const shared = { ranges: { shared: [prefix('198.51.100.0/24')] } };
    const known = bindingsFrom(session('ann', 0, 60), 600);
    expect(ask(known, { minute: 30, ...shared }).reason).toBe('shared-address-without-port');
    expect(ask(known, { minute: 30, ...shared, ...port(4999) }).kind).toBe('ambiguous');
  });

  it('A03: names the line by the port that accounting gave it, from then until it was taken back, and no other', () => {
    const blocks = [
      said('start', { key: 'ann', minute: 0, blocks: [`${A} 1024-2047`] }),
      said('start', { key: 'bob', minute: 0, blocks: [`${A} 2048-3071`] }),
      said('interim', { key: 'ann', minute: 60, began: 0, blocks: [`-${A} 1024-2047`] }),
      said('interim', { key: 'bob', minute: 60, began: 0, blocks: [`-${A} 2048-3071`, `${A} 1024-2047`] }),
      said('stop', { key: 'bob', minute: 120, began: 0, blocks: [`-${A} 1024-2047`] }),
    ];
    const bindings = bindingsFrom(blocks, 600);
    const asked = (minute: number, port?: number) =>
      short(ask(bindings, { minute, report: { ...(port === undefined ? {} : { port }), protocol: 'tcp' as const } }));
    expect(asked(30, 2047)).toBe('unique covered [line-ann]');
    expect(asked(30, 2048)).toBe('unique covered [line-bob]');
    expect(asked(60, 1500)).toMatch(/^ambiguous/);
    expect(asked(90, 1500)).toBe('unique covered [line-bob]');
    expect(asked(30)).toMatch(/^ambiguous shared-address-without-port/);
    expect(asked(30, 443)).toMatch(/^impossible port-outside-blocks/);
    expect(asked(130, 1500)).toBe('none no-holder []');
  });

  it('never takes the portal, a resolver or a foreign address for a line', () => {
    const bindings = bindingsFrom(session('ann', 0, 60), 600);
    const infrastructure = { infrastructure: [prefix(A)] };
    expect(short(ask(bindings, { minute: 30, ranges: infrastructure }))).toBe('not-ours infrastructure []');
    const ours = { ours: [prefix('203.0.113.0/24')] };
    expect(short(ask(bindings, { minute: 30, ranges: ours }))).toBe('not-ours address-outside-our-ranges []');
  });

  it('attributes IPv6 by the containing prefix, and not at all when a longer prefix inside is another line’s', () => {
    const inside = { address: '2001:db8:aa00:12::5', minute: 30 };
    expect(short(ask([fixed('ann', '2001:db8:aa00::/56')], inside))).toBe('unique covered [line-ann]');
    const both = [fixed('ann', '2001:db8:aa00::/56'), fixed('bob', '2001:db8:aa00:12::/64')];
    expect(short(ask(both, inside))).toBe('ambiguous overlapping-holders [line-ann line-bob]');
    expect(short(ask([fixed('ann', '2001:db8:aa00:13::/64')], inside))).toBe('none no-holder []');
  });

  it('takes ±5 s for static prefixes, ±60 s plus skew for accounting, and a vaguer feed at its word', () => {
    const still = [fixed('ann', A)];
    const dynamic = bindingsFrom(session('ann', 0, 60), 600);
    expect(ask(still, { minute: 30, skewMs: 9000 }).deltaMs).toBe(5000);
    expect(ask(dynamic, { minute: 30, skewMs: 9000 }).deltaMs).toBe(69_000);
    expect(ask(still, { minute: 30, report: { precisionMs: 60_000 } }).deltaMs).toBe(60_000);
    const day = ask(dynamic, { minute: 30, report: { precisionMs: 86_400_000 } });
    expect(day.kind).toBe('ambiguous');
  });

  it('refuses an observation from the future and a binding whose line nobody knows', () => {
    const bindings = bindingsFrom(session('ann', 0, 60), 600);
    expect(short(ask(bindings, { minute: 30, arrived: 20 }))).toBe('impossible observed-in-the-future []');
    expect(short(ask(bindings, { minute: 30, lines: [] }))).toBe('none access-key-unknown []');
  });
});
