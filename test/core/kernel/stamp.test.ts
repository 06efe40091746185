import { expect, test } from 'vitest';
import { parseRfc3339 } from '../../../src/core/kernel/civil.ts';
import { instantsOf, offsetsOf } from '../../../src/core/kernel/stamp.ts';
import { HOUR } from '../../../src/core/kernel/time.ts';

const wall = (hour: number, minute = 0) => ({ month: 10, day: 25, ms: (hour * 60 + minute) * 60_000 });
const at = (text: string) => parseRfc3339(text)!;

test('an hour that the clock repeats has two instants, one that it leaves out has none', () => {
  const berlin = offsetsOf('Europe/Berlin');
  expect(instantsOf(wall(2, 30), 2026, berlin)).toEqual([at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')]);
  expect(instantsOf(wall(3), 2026, berlin)).toEqual([at('2026-10-25T02:00:00Z')]);
  expect(instantsOf({ month: 3, day: 29, ms: 2.5 * HOUR }, 2026, berlin)).toEqual([]);
  expect(instantsOf({ month: 2, day: 29, ms: 0 }, 2025, berlin)).toEqual([]);
});

test('zones of whole, half and quarter hours, without and with summer time, on both sides of the date line', () => {
  const utcOf = (zone: string) => instantsOf(wall(12), 2026, offsetsOf(zone));
  expect(utcOf('Asia/Tokyo')).toEqual([at('2026-10-25T03:00:00Z')]);
  expect(utcOf('Asia/Kathmandu')).toEqual([at('2026-10-25T06:15:00Z')]);
  expect(utcOf('Pacific/Kiritimati')).toEqual([at('2026-10-24T22:00:00Z')]);
  expect(utcOf('America/New_York')).toEqual([at('2026-10-25T16:00:00Z')]);
  expect(utcOf('UTC')).toEqual([at('2026-10-25T12:00:00Z')]);
  expect(() => offsetsOf('Mars/Olympus')).toThrow(RangeError);
});
