// Against a small reports API that does as theirs: it believes nothing but a signature over the bytes it received.
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ShadowserverCollector } from '../../../../src/adapters/collect/shadowserver/collector.ts';
import { DAY, HOUR } from '../../../../src/core/kernel/time.ts';
import { type Answer, type Asked, FeedServer, localClient } from '../server.ts';
import { Turns } from '../turn.ts';

const SECRET = Buffer.from('a secret of the account');
const NOW = Date.UTC(2026, 2, 4, 6);

let server: FeedServer;
let turns: Turns;
let reports: { readonly id: string; readonly file: string; readonly type: string; readonly csv: string }[];
let override: (asked: Asked) => Answer | undefined;

beforeEach(async () => {
  turns = new Turns();
  turns.now = NOW;
  reports = [];
  override = () => undefined;
  server = await new FeedServer((asked) => override(asked) ?? api(asked)).start();
});
afterEach(() => server.stop());

function api({ method, url, headers, body }: Asked): Answer {
  if (method === 'GET' && url.pathname.startsWith('/dl/')) {
    const found = reports.find(({ id }) => url.pathname === `/dl/${id}`);
    return found === undefined ? { status: 404, body: 'no such report' } : { body: found.csv };
  }
  if (method !== 'POST' || url.pathname !== '/api2/reports/list') return { status: 404, body: '' };
  const genuine = createHmac('sha256', SECRET).update(body).digest('hex');
  if (headers['hmac2'] !== genuine) return { status: 401, body: '{"error":"Invalid HMAC"}' };
  const asked = JSON.parse(body.toString()) as { apikey?: string };
  // As the real one: an unknown key is told in a good answer.
  if (asked.apikey !== 'key-of-ours') return { body: '{"error":"Invalid API key"}' };
  return {
    body: JSON.stringify(
      reports.map(({ id, file, type }) => ({ id, file, type, report: 'asn', timestamp: '2026-03-04' })),
    ),
  };
}

const add = (id: string, type = 'event4_sinkhole') =>
  reports.push({ id, file: `2026-03-03-${type}-asn64496-${id}.csv`, type, csv: `timestamp,src_ip\n${id}` });
const open = (change: object = {}) =>
  new ShadowserverCollector({
    client: localClient(),
    url: `${server.url}/api2/`,
    download: `${server.url}/dl/`,
    key: 'key-of-ours',
    secret: SECRET,
    ...change,
  });
const listed = () =>
  server.asked
    .filter(({ method }) => method === 'POST')
    .map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);

test('the list is signed over its very bytes and reaches two days back; each report is taken once, by its file name', async () => {
  add('r1');
  add('r2', 'scan_telnet');
  const collector = open({ reports: ['asn64496'] });
  expect(await turns.run(collector)).toBeUndefined();
  expect(listed()).toEqual([{ date: '2026-03-02:2026-03-04', reports: ['asn64496'], apikey: 'key-of-ours' }]);
  expect(turns.taken.map(({ text }) => text)).toEqual(['timestamp,src_ip\nr1', 'timestamp,src_ip\nr2']);
  expect(turns.names()).toEqual([
    '2026-03-03-event4_sinkhole-asn64496-r1.csv',
    '2026-03-03-scan_telnet-asn64496-r2.csv',
  ]);
  // An hour later the same are listed, under new ids, and one more.
  reports = reports.map((one) => ({ ...one, id: `again-${one.id}` }));
  add('r3');
  turns.now += HOUR;
  await turns.run(open());
  expect(turns.names()).toEqual(['2026-03-03-event4_sinkhole-asn64496-r3.csv']);
  expect(server.asked.filter(({ method, headers }) => method === 'GET' && 'hmac2' in headers)).toEqual([]);
});

test('names are remembered for ten days and more, over restarts; a stop of days is caught up with', async () => {
  add('r1');
  await turns.run(open());
  turns.now += 11 * DAY;
  add('r2');
  await turns.run(open());
  expect(turns.names()).toHaveLength(2);
  expect(listed().at(-1)).toMatchObject({ date: '2026-03-03:2026-03-15' });
  turns.now += 400 * DAY;
  await turns.run(open());
  expect(listed().at(-1), 'not for ever').toMatchObject({ date: '2027-03-20:2027-04-19' });
});

test('an error in a good answer is one: nothing is taken, nothing remembered', async () => {
  add('r1');
  expect(await turns.run(open({ key: 'other' }))).toBe('the list is none: «Invalid API key»');
  expect(await turns.run(open({ secret: Buffer.from('wrong') }))).toBe('the list: HTTP 401: «Invalid HMAC»');
  override = ({ method }) => (method === 'GET' ? { body: '{"error": "try later\\u001b[31m"}' } : undefined);
  expect(await turns.run(open())).toMatch(/1 of 1 reports could not be fetched; .*r1\.csv: «try later \[31m»$/);
  expect(turns.taken).toEqual([]);
  expect(turns.progress).toBeUndefined();
  override = () => undefined;
  expect(await turns.run(open())).toBeUndefined();
  expect(turns.names()).toHaveLength(1);
});

test('F24: an empty list is a good answer that says nothing: nothing is taken, nobody is freed', async () => {
  expect(await turns.run(open())).toBeUndefined();
  expect(turns.taken).toEqual([]);
});

test('one report that cannot be fetched holds up no other, and is asked for again', async () => {
  for (const id of ['r1', 'r2', 'r3', 'r4']) add(id);
  const bad: Record<string, Answer> = {
    '/dl/r1': 'break',
    '/dl/r2': { status: 500, body: '' },
    '/dl/r3': { body: '' },
  };
  override = ({ url }) => bad[url.pathname];
  expect(await turns.run(open())).toMatch(/^3 of 4 reports could not be fetched; /);
  expect(turns.names()).toEqual(['2026-03-03-event4_sinkhole-asn64496-r4.csv']);
  override = () => undefined;
  expect(await turns.run(open())).toBeUndefined();
  expect(turns.names()).toHaveLength(3);
});

test('killed between taking and remembering: taken again, never skipped', async () => {
  add('r1');
  turns.onKeep = () => {
    throw new Error('killed');
  };
  await expect(turns.run(open())).rejects.toThrow('killed');
  turns.onKeep = () => {};
  await turns.run(open());
  expect(turns.names()).toHaveLength(2);
});

test('what their list says becomes no path and no other address; odd lists are told', async () => {
  override = ({ method }) =>
    method === 'POST'
      ? {
          body: JSON.stringify([
            { id: '../../x', file: 'a.csv' },
            { id: 'x', file: '../../etc/cron.d/x' },
            7,
            null,
            { id: 'x' },
          ]),
        }
      : undefined;
  expect(await turns.run(open())).toBeUndefined();
  expect([turns.taken, server.asked.length]).toEqual([[], 1]);
  for (const [body, said] of [
    ['<html>', 'the list is no JSON (json-invalid)'],
    ['{"pong":1}', 'the list is none'],
    [JSON.stringify(Array(20_001).fill(0)), 'more than 20000'],
  ] as const) {
    override = () => ({ body });
    expect(await turns.run(open())).toContain(said);
  }
});

test('only the types that are wanted', async () => {
  add('r1');
  add('r2', 'scan_telnet');
  await turns.run(open({ types: ['scan_telnet'] }));
  expect(turns.names()).toEqual(['2026-03-03-scan_telnet-asn64496-r2.csv']);
});
