import { expect, test } from 'vitest';
import { readXarf } from '../../../src/protocols/xarf/read.ts';
import { readAll, vectorOf } from '../feed/told.ts';

const reader = readXarf({ clockMs: 900_000 });
const sample = new TextDecoder().decode(vectorOf('xarf', 'v02-login.txt'));

test('v0.2: the port is the one that was attacked, the clock somebody’s: no source port, a quarter of an hour', async () => {
  expect((await readAll(reader, sample)).told).toEqual([
    '1 abuse/login-attack attack-handshake may-act unknown 192.0.2.17:- - -:22 2026-03-04T05:06:07Z±900s port-is-attacked-service',
  ]);
});

test.each([
  ['a service we do not know is information', 'Report-Type: login-attack', 'Report-Type: regbot', 'info never'],
  ['a date without offset is refused', ' +0100', '', '1 timestamp-bad'],
  ['a zone name is refused', '+0100', 'CET', '1 timestamp-bad'],
  ['a mail address is no line', 'Source-Type: ip-address', 'Source-Type: email', '1 source-not-address'],
  ['a prefix is no line', 'Source: 192.0.2.17', 'Source: 192.0.2.0/24', '1 ip-is-network'],
  ['an address that is none', 'Source: 192.0.2.17', 'Source: 010.0.0.1', '1 ip-not-canonical'],
  ['a part without source', 'Source: 192.0.2.17\n', '', '1 xarf-incomplete'],
])('v0.2: %s', async (_name, from, to, expected) => {
  expect(sample).toContain(from);
  const { told } = await readAll(reader, sample.replace(from, to));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(expected);
});

test('v0.2: what YAML could nest is skipped, a key twice and free text are no X-ARF', async () => {
  const nested = `${sample}Extra:\n  Source: 203.0.113.9\n  - Port: 1\n`;
  expect((await readAll(reader, nested)).told[0]).toContain('192.0.2.17:- ');
  expect((await readAll(reader, `${sample}Source: 203.0.113.9\n`)).fault).toBe('not-xarf');
  expect((await readAll(reader, 'Hello Abuse-Team,\n\nyour customer …')).fault).toBe('not-xarf');
  expect((await readAll(reader, `A: ${'x'.repeat(70_000)}`)).fault).toBe('not-xarf');
  expect((await readAll(reader, '')).fault).toBe('file-empty');
});

test('a document over many lines, a list of them, one with megabytes of evidence', async () => {
  const [first] = new TextDecoder().decode(vectorOf('xarf', 'v4.jsonl')).split('\n');
  const document = JSON.parse(first!) as Record<string, unknown>;
  const large = { ...document, evidence: [{ content_type: 'text/plain', payload: 'A'.repeat(3_000_000) }] };
  for (const text of [JSON.stringify(document, null, 2), JSON.stringify([document]), JSON.stringify(large)]) {
    const { reports } = await readAll(reader, text);
    expect(reports.map((one) => [one.port, one.extra['last_seen']])).toEqual([[50123, '2026-03-04T05:06:00Z']]);
  }
});

test('F02: the same report id with other content is told by its digest; evidence is no content', async () => {
  const [first] = new TextDecoder().decode(vectorOf('xarf', 'v4.jsonl')).split('\n');
  const read = async (text: string) => (await readAll(reader, text)).reports[0]!;
  const a = await read(first!);
  const b = await read(first!.replace('50123', '50124'));
  const c = await read(first!.replace('eA==', 'eB=='));
  expect(a.id).toBe(b.id);
  expect(a.extra['engawa.content']).not.toBe(b.extra['engawa.content']);
  expect(a.extra['engawa.content']).toBe(c.extra['engawa.content']);
});
