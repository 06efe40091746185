// Against a small n6: it gives the events whose `modified` lies in the asked span, sorted by their time, and insists on `time.min`.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { N6Collector } from '../../../../src/adapters/collect/n6/collector.ts';
import { formatInstant } from '../../../../src/core/kernel/civil.ts';
import { DAY, HOUR, MINUTE } from '../../../../src/core/kernel/time.ts';
import { type Answer, type Asked, FeedServer, localClient } from '../server.ts';
import { Turns } from '../turn.ts';

const NOW = Date.UTC(2026, 2, 4, 6);
let server: FeedServer;
let turns: Turns;
let events: { readonly id: string; readonly modified: string; readonly pad?: string }[];
let override: (asked: Asked) => Answer | undefined;

beforeEach(async () => {
  turns = new Turns();
  turns.now = NOW;
  events = [];
  override = () => undefined;
  server = await new FeedServer((asked) => override(asked) ?? api(asked)).start();
});
afterEach(() => server.stop());

function api({ url, headers }: Asked): Answer {
  if (headers.authorization !== 'Bearer key-of-ours') return { status: 401, body: 'auth required' };
  const query = url.searchParams;
  if (url.pathname !== '/report/inside.json' || !query.has('time.min')) return { status: 307, body: '' };
  const [from, until] = [query.get('modified.min')!, query.get('modified.until') ?? '9'];
  return { body: JSON.stringify(events.filter(({ modified }) => modified >= from && modified < until)) };
}

const add = (id: string, at: number, pad?: string) =>
  events.push({ id, modified: formatInstant(at), ...(pad === undefined ? {} : { pad }) });
const open = (change: object = {}) =>
  new N6Collector({ client: localClient(), url: `${server.url}/report/inside.json`, key: 'key-of-ours', ...change });
const ids = () =>
  turns.taken.splice(0).flatMap(({ text }) => (JSON.parse(text) as { id: string }[]).map(({ id }) => id));
/** Until the present is reached and said so. */
const run = () => turns.run(open());

test('begins two days back, goes on a little before the newest event, and takes nothing that it knows', async () => {
  add('old', NOW - 3 * DAY);
  add('a', NOW - DAY);
  add('b', NOW - 20 * MINUTE);
  expect(await run()).toBeUndefined();
  expect(ids()).toEqual(['a', 'b']);
  turns.now += 5 * MINUTE;
  expect(await run()).toBeUndefined();
  expect(ids(), 'b is inside the overlap, and known').toEqual([]);
  expect(server.asked.at(-1)!.url.searchParams.get('modified.min')).toBe(formatInstant(NOW - 35 * MINUTE));
});

test('an event that was inserted late, before the newest, is not missed; the page with it comes whole', async () => {
  add('b', NOW - 5 * MINUTE);
  await run();
  ids();
  add('late', NOW - 15 * MINUTE);
  add('c', NOW);
  turns.now += 5 * MINUTE;
  await run();
  expect(ids()).toEqual(['b', 'late', 'c']);
});

test('an event that was changed is a version of its own', async () => {
  add('a', NOW - 5 * MINUTE);
  await run();
  events = [];
  add('a', NOW);
  turns.now += MINUTE;
  await run();
  expect(ids()).toEqual(['a', 'a']);
});

test('after a stop of days the past comes in pieces, each durable; killed in between it goes on where it was', async () => {
  add('a', NOW - HOUR);
  await run();
  ids();
  turns.now += 5 * DAY;
  for (let day = 0; day < 5; day++) add(`day-${day}`, NOW + day * DAY + HOUR);
  let pages = 0;
  turns.onKeep = () => {
    if (++pages === 3) throw new Error('killed');
  };
  await expect(run()).rejects.toThrow('killed');
  turns.onKeep = () => {};
  await run();
  const all = ids();
  expect([...new Set(all)].filter((id) => id !== 'a')).toEqual(['day-0', 'day-1', 'day-2', 'day-3', 'day-4']);
  expect(all.length, 'what was taken before the kill comes twice, the rest once').toBeLessThan(9);
});

test('a page larger than the cap is asked for in smaller pieces', async () => {
  for (let hour = 0; hour < 24; hour++) add(`h${hour}`, NOW - 40 * HOUR + hour * HOUR, 'x'.repeat(10_000));
  expect(await run()).toBeUndefined();
  expect(new Set(ids()).size).toBe(24);
});

test('errors are told in their words and move nothing', async () => {
  add('a', NOW - HOUR);
  expect(await turns.run(open({ key: 'other' }))).toBe('HTTP 401: «auth required»');
  for (const [answer, said] of [
    ['break', 'ECONNRESET'],
    [{ status: 500, body: '' }, 'HTTP 500'],
    [{ body: '[{"id":"a"' }, 'no JSON'],
    [{ body: '{"id":"a"}' }, 'no list'],
    [{ status: 307, body: '' }, 'redirects are not followed'],
  ] as const) {
    override = () => answer;
    expect(await run()).toContain(said);
  }
  expect([turns.taken, turns.progress]).toEqual([[], undefined]);
});

test('no events is a good answer; what is no event is handed on for the format to refuse, and stops nothing', async () => {
  expect(await run()).toBeUndefined();
  expect(turns.taken).toEqual([]);
  override = () => ({ body: '[7,null,{"id":{}},{"modified":"yesterday"}]' });
  expect(await run()).toBeUndefined();
  expect(turns.taken.length).toBeGreaterThan(0);
});

test('F05: an event that says it was changed in the future hides nothing that is changed until then', async () => {
  add('a', NOW - 5 * MINUTE);
  add('future', NOW + 20 * HOUR);
  await run();
  ids();
  turns.now += HOUR;
  add('b', NOW + 30 * MINUTE);
  await run();
  expect(ids()).toContain('b');
});

test('F12: an event that is no good JSON costs itself, not the page and all pages after it', async () => {
  add('a', NOW - 5 * MINUTE);
  const bad = String.raw`{"id":"bad","modified":"2026-03-04T05:50:00Z","name":"\ud800"}`;
  override = () => ({ body: JSON.stringify(events).replace(/\]$/, `,${bad}]`) });
  expect(await run()).toBeUndefined();
  expect(turns.taken.map(({ text }) => text)).toContain(JSON.stringify(events).replace(/\]$/, `,${bad}]`));
});
