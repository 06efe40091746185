import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEvidence } from '../../../src/adapters/evidence/files/evidence.ts';
import { loadKeys } from '../../../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../../../src/adapters/store/sqlite/store.ts';
import { acceptDelivery } from '../../../src/flow/accept.ts';
import { hashKey } from '../../../src/http/intake/keys.ts';
import { type Accept, createIntake, type IntakeLimits } from '../../../src/http/intake/router.ts';
import { FakeLog } from '../../fakes/log.ts';

const NOW = Date.UTC(2026, 2, 4, 6);
const [KEY, NEXT_KEY, OTHER_KEY] = ['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)];
/** Of feeds and signatures: signed.int.test.ts. */
const UNUSED = {
  takeFile: () => Promise.reject(new Error('not asked')),
  nonces: { claim: () => Promise.reject(new Error('not asked')), keep: () => Promise.resolve() },
};
const event = {
  id: 'obs-1',
  observedAt: '2026-03-04T05:06:07Z',
  class: 'attack-handshake',
  family: 'mirai',
  ip: '192.0.2.17',
  port: 40001,
  protocol: 'tcp',
};

let folder: string;
let store: SqliteStore;
let log: FakeLog;
let servers: Server[];
let accept: Accept;
let monotonicMs: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-intake-'));
  const evidence = await openEvidence(join(folder, 'evidence'));
  store = openStore({ path: join(folder, 'store.db'), keys: loadKeys(join(folder, 'keys')), now: () => NOW });
  log = new FakeLog();
  servers = [];
  monotonicMs = 0;
  const clock = {
    now: () => NOW,
    monotonicMs: () => monotonicMs,
    status: () => ({ state: 'assumed', jumped: false }) as const,
  };
  accept = (input) => acceptDelivery({ store, evidence, clock }, input);
});

afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(options: { accept?: Accept; limits?: Partial<IntakeLimits> } = {}): Promise<string> {
  const app = createIntake({
    accept: options.accept ?? accept,
    ...UNUSED,
    sources: [
      { name: 'honeypot-1', keyHashes: [hashKey(KEY), hashKey(NEXT_KEY)] },
      { name: 'honeypot-2', keyHashes: [hashKey(OTHER_KEY)] },
    ],
    familyOf: (name) => (name === 'mirai' ? name : undefined),
    clock: { now: () => NOW, monotonicMs: () => monotonicMs },
    log,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/reports`;
}

const body = (...events: readonly unknown[]) => JSON.stringify({ reports: events });
const post = (url: string, text: string, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    body: text,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(20_000),
  });
const told = async (response: Response) => ({
  status: response.status,
  body: (await response.json()) as Record<string, unknown>,
});

describe('POST /v1/reports', () => {
  test('F01: the same event 1,000 times in parallel is one row, and each sender hears 200', async () => {
    const url = await serve({ limits: { maxInFlight: 1000, perSourceInFlight: 1000 } });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => post(url, body(event))));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    const rows = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { rows: { accepted: number } }).rows),
    );
    expect(rows.reduce((sum, row) => sum + row.accepted, 0)).toBe(1);
    expect(await store.pendingReports(10)).toHaveLength(1);
  });

  test('F02: the same id with other content is 409, both digests are on record, and the first one stays', async () => {
    const url = await serve();
    expect((await post(url, body(event))).status).toBe(200);
    const conflict = await told(await post(url, body({ ...event, ip: '192.0.2.99' })));
    expect([conflict.status, conflict.body['code']]).toEqual([409, 'WG-INT-005']);
    const kept = await store.pendingReports(10);
    expect(kept.map((report) => [...report.ip.bytes])).toEqual([[192, 0, 2, 17]]);
    const out = join(folder, 'export');
    await store.exportAudit(out, NOW);
    const { readFileSync } = await import('node:fs');
    const entry = readFileSync(join(out, 'log.jsonl'), 'utf8');
    expect(entry).toContain('report-id-contradicted');
    expect(entry).toContain(kept[0]!.extra['engawa.content']);
  });

  test('F02: among good rows a contradiction is one refused row', async () => {
    const url = await serve();
    await post(url, body(event));
    const answer = await told(await post(url, body({ ...event, id: 'obs-2' }, { ...event, port: 5 }, event)));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ rows: { total: 3, accepted: 1, duplicate: 1, refused: 1 } });
    expect(answer.body['refused']).toMatchObject([{ line: 2, code: 'id-content-differs' }]);
    const both = await told(await post(url, body({ ...event, id: 'obs-3' }, { ...event, id: 'obs-3', port: 6 })));
    expect(both.body).toMatchObject({ rows: { total: 2, accepted: 1, duplicate: 0, refused: 1 } });
  });

  test('F03: without a valid key nothing is read, stored or told; both keys of a rotation work', async () => {
    const url = await serve();
    for (const authorization of [
      '',
      'Bearer ',
      `Bearer ${KEY}x`,
      `Bearer ${KEY.slice(1)}`,
      `Basic ${KEY}`,
      KEY,
      `Bearer ${'é'.repeat(20)}`,
    ]) {
      const answer = await told(await post(url, '{"reports":[', { authorization: encodeURI(authorization) }));
      expect(answer).toMatchObject({ status: 401, body: { code: 'WG-INT-001' } });
    }
    expect(await store.evidenceFiles({ limit: 10 })).toEqual([]);
    expect(log.lines.join('\n')).not.toContain(KEY);
    expect((await post(url, body(event), { authorization: `Bearer ${NEXT_KEY}` })).status).toBe(200);
    expect((await post(url, body(event), { authorization: `bearer ${OTHER_KEY}` })).status).toBe(200);
    expect((await store.pendingReports(10)).map((report) => report.source).sort()).toEqual([
      'honeypot-1',
      'honeypot-2',
    ]);
  });

  test('F03: a key that belongs to two sources is a fault of the configuration', () => {
    const sources = ['one', 'two'].map((name) => ({ name, keyHashes: [hashKey(KEY)] }));
    const options = {
      accept,
      ...UNUSED,
      familyOf: () => undefined,
      clock: { now: () => 0, monotonicMs: () => 0 },
      log,
    };
    expect(() => createIntake({ ...options, sources })).toThrow(/two sources/);
    expect(() => createIntake({ ...options, sources: [{ name: 'one', keyHashes: [KEY] }] })).toThrow(/64 hex/);
  });

  test('JSON lines count each line; a wrong one is refused with its number', async () => {
    const url = await serve();
    const lines = `${JSON.stringify(event)}\n{"id":1}\n`;
    const answer = await told(await post(url, lines, { 'content-type': 'application/x-ndjson; charset=utf-8' }));
    expect(answer.body).toMatchObject({
      rows: { total: 2, accepted: 1, refused: 1 },
      refused: [{ line: 2, code: 'event-shape' }],
    });
  });

  test('what is no delivery gets a problem document with a stable code', async () => {
    const url = await serve({ limits: { maxBodyBytes: 1000 } });
    const cases: [Promise<Response>, number, string][] = [
      [post(url, '{"a":1,"a":2}'), 400, 'WG-INT-004'],
      [post(url, '['.repeat(999)), 400, 'WG-INT-004'],
      [post(url, 'x'.repeat(1001)), 413, 'WG-INT-002'],
      [post(url, 'id,ip', { 'content-type': 'text/csv' }), 415, 'WG-INT-003'],
      [post(url, '{}', { 'content-encoding': 'gzip' }), 415, 'WG-INT-003'],
      [fetch(url), 405, 'WG-HTTP-002'],
      [fetch(url.replace('/v1/', '/v2/')), 404, 'WG-HTTP-001'],
    ];
    for (const [answer, status, code] of cases) {
      const response = await answer;
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await told(response)).toMatchObject({ status, body: { status, code, type: 'about:blank' } });
    }
  });

  test('a body without a length that grows past the cap is cut off', async () => {
    const url = await serve({ limits: { maxBodyBytes: 1000 } });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sending = httpRequest(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      });
      sending.once('response', (response) => resolve(response.statusCode));
      sending.once('error', reject);
      sending.write(randomBytes(2000));
    });
    expect(status).toBe(413);
  });

  test('a sender that dribbles is let go at the deadline', async () => {
    const url = new URL(await serve({ limits: { bodyDeadlineMs: 50 } }));
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(url.port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.once('close', () => resolve(text));
      socket.once('error', reject);
      socket.write(
        `POST /v1/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('F23: over its rate a source hears 429 with Retry-After, others do not; what was accepted stays, and after the wait it may go on', async () => {
    const url = await serve({ limits: { perSourcePerSecond: 1, perSourceBurst: 2 } });
    const statuses = async (n: number, key: string) => {
      const found: number[] = [];
      for (let i = 0; i < n; i++) found.push((await post(url, body(event), { authorization: `Bearer ${key}` })).status);
      return found;
    };
    expect(await statuses(3, KEY)).toEqual([200, 200, 429]);
    expect((await post(url, body(event))).headers.get('retry-after')).toBe('1');
    expect(await statuses(1, OTHER_KEY)).toEqual([200]);
    monotonicMs = 1000;
    expect(await statuses(1, KEY)).toEqual([200]);
  });

  test('invariant 1: nothing is acknowledged when it could not be stored, and more in work than allowed waits', async () => {
    const failing = await serve({ accept: () => Promise.reject(new Error('disk full')) });
    const answer = await post(failing, body(event));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).not.toContain('disk full');

    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const busy = await serve({
      limits: { maxInFlight: 1 },
      accept: async (input) => {
        await held;
        return accept(input);
      },
    });
    const [first, second] = [post(busy, body(event)), post(busy, body(event))];
    expect((await Promise.race([first, second])).status).toBe(503);
    release();
    expect([(await first).status, (await second).status].sort()).toEqual([200, 503]);
  });

  test('a source that holds all of its places leaves the others theirs', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const url = await serve({
      accept: async (input) => {
        if (input.source === 'honeypot-1') await held;
        return accept(input);
      },
    });
    const other = { authorization: `Bearer ${OTHER_KEY}` };
    const slow = Array.from({ length: 9 }, (_, n) => post(url, body({ ...event, id: `slow-${n}` })));
    expect((await Promise.race(slow)).status, 'the ninth').toBe(503);
    expect((await post(url, body({ ...event, id: 'other' }), other)).status).toBe(200);
    release();
    expect((await Promise.all(slow)).filter((answer) => answer.status === 200)).toHaveLength(8);
    expect((await post(url, body({ ...event, id: 'after' }))).status, 'places are given back').toBe(200);
  });

  test('strangers fill no log: one line at once, then one a minute with how many there were', async () => {
    const url = await serve();
    const told = () => log.lines.filter((line) => line.includes('INTAKE_UNAUTHORISED'));
    const knock = () => post(url, body(event), { authorization: `Bearer ${'x'.repeat(32)}` });
    for (let i = 0; i < 20; i++) expect((await knock()).status).toBe(401);
    expect(told()).toHaveLength(1);
    monotonicMs += 60_000;
    await knock();
    expect(told()).toHaveLength(2);
    expect(told()[1]).toContain('"times":20');
  });
});
