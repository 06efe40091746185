import { expect, test } from 'vitest';
import { isChronySynchronised, SystemClock } from '../../../src/adapters/system/clock.ts';
import { systemIds, timeOrderedId } from '../../../src/adapters/system/ids.ts';
import { parseCheckCode, showCheckCode } from '../../../src/core/casefile/check-code.ts';
import type { Seen } from '../../../src/flow/ports.ts';

test('C06: a step of the wall clock against monotonic time is a jump until an engineer confirms it; slewing is not', async () => {
  let [wall, monotonic] = [1_000_000, 0];
  const clock = new SystemClock({
    source: 'chrony',
    wall: () => wall,
    monotonic: () => monotonic,
    synchronised: async () => true,
  });
  await clock.check();
  for (let i = 0; i < 100; i++) {
    monotonic += 1000;
    wall += 1001;
    expect(clock.status()).toEqual({ state: 'synchronised', jumped: false });
  }
  wall += 86_400_000;
  expect(clock.status().jumped).toBe(true);
  wall -= 86_400_000;
  expect(clock.status().jumped, 'a jump back does not clear it').toBe(true);
  await clock.confirm();
  expect(clock.status().jumped).toBe(false);
});

test('a clock nobody can vouch for is unsynchronised, and «assumed» is never shown as synchronised', async () => {
  const failing = new SystemClock({ source: 'chrony', synchronised: () => Promise.reject(new Error('no chronyc')) });
  await failing.check();
  expect(failing.status().state).toBe('unsynchronised');
  expect(new SystemClock({ source: 'assumed' }).status().state).toBe('assumed');
  expect(
    isChronySynchronised('C0000201,192.0.2.1,3,1700000000.1,0.000001,0.0,0.0,1.5,0.0,0.01,0.01,0.001,64.0,Normal\n'),
  ).toBe(true);
  expect(isChronySynchronised('7F7F0101,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n')).toBe(false);
  expect(isChronySynchronised('')).toBe(false);
});

test('ids sort by time; check codes are said and typed in any common form', () => {
  expect(timeOrderedId(1, new Uint8Array(10).fill(255)) < timeOrderedId(2, new Uint8Array(10))).toBe(true);
  expect(systemIds.id()).toHaveLength(26);
  const code = systemIds.checkCode();
  expect(parseCheckCode(` ${showCheckCode(code).toLowerCase()} `)).toBe(code);
  expect(parseCheckCode('ilo0-o1iL')).toBe('11000111');
  expect(parseCheckCode('ABCD-EF1')).toBeUndefined();
  expect(parseCheckCode('ABCDEFGU')).toBeUndefined();
});

test('C06: a start before the last sure instant, or more than seven days after it, is a jump until it is confirmed', async () => {
  const DAY = 86_400_000;
  let seen: Seen | undefined;
  const lastSeen = {
    read: async () => seen,
    write: async (now: Seen) => {
      seen = now;
    },
  };
  const start = async (wall: number, synchronised = true) => {
    const clock = new SystemClock({
      source: 'chrony',
      lastSeen,
      wall: () => wall,
      monotonic: () => 0,
      synchronised: async () => synchronised,
    });
    await clock.start();
    clock.stop();
    return clock;
  };
  const fresh = await start(100 * DAY);
  expect(fresh.status().jumped, 'a fresh installation').toBe(false);
  await fresh.remember();
  expect((await start(106 * DAY)).status().jumped, 'six days off').toBe(false);
  expect((await start(100 * DAY - 5000)).status().jumped, 'back in time').toBe(true);
  const wrong = await start(465 * DAY);
  expect(wrong.status().jumped, 'a year on').toBe(true);
  await wrong.remember();
  expect((await start(101 * DAY)).status().jumped, 'another start does not confirm it').toBe(true);
  await wrong.confirm();
  expect(seen).toEqual({ at: 465 * DAY, jumped: false });
  const unsure = await start(466 * DAY, false);
  await unsure.remember();
  expect(seen, 'a clock that is not synchronised moves nothing').toEqual({ at: 465 * DAY, jumped: false });
});
