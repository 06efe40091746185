// Signed deliveries and posted feeds over a real listener and a real store.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEvidence } from '../../../src/adapters/evidence/files/evidence.ts';
import { loadKeys } from '../../../src/adapters/store/sqlite/keys.ts';
import { SqliteNonces } from '../../../src/adapters/store/sqlite/nonces.ts';
import { openStore, type SqliteStore } from '../../../src/adapters/store/sqlite/store.ts';
import { MINUTE } from '../../../src/core/kernel/time.ts';
import { acceptDelivery } from '../../../src/flow/accept.ts';
import { takeIn } from '../../../src/flow/take-in.ts';
import { hashKey } from '../../../src/http/intake/keys.ts';
import { type Accept, createIntake } from '../../../src/http/intake/router.ts';
import { readIntelmq } from '../../../src/protocols/intelmq/read.ts';
import { readShadowserver } from '../../../src/protocols/shadowserver/parse.ts';
import { readXarf } from '../../../src/protocols/xarf/read.ts';
import { FakeLog } from '../../fakes/log.ts';
import { KEY, sign, type ToSign } from './sign.ts';

const FEED_KEY = Buffer.from('another key, of a feed: 32 octets');
const BEARER = 'b'.repeat(32);
const START = Date.UTC(2026, 2, 4, 6);

let folder: string;
let store: SqliteStore;
let server: Server;
let url: string;
let now: number;
let log: FakeLog;
let accepts: number;
let accept: Accept | undefined;
let decided: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-signed-'));
  now = START;
  log = new FakeLog();
  [accepts, decided, accept] = [0, 0, undefined];
  await open();
});
afterEach(async () => {
  await shut();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  store = openStore({ path: join(folder, 'store.db'), keys: loadKeys(join(folder, 'keys')), now: () => now });
  const evidence = await openEvidence(join(folder, 'evidence'));
  const clock = {
    now: () => now,
    monotonicMs: () => now,
    status: () => ({ state: 'assumed', jumped: false }) as const,
  };
  const readers = {
    intelmq: readIntelmq({ leastAccuracy: 50 }),
    shadowserver: readShadowserver,
    xarf: readXarf({ clockMs: 15 * MINUTE }),
  };
  const app = createIntake({
    accept: (input) => {
      accepts++;
      return (accept ?? ((one) => acceptDelivery({ store, evidence, clock }, one)))(input);
    },
    takeFile: (file) => {
      const parts = {
        store,
        evidence,
        clock,
        readerOf: (name: string) => (readers as Record<string, (typeof readers)['intelmq']>)[name],
        familyOf: (name: string) => name,
        unpacker: { zip: () => Promise.reject(new Error('no archive here')) },
        decide: async () => decided++,
      };
      return takeIn(parts, file);
    },
    nonces: new SqliteNonces(store.database, () => now),
    sources: [
      { name: 'honeypot-1', keyHashes: [], signatureKeys: [randomBytes(32), KEY] },
      { name: 'honeypot-2', keyHashes: [hashKey(BEARER)] },
      ...['intelmq', 'shadowserver', 'xarf'].map((name) => ({
        name,
        isFeed: true,
        keyHashes: [hashKey(`${name}${'k'.repeat(32)}`)],
        signatureKeys: name === 'intelmq' ? [FEED_KEY] : [],
      })),
    ],
    familyOf: (name) => name,
    clock,
    log,
  });
  server = createServer(app);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function shut(): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await store.close();
}

const body = (id: string) =>
  JSON.stringify({
    reports: [
      {
        id,
        observedAt: '2026-03-04T05:06:07Z',
        class: 'attack-handshake',
        ip: '192.0.2.17',
        port: 40_001,
        protocol: 'tcp',
      },
    ],
  });
const nonce = () => randomBytes(16).toString('base64url');
const seconds = () => Math.floor(now / 1000);

async function post(
  path: string,
  content: string | Uint8Array,
  headers: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    body: content,
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(20_000),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** Signs one thing and sends it, or another. */
function send(change: Partial<ToSign> & { readonly sent?: string } = {}, key: Uint8Array = KEY) {
  const text = change.body ?? body('obs-1');
  const signed = sign({ created: seconds(), nonce: nonce(), ...change, body: text }, key);
  return post(change.path ?? '/v1/reports', change.sent ?? text, signed.headers);
}

describe('F03: who signs', () => {
  test('a signature of the source is as good as a key, the newer of two keys too', async () => {
    expect(await send()).toMatchObject({ status: 200, body: { source: 'honeypot-1', rows: { accepted: 1 } } });
  });

  test('a wrong key, an unknown sender, another body or none of it: 401, and nothing is kept', async () => {
    expect(await send({}, randomBytes(32))).toMatchObject({ status: 401, body: { code: 'WG-INT-001' } });
    expect(await send({ keyId: 'nobody' })).toMatchObject({ status: 401 });
    expect(await send({ keyId: 'honeypot-2' }), 'who has no signature key signs nothing').toMatchObject({
      status: 401,
    });
    expect(await send({ sent: body('obs-2') })).toMatchObject({ status: 401, body: { code: 'WG-INT-001' } });
    expect(
      await post('/v1/reports', body('x'), { 'signature-input': 'sig1=()', authorization: `Bearer ${BEARER}` }),
    ).toMatchObject({ status: 401 });
    expect([await store.evidenceFiles({ limit: 5 }), accepts]).toEqual([[], 0]);
  });

  test('the body of a stranger is not read', async () => {
    const { headers } = sign({ body: 'x', created: seconds(), nonce: nonce() }, randomBytes(32));
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.once('close', () => resolve(text));
      socket.once('error', reject);
      const lines = Object.entries({ host: 'x', 'content-length': '1000000', ...headers }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.write(`POST /v1/reports HTTP/1.1\r\n${lines.join('')}\r\n`);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });
});

test('the recipe of docs/reports-api.md makes a signature that is taken', async () => {
  const page = readFileSync(new URL('../../../docs/reports-api.md', import.meta.url), 'utf8');
  const recipe = /## Signing[\s\S]*?```sh\n([\s\S]*?)\ncurl /.exec(page)?.[1] ?? '';
  writeFileSync(join(folder, 'secret'), KEY);
  const text = body('obs-doc');
  // The page's own lines, with our body, name and moment; what it would hand to curl is read instead.
  const script = recipe
    .replace('BODY=\'{"reports":[…]}\'; SOURCE=honeypot', 'SOURCE=honeypot-1')
    .replace('$(date +%s)', String(seconds()));
  expect(script).not.toBe(recipe);
  const shown = execFileSync('sh', ['-c', `${script}\nprintf '%s\\n' "$DIGEST" "$PARAMS" "$MAC"`], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BODY: text },
    encoding: 'utf8',
  });
  const [digest = '', params = '', mac = ''] = shown.trim().split('\n');
  const headers = { 'content-digest': digest, 'signature-input': `sig1=${params}`, signature: `sig1=:${mac}:` };
  expect(await post('/v1/reports', text, headers)).toMatchObject({ status: 200, body: { rows: { accepted: 1 } } });
});

describe('F04: the same signature again', () => {
  test.each([-6 * MINUTE, -5 * MINUTE - 1000, 5 * MINUTE + 1000, 60 * MINUTE])(
    'a time %i ms away is a replay',
    async (ms) => {
      expect(await send({ created: seconds() + ms / 1000 })).toMatchObject({
        status: 401,
        body: { code: 'WG-INT-009' },
      });
      expect(accepts).toBe(0);
    },
  );

  test.each([-5 * MINUTE, 0, 5 * MINUTE])('a time %i ms away is fresh', async (ms) => {
    expect(await send({ created: seconds() + ms / 1000 })).toMatchObject({ status: 200 });
  });

  test('same nonce and body: the stored answer, over a restart too, and no second work', async () => {
    const one = { nonce: nonce(), created: seconds() };
    const first = await send(one);
    expect(first.body).toMatchObject({ rows: { accepted: 1, duplicate: 0 } });
    expect(await send(one)).toEqual(first);
    await shut();
    await open();
    now += 4 * MINUTE;
    expect(await send(one)).toEqual(first);
    expect(accepts).toBe(1);
  });

  test('same nonce, other body: 401, while its time lasts and over a restart', async () => {
    const one = { nonce: nonce(), created: seconds() };
    await send(one);
    const replay = { status: 401, body: { code: 'WG-INT-009' } };
    expect(await send({ ...one, body: body('obs-2') })).toMatchObject(replay);
    await shut();
    await open();
    expect(await send({ ...one, body: body('obs-2') })).toMatchObject(replay);
    expect(
      await send({ ...one, created: seconds() + 60, body: body('obs-2') }),
      'a new time makes no new nonce',
    ).toMatchObject(replay);
    now += 6 * MINUTE;
    expect(await send({ ...one, body: body('obs-2') }), 'then its time is over').toMatchObject(replay);
    expect(accepts).toBe(1);
  });

  test('at the same time: the second waits for the first and hears the same', async () => {
    const one = { nonce: nonce(), created: seconds() };
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(one)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(accepts).toBe(1);
  });

  test('what was not acknowledged may come again under its nonce; a refusal is kept', async () => {
    const one = { nonce: nonce(), created: seconds() };
    accept = () => Promise.reject(new Error('disk full'));
    expect(await send(one)).toMatchObject({ status: 503 });
    accept = undefined;
    expect(await send(one)).toMatchObject({ status: 200, body: { rows: { accepted: 1 } } });
    const bad = { nonce: nonce(), created: seconds(), body: '{}' };
    expect([await send(bad), await send(bad)]).toMatchObject([{ status: 400 }, { status: 400 }]);
  });

  test('nonces are forgotten when their time alone is refused', async () => {
    for (let i = 0; i < 20; i++) await send({ body: body(`obs-${i}`) });
    now += 11 * MINUTE;
    await send({ body: body('later') });
    expect(store.database.read.allSql('SELECT nonce FROM intake_nonce', [])).toHaveLength(1);
  });
});

describe('POST /v1/feeds', () => {
  const key = (feed: string) => ({ authorization: `Bearer ${feed}${'k'.repeat(32)}` });
  const event = JSON.stringify({
    'time.source': '2026-03-04T05:06:07+00:00',
    'source.ip': '192.0.2.17',
    'source.port': 40_001,
    'classification.type': 'infected-system',
    'feed.name': 'x',
  });

  test('a file of a feed is taken in by its format, and what came is decided', async () => {
    expect(await post('/v1/feeds/intelmq', `${event}\n`, key('intelmq'))).toMatchObject({
      status: 200,
      body: { source: 'intelmq', rows: { total: 1, accepted: 1 } },
    });
    expect(decided).toBe(1);
    expect(await store.pendingReports(5)).toMatchObject([{ source: 'intelmq' }]);
    expect(await post('/v1/feeds/intelmq', `${event}\n`, key('intelmq'))).toMatchObject({
      body: { rows: { accepted: 0, duplicate: 1 } },
    });
  });

  test('the name of a file may say its type', async () => {
    const csv = '"timestamp","src_ip","src_port","protocol"\n"2026-03-04 05:00:00","192.0.2.17","40001","tcp"\n';
    const path = '/v1/feeds/shadowserver/2026-03-04-event4_sinkhole-asn64496.csv';
    expect(await post(path, csv, key('shadowserver'))).toMatchObject({
      status: 200,
      body: { types: ['event4_sinkhole'], rows: { accepted: 1 } },
    });
    expect(await post('/v1/feeds/shadowserver/..%2Fx.csv', csv, key('shadowserver'))).toMatchObject({
      status: 400,
      body: { code: 'WG-INT-012' },
    });
  });

  test('what its format cannot read is parked and said, and the sender hears the reason', async () => {
    expect(await post('/v1/feeds/shadowserver', 'no csv', key('shadowserver'))).toMatchObject({
      status: 422,
      body: { code: 'WG-INT-011', fault: 'file-name-unknown' },
    });
    expect(await store.evidenceFiles({ state: 'parked', limit: 5 })).toMatchObject([{ source: 'shadowserver' }]);
  });

  test('a key opens its own address and no other', async () => {
    const forbidden = { status: 403, body: { code: 'WG-INT-010' } };
    expect(await post('/v1/feeds/xarf', '{}', key('intelmq'))).toMatchObject(forbidden);
    expect(await post('/v1/feeds/nothing', '{}', key('intelmq'))).toMatchObject(forbidden);
    expect(await post('/v1/reports', body('x'), key('intelmq'))).toMatchObject(forbidden);
    expect(await post('/v1/feeds/intelmq', event, { authorization: `Bearer ${BEARER}` })).toMatchObject(forbidden);
    expect(await post('/v1/feeds/intelmq', event, {})).toMatchObject({ status: 401 });
    expect(await store.evidenceFiles({ limit: 5 })).toEqual([]);
  });

  test('signed, once per nonce, and only at the address that was signed', async () => {
    const one = { keyId: 'intelmq', path: '/v1/feeds/intelmq', body: event, nonce: nonce(), created: seconds() };
    const first = await send(one, FEED_KEY);
    expect(first).toMatchObject({ status: 200, body: { rows: { accepted: 1 } } });
    expect(await send(one, FEED_KEY)).toEqual(first);
    expect(decided).toBe(1);
    const { headers } = sign(one, FEED_KEY);
    expect(await post('/v1/feeds/intelmq/other.jsonl', event, headers)).toMatchObject({ status: 401 });
  });
});
