// The whole enforcer against real peers: FreeRADIUS in the place of a NAS (ACK, NAK with a cause, silence), and hostapd with a real
// 802.1X session, whose accounting reaches us and whose session a Disconnect ends. What each dialect does is drivers.int.test.ts's.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RadiusEnforcer } from '../../../../src/adapters/enforcer/radius/enforcer.ts';
import { NasClient } from '../../../../src/adapters/enforcer/radius/nas-client.ts';
import { AccountingListener } from '../../../../src/adapters/sessions/accounting/listener.ts';
import { Database } from '../../../../src/adapters/store/sqlite/database.ts';
import { migrate } from '../../../../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../src/adapters/store/sqlite/migrations.ts';
import { SqliteNasSessions } from '../../../../src/adapters/store/sqlite/nas-sessions.ts';
import { SqliteTellings } from '../../../../src/adapters/store/sqlite/tellings.ts';
import { loadDialects } from '../../../../src/config/dialects.ts';
import type { Dialect } from '../../../../src/core/dialect/dialect.ts';
import { MINUTE } from '../../../../src/core/kernel/time.ts';
import { parsePrefix } from '../../../../src/core/net/prefix.ts';
import type { GatewayWord } from '../../../../src/flow/ports.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { startFreeradiusNas } from '../../../peers/freeradius-nas.ts';
import { startHostapd } from '../../../peers/hostapd.ts';

const prefix = (text: string) => parsePrefix(text)!;
const V4 = prefix('192.0.2.65');
const RFC = dialectNamed('rfc');
const SECRET = 'a secret of the accounting test';

function dialectNamed(name: string): Dialect {
  const file = new URL(`../../../../deploy/dialects/${name}.yaml`, import.meta.url);
  const loaded = loadDialects([{ name, text: readFileSync(file, 'utf8') }]);
  if (!loaded.ok) throw new Error(loaded.error.map(({ expected, got }) => `${expected}: ${got}`).join());
  return loaded.value.get(name)!;
}

const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function openStore() {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-peer-'));
  const database = Database.open(join(folder, 'engawa.db'));
  migrate(database, MIGRATIONS);
  undo.push(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { sessions: new SqliteNasSessions(database), tellings: new SqliteTellings(database) };
}

interface Peer {
  readonly address: string;
  readonly port: number;
  readonly secret: string;
}

function openEnforcer(
  peer: Peer,
  store: ReturnType<typeof openStore>,
  change: {
    readonly dialect?: Dialect;
    readonly bounce?: 'never' | 'release' | 'always';
    readonly secrets?: readonly string[];
  } = {},
) {
  const log = new FakeLog();
  const client = new NasClient({
    name: 'peer',
    address: peer.address,
    port: peer.port,
    secrets: (change.secrets ?? [peer.secret]).map((one) => Buffer.from(one)),
    timers: { irtMs: 150, mrtMs: 300, mrc: 3, mrdMs: 1000 },
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log,
  });
  const enforcer = new RadiusEnforcer({
    gateway: 'peer',
    dialect: change.dialect ?? RFC,
    values: { strict: 'engawa-strict', leaky: 'engawa-leaky', plan: 'home' },
    client,
    sessions: store.sessions,
    tellings: store.tellings,
    nasIdentities: ['peer'],
    pools: [prefix('192.0.2.64/26')],
    ipv6Lengths: [56],
    reserved: [],
    mayTighten: () => true,
    bounce: change.bounce ?? 'never',
    window: 32,
    interimMs: 10 * MINUTE,
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    random: Math.random,
    log,
  });
  undo.push(() => enforcer.close());
  const words: GatewayWord[] = [];
  enforcer.onWord((said) => words.push(...said));
  const put = () =>
    enforcer.apply({ put: [{ prefix: V4, access: 'strict', abusedPorts: [], timeoutSeconds: 1200 }], remove: [] });
  return { enforcer, client, log, words, put, said: () => words.map(({ access, word }) => `${access} ${word}`) };
}

describe('FreeRADIUS in the place of a NAS', () => {
  const online = (store: ReturnType<typeof openStore>, userName: string) =>
    store.sessions.record([
      {
        status: 'start',
        nas: 'peer',
        realm: 'main',
        sessionId: '0000002a',
        accessKey: userName,
        eventAt: Date.now(),
        startAt: Date.now(),
        prefixes: [{ slot: 'ipv4', prefix: V4 }],
        facts: { 'User-Name': [userName] },
      },
    ]);
  // Its stub answers as the User-Name says: name the session by that too.
  const named: Dialect = { ...RFC, identify: [['Acct-Session-Id', 'User-Name']] };

  it('acknowledges: acked, and never more than that', async () => {
    const peer = await startFreeradiusNas();
    undo.push(() => peer.stop());
    const store = openStore();
    await online(store, 'somebody');
    const { put, said, enforcer } = openEnforcer(peer, store, { dialect: named });
    await put();
    await expect.poll(said).toContain('strict acked');
    expect((await enforcer.observe([V4]))[0]!.access).toBe('unknown');
    expect(peer.log()).toContain('Filter-Id = "engawa-strict"');
    await enforcer.apply({ put: [], remove: [V4] });
    await expect.poll(said).toContain('open acked');
    expect(peer.log()).toContain('Filter-Id = "home"');
  });

  it.each([
    [401, 'strict refused'],
    [402, 'strict unanswered'],
    [403, 'strict refused'],
    [404, 'strict refused'],
    [501, 'strict refused'],
    [503, 'strict unanswered'],
    [504, 'strict refused'],
    [506, 'strict unanswered'],
    [508, 'strict unanswered'],
  ])('N02: NAK %i is never «done», and said in its word', async (cause, word) => {
    const peer = await startFreeradiusNas();
    undo.push(() => peer.stop());
    const store = openStore();
    await online(store, `nak-${cause}`);
    const { put, said, words, enforcer } = openEnforcer(peer, store, { dialect: named });
    await put();
    await expect.poll(said).toContain(word);
    expect(said()).not.toContain('strict acked');
    expect(words.at(-1)?.failure).toMatch(cause === 503 ? /applies-at-next-login/ : new RegExp(`^nak ${cause}: `));
    expect((await enforcer.observe([V4]))[0]!.access).toBe('unknown');
  });

  it('N01: silence is a timeout with its word, and one alarm for all sessions of the NAS', async () => {
    const peer = await startFreeradiusNas();
    undo.push(() => peer.stop());
    const store = openStore();
    await online(store, 'silent');
    const { put, said } = openEnforcer(peer, store, { dialect: named });
    await put();
    await expect.poll(said, { timeout: 5000 }).toContain('strict unanswered');
  });

  it('N06: a secret that was changed on our side only: the previous one is tried, and works', async () => {
    const peer = await startFreeradiusNas();
    undo.push(() => peer.stop());
    const store = openStore();
    await online(store, 'somebody');
    const { put, said, client } = openEnforcer(peer, store, {
      dialect: named,
      secrets: ['the secret nobody told the NAS', peer.secret],
    });
    await put();
    await expect.poll(said, { timeout: 5000 }).toContain('strict acked');
    expect(client.standing().usesPreviousSecret).toBe(true);
  });
});

describe('hostapd with a real session', () => {
  it('tells of the session, has no CoA for it (401), and ends it where a bounce is allowed; its Stop is the proof', async () => {
    const store = openStore();
    const accounting = new AccountingListener({
      listen: [{ address: '127.0.0.1', port: 0 }],
      clients: [
        {
          name: 'peer',
          from: [prefix('127.0.0.0/8'), prefix('::1')],
          secrets: [Buffer.from(SECRET)],
          accessKey: 'Calling-Station-Id',
          realm: 'main',
          interimSeconds: 600,
          facts: true,
        },
      ],
      record: (batch) => store.sessions.record(batch),
      reserved: [],
      clock: { now: Date.now },
      log: new FakeLog(),
    });
    const [at] = await accounting.start();
    undo.push(() => accounting.stop());
    const peer = await startHostapd({ accounting: { address: '127.0.0.1', port: at!.port, secret: SECRET } });
    undo.push(() => peer.stop());
    const session = (await peer.session())!;
    const station = session.mac.replaceAll(':', '-').toUpperCase();
    await expect.poll(() => store.sessions.ofAccessKey('peer', station).length, { timeout: 10_000 }).toBe(1);
    const [known] = store.sessions.ofAccessKey('peer', station);
    expect(known!.sessionId).toBe(session.sessionId);
    // 802.1X gives no address: the line's is static, and known by the session.
    await store.sessions.record([
      {
        status: 'interim',
        nas: 'peer',
        realm: 'main',
        sessionId: session.sessionId,
        accessKey: station,
        eventAt: Date.now() + 1000,
        prefixes: [{ slot: 'ipv4', prefix: V4 }],
        facts: known!.facts,
      },
    ]);
    const { put, said, enforcer } = openEnforcer(peer, store, {
      dialect: { ...RFC, identify: [['Acct-Session-Id']] },
      bounce: 'always',
    });
    await put();
    // Filter-Id is nothing hostapd could change: the cut was allowed, and it is a real one. Its Stop may overtake the answer.
    await expect.poll(() => store.sessions.holding(V4), { timeout: 15_000 }).toBeUndefined();
    await enforcer.apply({ put: [], remove: [V4] });
    await expect.poll(said).toContain('open confirmed');
  });
});
