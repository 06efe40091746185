import { expect, test } from 'vitest';
import { readArf } from '../../../src/protocols/arf/read.ts';
import { readAll, vectorOf } from '../feed/told.ts';

const sample = new TextDecoder().decode(vectorOf('arf', 'abuse.txt'));

test('a complaint is evidence and nothing else, whatever it says; whose mailbox it was is not kept', async () => {
  const { told, reports } = await readAll(readArf, sample);
  expect(told).toEqual([
    '1 arf/abuse info never unknown 192.0.2.17:50123 - -:- 2026-03-04T05:06:07Z±900s evidence-only',
  ]);
  expect(reports[0]?.extra).toMatchObject({ reported_domain: 'example.net', incidents: '3' });
  expect(JSON.stringify(reports)).not.toContain('user@example.com');
});

test.each([
  ['no source port, as hardly any has one', 'Source-Port: 50123\n', '', '192.0.2.17:- '],
  ['the older name of the date', 'Arrival-Date', 'Received-Date', '2026-03-04T05:06:07Z'],
  ['no date', /Arrival-Date.*\n/, '', '1 timestamp-bad'],
  ['an obsolete zone name', '+0100', 'EST', '1 timestamp-bad'],
  ['no source', 'Source-IP: 192.0.2.17\n', '', '1 ip-missing'],
  ['RFC 5965 §3.1: no version', 'Version: 1\n', '', '1 arf-incomplete'],
  ['a date folded over two lines', 'Wed, 04', 'Wed,\n 04', '2026-03-04T05:06:07Z'],
])('%s', async (_name, from, to, expected) => {
  const { told } = await readAll(readArf, sample.replace(from, to));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(expected);
});

test('what is no feedback report is parked; a field twice is no report', async () => {
  expect((await readAll(readArf, 'Hello,\nplease stop.\n')).fault).toBe('not-arf');
  expect((await readAll(readArf, sample.replace('Version: 1', 'Version: 1\nSource-IP: 192.0.2.99'))).fault).toBe(
    'not-arf',
  );
  expect((await readAll(readArf, ' \n')).fault).toBe('file-empty');
  expect((await readAll(readArf, `Feedback-Type: ${'x'.repeat(300_000)}`)).fault).toBe('file-too-long');
});
