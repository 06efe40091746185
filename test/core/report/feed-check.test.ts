import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/core/kernel/time.ts';
import { parseIp } from '../../../src/core/net/ip.ts';
import { FeedChecker } from '../../../src/core/report/feed-check.ts';
import type { RefusedRow, Report } from '../../../src/core/report/report.ts';

const NOW = 1_772_600_767_000; // 2026-03-04T05:06:07Z
const FRESH = 72 * HOUR;
let serial = 0;

function row(observedAt: number, more: Partial<Report> = {}): Report {
  return {
    id: `r${serial++}`,
    source: 'feed',
    type: 't',
    class: 'infected-handshake',
    mayAct: true,
    family: 'unknown',
    ip: parseIp('192.0.2.17')!,
    observedAt,
    precisionMs: SECOND,
    evidence: { hash: 'e', line: serial },
    extra: {},
    ...more,
  };
}

function check(rows: readonly (Report | RefusedRow)[]) {
  const checker = new FeedChecker(NOW, FRESH);
  for (const one of rows) checker.add(one);
  return checker.result();
}

const doubtsOf = (rows: readonly Report[]) => check(rows).doubts.map((one) => `${one.grave ? '!' : ''}${one.code}`);
/** Odd seconds, so that nothing looks rounded. */
const series = (from: number, step: number, count: number) =>
  Array.from({ length: count }, (_, i) => row(from + i * step));

test('rows are counted by what they could do: alone, with a second source, never, too old; refused ones by their reason', () => {
  const old = row(NOW - 4 * DAY);
  const found = check([
    row(NOW - HOUR, { port: 1025 }),
    row(NOW - HOUR, { class: 'c2-contact' }),
    row(NOW - HOUR, { class: 'victim', mayAct: false }),
    old,
    old,
    { line: 7, code: 'ip-not-canonical', text: 'x' },
    { line: 9, code: 'ip-not-canonical', text: 'y' },
    { line: 8, code: 'port-bad', text: 'z' },
  ]);
  expect(found).toMatchObject({
    rows: 8,
    reports: 4,
    repeated: 1,
    withPort: 1,
    acts: { alone: 1, withSecondSource: 1, never: 1, tooOld: 1 },
    refused: [
      { code: 'ip-not-canonical', rows: 2, line: 7, text: 'x' },
      { code: 'port-bad', rows: 1, line: 8 },
    ],
    span: { from: NOW - 4 * DAY, to: NOW - HOUR, precisionMs: SECOND },
    doubts: [],
  });
  expect(found.types.reduce((sum, one) => sum + one.reports, 0)).toBe(4);
});

test('dates without times, and times to the minute', () => {
  const midnight = Math.floor(NOW / DAY) * DAY;
  expect(doubtsOf([row(midnight)])).toEqual(['!all-at-midnight']);
  expect(doubtsOf([...series(midnight, 0, 8), ...series(midnight + 61_007, 1000, 4)])).toEqual(['!many-at-midnight']);
  expect(doubtsOf([row(midnight), ...series(midnight + 61_007, 1000, 20)])).toEqual([]);
  expect(doubtsOf(series(midnight + MINUTE, MINUTE, 12))).toEqual(['minutes-only']);
  expect(doubtsOf(series(midnight + MINUTE, MINUTE, 3))).toEqual([]);
  // Local midnight is midnight too: the reader says so.
  expect(doubtsOf([row(midnight - 9 * HOUR, { extra: { 'engawa.notes': 'no-original;midnight' } })])).toEqual([
    '!all-at-midnight',
  ]);
});

test('F05: times ahead of the arrival are refused, and the zone they would be of is named', () => {
  const found = check(series(NOW + 8 * HOUR + 50 * MINUTE, 7000, 5));
  expect(found.reports).toBe(0);
  expect(found.refused).toMatchObject([{ code: 'timestamp-future', rows: 5 }]);
  expect(found.doubts).toMatchObject([{ code: 'times-ahead', grave: true, text: expect.stringContaining('UTC+9 ') }]);
  expect(check([row(NOW + 2000)]).doubts).toEqual([]);
  expect(check([row(NOW + 3000)]).doubts[0]?.text).toBe('the newest time lies 1 min in the future');
});

test('one day’s rows that begin at another hour than UTC’s day', () => {
  const day = Math.floor(NOW / DAY) * DAY - 2 * DAY;
  const filled = (from: number) => series(from + 61_007, Math.floor((24 * HOUR - 5 * MINUTE) / 100), 100);
  expect(doubtsOf(filled(day))).toEqual([]);
  const tokyo = check(filled(day - 9 * HOUR)).doubts;
  expect(tokyo).toMatchObject([{ code: 'day-begins-elsewhere', grave: false }]);
  expect(tokyo[0]?.text).toContain('15:00 UTC: a calendar day of UTC+9');
  expect(check(filled(day + 5 * HOUR)).doubts[0]?.text).toContain('UTC−5');
  expect(doubtsOf(filled(day - 9 * HOUR).slice(0, 40))).toEqual([]);
});

test('what the reader itself doubted is counted', () => {
  const note = (text: string) => row(NOW - HOUR - 7000, { extra: { 'engawa.notes': text } });
  expect(doubtsOf([note('zone-unknown'), note('clock-put-back;no-original')])).toEqual([
    'zone-unknown',
    'clock-put-back',
  ]);
});

test('a file with a million types is told in bounded memory', () => {
  const checker = new FeedChecker(NOW, FRESH);
  for (let i = 0; i < 5000; i++) checker.add(row(NOW - HOUR, { type: `t${i}` }));
  expect(checker.result().types.length).toBe(200);
  expect(checker.result().reports).toBe(5000);
});
