import { describe, expect, it } from 'vitest';
import { clockOffset, type Lag, withLag } from '../../../src/core/line/nas-clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Plays records one after another; each is [moment of sending, lag]. */
function lagsAfter(records: Iterable<readonly [number, number]>): readonly Lag[] {
  let lags: readonly Lag[] = [];
  for (const [sentAt, lagMs] of records) lags = withLag(lags, { sentAt, lagMs });
  return lags;
}
const every = (stepMs: number, fromMs: number, toMs: number, lagAt: (ms: number) => number) =>
  Array.from({ length: Math.floor((toMs - fromMs) / stepMs) }, (_, i) => {
    const ms = fromMs + i * stepMs;
    return [ms, lagAt(ms)] as const;
  });

describe('the clock of a NAS', () => {
  it('is measured by what most of its records agree on, ahead as well as behind', () => {
    expect(clockOffset(lagsAfter(every(10 * SECOND, 0, MINUTE, () => 301_000)))).toBe(301_000);
    expect(clockOffset(lagsAfter(every(10 * SECOND, 0, MINUTE, (ms) => -45_000 + (ms % 900))))).toBeCloseTo(
      -45_000,
      -3,
    );
  });

  it('is not measured by too few records, or by many that were sent in one go', () => {
    expect(clockOffset(lagsAfter(every(10 * SECOND, 0, 40 * SECOND, () => 301_000)))).toBeUndefined();
    expect(clockOffset(lagsAfter(every(10, 0, 20 * SECOND, () => 301_000)))).toBeUndefined();
  });

  it('is not what a spool adds: an hour of records delivered within half a minute, oldest first', () => {
    const drained = every(100, 3_600_000, 3_630_000, (ms) => (3_630_000 - ms) * 120);
    expect(clockOffset(lagsAfter(drained))).toBeUndefined();
    const before = every(5 * SECOND, 3_500_000, 3_600_000, () => 400);
    expect(clockOffset(lagsAfter([...before, ...drained])) ?? 400).toBeLessThan(SECOND);
  });

  it('is told by the promptest record of each moment while a spool drains beside them', () => {
    const both = every(50, 0, 2 * MINUTE, (ms) => (ms % 1000 === 0 ? 300 : 3_600_000 - ms * 20));
    expect(clockOffset(lagsAfter(both))).toBe(300);
  });

  it('N05: is found off by 301 s within two minutes of being set wrong, by a busy NAS and by one with six records a minute', () => {
    for (const stepMs of [2, 10 * SECOND]) {
      const set = 30 * MINUTE;
      const stream = every(stepMs, set - 5 * MINUTE, set + 2 * MINUTE, (ms) => (ms < set ? 200 : 301_200));
      expect(clockOffset(lagsAfter(stream))).toBe(301_200);
    }
  });

  it('keeps a handful of moments, however many records there are and however they are ordered', () => {
    expect(lagsAfter(every(1, 0, 5 * MINUTE, () => 0)).length).toBeLessThan(50);
    const late = { sentAt: 10, lagMs: 999 };
    const lags = lagsAfter(every(10 * SECOND, 0, MINUTE, () => 0));
    expect(withLag(lags, late)).toBe(lags);
  });
});
