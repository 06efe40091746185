// The simulated BNG on loopback, spoken to with real packets: who may speak, repetitions, personalities, logins, accounting.
import { afterEach, expect, test } from 'vitest';
import { type SimulatedBng, startSimulatedBng } from '../../src/lab/bng/bng.ts';
import { writeNamed } from '../../src/lab/bng/dictionary.ts';
import type { BngOptions } from '../../src/lab/bng/options.ts';
import type { BngHome } from '../../src/lab/bng/sessions.ts';
import { waitFor } from '../../src/lab/wait.ts';
import type { Attribute } from '../../src/protocols/radius/codec.ts';
import { AccountingPeer, DasClient, SECRET } from './bng-peers.ts';

const ANNA = {
  user: 'anna@example.net',
  ip4: '192.0.2.129',
  prefix6: '2001:db8:200:100::/56',
  portId: 'ge-0/0/1:1',
  mac: '02:00:00:00:00:01',
};
const BRUNO = { user: 'bruno@example.net', ip4: '192.0.2.130', prefix6: '2001:db8:200:200::/56' };

const after: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of after.splice(0).reverse()) await end();
});

async function startBng(options: Partial<BngOptions> = {}): Promise<{ bng: SimulatedBng; client: DasClient }> {
  const bng = await startSimulatedBng({
    name: 'bng2',
    address: '127.0.0.1',
    personality: 'strict',
    dialect: 'rfc',
    secrets: [SECRET],
    homes: [ANNA, BRUNO],
    ...options,
  });
  after.push(() => bng.stop());
  return { bng, client: newClient(bng) };
}

function newClient({ port }: SimulatedBng): DasClient {
  const client = new DasClient(port);
  after.push(() => client.close());
  return client;
}

async function startAccounting(): Promise<AccountingPeer> {
  const peer = await AccountingPeer.start();
  after.push(() => peer.close());
  return peer;
}

function filter(value: string): readonly Attribute[] {
  return writeNamed([{ name: 'Filter-Id', value }]);
}

function keyOf(bng: SimulatedBng, { user }: BngHome = ANNA): readonly Attribute[] {
  return writeNamed([{ name: 'Acct-Session-Id', value: bng.sessionOf(user)?.id ?? 'none' }]);
}

test('a home dials in, a CoA puts it into the garden on both families, another frees it', async () => {
  const { bng, client } = await startBng();
  expect(await bng.dial(ANNA.user)).toMatchObject({ kind: 'up' });
  expect((await client.ask([...keyOf(bng), ...filter('engawa-strict')])).kind).toBe('ack');
  expect(bng.sessionOf(ANNA.user)).toMatchObject({ names: ['engawa-strict'], access: { 4: 'strict', 6: 'strict' } });
  expect((await client.ask([...keyOf(bng), ...filter('plan')])).kind).toBe('ack');
  expect(bng.sessionOf(ANNA.user)?.access).toEqual({ 4: 'open', 6: 'open' });
  expect(bng.counts()).toMatchObject({ received: 2, acks: 2, effects: 2, doubledEffects: 0, reusedIdentifiers: 0 });
});

test('what is not genuine, not recent or not from a client is dropped without a word, and counted', async () => {
  const { bng, client } = await startBng();
  await bng.dial(ANNA.user);
  const order = [...keyOf(bng), ...filter('engawa-strict')];
  const waitMs = 150;
  expect((await client.ask(order, { secret: 'another-secret-altogether', waitMs })).kind).toBe('silence');
  expect((await client.ask(order, { messageAuthenticator: false, waitMs })).kind).toBe('silence');
  expect((await client.ask(order, { ageSeconds: null, waitMs })).kind).toBe('silence');
  expect((await client.ask(order, { ageSeconds: 301, waitMs })).kind).toBe('silence');
  expect((await client.ask(order, { ageSeconds: -301, waitMs })).kind).toBe('silence');
  const stranger = await startBng({ clients: ['192.0.2.1'] });
  await stranger.bng.dial(ANNA.user);
  expect((await stranger.client.ask(order, { waitMs })).kind).toBe('silence');
  expect(bng.counts()).toMatchObject({
    badAuthenticator: 1,
    messageAuthenticatorMissing: 1,
    eventTimestampMissing: 1,
    stale: 2,
    effects: 0,
  });
  expect(stranger.bng.counts()).toMatchObject({ unknownSource: 1, effects: 0 });
  expect(bng.sessionOf(ANNA.user)?.names).toEqual(['plan']);
});

test('the same octets again get the same answer and no second effect; the same identifier with other octets is told', async () => {
  const { bng, client } = await startBng();
  await bng.dial(ANNA.user);
  const octets = client.build([...keyOf(bng), ...filter('engawa-strict')], { identifier: 7 });
  const first = await client.send(octets);
  const second = await client.send(octets);
  expect(second.bytes).toEqual(first.bytes);
  expect(bng.counts()).toMatchObject({ effects: 1, duplicates: 1, reusedIdentifiers: 0 });
  await client.ask([...keyOf(bng), ...filter('plan')], { identifier: 7 });
  expect(bng.counts()).toMatchObject({ effects: 2, reusedIdentifiers: 1, doubledEffects: 0 });
  // Another socket says the same thing once more: nothing protects from that but the client.
  await newClient(bng).ask([...keyOf(bng), ...filter('plan')]);
  expect(bng.counts()).toMatchObject({ effects: 3, doubledEffects: 1 });
});

test('both secrets of a rotation are taken, and Proxy-State comes back', async () => {
  const { bng, client } = await startBng({ secrets: ['the-secret-of-tomorrow-001', SECRET] });
  await bng.dial(ANNA.user);
  const proxyState = { type: 33, value: Buffer.from('hop') };
  const said = await client.ask([...keyOf(bng), ...filter('engawa-strict'), proxyState]);
  expect(said.kind).toBe('ack');
  expect(said.attributes.find(({ type }) => type === 33)?.value).toEqual(new Uint8Array(proxyState.value));
  expect(said.attributes[0]?.type).toBe(80);
});

test('a session that is not there is Error-Cause 503; a Disconnect ends one and the home dials in again', async () => {
  const { bng, client } = await startBng();
  await bng.dial(ANNA.user);
  const nobody = writeNamed([{ name: 'Acct-Session-Id', value: 'none' }]);
  expect(await client.ask([...nobody, ...filter('engawa-strict')])).toMatchObject({ kind: 'nak', errorCause: 503 });
  const before = bng.sessionOf(ANNA.user)!.id;
  expect((await client.ask(keyOf(bng), { code: 40 })).kind).toBe('ack');
  const again = await waitFor(
    async () => bng.sessionOf(ANNA.user),
    (session) => session !== undefined,
    3000,
    10,
  );
  expect(again?.id).not.toBe(before);
  expect(bng.counts().disconnects).toBe(1);
});

test('personality ignores-and-acks: an acknowledgement, and nothing happened', async () => {
  const { bng, client } = await startBng({ personality: 'ignores-and-acks' });
  await bng.dial(ANNA.user);
  const said = await client.ask([...keyOf(bng), ...filter('engawa-strict')]);
  expect(said).toMatchObject({ kind: 'ack', attributes: [] });
  expect(bng.sessionOf(ANNA.user)?.access).toEqual({ 4: 'open', 6: 'open' });
});

test('personality half-applies: refused without a cause, and IPv4 was changed', async () => {
  const { bng, client } = await startBng({ personality: 'half-applies' });
  await bng.dial(ANNA.user);
  const said = await client.ask([...keyOf(bng), ...filter('engawa-strict')]);
  expect(said.kind).toBe('nak');
  expect(said.errorCause).toBeUndefined();
  expect(bng.sessionOf(ANNA.user)).toMatchObject({ names: ['plan'], access: { 4: 'strict', 6: 'open' } });
});

test('personality changes-session-id: the session has a new id afterwards, the old one is refused', async () => {
  const accounting = await startAccounting();
  const { bng, client } = await startBng({
    personality: 'changes-session-id',
    dialect: 'coova-chilli',
    accounting: { address: '127.0.0.1', port: accounting.port, secret: SECRET },
  });
  await bng.dial(ANNA.user);
  const before = bng.sessionOf(ANNA.user)!.id;
  const order = (id: string) =>
    writeNamed([
      { name: 'User-Name', value: ANNA.user },
      { name: 'Acct-Session-Id', value: id },
      { name: 'CoovaChilli-Session-State', value: '2' },
    ]);
  expect((await client.ask(order(before))).kind).toBe('ack');
  const now = bng.sessionOf(ANNA.user)!.id;
  expect(now).not.toBe(before);
  expect(await client.ask(order(before))).toMatchObject({ kind: 'nak', attributes: [] });
  expect(await bng.accounted()).toBe(true);
  const told = (id: string) => accounting.heard.filter(({ sessionId }) => sessionId === id).map(({ status }) => status);
  expect([told(before), told(now)]).toEqual([['start', 'stop'], ['start']]);
});

test('personality slow: repetitions while it works are no second request', async () => {
  const { bng, client } = await startBng({ personality: { base: 'slow', answerDelayMs: 200 } });
  await bng.dial(ANNA.user);
  const octets = client.build([...keyOf(bng), ...filter('engawa-strict')]);
  const said = client.send(octets);
  client.repeat(octets);
  expect((await said).kind).toBe('ack');
  expect(bng.counts()).toMatchObject({ received: 2, duplicates: 1, effects: 1, acks: 1 });
});

test('personality lossy: with the same octets again every order arrives once', async () => {
  const { bng, client } = await startBng({ personality: 'lossy', seed: 3 });
  await bng.dial(ANNA.user);
  for (const name of ['engawa-strict', 'engawa-leaky', 'plan', 'engawa-strict', 'plan', 'engawa-leaky']) {
    const octets = client.build([...keyOf(bng), ...filter(name)]);
    let said = await client.send(octets, 40);
    for (let attempt = 0; attempt < 40 && said.kind === 'silence'; attempt++) said = await client.send(octets, 40);
    expect(said.kind).toBe('ack');
    expect(bng.sessionOf(ANNA.user)?.names).toEqual([name]);
  }
  const counts = bng.counts();
  expect(counts.droppedRequests + counts.droppedAnswers).toBeGreaterThan(0);
  expect(counts).toMatchObject({ effects: 6, doubledEffects: 0, reusedIdentifiers: 0 });
});

test('personalities no-ma-in-reply, wrong-secret and set-full', async () => {
  const { bng, client } = await startBng({ personality: 'no-ma-in-reply' });
  await bng.dial(ANNA.user);
  await bng.dial(BRUNO.user);
  const order = () => [...keyOf(bng), ...filter('engawa-strict')];
  const bare = await client.ask(order());
  expect(bare).toMatchObject({ kind: 'ack', attributes: [] });
  bng.become('wrong-secret');
  expect((await client.ask(order(), { waitMs: 150 })).kind).toBe('silence');
  expect(bng.counts().badAuthenticator).toBe(1);
  bng.become({ base: 'set-full', mostInGarden: 1 });
  const second = await client.ask([...keyOf(bng, BRUNO), ...filter('engawa-strict')]);
  expect(second).toMatchObject({ kind: 'nak', errorCause: 506 });
});

test('accounting: Start, Interim with the filter in force and Class, Stop; repeated with a growing delay until answered', async () => {
  const accounting = await startAccounting();
  const { bng, client } = await startBng({
    accounting: {
      address: '127.0.0.1',
      port: accounting.port,
      secret: SECRET,
      interimAfterCoa: true,
      retryMs: 300,
    },
  });
  await bng.dial(ANNA.user);
  await client.ask([...keyOf(bng), ...filter('engawa-strict')]);
  expect(await bng.accounted()).toBe(true);
  expect(accounting.statuses()).toEqual(['on', 'start', 'interim']);
  expect(accounting.heard[2]).toMatchObject({ userName: ANNA.user, nasIdentifier: 'bng2', nasPortId: ANNA.portId });
  const filters = accounting.heard[2]!.unknown.filter(({ type }) => type === 11);
  expect(filters.map(({ value }) => Buffer.from(value).toString())).toEqual(['engawa-strict']);

  accounting.isDeaf = true;
  await bng.hangUp(ANNA.user);
  await waitFor(
    async () => accounting.missed,
    (missed) => missed >= 4,
    5000,
    20,
  );
  accounting.isDeaf = false;
  expect(await bng.accounted()).toBe(true);
  const stop = accounting.heard.at(-1)!;
  expect(stop).toMatchObject({ status: 'stop', terminateCause: 1 });
  expect(stop.delaySeconds).toBeGreaterThanOrEqual(1);
  expect(accounting.statuses().filter((one) => one === 'stop')).toHaveLength(1);
});

test('accounting: an interim interval of its own, and a box that does not tell its filter', async () => {
  const accounting = await startAccounting();
  const { bng } = await startBng({
    accounting: {
      address: '127.0.0.1',
      port: accounting.port,
      secret: SECRET,
      interimMs: 50,
      reportsFilter: false,
    },
  });
  await bng.dial(ANNA.user);
  await waitFor(
    async () => accounting.statuses().filter((one) => one === 'interim').length,
    (count) => count >= 3,
    3000,
    10,
  );
  expect(accounting.statuses().filter((one) => one === 'interim').length).toBeGreaterThanOrEqual(3);
  expect(accounting.heard.flatMap(({ unknown }) => unknown.filter(({ type }) => type === 11))).toEqual([]);
});

test('a reboot loses every session: an orderly box ends them first, a forgetful one says Accounting-On; homes come back', async () => {
  const accounting = await startAccounting();
  const { bng } = await startBng({
    accounting: { address: '127.0.0.1', port: accounting.port, secret: SECRET },
  });
  await bng.dial(ANNA.user);
  await bng.dial(BRUNO.user);
  const isBack = () =>
    waitFor(
      async () => bng.sessions(),
      (sessions) => sessions.length === 2,
      3000,
      10,
    );
  await bng.reboot();
  expect(await isBack()).toHaveLength(2);
  expect(await bng.accounted()).toBe(true);
  expect(accounting.statuses()).toEqual(['on', 'start', 'start', 'stop', 'stop', 'off', 'on', 'start', 'start']);
  accounting.heard.length = 0;
  bng.become('forgets-on-reboot');
  await bng.reboot();
  expect(await isBack()).toHaveLength(2);
  expect(await bng.accounted()).toBe(true);
  expect(accounting.statuses()).toEqual(['on', 'start', 'start']);
});
