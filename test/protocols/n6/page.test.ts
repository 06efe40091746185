import { expect, test } from 'vitest';
import { n6Page } from '../../../src/protocols/n6/page.ts';
import { readN6 } from '../../../src/protocols/n6/read.ts';
import { readAll, vectorOf } from '../feed/told.ts';

test('the next page begins at the highest modified, and those that had it are known when they come again', async () => {
  expect(await n6Page([vectorOf('n6', 'inside.json')])).toEqual({
    events: 12,
    newest: {
      modifiedAt: Date.UTC(2026, 2, 4, 11, 45, 28),
      modified: '2026-03-04T11:45:28Z',
      ids: ['00000000000000000000000000000002', '00000000000000000000000000000003'],
    },
  });
});

test('an empty page moves nothing, a broken one only as far as it can be read', async () => {
  expect(await n6Page([Buffer.from('[]')])).toEqual({ events: 0, newest: undefined });
  const cut = vectorOf('n6', 'inside.json').subarray(0, 600);
  expect(await n6Page([cut])).toMatchObject({ events: 1, newest: { modified: '2026-03-04T11:45:27Z' } });
});

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
