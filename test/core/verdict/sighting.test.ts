import { expect, it } from 'vitest';
import { MINUTE } from '../../../src/core/kernel/time.ts';
import { sightingOf } from '../../../src/core/verdict/sighting.ts';

const now = 1_772_600_000_000;

it('says still seen for ten minutes after the newest sighting, from reports or counters', () => {
  const lastReportAt = now - 60 * MINUTE;
  expect(sightingOf({ lastReportAt, lastDenyAt: now - 9 * MINUTE, now })).toEqual({
    kind: 'still-seen',
    at: now - 9 * MINUTE,
  });
});

it('says not seen since only while the counters are being read, else unknown, and never clean', () => {
  const lastReportAt = now - 60 * MINUTE;
  const said = sightingOf({ lastReportAt, countersReadAt: now - MINUTE, now });
  expect(said).toEqual({ kind: 'not-seen-since', at: lastReportAt });
  expect(sightingOf({ lastReportAt, now })).toEqual({ kind: 'unknown', at: lastReportAt });
  expect(sightingOf({ lastReportAt, countersReadAt: now - 11 * MINUTE, now })?.kind).toBe('unknown');
});

it('has nothing to say without any sighting', () => {
  expect(sightingOf({ now })).toBeUndefined();
});
