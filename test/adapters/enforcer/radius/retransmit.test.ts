// RFC 5080 §2.2.1, the pace that packets keep, and the rate that people read.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace } from '../../../../src/adapters/enforcer/radius/pace.ts';
import { Rate } from '../../../../src/adapters/enforcer/radius/rate.ts';
import { nextWait, TIMERS } from '../../../../src/adapters/enforcer/radius/retransmit.ts';
import { runs } from '../../../runs.ts';

/** When each transmission of an unanswered request leaves, and when it is given up. */
function schedule(timers: typeof TIMERS, chance: () => number): readonly number[] {
  const atMs = [0];
  let beforeMs: number | undefined;
  for (;;) {
    const elapsedMs = atMs.at(-1)!;
    const before = beforeMs === undefined ? {} : { beforeMs };
    const wait = nextWait(timers, { sent: atMs.length, elapsedMs, ...before, chance: chance() });
    beforeMs = wait.rtMs;
    atMs.push(elapsedMs + wait.ms);
    if (wait.isLast) return atMs;
  }
}

test('without chance: 2, 4 and 8 s apart, given up after 30 s', () => {
  expect(schedule(TIMERS, () => 0.5)).toEqual([0, 2000, 6000, 14_000, 30_000]);
});

test('each wait differs by a tenth at most, none is longer than MRT, and nothing outlasts MRC and MRD', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 }), (chances) => {
      let at = 0;
      const times = schedule(TIMERS, () => chances[at++]!);
      const waits = times.slice(1).map((ms, i) => ms - times[i]!);
      expect(waits[0]).toBeGreaterThanOrEqual(1800);
      expect(waits[0]).toBeLessThanOrEqual(2200);
      expect(Math.max(...waits)).toBeLessThanOrEqual(17_600);
      expect(times.length - 1).toBeLessThanOrEqual(TIMERS.mrc);
      expect(times.at(-1)).toBeCloseTo(TIMERS.mrdMs, 6);
    }),
    { numRuns: runs(300) },
  );
  expect(schedule({ ...TIMERS, mrdMs: 1e9 }, () => 0.5)).toEqual([0, 2000, 6000, 14_000, 30_000, 46_000]);
});

test('a pace lets a twentieth of a second through at once, then so many per second', () => {
  const pace = new Pace(200, 0);
  const sentAt: number[] = [];
  for (let now = 0; now < 2000; now += 1)
    while (pace.waitMs(now) === 0) {
      pace.spend();
      sentAt.push(now);
    }
  expect(sentAt.filter((now) => now === 0)).toHaveLength(10);
  expect(sentAt.length).toBeGreaterThanOrEqual(408);
  expect(sentAt.length).toBeLessThanOrEqual(411);
  expect(new Pace(1, 0).waitMs(0)).toBe(0);
  const slow = new Pace(4, 0);
  slow.spend();
  expect(slow.waitMs(0)).toBe(250);
});

test('a rate is that of the last ten seconds, or since it began', () => {
  const rate = new Rate();
  expect(rate.perSecond(0)).toBe(0);
  for (let now = 50_000; now < 54_000; now += 10) rate.count(now);
  expect(rate.perSecond(54_000)).toBe(100);
  for (let now = 54_000; now < 80_000; now += 100) rate.count(now);
  expect(rate.perSecond(80_000)).toBeCloseTo(10, -1);
  expect(rate.perSecond(90_000)).toBe(0);
  rate.count(100_000);
  expect(rate.perSecond(100_000)).toBe(1);
});
