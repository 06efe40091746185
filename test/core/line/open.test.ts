import { describe, expect, it } from 'vitest';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import { undisputed } from '../../../src/core/line/open.ts';
import { at, bindingsFrom, reset, said } from './records.ts';

const A = '198.51.100.7';

function holders(records: readonly AccountingRecord[], minute: number, skewMinutes = 0): string[] {
  const clocks = { now: at(minute), skewMsOf: (nas: string) => (nas === 'bng2' ? skewMinutes * 60_000 : 0) };
  return undisputed(bindingsFrom(records, minute), clocks).map((one) => one.accessKey);
}

describe('who holds a prefix at this moment', () => {
  it('is a session whose NAS’s clock is ahead, too: what it says has happened', () => {
    expect(holders([said('start', { key: 'ann', minute: 5, addresses: [A] })], 0)).toEqual(['ann']);
  });

  it('is nobody while two clocks leave open who was last seen there, and the last one as soon as it is certain', () => {
    const before = said('start', { key: 'ann', minute: 0, addresses: [A] });
    const still = said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] });
    // The truth: minute 11, by a clock that is five minutes behind.
    const next = said('start', { key: 'bob', minute: 6, addresses: [A], nas: 'bng2' });
    expect(holders([before, still, next], 11)).toEqual(['ann']);
    expect(holders([before, still, next], 11, 5)).toEqual([]);
    const later = said('interim', { key: 'bob', minute: 16, began: 6, addresses: [A], nas: 'bng2' });
    expect(holders([before, still, next, later], 21, 5)).toEqual(['bob']);
  });

  it('is no question of clocks between two sessions of one NAS, nor after a Stop or an Accounting-On', () => {
    const start = said('start', { key: 'ann', minute: 0, addresses: [A], nas: 'bng2' });
    const handed = said('start', { key: 'bob', minute: 1, addresses: [A], nas: 'bng2', session: 'x' });
    expect(holders([start, handed], 2, 5)).toEqual(['bob']);
    const stop = said('stop', { key: 'ann', minute: 4, began: 0, addresses: [A], nas: 'bng2' });
    const elsewhere = said('start', { key: 'bob', minute: 5, addresses: [A] });
    expect(holders([start, stop, elsewhere], 6, 5)).toEqual(['bob']);
    expect(holders([start, reset(4, 'bng2'), elsewhere], 6, 5)).toEqual(['bob']);
  });
});
