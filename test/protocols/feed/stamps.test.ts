import { expect, test } from 'vitest';
import {
  parseEpoch,
  parseFileTime,
  parseMailDate,
  parseOffsetStamp,
  parseWallDate,
  parseWallStamp,
  writtenAt,
} from '../../../src/protocols/feed/stamps.ts';

const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

test.each([
  ['2026-03-04T05:06:07.123456+0000', '2026-03-04T05:06:07.123Z'],
  ['2026-03-04T05:06:07+01:00', '2026-03-04T04:06:07.000Z'],
  ['2026-03-04T05:06:07-0330', '2026-03-04T08:36:07.000Z'],
  ['2026-03-04 05:06:07Z', '2026-03-04T05:06:07.000Z'],
  ['2026-03-04T05:06:07', undefined],
  ['2026-03-04T05:06:07 JST', undefined],
  ['2026-03-04T05:06:60Z', undefined],
  ['2026-03-04T05:06:07+9:00', undefined],
])('F05: the stamp with offset %j', (text, expected) => expect(iso(parseOffsetStamp(text))).toBe(expected));

test.each([
  ['2026-03-04 05:06:07', '2026-03-04T05:06:07.000Z', true],
  ['2026/03/04 05:06', '2026-03-04T05:06:00.000Z', false],
  ['2026-03-04T05:06', '2026-03-04T05:06:00.000Z', false],
  ['2026-03/04 05:06', undefined, undefined],
  ['2026-02-30 05:06:07', undefined, undefined],
  ['2026-03-04 05:06:07Z', undefined, undefined],
])('F05: the stamp without zone %j', (text, expected, hasSeconds) => {
  const read = parseWallStamp(text);
  expect([iso(read?.wall), read?.hasSeconds]).toEqual([expected, hasSeconds]);
});

test.each([
  ['Fri, 06 Mar 2026 07:19:02 +0100', '2026-03-06T06:19:02.000Z'],
  ['6 Mar 2026 07:19:02 -0500 (EST)', '2026-03-06T12:19:02.000Z'],
  ['Fri, 06 Mar 2026 07:19 +0000', '2026-03-06T07:19:00.000Z'],
  ['Fri, 06 Mar 2026 07:19:02 GMT', '2026-03-06T07:19:02.000Z'],
  ['Fri, 06 Mar 2026 07:19:02 EDT', undefined],
  ['Fri, 06 Mar 2026 07:19:02 CST', undefined],
  ['Fri, 06 Mar 2026 07:19:02 -0000', undefined],
  ['Fri, 06 Mar 2026 07:19:02', undefined],
])('F05: the mail date %j', (text, expected) => expect(iso(parseMailDate(text))).toBe(expected));

test('epochs, and a Windows time beyond 2^53, lose nothing', () => {
  expect(iso(parseEpoch('1772600767', 's'))).toBe('2026-03-04T05:06:07.000Z');
  expect(iso(parseEpoch('1772600767.25', 's'))).toBe('2026-03-04T05:06:07.250Z');
  expect(iso(parseEpoch('1772600767250', 'ms'))).toBe('2026-03-04T05:06:07.250Z');
  expect(iso(parseFileTime('134170743670000001'))).toBe('2026-03-04T05:06:07.000Z');
  for (const text of ['-1', '1e9', '', '1772600767,2', ' 1'])
    expect([parseEpoch(text, 's'), parseFileTime(text)]).toEqual([undefined, undefined]);
  expect(iso(parseWallDate('2026/03/04'))).toBe('2026-03-04T00:00:00.000Z');
  expect(parseWallDate('04.03.2026')).toBeUndefined();
});

test.each([
  ['2026-03-04T00:00:00+09:00', '2026-03-04T00:00:00.000Z'],
  ['2026-03-04T00:00:00.0-0330', '2026-03-04T00:00:00.000Z'],
  ['2026-03-04T00:00:00Z', '2026-03-04T00:00:00.000Z'],
])('the clock that wrote %j', (text, wall) => expect(iso(writtenAt(text, parseOffsetStamp(text)))).toBe(wall));

test.each([
  ['Wed, 04 Mar 2026 00:00:00 +0900 (JST)', '2026-03-04T00:00:00.000Z'],
  ['Wed, 04 Mar 2026 00:00:00 GMT', '2026-03-04T00:00:00.000Z'],
  ['yesterday +0900', undefined],
])('the clock that wrote %j in a mail', (text, wall) => expect(iso(writtenAt(text, parseMailDate(text)))).toBe(wall));
