import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NamedAttribute } from '../../../src/core/dialect/dialect.ts';
import { MARKERS } from '../../../src/core/dialect/marker.ts';
import { type AaaRouterOptions, createAaaRouter, type LoginCounts, noLoginsYet } from '../../../src/http/aaa/router.ts';
import { hashKey } from '../../../src/http/intake/keys.ts';
import { prefix } from '../../core/line/records.ts';
import { FakeLog } from '../../fakes/log.ts';

const [KEY, NEXT_KEY] = ['a'.repeat(43), 'b'.repeat(43)];
const LOGIN = { user: 'ann', nas: 'bng1', nasIp: '192.0.2.1', mac: '00-00-5E-00-53-01', port: '', circuit: 'olt/1' };

let log: FakeLog;
let counts: LoginCounts;
let servers: Server[];
let monotonicMs: number;
beforeEach(() => {
  log = new FakeLog();
  counts = noLoginsYet();
  servers = [];
  monotonicMs = 0;
});
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

async function serve(options: Partial<AaaRouterOptions> = {}): Promise<string> {
  const app = createAaaRouter({
    logins: { isReady: true, of: (accessKey) => (accessKey === 'ann' ? 'strict' : undefined) },
    keyHashes: [hashKey(KEY), hashKey(NEXT_KEY)],
    nases: [],
    attributesFor: (_gateway, access) => [
      { name: 'Filter-Id', value: `wg-${access}` },
      { name: 'Class', value: MARKERS[access] },
    ],
    clock: { monotonicMs: () => monotonicMs },
    log,
    counts,
    ...options,
  });
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/aaa/post-auth`;
}

const basic = (password: string) => `Basic ${Buffer.from(`freeradius:${password}`).toString('base64')}`;

async function ask(url: string, body: unknown = LOGIN, authorization = basic(KEY)) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>) };
}

describe('POST /v1/aaa/post-auth', () => {
  test('a line in the garden: its attributes and the marker, none of which the server may expand', async () => {
    const url = await serve();
    expect(await ask(url)).toEqual({
      status: 200,
      body: {
        'reply:Filter-Id': { op: '!*', value: ['wg-strict'], do_xlat: false },
        'Filter-Id': { op: ':=', value: ['wg-strict'], do_xlat: false },
        Class: { op: '+=', value: ['engawa-strict'], do_xlat: false },
      },
    });
    expect(counts).toEqual({ quarantined: 1, free: 0, 'not-known': 0, refused: 0 });
  });

  test('any other line: 204, and nothing in it', async () => {
    const url = await serve();
    expect(await ask(url, { ...LOGIN, user: 'bob' })).toEqual({ status: 204, body: undefined });
    expect(await ask(url, { ...LOGIN, user: '' })).toEqual({ status: 204, body: undefined });
    expect(counts.free).toBe(2);
  });

  test('invariant 11: before the wanted state is there, the answer is «not known», for everybody', async () => {
    let isReady = false;
    const url = await serve({
      logins: {
        get isReady() {
          return isReady;
        },
        of: () => undefined,
      },
    });
    expect(await ask(url)).toMatchObject({ status: 503, body: { code: 'WG-AAA-003' } });
    isReady = true;
    expect((await ask(url)).status).toBe(204);
    expect(counts).toMatchObject({ 'not-known': 1, free: 1 });
  });

  test('a garden that has nothing to say at login says nothing', async () => {
    const url = await serve({ attributesFor: () => [] });
    expect((await ask(url)).status).toBe(204);
  });

  test('the NAS decides gateway and access key: by its identifier first, by its address, by whose addresses these are', async () => {
    const asked: (string | undefined)[] = [];
    const url = await serve({
      logins: {
        isReady: true,
        of: (key) => (['olt/1', '00-00-5E-00-53-01', 'ann'].includes(key) ? 'leaky' : undefined),
      },
      nases: [
        { identity: 'bng1', gateway: 'north', accessKey: 'Agent-Circuit-Id' },
        { identity: '192.0.2.2', gateway: 'south', accessKey: 'Calling-Station-Id' },
        { identity: 'x1', from: [prefix('203.0.113.0/24')], gateway: 'wide', accessKey: 'User-Name' },
        {
          identity: 'x2',
          from: [prefix('203.0.113.8'), prefix('2001:db8::/64')],
          gateway: 'east',
          accessKey: 'User-Name',
        },
      ],
      attributesFor: (gateway) => {
        asked.push(gateway);
        return [{ name: 'Filter-Id', value: 'wg' }];
      },
    });
    const unnamed = { user: '', mac: '', circuit: '' };
    expect((await ask(url, { ...LOGIN, ...unnamed, circuit: 'olt/1' })).status).toBe(200);
    expect((await ask(url, { ...LOGIN, ...unnamed, circuit: '0x6f6c742f31' })).status, 'as octets').toBe(200);
    expect((await ask(url, { ...LOGIN, ...unnamed, user: 'ann' })).status).toBe(204);
    const south = { ...LOGIN, ...unnamed, nas: 'x', nasIp: '192.0.2.2' };
    expect((await ask(url, { ...south, mac: LOGIN.mac })).status).toBe(200);
    expect((await ask(url, { ...LOGIN, nas: '', nasIp: '192.0.2.9' })).status).toBe(200);
    for (const nasIp of ['203.0.113.8', '203.0.113.9', '2001:db8::7', 'no address'])
      expect((await ask(url, { ...LOGIN, nas: '', nasIp })).status).toBe(200);
    expect(asked).toEqual(['north', 'north', 'south', undefined, 'east', 'wide', 'east', undefined]);
  });

  test('values of one attribute go together, tags apart, and each plan value is taken away once', async () => {
    const attributes: NamedAttribute[] = [
      { name: 'ERX-Service-Activate', tag: 1, value: 'wg(a)' },
      { name: 'Cisco-AVPair', value: 'a=b' },
      { name: 'ERX-Service-Activate', tag: 2, value: 'wg(b)' },
      { name: 'Cisco-AVPair', value: 'c=\\d' },
      { name: 'Reply-Message', value: '0x00ff' },
      { name: 'Class', value: 'engawa-strict' },
    ];
    const url = await serve({ attributesFor: () => attributes });
    const answer = await ask(url);
    expect(Object.entries(answer.body!).map(([name, entry]) => [name, ...Object.values(entry as object)])).toEqual([
      ['reply:ERX-Service-Activate', '!*', ['wg(a)'], false],
      ['ERX-Service-Activate:1', ':=', ['wg(a)'], false],
      ['Cisco-AVPair', '+=', ['a=b', 'c=\\\\d'], false],
      ['ERX-Service-Activate:2', '+=', ['wg(b)'], false],
      ['reply:Reply-Message', '!*', ['\\000\\377'], false],
      ['Reply-Message', ':=', ['\\000\\377'], false],
      ['Class', '+=', ['engawa-strict'], false],
    ]);
  });

  test('what FreeRADIUS could not send is not sent in part: «not known», and one line in the log a minute', async () => {
    const attributes: NamedAttribute[] = [
      { name: 'Filter-Id', value: 'wg' },
      { name: 'Attr-26.55999.7', value: '0x00' },
    ];
    const url = await serve({ attributesFor: () => attributes });
    for (let i = 0; i < 3; i++) expect((await ask(url)).status).toBe(503);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/AAA_ATTRIBUTE_UNSAYABLE.*Attr-26\.55999\.7/);
  });

  test('the key: bearer or password of Basic, either of a rotation; without it nothing is read or told', async () => {
    const url = await serve();
    for (const good of [`Bearer ${KEY}`, `Bearer ${NEXT_KEY}`, basic(KEY), basic(NEXT_KEY)])
      expect((await ask(url, LOGIN, good)).status).toBe(200);
    const withColon = `Basic ${Buffer.from(`a:b:${KEY}`).toString('base64')}`;
    for (const bad of [
      '',
      'Basic',
      basic(''),
      basic(`${KEY}x`),
      `Bearer ${KEY.slice(1)}`,
      withColon,
      'Basic %%%%',
      KEY,
    ]) {
      const answer = await ask(url, '{', bad);
      expect(answer).toMatchObject({ status: 401, body: { code: 'WG-AAA-001' } });
      expect(JSON.stringify(answer.body)).not.toContain('wg-');
    }
    expect(log.lines.filter((line) => line.includes('AAA_UNAUTHORISED'))).toHaveLength(1);
    expect(log.lines.join()).not.toContain(KEY);
    expect(() => createAaaRouter({ ...({} as AaaRouterOptions), keyHashes: [KEY] })).toThrow(/64 hex/);
  });

  test.each<[string, unknown]>([
    ['no JSON', '{"user":'],
    ['a list', [LOGIN]],
    ['a password beside it', { ...LOGIN, password: 'x' }],
    ['one field less', { ...LOGIN, port: undefined }],
    ['a number', { ...LOGIN, port: 7 }],
    ['a name longer than an attribute', { ...LOGIN, user: 'x'.repeat(254) }],
    ['deep nesting', '['.repeat(9000)],
    ['more than it could ever be', JSON.stringify({ ...LOGIN, user: 'x'.repeat(20_000) })],
  ])('%s is no login', async (_what, body) => {
    const url = await serve();
    expect(await ask(url, body)).toMatchObject({ status: 400, body: { code: 'WG-AAA-002' } });
    expect(counts.refused).toBe(1);
  });

  test('octets that are no UTF-8 are no login, other methods and addresses are named as such', async () => {
    const url = await serve();
    const headers = { authorization: basic(KEY) };
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d]);
    expect((await fetch(url, { method: 'POST', headers, body: bytes })).status).toBe(400);
    expect((await fetch(url, { headers })).status).toBe(405);
    expect((await fetch(url.replace('post-auth', 'authorize'), { method: 'POST', headers })).status).toBe(404);
  });
});
