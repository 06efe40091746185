import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant, parseRfc3339, parseUtcStamp } from '../../../src/core/kernel/civil.ts';
import { runs } from '../../runs.ts';

// The oracle may use Date: it is the code under test that must not.
const instants = fc.integer({ min: Date.UTC(0, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 }).map((s) => s * 1000);

describe('calendar without Date', () => {
  test('every second of ten thousand years is written and read like the platform does it', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        const iso = new Date(instant).toISOString();
        expect(formatInstant(instant)).toBe(iso);
        expect(parseRfc3339(iso)).toBe(instant);
        expect(parseUtcStamp(iso.slice(0, 19).replace('T', ' '))).toBe(instant);
      }),
      { numRuns: runs(300) },
    );
  });

  test('an offset is subtracted and decimals are cut to milliseconds', () => {
    expect(parseRfc3339('2026-03-01T09:00:00.9876+09:00')).toBe(Date.UTC(2026, 2, 1, 0, 0, 0, 987));
    expect(parseRfc3339('2026-03-01T00:00:00-03:30')).toBe(Date.UTC(2026, 2, 1, 3, 30));
  });

  test.each([
    '2026-02-29 00:00:00',
    '2026-13-01 00:00:00',
    '2026-00-01 00:00:00',
    '2026-01-00 00:00:00',
    '2026-01-01 24:00:00',
    '2026-01-01 00:60:00',
    '2016-12-31 23:59:60',
    '2026-01-01T00:00:00',
    '2026-01-01 00:00:00Z',
    ' 2026-01-01 00:00:00',
    '2026-01-01 00:00:0',
    '2026-01-01 00:00:0\t',
    '+026-01-01 00:00:00',
    '２026-01-01 00:00:00',
    '',
  ])('F05: the stamp %j is refused', (text) => {
    expect(parseUtcStamp(text)).toBeUndefined();
  });

  test.each([
    '2026-01-01T00:00:00',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00 JST',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00.Z',
  ])('F05: RFC 3339 without a plain offset, %j, is refused', (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });
});
