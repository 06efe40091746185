// Clocks put right: what moves with them, and what nobody may be hidden by.
import { describe, expect, it } from 'vitest';
import { type ClockCorrection, correctedBinding } from '../../../src/core/line/corrections.ts';
import { mayTouch } from '../../../src/core/line/window.ts';
import { at, bindingsFrom, said } from './records.ts';

const HOUR = 60;
const behind = (from: number, to: number): ClockCorrection => ({
  of: 'nas',
  name: 'bng1',
  offsetMs: HOUR * 60_000,
  fromAt: at(from),
  toAt: at(to),
});
const window = (minute: number) => ({ fromAt: at(minute - 1), toAt: at(minute + 1), deltaMs: 60_000 });
const records = [
  said('start', { key: 'ann', minute: 0, addresses: ['192.0.2.1'] }),
  said('stop', { key: 'ann', minute: 40, began: 0, addresses: ['192.0.2.1'] }),
];

describe('a session whose clock was put right', () => {
  it('moves as a whole', () => {
    const [one] = bindingsFrom(records, 100).map((binding) => correctedBinding([behind(-10, 100)], binding));
    expect(one).toMatchObject({ startAt: at(60), certainEndAt: at(100), endAt: at(100) });
  });

  it('stays in question for all of the time when only its beginning was moved, behind its end', () => {
    const [one] = bindingsFrom(records, 100).map((binding) => correctedBinding([behind(-10, 20)], binding));
    expect([30, 45, 55].map((minute) => mayTouch(one!, window(minute)))).toEqual([false, true, true]);
  });
});
