import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import type { Binding } from '../../../src/core/line/binding.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { bindingsFrom, named, reset, said, T0 } from './records.ts';

const A = '198.51.100.7';
const B = '198.51.100.8';
const P = '2001:db8:aa00::/56';

function minute(instant: number | undefined): number | undefined {
  return instant === undefined ? undefined : (instant - T0) / 60_000;
}

function told(bindings: readonly Binding[]) {
  return bindings.map((one) => ({
    who: one.accessKey,
    what: one.ports === undefined ? formatPrefix(one.prefix) : `${formatPrefix(one.prefix)} ${one.ports.low}`,
    certain: [minute(one.certainFromAt), minute(one.certainEndAt)],
    end: minute(one.endAt),
    by: one.closedBy,
  }));
}

describe('bindings from accounting records', () => {
  it('closes at the Stop, with evidence up to it', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('stop', { key: 'ann', minute: 30, began: 0, addresses: [A] }),
    ];
    expect(told(bindingsFrom(records, 60))).toEqual([{ who: 'ann', what: A, certain: [0, 30], end: 30, by: 'stop' }]);
  });

  it('ends an address handed to a neighbour with the Stop lost at the last evidence; the span between is nobody’s', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] }),
      said('start', { key: 'bob', minute: 17, addresses: [A] }),
    ];
    expect(told(bindingsFrom(records, 18))).toEqual([
      { who: 'ann', what: A, certain: [0, 10], end: 17, by: 'superseded' },
      { who: 'bob', what: A, certain: [17, 17], end: undefined, by: undefined },
    ]);
  });

  it('keeps a re-dial apart: two sessions of one line, the first closed', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A], session: 'one' }),
      said('start', { key: 'ann', minute: 5, addresses: [B], session: 'two' }),
      said('stop', { key: 'ann', minute: 5, began: 0, addresses: [A], session: 'one' }),
    ];
    expect(told(bindingsFrom(records, 6))).toEqual([
      { who: 'ann', what: A, certain: [0, 5], end: 5, by: 'stop' },
      { who: 'ann', what: B, certain: [5, 5], end: undefined, by: undefined },
    ]);
  });

  it('knows a prefix that comes only in an Interim from then on, and ends it with a Stop that does not name it', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 1, began: 0, addresses: [P] }),
      said('stop', { key: 'ann', minute: 9, began: 0, addresses: [A] }),
    ];
    const prefix = told(bindingsFrom(records, 10)).find((one) => one.what === P);
    expect(prefix).toEqual({ who: 'ann', what: P, certain: [1, 1], end: 9, by: 'stop' });
  });

  it('takes the time between the last Interim and Accounting-On as unknown', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] }),
      reset(19),
      said('start', { key: 'eve', minute: 3, addresses: [B], nas: 'bng2' }),
    ];
    expect(told(bindingsFrom(records, 20))).toEqual([
      { who: 'ann', what: A, certain: [0, 10], end: 19, by: 'nas-reset' },
      { who: 'eve', what: B, certain: [3, 3], end: undefined, by: undefined },
    ]);
  });

  it('never stretches an open session past two interim intervals', () => {
    const records = [said('start', { key: 'ann', minute: 0, addresses: [A] })];
    expect(told(bindingsFrom(records, 20))[0]).toMatchObject({ end: undefined });
    expect(told(bindingsFrom(records, 21))[0]).toMatchObject({ certain: [0, 0], end: 20, by: 'timeout' });
  });

  it('lets an address that changed inside the session go when the new one is named', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A, P] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [B, P] }),
    ];
    expect(told(bindingsFrom(records, 11))).toEqual([
      { who: 'ann', what: A, certain: [0, 0], end: 10, by: 'superseded' },
      { who: 'ann', what: B, certain: [10, 10], end: undefined, by: undefined },
      { who: 'ann', what: P, certain: [0, 10], end: undefined, by: undefined },
    ]);
  });

  it('does not take two prefixes named together for a move', () => {
    const both = [named(P), named('2001:db8:bb00::/56')];
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: both }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: both }),
    ];
    expect(told(bindingsFrom(records, 11)).map((one) => one.end)).toEqual([undefined, undefined]);
  });

  it('lets go of one of several prefixes when a later record names the others and not it', () => {
    const [p, q] = [named(P), named('2001:db8:bb00::/56')];
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A, p, q] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A, p, q] }),
      said('interim', { key: 'ann', minute: 20, began: 0, addresses: [A, q] }),
    ];
    expect(told(bindingsFrom(records, 21))).toEqual([
      { who: 'ann', what: A, certain: [0, 20], end: undefined, by: undefined },
      { who: 'ann', what: P, certain: [0, 10], end: 20, by: 'superseded' },
      { who: 'ann', what: '2001:db8:bb00::/56', certain: [0, 20], end: undefined, by: undefined },
    ]);
    const later = said('interim', { key: 'ann', minute: 300, began: 0, addresses: [A, q] });
    expect(told(bindingsFrom([...records, later], 301))[1]).toMatchObject({ what: P, certain: [0, 10], end: 30 });
  });

  it('takes a prefix that joins a session in an Interim beside the one it has, and neither for a move', () => {
    const [p, q] = [named(P), named('2001:db8:bb00::/56')];
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [p] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [p, q] }),
      said('interim', { key: 'ann', minute: 20, began: 0, addresses: [p, q] }),
    ];
    expect(told(bindingsFrom(records, 21))).toEqual([
      { who: 'ann', what: P, certain: [0, 20], end: undefined, by: undefined },
      { who: 'ann', what: '2001:db8:bb00::/56', certain: [10, 20], end: undefined, by: undefined },
    ]);
  });

  it('lets the IPv4 address of a session run out by itself when records name IPv6 alone', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A, P] }),
      ...[10, 20, 30].map((minute) => said('interim', { key: 'ann', minute, began: 0, addresses: [P] })),
    ];
    expect(told(bindingsFrom(records, 31))).toEqual([
      { who: 'ann', what: A, certain: [0, 0], end: 20, by: 'timeout' },
      { who: 'ann', what: P, certain: [0, 30], end: undefined, by: undefined },
    ]);
  });

  it('ends a session with the Stop that a NAS sends after its own crash, but takes it for no evidence up to then', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] }),
      said('stop', { key: 'ann', minute: 18, began: 0, addresses: [A], endUnseen: true }),
    ];
    expect(told(bindingsFrom(records, 19))).toEqual([{ who: 'ann', what: A, certain: [0, 10], end: 18, by: 'stop' }]);
  });

  it('A07: takes a Start sent twice for one, and another user under the same Acct-Session-Id for another session', () => {
    const start = said('start', { key: 'ann', minute: 0, addresses: [A], session: '00000001' });
    expect(told(bindingsFrom([start, start], 1))).toHaveLength(1);
    const records = [start, reset(5), said('start', { key: 'bob', minute: 6, addresses: [B], session: '00000001' })];
    expect(told(bindingsFrom(records, 7))).toEqual([
      { who: 'ann', what: A, certain: [0, 0], end: 5, by: 'nas-reset' },
      { who: 'bob', what: B, certain: [6, 6], end: undefined, by: undefined },
    ]);
  });

  it('keeps what a line had on one NAS beside what it begins on another, until the lost Stop is certain', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: [A] }),
      said('start', { key: 'ann', minute: 5, addresses: [B], nas: 'bng2', session: 'x' }),
      said('interim', { key: 'ann', minute: 15, began: 5, addresses: [B], nas: 'bng2', session: 'x' }),
    ];
    expect(told(bindingsFrom(records, 19)).map((one) => [one.what, one.end])).toEqual([
      [A, undefined],
      [B, undefined],
    ]);
    expect(told(bindingsFrom(records, 21))[0]).toMatchObject({ what: A, certain: [0, 0], end: 20, by: 'timeout' });
  });

  it('keeps the port blocks of a shared address apart, each from when it was given to when it was taken back', () => {
    const inner = ['100.64.0.7'];
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: inner, blocks: ['192.0.2.1 1024-2047'] }),
      said('start', { key: 'bob', minute: 1, addresses: ['100.64.0.8'], blocks: ['192.0.2.1 2048-3071'] }),
      said('interim', { key: 'ann', minute: 9, began: 0, addresses: inner, blocks: ['-192.0.2.1 1024-2047'] }),
      said('interim', { key: 'cid', minute: 9.5, addresses: ['100.64.0.9'], blocks: ['192.0.2.1 1024-2047'] }),
      said('stop', { key: 'bob', minute: 12, began: 1, addresses: ['100.64.0.8'] }),
    ];
    expect(told(bindingsFrom(records, 13)).filter((one) => one.what.startsWith('192.0.2.1'))).toEqual([
      { who: 'ann', what: '192.0.2.1 1024', certain: [0, 9], end: 9, by: 'stop' },
      { who: 'bob', what: '192.0.2.1 2048', certain: [1, 1], end: 12, by: 'stop' },
      { who: 'cid', what: '192.0.2.1 1024', certain: [9.5, 9.5], end: undefined, by: undefined },
    ]);
  });

  it('has a block end with a later one over the same ports when nobody said that it was given back', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, blocks: ['192.0.2.1 1024-2047'] }),
      said('start', { key: 'bob', minute: 15, blocks: ['192.0.2.1 2000-2999'] }),
      said('start', { key: 'cid', minute: 15, blocks: ['192.0.2.1 3000-3999'] }),
    ];
    expect(told(bindingsFrom(records, 16))[0]).toMatchObject({
      who: 'ann',
      certain: [0, 0],
      end: 15,
      by: 'superseded',
    });
  });

  it('is not certain of a block between giving it back and being given it again', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, blocks: ['192.0.2.1 1024-2047'] }),
      said('interim', { key: 'ann', minute: 5, began: 0, blocks: ['-192.0.2.1 1024-2047'] }),
      said('interim', { key: 'ann', minute: 9, began: 0, blocks: ['192.0.2.1 1024-2047'] }),
    ];
    expect(told(bindingsFrom(records, 10)).map((one) => one.certain)).toEqual([
      [0, 0],
      [9, 9],
    ]);
  });

  it('never takes the whole of an address for the session’s that was given ports of it', () => {
    const records = [
      said('start', { key: 'ann', minute: 0, addresses: ['192.0.2.1'], blocks: ['192.0.2.1 1024-2047'] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: ['192.0.2.1'] }),
    ];
    expect(told(bindingsFrom(records, 11)).map((one) => one.what)).toEqual(['192.0.2.1 1024']);
  });

  it('dates an Interim without Start by its Session-Time as possible, and as certain only from itself', () => {
    const [binding] = bindingsFrom([said('interim', { key: 'ann', minute: 30, began: 0, addresses: [A] })], 31);
    expect([minute(binding!.startAt), minute(binding!.certainFromAt)]).toEqual([0, 30]);
  });

  it('A07: tells a reused Acct-Session-Id from the session before, by its start', () => {
    const records = [
      said('stop', { key: 'ann', minute: 10, began: 0, addresses: [A], session: '00000001' }),
      said('start', { key: 'ann', minute: 60, addresses: [A], session: '00000001' }),
    ];
    expect(told(bindingsFrom(records, 61))).toEqual([
      { who: 'ann', what: A, certain: [10, 10], end: 10, by: 'stop' },
      { who: 'ann', what: A, certain: [60, 60], end: undefined, by: undefined },
    ]);
  });

  it('A07: Start lost, Stop first, Interims late and doubled give what the right order gives', () => {
    const records: AccountingRecord[] = [
      said('start', { key: 'ann', minute: 0, addresses: [A, P] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 20, addresses: [B] }),
      said('stop', { key: 'ann', minute: 25, began: 0 }),
      said('start', { key: 'bob', minute: 22, addresses: [A], nas: 'bng2' }),
      said('interim', { key: 'bob', minute: 32, began: 22, addresses: [A], nas: 'bng2' }),
      said('start', { key: 'bob', minute: 40, addresses: [A], session: 's-bob', nas: 'bng2' }),
      said('start', { key: 'cid', minute: 2, addresses: [P, '2001:db8:bb00::/56'], session: 's-ann' }),
      said('interim', { key: 'cid', minute: 12, began: 2, addresses: ['2001:db8:bb00::/56'], session: 's-ann' }),
      said('stop', { key: 'cid', minute: 37, began: 2, session: 's-ann', endUnseen: true }),
      reset(35, 'bng2'),
      reset(36),
    ];
    const expected = told(bindingsFrom(records, 45));
    const doubled = [...records, ...records];
    fc.assert(
      fc.property(fc.shuffledSubarray(doubled, { minLength: doubled.length, maxLength: doubled.length }), (order) => {
        expect(told(bindingsFrom(order, 45))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
