import { describe, expect, test } from 'vitest';
import { LeaseBook, type LeaseSource } from '../../../../src/adapters/sessions/kea/lease-book.ts';
import type { SessionRecord } from '../../../../src/core/line/accounting.ts';
import { formatPrefix, parsePrefix } from '../../../../src/core/net/prefix.ts';
import type { LeaseFact } from '../../../../src/protocols/kea/lease.ts';

const SOURCE: LeaseSource = { name: 'kea1', realm: 'main', accessKey: 'circuit-id', reserved: [] };
const told = (records: readonly SessionRecord[]) =>
  records.map(
    (one) =>
      `${one.status}${one.endUnseen === true ? '?' : ''} ${one.accessKey} ${one.prefixes.map(({ prefix }) => formatPrefix(prefix)).join()} ${one.eventAt} from ${one.startAt}`,
  );

function held(at: number, circuitId: string | undefined, client = 'aa', address = '192.0.2.100'): LeaseFact {
  const prefix = parsePrefix(address)!;
  return {
    kind: 'held',
    at,
    expiresAt: at + 60,
    prefix,
    slot: 'ipv4',
    client,
    ...(circuitId === undefined ? {} : { circuitId }),
  };
}
function gone(at: number, end: 'moment' | 'unseen', client = 'aa'): LeaseFact {
  return { kind: 'gone', at, end, prefix: parsePrefix('192.0.2.100')!, slot: 'ipv4', client };
}

describe('one lease from its first row to its end', () => {
  test('granted, renewed, released: a release that is read as it is written ends it then', () => {
    const book = new LeaseBook(SOURCE);
    expect(told(book.take(held(1_000, 'p1'), undefined))).toEqual(['start p1 192.0.2.100 1000 from 1000']);
    expect(told(book.take(held(1_030, 'p1'), undefined))).toEqual(['interim p1 192.0.2.100 1030 from 1000']);
    expect(told(book.take(gone(1_030, 'unseen'), 1_040))).toEqual(['stop p1 192.0.2.100 1040 from 1000']);
    expect(book.take(gone(1_030, 'unseen'), 1_041)).toEqual([]); // once
  });

  test('a release that is found later ends it some time since it was last heard of', () => {
    const book = new LeaseBook(SOURCE);
    book.take(held(1_000, 'p1'), undefined);
    expect(told(book.take(gone(1_000, 'unseen'), undefined))).toEqual(['stop? p1 192.0.2.100 1000 from 1000']);
  });

  test('nobody released it: it ends when it expires, and the next lease is another session', () => {
    const book = new LeaseBook(SOURCE);
    book.take(held(1_000, 'p1'), undefined);
    expect(book.expired(1_059)).toEqual([]);
    expect(told(book.expired(1_060))).toEqual(['stop p1 192.0.2.100 1060 from 1000']);
    expect(book.expired(2_000)).toEqual([]);
    expect(told(book.take(held(1_100, 'p1'), undefined))).toEqual(['start p1 192.0.2.100 1100 from 1100']);
    expect(told(book.take(held(1_200, 'p1'), undefined))).toEqual([
      'stop p1 192.0.2.100 1160 from 1100',
      'start p1 192.0.2.100 1200 from 1200',
    ]);
    expect(told(book.take(gone(1_260, 'moment'), undefined))).toEqual(['stop p1 192.0.2.100 1260 from 1200']);
  });
});

describe('who it is', () => {
  test('the same device behind another circuit is another line; the time between is nobody’s for sure', () => {
    const book = new LeaseBook(SOURCE);
    book.take(held(1_000, 'p1'), undefined);
    expect(told(book.take(held(1_030, 'p2'), undefined))).toEqual([
      'stop? p1 192.0.2.100 1030 from 1000',
      'start p2 192.0.2.100 1030 from 1030',
    ]);
  });

  test('a lease without the relay’s words names no line, and ends the one that had the address', () => {
    const book = new LeaseBook(SOURCE);
    book.take(held(1_000, 'p1'), undefined);
    expect(told(book.take(held(1_030, undefined, 'bb'), undefined))).toEqual(['stop? p1 192.0.2.100 1030 from 1000']);
    expect(book.counts()).toEqual({ records: 2, 'no-line-id': 1 });
    expect(book.size).toBe(0);
  });

  test('rows read again, and releases of a lease before, change nothing', () => {
    const book = new LeaseBook(SOURCE);
    book.take(held(1_030, 'p1'), undefined);
    expect(book.take(held(1_000, 'p1'), undefined)).toEqual([]);
    expect(book.take(gone(1_000, 'unseen'), undefined)).toEqual([]);
    expect(book.take(gone(1_030, 'unseen', 'bb'), undefined)).toEqual([]);
    expect(book.size).toBe(1);
  });

  test('infrastructure is no line’s, and both words together where a circuit alone is not enough', () => {
    const reserved = new LeaseBook({ ...SOURCE, reserved: [parsePrefix('192.0.2.96/28')!] });
    expect(reserved.take(held(1_000, 'p1'), undefined)).toEqual([]);
    expect(reserved.counts()).toEqual({ 'prefix-refused': 1 });
    const both = new LeaseBook({ ...SOURCE, accessKey: 'remote-id/circuit-id' });
    expect(both.take(held(1_000, 'p1'), undefined)).toEqual([]);
    expect(both.take({ ...held(1_000, 'p1'), remoteId: 'olt7' }, undefined)[0]?.accessKey).toBe('olt7/p1');
  });
});
