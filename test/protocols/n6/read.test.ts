import { expect, test } from 'vitest';
import { readN6 } from '../../../src/protocols/n6/read.ts';
import { readAll, vectorOf } from '../feed/told.ts';

test('the stream form is the same events; an aggregated event that grew is news, the same again is not', async () => {
  const events = JSON.parse(new TextDecoder().decode(vectorOf('n6', 'inside.json'))) as Record<string, unknown>[];
  const lines = events.map((event) => JSON.stringify(event)).join('\n');
  const ids = async (text: string) => (await readAll(readN6, text)).reports.map((one) => one.id);
  expect(await ids(lines)).toEqual(await ids(JSON.stringify(events)));
  const grown = lines.replace('T12:10:00Z', 'T12:20:00Z').replace('"count":120', '"count":150');
  const [before, after] = [await ids(lines), await ids(grown)];
  expect(after.filter((id) => !before.includes(id))).toHaveLength(1);
});

test('what a proxy answers instead of n6 is parked', async () => {
  expect((await readAll(readN6, '<html><body>502 Bad Gateway</body></html>')).fault).toBe('not-json');
  expect((await readAll(readN6, '')).fault).toBe('file-empty');
  expect((await readAll(readN6, '[]')).told).toEqual([]);
  const many = {
    id: 'x',
    time: '2026-03-04T10:59:03Z',
    address: Array.from({ length: 101 }, () => ({ ip: '192.0.2.1' })),
  };
  expect((await readAll(readN6, JSON.stringify(many))).told).toEqual(['1 too-many-addresses']);
});
