// When an X-ARF report says it was: a date without a time wherever it was written, and a span where it tells of one.
import { describe, expect, test } from 'vitest';
import { readXarf } from '../../../src/protocols/xarf/read.ts';
import { readAll } from '../feed/told.ts';

const read = async (text: string) => (await readAll(readXarf({ clockMs: 900_000 }), text)).told[0];
const v4 = (more: object) =>
  read(
    JSON.stringify({
      ...{ xarf_version: '4.0.0', report_id: '11111111-1111-4111-8111-111111111111', reporter: { org: 'a' } },
      ...{ sender: { org: 'a' }, source_identifier: '192.0.2.17', category: 'connection', type: 'login_attack' },
      ...{ protocol: 'tcp', timestamp: '2026-03-04T05:06:07Z', ...more },
    }),
  );

describe('midnight is midnight where it was written', () => {
  test('v4, v3 and v0.2 in Japan', async () => {
    expect(await v4({ timestamp: '2026-03-04T00:00:00+09:00' })).toMatch(/2026-03-03T15:00:00Z±86400s midnight$/);
    const v3 = { ReportType: 'Login', SourceIp: '192.0.2.17', Date: '2026-03-04T00:00:00+09:00' };
    expect(await read(JSON.stringify({ Version: '3', Report: v3 }))).toMatch(/±86400s midnight$/);
    const part = 'Report-Type: login-attack\nDate: Wed, 04 Mar 2026 00:00:00 +0900\n';
    expect(await read(`${part}Source-Type: ipv4\nSource: 192.0.2.17\n`)).toMatch(/±86400s port-is-.*;midnight$/);
  });

  test('and what is midnight in UTC alone is a time', async () => {
    expect(await v4({ timestamp: '2026-03-04T09:00:00+09:00' })).toMatch(/2026-03-04T00:00:00Z±900s -$/);
  });
});

describe('a v4 report with first_seen and last_seen is asked about at both ends', () => {
  test.each([
    [
      'a letter written after the fact',
      { first_seen: '2026-03-01T00:00:01Z', last_seen: '2026-03-02T01:00:00Z' },
      '2026-03-01T00:00:01Z..2026-03-04T05:06:07Z',
    ],
    ['a span that goes on', { last_seen: '2026-03-04T06:00:00Z' }, '2026-03-04T05:06:07Z..2026-03-04T06:00:00Z'],
    ['one moment', { first_seen: '2026-03-04T05:06:07Z' }, ' 2026-03-04T05:06:07Z±'],
  ])('%s', async (_name, more, span) => {
    expect(await v4(more)).toContain(span);
  });

  test('one that cannot be read, or lies after the arrival, is refused', async () => {
    expect(await v4({ first_seen: 'last week' })).toBe('1 timestamp-bad');
    expect(await v4({ last_seen: '2030-03-04T06:00:00Z' })).toBe('1 timestamp-future');
  });
});
