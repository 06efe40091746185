// Our RADIUS server against clients that are not ours, radclient and node-radius-client, and against requests made by hand.
import { randomBytes } from 'node:crypto';
import RadiusClient from 'node-radius-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AaaUser } from '../../../../src/adapters/aaa/radius/answer.ts';
import type { AaaClient } from '../../../../src/adapters/aaa/radius/client.ts';
import { hashPassword } from '../../../../src/adapters/aaa/radius/passwords.ts';
import { AaaServer, type AaaServerOptions } from '../../../../src/adapters/aaa/radius/server.ts';
import type { NamedAttribute } from '../../../../src/core/dialect/dialect.ts';
import { MARKERS } from '../../../../src/core/dialect/marker.ts';
import { replyFault } from '../../../../src/protocols/radius/authenticator.ts';
import { CODE, decodePacket } from '../../../../src/protocols/radius/codec.ts';
import { decodeNamed } from '../../../../src/protocols/radius/named.ts';
import { prefix } from '../../../core/line/records.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { FakeLogins } from '../../../fakes/logins.ts';
import { attributesIn, radclient } from '../../../peers/freeradius-aaa.ts';
import { accessRequest, Nas, type Request, SECRET, text } from './nas.ts';

const HASHED = await hashPassword('right');
const ALWAYS: readonly NamedAttribute[] = [
  { name: 'Framed-IP-Address', value: '198.51.100.7' },
  { name: 'Delegated-IPv6-Prefix', value: '2001:db8:aa00::/56' },
];
const PLAN: readonly NamedAttribute[] = [
  { name: 'Filter-Id', value: 'plan-100' },
  { name: 'Class', value: 'p100' },
];
const GARDEN: readonly NamedAttribute[] = [
  { name: 'Filter-Id', value: 'wg-in' },
  { name: 'ERX-Service-Activate', tag: 1, value: 'WG(portal)' },
  { name: 'Class', value: MARKERS.strict },
];
const USERS = new Map<string, AaaUser>(
  [
    { name: 'ann', password: { clear: 'right' }, always: ALWAYS, plan: PLAN },
    { name: 'hashed', password: { hash: HASHED }, always: [], plan: PLAN },
    { name: 'unsayable', password: { clear: 'right' }, always: [{ name: 'No-Such-Thing', value: 'x' }], plan: [] },
  ].map((one) => [one.name, one]),
);

let logins: FakeLogins;
let log: FakeLog;
let monotonicMs: number;
const undo: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  [logins, log, monotonicMs] = [new FakeLogins(), new FakeLog(), 0];
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function serve(
  client: Partial<AaaClient> = {},
  options: Partial<AaaServerOptions> = {},
): Promise<{ server: AaaServer; port: number; nas: Nas }> {
  const server = new AaaServer({
    listen: [{ address: '127.0.0.1', port: 0 }],
    clients: [
      { name: 'bng1', from: [prefix('127.0.0.1')], secrets: [Buffer.from(SECRET)], accessKey: 'User-Name', ...client },
    ],
    userOf: (name) => USERS.get(name),
    logins,
    attributesFor: () => GARDEN,
    log,
    limits: { rejectAfterMs: 100 },
    ...options,
  });
  const [bound] = await server.start();
  undo.push(() => server.stop());
  const nas = await Nas.to(bound!.port);
  undo.push(() => nas.close());
  return { server, port: bound!.port, nas };
}

/** Genuine, with the Message-Authenticator before everything else, and what it says. */
function read(answer: Uint8Array, request: Uint8Array, secret = SECRET) {
  const packet = decodePacket(answer);
  if (!packet.ok) throw new Error(packet.error.kind);
  const fault = replyFault(packet.value, request.slice(4, 20), Buffer.from(secret), {
    requireMessageAuthenticator: true,
  });
  expect(fault).toBeUndefined();
  expect(packet.value.attributes[0]!.type).toBe(80);
  const said = decodeNamed(packet.value.attributes.slice(1)).map(
    ({ name, tag, value }) => `${name}${tag ?? ''}=${value}`,
  );
  return { code: packet.value.code, identifier: packet.value.identifier, said };
}

async function asked(nas: Nas, request: Request) {
  const bytes = accessRequest(request);
  return read(await nas.ask(bytes), bytes, request.secret);
}

/** One that must stay unanswered, proven by a later one that is answered. */
async function silence(nas: Nas, bytes: Uint8Array): Promise<void> {
  const before = nas.answers.length;
  nas.send(bytes);
  const last = accessRequest({ identifier: 250, pap: 'right' });
  expect((await nas.ask(last))[1]).toBe(250);
  expect(nas.answers.length).toBe(before + 1);
}

const hex = (value: string) => `0x${Buffer.from(value).toString('hex')}`;
const FREE = [
  'Framed-IP-Address=198.51.100.7',
  'Delegated-IPv6-Prefix=2001:db8:aa00::/56',
  'Filter-Id=plan-100',
  `Class=${hex('p100')}`,
];
const QUARANTINED = [
  'Framed-IP-Address=198.51.100.7',
  'Delegated-IPv6-Prefix=2001:db8:aa00::/56',
  `Class=${hex('p100')}`,
  'Filter-Id=wg-in',
  'ERX-Service-Activate1=WG(portal)',
  `Class=${hex('engawa-strict')}`,
];

describe('clients that are not ours', () => {
  test.each(['User-Password', 'CHAP-Password'])(
    'radclient is let in by %s, and kept out with a wrong one',
    async (kind) => {
      const { port, server } = await serve();
      const ask = (password: string) =>
        radclient(port, 'auth', ['User-Name = "ann"', `${kind} = "${password}"`, 'Message-Authenticator = 0x00'], {
          secret: SECRET,
        });
      const good = await ask('right');
      expect(good.output).toContain('Received Access-Accept');
      expect(attributesIn(good.output)).toEqual([
        expect.stringMatching(/^Message-Authenticator = 0x[0-9a-f]{32}$/),
        'Framed-IP-Address = 198.51.100.7',
        'Delegated-IPv6-Prefix = 2001:db8:aa00::/56',
        'Filter-Id = "plan-100"',
        `Class = ${hex('p100')}`,
      ]);
      expect((await ask('wrong')).output).toContain('Received Access-Reject');
      expect(server.counts()).toMatchObject({ accepted: 1, rejected: 1 });
    },
  );

  test('radclient gets the garden’s attributes and the marker for a line in it', async () => {
    const { port } = await serve();
    logins.set('ann', 'strict');
    const answer = await radclient(
      port,
      'auth',
      ['User-Name = "ann"', 'User-Password = "right"', 'Message-Authenticator = 0x00'],
      { secret: SECRET },
    );
    expect(attributesIn(answer.output).slice(1)).toEqual([
      'Framed-IP-Address = 198.51.100.7',
      'Delegated-IPv6-Prefix = 2001:db8:aa00::/56',
      `Class = ${hex('p100')}`,
      'Filter-Id = "wg-in"',
      'ERX-Service-Activate:1 = "WG(portal)"',
      `Class = ${hex('engawa-strict')}`,
    ]);
  });

  test('radclient’s Status-Server is answered', async () => {
    const { port, server } = await serve();
    const answer = await radclient(port, 'status', ['Message-Authenticator = 0x00'], { secret: SECRET });
    expect(answer.output).toContain('Received Access-Accept');
    expect(server.counts().status).toBe(1);
  });

  test('radclient over IPv6', async () => {
    const listen = [{ address: '::1', port: 0 }];
    const server = new AaaServer({
      listen,
      clients: [{ name: 'bng6', from: [prefix('::1')], secrets: [Buffer.from(SECRET)], accessKey: 'User-Name' }],
      userOf: (name) => USERS.get(name),
      logins,
      attributesFor: () => GARDEN,
      log,
    });
    const [bound] = await server.start();
    undo.push(() => server.stop());
    const attributes = ['User-Name = "ann"', 'User-Password = "right"', 'Message-Authenticator = 0x00'];
    const answer = await radclient(bound!.port, 'auth', attributes, { secret: SECRET, host: '[::1]' });
    expect(answer.output).toContain('Received Access-Accept');
  });

  test('node-radius-client is let in, told of the garden, and kept out', async () => {
    const { port } = await serve();
    logins.set('ann', 'strict');
    const client = new RadiusClient({ host: '127.0.0.1', hostPort: port, timeout: 3000, retries: 1 });
    const ask = (password: string) =>
      client.accessRequest({
        secret: SECRET,
        add_message_authenticator: true,
        attributes: [
          ['User-Name', 'ann'],
          ['User-Password', password],
        ],
      });
    const answer = await ask('right');
    expect(answer).toMatchObject({
      code: 'Access-Accept',
      attributes: { 'Framed-IP-Address': '198.51.100.7', 'Filter-Id': 'wg-in', Class: ['p100', 'engawa-strict'] },
    });
    await expect(ask('wrong')).rejects.toMatchObject({ response: { code: 'Access-Reject' } });
  });
});

describe('who is let in', () => {
  test('PAP and CHAP with a clear password; with a hash PAP alone, and the log says why', async () => {
    const { nas } = await serve();
    expect(await asked(nas, { identifier: 1, pap: 'right' })).toEqual({ code: 2, identifier: 1, said: FREE });
    expect(await asked(nas, { identifier: 2, chap: 'right' })).toMatchObject({ code: 2, said: FREE });
    expect(await asked(nas, { identifier: 3, user: 'hashed', pap: 'right' })).toMatchObject({ code: 2 });
    expect(await asked(nas, { identifier: 4, user: 'hashed', pap: 'wrong' })).toMatchObject({ code: 3, said: [] });
    expect(await asked(nas, { identifier: 5, user: 'hashed', chap: 'right' })).toMatchObject({ code: 3 });
    expect(log.lines.join()).toContain('chap-needs-clear-password');
    for (const [identifier, request] of [{ pap: '' }, { chap: '' }, {}, { user: 'nobody', pap: 'right' }].entries())
      expect(await asked(nas, { identifier: 10 + identifier, ...request }), JSON.stringify(request)).toMatchObject({
        code: 3,
      });
    expect(log.lines.join()).not.toContain('right');
  });

  test('a longer password of several blocks, by radclient', async () => {
    const password = 'a password of forty characters and more.';
    const { port } = await serve(
      {},
      { userOf: () => ({ name: 'ann', password: { clear: password }, always: [], plan: [] }) },
    );
    const attributes = ['User-Name = "ann"', `User-Password = "${password}"`, 'Message-Authenticator = 0x00'];
    expect((await radclient(port, 'auth', attributes, { secret: SECRET })).output).toContain('Received Access-Accept');
  });

  test('EAP is rejected, and without Message-Authenticator not even that', async () => {
    const { nas, server } = await serve({ requireMessageAuthenticator: false });
    const eap = { type: 79, value: Uint8Array.of(2, 1, 0, 4) };
    expect(await asked(nas, { attributes: [eap] })).toMatchObject({ code: 3 });
    await silence(nas, accessRequest({ identifier: 2, attributes: [eap], messageAuthenticator: false }));
    expect(server.counts()).toMatchObject({ rejected: 1, 'not-genuine': 1 });
  });

  test('a reject leaves when its time has come, whether the name exists or not', async () => {
    const { nas } = await serve({}, { limits: { rejectAfterMs: 300 } });
    for (const user of ['ann', 'hashed', 'nobody']) {
      const begun = performance.now();
      expect(await asked(nas, { identifier: user.length, user, pap: 'wrong' })).toMatchObject({ code: 3 });
      expect(performance.now() - begun).toBeGreaterThan(290);
      expect(performance.now() - begun).toBeLessThan(1500);
    }
  });
});

describe('lines in the garden', () => {
  test('addresses and the plan’s Class stay, the plan goes, the garden and its marker come', async () => {
    const { nas, server } = await serve();
    logins.set('ann', 'strict');
    expect(await asked(nas, { pap: 'right' })).toMatchObject({ code: 2, said: QUARANTINED });
    logins.set('ann', undefined);
    expect(await asked(nas, { identifier: 2, pap: 'right' })).toMatchObject({ said: FREE });
    expect(server.counts()).toMatchObject({ quarantined: 1, accepted: 1 });
  });

  test.each<[AaaClient['accessKey'], Request['attributes'] & object]>([
    ['Calling-Station-Id', [text(31, '00-00-5E-00-53-01')]],
    // Vendor 3561, sub-attribute 1.
    [
      'Agent-Circuit-Id',
      [{ type: 26, value: Buffer.concat([Buffer.from('00000de9' + '0107', 'hex'), Buffer.from('olt/1')]) }],
    ],
  ])('are found by %s where the client says so', async (accessKey, attributes) => {
    const { nas } = await serve({ accessKey, gateway: 'north' });
    logins.set(accessKey === 'Calling-Station-Id' ? '00-00-5E-00-53-01' : 'olt/1', 'strict');
    logins.set('ann', undefined);
    expect(await asked(nas, { pap: 'right', attributes })).toMatchObject({ said: QUARANTINED });
    expect(await asked(nas, { identifier: 2, pap: 'right' })).toMatchObject({ said: FREE });
  });

  test('invariant 11: while the wanted state is not known nobody is answered; beyond patience they come in', async () => {
    logins.isReady = false;
    logins.wanted.set('ann', 'strict');
    const { nas, server } = await serve({}, { monotonic: () => monotonicMs });
    const request = accessRequest({ pap: 'right' });
    nas.send(request);
    await expect.poll(() => server.counts()['not-known-yet']).toBe(1);
    expect(nas.answers).toEqual([]);
    logins.isReady = true;
    expect(read(await nas.ask(request), request).said).toEqual(QUARANTINED);
    logins.isReady = false;
    logins.wanted.clear();
    monotonicMs = 20_000;
    expect(await asked(nas, { identifier: 2, pap: 'right' })).toMatchObject({ code: 2, said: FREE });
  });

  test('a garden that cannot be said is not said in part: the plan it is, and the log says what is wrong', async () => {
    const bad: NamedAttribute[] = [...GARDEN, { name: 'No-Such-Thing', value: 'x' }];
    const { nas } = await serve({}, { attributesFor: () => bad });
    logins.set('ann', 'strict');
    expect(await asked(nas, { pap: 'right' })).toMatchObject({ said: FREE });
    expect(log.lines.join()).toMatch(/AAA_ATTRIBUTE_UNSAYABLE.*No-Such-Thing/);
    expect(await asked(nas, { identifier: 2, user: 'unsayable', pap: 'right' })).toMatchObject({ code: 3 });
  });
});

describe('against forged requests and answers', () => {
  test('without a Message-Authenticator nothing is answered, unless the client is an old one; then no Proxy-State', async () => {
    const { nas, server } = await serve();
    await silence(nas, accessRequest({ pap: 'right', messageAuthenticator: false }));
    expect(server.counts()['not-genuine']).toBe(1);
    expect(log.lines.join()).toContain('message-authenticator-missing');

    const old = await serve({ requireMessageAuthenticator: false });
    expect(await asked(old.nas, { pap: 'right', messageAuthenticator: false })).toMatchObject({ code: 2 });
    const proxied = { attributes: [text(33, 'first'), text(33, 'second')], pap: 'right' };
    await silence(old.nas, accessRequest({ identifier: 2, messageAuthenticator: false, ...proxied }));
    expect(log.lines.join()).toContain('proxy-state');
    const signed = await asked(old.nas, { identifier: 3, ...proxied });
    expect(signed.said.slice(-2)).toEqual([`Proxy-State=${hex('first')}`, `Proxy-State=${hex('second')}`]);

    const unlimited = await serve({ requireMessageAuthenticator: false, limitProxyState: false });
    expect(await asked(unlimited.nas, { messageAuthenticator: false, ...proxied })).toMatchObject({ code: 2 });
  });

  test('a wrong secret, a foreign source, another code: dropped and counted', async () => {
    const { nas, server, port } = await serve();
    await silence(nas, accessRequest({ pap: 'right', secret: 'not the secret at all' }));
    await silence(nas, accessRequest({ code: CODE.accountingRequest }));
    await silence(nas, accessRequest({ code: CODE.accessAccept }));
    await silence(nas, accessRequest({ code: CODE.statusServer, messageAuthenticator: false }));
    const stranger = await Nas.to(port, '127.0.0.9');
    undo.push(() => stranger.close());
    stranger.send(accessRequest({ pap: 'right' }));
    await expect.poll(() => server.counts()['unknown-client']).toBe(1);
    expect(stranger.answers).toEqual([]);
    expect(server.counts()).toMatchObject({ 'not-genuine': 4 });
  });

  test('either of two secrets is taken during rotation, and the answer is signed with the same', async () => {
    const { nas } = await serve({ secrets: [Buffer.from('the new one of this client'), Buffer.from(SECRET)] });
    expect(await asked(nas, { pap: 'right' })).toMatchObject({ code: 2 });
    const secret = 'the new one of this client';
    expect(await asked(nas, { identifier: 2, pap: 'right', secret })).toMatchObject({ code: 2 });
  });

  test('a repeated request gets the same octets; one with the same identifier and another authenticator a new answer', async () => {
    const { nas, server } = await serve();
    const request = accessRequest({ pap: 'right' });
    const [first, second] = [await nas.ask(request), await nas.ask(request)];
    expect(second.equals(first)).toBe(true);
    logins.set('ann', 'strict');
    expect((await nas.ask(request)).equals(first)).toBe(true);
    expect(await asked(nas, { pap: 'right' })).toMatchObject({ said: QUARANTINED });
    expect(server.counts()).toMatchObject({ accepted: 1, quarantined: 1, repeated: 2 });
  });

  test('one that is still at work is not begun again: one reject for three tries', async () => {
    const { nas, server } = await serve();
    const request = accessRequest({ pap: 'wrong' });
    nas.send(request);
    nas.send(request);
    expect(read(await nas.ask(request), request)).toMatchObject({ code: 3 });
    expect(server.counts()).toMatchObject({ rejected: 1, repeated: 2 });
    expect(nas.answers).toHaveLength(1);
  });

  test('a client over its rate waits; another one does not', async () => {
    const server = new AaaServer({
      listen: [{ address: '127.0.0.1', port: 0 }],
      clients: ['127.0.0.1', '127.0.0.2'].map((from, i) => ({
        name: `bng${i}`,
        from: [prefix(from)],
        secrets: [Buffer.from(SECRET)],
        accessKey: 'User-Name',
        requestsPerSecond: 2,
      })),
      userOf: (name) => USERS.get(name),
      logins,
      attributesFor: () => GARDEN,
      log,
      monotonic: () => monotonicMs,
    });
    const [bound] = await server.start();
    undo.push(() => server.stop());
    const [one, other] = [await Nas.to(bound!.port), await Nas.to(bound!.port, '127.0.0.2')];
    undo.push(
      () => one.close(),
      () => other.close(),
    );
    for (let i = 0; i < 10; i++) await asked(one, { identifier: i, pap: 'right' });
    one.send(accessRequest({ identifier: 10, pap: 'right' }));
    await expect.poll(() => server.counts()['over-rate']).toBe(1);
    expect(await asked(other, { pap: 'right' })).toMatchObject({ code: 2 });
    monotonicMs = 500;
    expect(await asked(one, { identifier: 11, pap: 'right' })).toMatchObject({ code: 2 });
  });

  test('requests that are none: two passwords, no name, a broken CHAP, an answer that would not fit', async () => {
    const { nas, server } = await serve();
    const password = { type: 2, value: new Uint8Array(16) };
    await silence(nas, accessRequest({ pap: 'right', attributes: [password] }));
    await silence(nas, accessRequest({ pap: 'right', chap: 'right' }));
    await silence(nas, accessRequest({ user: '', pap: 'right' }));
    await silence(nas, accessRequest({ attributes: [{ type: 3, value: new Uint8Array(4) }] }));
    await silence(nas, accessRequest({ attributes: [{ type: 2, value: new Uint8Array(7) }] }));
    expect(server.counts().malformed).toBe(5);
    const states = Array.from({ length: 15 }, () => ({ type: 33, value: new Uint8Array(253) }));
    await silence(
      nas,
      accessRequest({ pap: 'right', attributes: [...states, { type: 33, value: new Uint8Array(190) }] }),
    );
    expect(log.lines.join()).toContain('too-long');
  });

  test('no octets end it: a thousand mutations of genuine requests, and noise', async () => {
    const { nas, server, port } = await serve({ requireMessageAuthenticator: false, requestsPerSecond: 100_000 });
    for (let i = 0; i < 1000; i++) {
      const bytes =
        i % 4 === 0 ? randomBytes(i % 300) : Buffer.from(accessRequest({ identifier: i % 200, pap: 'right' }));
      for (let n = 0; n < i % 5 && bytes.length > 0; n++)
        bytes[randomBytes(2).readUInt16BE() % bytes.length] = randomBytes(1)[0]!;
      nas.send(bytes);
    }
    const other = await Nas.to(port);
    undo.push(() => other.close());
    expect(await asked(other, { pap: 'right' })).toMatchObject({ code: 2 });
    expect(Object.values(server.counts()).reduce((sum, one) => sum + one)).toBeGreaterThan(100);
    expect(server.counts()['overload']).toBe(0);
  });
});
