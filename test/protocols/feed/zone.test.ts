import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseUtcStamp } from '../../../src/core/kernel/civil.ts';
import { HOUR, MINUTE } from '../../../src/core/kernel/time.ts';
import { formatWallTime, instantsOf, wallTimeOf } from '../../../src/protocols/feed/zone.ts';
import { runs } from '../../runs.ts';

const wall = (text: string) => parseUtcStamp(text)!;
const found = (text: string, zone: string) =>
  instantsOf(wall(text), zone).map((at) => new Date(at).toISOString().slice(0, 19));

describe('which instants a local time can mean', () => {
  test.each([
    ['2015-03-02 01:45:59', 'Europe/Amsterdam', ['2015-03-02T00:45:59']],
    ['2026-07-01 12:00:00', 'Europe/Amsterdam', ['2026-07-01T10:00:00']],
    ['2026-03-04 05:06:07', 'Asia/Tokyo', ['2026-03-03T20:06:07']],
    ['2026-03-04 05:06:07', 'UTC', ['2026-03-04T05:06:07']],
    // The clock is put back at 03:00 and shows 02:00–03:00 twice.
    ['2026-10-25 01:59:59', 'Europe/Amsterdam', ['2026-10-24T23:59:59']],
    ['2026-10-25 02:00:00', 'Europe/Amsterdam', ['2026-10-25T00:00:00', '2026-10-25T01:00:00']],
    ['2026-10-25 02:59:59', 'Europe/Amsterdam', ['2026-10-25T00:59:59', '2026-10-25T01:59:59']],
    ['2026-10-25 03:00:00', 'Europe/Amsterdam', ['2026-10-25T02:00:00']],
    // The clock is put forward at 02:00 and shows 02:00–03:00 never.
    ['2026-03-29 01:59:59', 'Europe/Amsterdam', ['2026-03-29T00:59:59']],
    ['2026-03-29 02:00:00', 'Europe/Amsterdam', []],
    ['2026-03-29 02:59:59', 'Europe/Amsterdam', []],
    ['2026-03-29 03:00:00', 'Europe/Amsterdam', ['2026-03-29T01:00:00']],
    // Half an hour only, and a whole day that Samoa left out.
    ['2026-04-05 01:45:00', 'Australia/Lord_Howe', ['2026-04-04T14:45:00', '2026-04-04T15:15:00']],
    ['2011-12-30 12:00:00', 'Pacific/Apia', []],
    ['2026-03-04 05:06:07', 'Asia/Kathmandu', ['2026-03-03T23:21:07']],
  ])('%s in %s', (text, zone, expected) => expect(found(text, zone)).toEqual(expected));

  test('an unknown zone is a fault of the program: configuration was checked before', () => {
    expect(() => instantsOf(0, 'Europe/Nowhere')).toThrow(RangeError);
  });

  test('every instant is among those its own wall time can mean, and every answer has that wall time', () => {
    const zones = ['Europe/Amsterdam', 'Asia/Tokyo', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Casablanca'];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: wall('2000-01-01 00:00:00'), max: wall('2037-12-31 00:00:00') }),
        (zone, at) => {
          const local = wallTimeOf(at, zone);
          const all = instantsOf(local, zone);
          expect(all).toContain(at);
          for (const one of all) expect(wallTimeOf(one, zone)).toBe(local);
          expect(all.length).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: runs(300) },
    );
  });

  test('around a transition every quarter of an hour is told as a search over all instants tells it', () => {
    for (const [zone, from] of [
      ['Europe/Amsterdam', '2026-10-25 00:00:00'],
      ['Europe/Amsterdam', '2026-03-29 00:00:00'],
      ['America/New_York', '2026-11-01 00:00:00'],
    ] as const) {
      for (let local = wall(from); local < wall(from) + 5 * HOUR; local += 15 * MINUTE) {
        const searched: number[] = [];
        for (let at = local - 24 * HOUR; at <= local + 24 * HOUR; at += 15 * MINUTE)
          if (wallTimeOf(at, zone) === local) searched.push(at);
        expect(instantsOf(local, zone), `${zone} ${formatWallTime(local)}`).toEqual(searched);
      }
    }
  });
});
