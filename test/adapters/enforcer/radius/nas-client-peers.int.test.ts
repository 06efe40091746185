// The client against servers that others wrote: FreeRADIUS in the place of a NAS, and hostapd, which is strict.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { NasClient, type NasClientOptions } from '../../../../src/adapters/enforcer/radius/nas-client.ts';
import { AccountingListener } from '../../../../src/adapters/sessions/accounting/listener.ts';
import { attributeNamed } from '../../../../src/protocols/radius/dictionary.ts';
import { prefix } from '../../../core/line/records.ts';
import { FakeLog } from '../../../fakes/log.ts';
import { type FreeradiusNas, startFreeradiusNas } from '../../../peers/freeradius-nas.ts';
import { type Hostapd, type HostapdSession, startHostapd } from '../../../peers/hostapd.ts';

const TIMERS = { irtMs: 150, mrtMs: 300, mrc: 3, mrdMs: 700 };
const clients: NasClient[] = [];
afterEach(() => {
  for (const one of clients.splice(0)) one.close();
});

function client(nas: FreeradiusNas | Hostapd, options: Partial<NasClientOptions> = {}) {
  const log = new FakeLog();
  const made = new NasClient({
    name: 'bng2',
    address: nas.address,
    port: nas.port,
    secrets: [Buffer.from(nas.secret)],
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log,
    ...options,
  });
  clients.push(made);
  return Object.assign(made, { log });
}

const text = (name: string, value: string) => ({ type: attributeNamed(name)!.type, value: Buffer.from(value) });

describe('FreeRADIUS as a NAS', () => {
  let nas: FreeradiusNas;
  beforeAll(async () => {
    nas = await startFreeradiusNas();
  });
  afterAll(() => nas?.stop());

  const change = (user: string, code: 40 | 43 = 43) => ({
    code,
    attributes: [text('User-Name', user), text('Acct-Session-Id', '80a00002'), text('Filter-Id', 'garden')],
    session: user,
    urgent: false,
  });

  it('reads what was sent and acknowledges it', async () => {
    expect(await client(nas).request(change('bob'))).toMatchObject({ kind: 'ack' });
    expect(await client(nas).request(change('bob', 40))).toMatchObject({ kind: 'ack' });
    await vi.waitFor(() => expect(nas.log()).toMatch(/Sent Disconnect-ACK/), 5000);
    for (const line of [
      /Message-Authenticator = 0x/,
      /User-Name = "bob"/,
      /Filter-Id = "garden"/,
      /Event-Timestamp = "/,
    ])
      expect(nas.log()).toMatch(line);
  });

  it('N02: its NAKs arrive with their cause, whichever', async () => {
    const made = client(nas);
    for (const cause of [401, 402, 403, 404, 501, 503, 504, 506, 508, 4711])
      expect(await made.request(change(`nak-${cause}`))).toMatchObject({ kind: 'nak', errorCause: cause });
    const bare = await made.request(change('nak', 40));
    expect(bare).toMatchObject({ kind: 'nak', attributes: [] });
  });

  it('N01: unanswered, it takes what comes again for the same request', async () => {
    const answer = await client(nas, { timers: TIMERS }).request(change('silent'));
    expect(answer).toMatchObject({ kind: 'timeout', sent: 3, badReplies: 0 });
    await vi.waitFor(() => expect(nas.log().split('Ignoring retransmit')).toHaveLength(3), 5000);
    expect(nas.log().split('Not responding to request').length).toBe(2);
  });

  it('N01: its answers have no Message-Authenticator: demanded, each is counted as missing', async () => {
    const made = client(nas, { timers: TIMERS, requireMessageAuthenticator: true });
    expect(await made.request(change('bob'))).toMatchObject({ kind: 'timeout' });
    expect(made.counts()['message-authenticator-missing']).toBeGreaterThan(0);
  });

  it('N06: with the new secret unknown to it, it is spoken to with the previous one', async () => {
    const secrets = ['a secret it never heard', nas.secret].map((one) => Buffer.from(one));
    const made = client(nas, { timers: TIMERS, secrets });
    expect(await made.request(change('bob'))).toMatchObject({ kind: 'ack' });
    expect(made.standing().usesPreviousSecret).toBe(true);
    expect(made.log.lines).toEqual(['warn RADIUS_PREVIOUS_SECRET {"gateway":"bng2"}']);
  });

  it('N04: a thousand requests at once leave from four ports and are all acknowledged', async () => {
    const made = client(nas, { packetsPerSecond: 2000 });
    const all = Array.from({ length: 1000 }, (_, i) => made.request({ ...change('bob'), session: `s${i}` }));
    expect((await Promise.all(all)).filter(({ kind }) => kind !== 'ack')).toEqual([]);
    expect(made.standing()).toMatchObject({ ports: 4, inFlight: 0, waiting: 0 });
  });
});

describe('hostapd, strict', () => {
  let nas: Hostapd;
  let session: HostapdSession;
  let listener: AccountingListener;
  const acctSecret = 'an accounting secret';
  beforeAll(async () => {
    listener = new AccountingListener({
      listen: [{ address: '127.0.0.1', port: 0 }],
      clients: [
        {
          name: 'bng2',
          from: [prefix('127.0.0.1')],
          secrets: [Buffer.from(acctSecret)],
          accessKey: 'User-Name',
          realm: 'main',
          interimSeconds: 600,
        },
      ],
      record: async () => {},
      reserved: [],
      clock: { now: Date.now },
      log: new FakeLog(),
    });
    const [bound] = await listener.start();
    nas = await startHostapd({ accounting: { address: '127.0.0.1', port: bound!.port, secret: acctSecret } });
    session = (await nas.session())!;
  });
  afterAll(async () => {
    await nas?.stop();
    await listener.stop();
  });

  const disconnect = (sessionId: string, ...more: ReturnType<typeof text>[]) => ({
    code: 40 as const,
    attributes: [text('NAS-Identifier', nas.nasIdentifier), text('Acct-Session-Id', sessionId), ...more],
    session: sessionId,
    urgent: true,
  });
  const strict = (options: Partial<NasClientOptions> = {}) =>
    client(nas, { requireMessageAuthenticator: true, ...options });

  it('N02: says why it refuses, and its Message-Authenticator is right', async () => {
    const made = strict();
    const unknown = disconnect('0000000000000000');
    expect(await made.request(unknown)).toMatchObject({ kind: 'nak', errorCause: 503 });
    const elsewhere = { ...unknown, attributes: [text('NAS-Identifier', 'bng9'), text('Acct-Session-Id', '1')] };
    expect(await made.request(elsewhere)).toMatchObject({ kind: 'nak', errorCause: 403 });
    const odd = disconnect(session.sessionId, text('Filter-Id', 'garden'));
    expect(await made.request(odd)).toMatchObject({ kind: 'nak', errorCause: 401 });
    const coa = { ...disconnect(session.sessionId), code: 43 as const };
    expect(await made.request(coa)).toMatchObject({ kind: 'nak', errorCause: 402 });
    expect(made.log.lines).toEqual([]);
  });

  it('N01: drops a stale request, one without time or Message-Authenticator, and one with another secret', async () => {
    const now = () => Date.now() - 301_000;
    for (const options of [
      { now },
      { eventTimestamp: false },
      { messageAuthenticator: false },
      { secrets: [Buffer.from('some other secret of ours')] },
    ]) {
      const answer = await strict({ timers: TIMERS, ...options }).request(disconnect(session.sessionId));
      expect(answer).toMatchObject({ kind: 'timeout', sent: 3, badReplies: 0 });
    }
    expect(await nas.session()).toEqual(session);
  });

  it('N05: with our clock 301 s off, all sessions together are one alarm, and the right clock ends it', async () => {
    let skewMs = 301_000;
    const made = strict({ timers: TIMERS, waitMs: 1500, now: () => Date.now() - skewMs });
    const all = Array.from({ length: 200 }, (_, i) => made.request(disconnect(`A${i}`)));
    expect((await Promise.all(all)).every(({ kind }) => kind === 'timeout')).toBe(true);
    expect(made.log.lines).toHaveLength(1);
    const { sent, retransmitted } = made.counts();
    expect(sent + retransmitted).toBeLessThan(3 * 40);
    skewMs = 0;
    expect(await made.request(disconnect('A1'))).toMatchObject({ kind: 'nak', errorCause: 503 });
    expect(made.log.lines.map((line) => line.split(' ')[1])).toEqual(['RADIUS_NAS_SILENT', 'RADIUS_NAS_BACK']);
  });

  it('ends a real session when told to, and accounting says so', async () => {
    const before = listener.counts();
    expect(await strict().request(disconnect(session.sessionId))).toMatchObject({ kind: 'ack' });
    expect(await nas.session()).toBeUndefined();
    const told = ({ stored, ignored } = listener.counts()) => stored + ignored;
    await vi.waitFor(() => expect(told()).toBeGreaterThan(told(before)), 10_000);
    expect(await nas.login()).toMatchObject({ userName: session.userName, mac: session.mac });
    await vi.waitFor(() => expect(told()).toBeGreaterThan(told(before) + 1), 10_000);
    expect(listener.counts()).toMatchObject({ 'bad-authenticator': 0, malformed: 0, 'unknown-client': 0 });
  });
});
