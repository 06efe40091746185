// The listener against real clients on loopback: radclient of FreeRADIUS, and datagrams made by hand.
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccountingClient } from '../../../src/adapters/sessions/accounting/client.ts';
import { AccountingListener } from '../../../src/adapters/sessions/accounting/listener.ts';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { signRequest } from '../../../src/protocols/radius/authenticator.ts';
import { decodePacket, encodePacket } from '../../../src/protocols/radius/codec.ts';
import { prefix } from '../../core/line/records.ts';

const SECRET = 'engawa-test';
const told: string[] = [];
const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  told.length = 0;
  for (const step of undo.splice(0).reverse()) await step();
});

interface Running {
  readonly listener: AccountingListener;
  readonly port: number;
  readonly stored: AccountingRecord[];
  /** While set, nothing becomes durable. */
  gate?: Promise<void>;
}

const listening = (client: Partial<AccountingClient> = {}) => listeningTo([client]);

async function listeningTo(clients: readonly Partial<AccountingClient>[]): Promise<Running> {
  const stored: AccountingRecord[] = [];
  const running: { -readonly [K in keyof Running]?: Running[K] } = { stored };
  const listener = new AccountingListener({
    listen: [{ address: '127.0.0.1', port: 0 }],
    clients: clients.map((client) => ({
      name: 'bng1',
      from: [prefix('127.0.0.1')],
      secrets: [Buffer.from(SECRET)],
      accessKey: 'User-Name',
      realm: 'main',
      interimSeconds: 600,
      ...client,
    })),
    record: async (batch) => {
      await running.gate;
      stored.push(...batch);
    },
    reserved: [prefix('198.51.100.53')],
    clock: { now: () => 1_795_000_000_000 },
    log: {
      info() {},
      warn: (code, fields) => void told.push(`${code} ${fields?.['client']} ${fields?.['reason']}`),
      error() {},
    },
  });
  const [bound] = await listener.start();
  undo.push(() => listener.stop());
  return Object.assign(running, { listener, port: bound!.port }) as Running;
}

async function radclient(port: number, attributes: readonly string[], secret = SECRET) {
  const args = ['-x', '-r', '1', '-t', '1', `127.0.0.1:${port}`, 'acct', secret];
  const child = spawn('radclient', args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 10_000 });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  child.stdin.end(`${attributes.join('\n')}\n`);
  const [code] = await once(child, 'close');
  return { code: code as number, output };
}

const START = [
  'User-Name = "ann"',
  'Acct-Status-Type = Start',
  'Acct-Session-Id = "0001"',
  'Framed-IP-Address = 198.51.100.7',
  'Delegated-IPv6-Prefix = 2001:db8:aa00::/56',
  'Event-Timestamp = 1794999990',
];

async function handmade(address = '127.0.0.1'): Promise<{
  socket: Socket;
  send: (bytes: Uint8Array, port: number) => void;
  next: () => Promise<Buffer>;
}> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  undo.push(() => socket.close());
  return {
    socket,
    send: (bytes, port) => socket.send(bytes, port, '127.0.0.1'),
    next: async () => (await once(socket, 'message', { signal: AbortSignal.timeout(5000) }))[0] as Buffer,
  };
}

function start(identifier: number, secret: string | Buffer = SECRET): Uint8Array {
  const text = (type: number, value: string) => ({ type, value: Buffer.from(value) });
  const attributes = [
    { type: 40, value: Uint8Array.from([0, 0, 0, 1]) },
    text(1, 'ann'),
    text(44, '0001'),
    { type: 8, value: Uint8Array.from([198, 51, 100, 7]) },
    text(33, 'first'),
    text(33, 'second'),
  ];
  return signRequest(encodePacket({ code: 4, identifier, attributes }), Buffer.from(secret as string));
}

describe('the accounting listener', () => {
  it('is answered to the satisfaction of radclient, with and without Message-Authenticator and Proxy-State', async () => {
    const { port, stored } = await listening();
    const plain = await radclient(port, START);
    expect(plain.output).toMatch(/Received Accounting-Response/);
    expect(plain.code).toBe(0);
    const full = await radclient(port, [...START, 'Message-Authenticator = 0x00', 'Proxy-State = 0x6162']);
    expect(full.output).toMatch(/Received Accounting-Response[\s\S]*Proxy-State = 0x6162/);
    expect(full.code).toBe(0);
    expect(stored).toHaveLength(2);
    const [first] = stored;
    if (first?.status !== 'start') throw new Error('no start');
    expect(first.prefixes.map((one) => formatPrefix(one.prefix))).toEqual(['198.51.100.7', '2001:db8:aa00::/56']);
    expect(first).toMatchObject({ nas: 'bng1', accessKey: 'ann', eventAt: 1_794_999_990_000, clockLagMs: 10_000 });
  });

  it('drops a wrong secret, an unknown client and broken octets without a word, and counts each', async () => {
    const { listener, port, stored } = await listening({ from: [prefix('127.0.0.1')] });
    const wrong = await radclient(port, START, 'another-secret');
    expect(wrong.output).toMatch(/No reply/);
    const { send } = await handmade();
    send(Buffer.from('0450'), port);
    await expect.poll(() => listener.counts().malformed).toBe(1);
    expect(listener.counts()).toMatchObject({ 'bad-authenticator': 1, malformed: 1, stored: 0 });
    expect(stored).toEqual([]);
    const stranger = await listening({ from: [prefix('192.0.2.1')] });
    send(start(1), stranger.port);
    await expect.poll(() => stranger.listener.counts()['unknown-client']).toBe(1);
  });

  it('knows every NAS of a prefix, and asks the client with the longest one that holds the address', async () => {
    const { port, stored } = await listening({ from: [prefix('127.0.0.0/8')] });
    expect((await radclient(port, START)).code).toBe(0);
    expect(stored[0]).toMatchObject({ nas: 'bng1' });

    const both = await listeningTo([
      { name: 'wide', from: [prefix('127.0.0.0/8')], secrets: [Buffer.from('another-secret')] },
      { name: 'near', from: [prefix('127.0.0.0/24')] },
    ]);
    expect((await radclient(both.port, START)).code).toBe(0);
    expect(both.stored[0]).toMatchObject({ nas: 'near' });
  });

  it('compares secrets as octets: one that is no UTF-8 works', async () => {
    const secret = Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80, 0x01, 0x61, 0x62]);
    const { port, stored } = await listening({ secrets: [secret] });
    const { send, next } = await handmade();
    send(start(9, secret), port);
    expect((await next())[1]).toBe(9);
    expect(stored).toHaveLength(1);
  });

  it('answers and keeps a Stop with an odd attribute; tells once a minute what is wrong with a client', async () => {
    const { listener, port, stored } = await listening();
    const { send, next } = await handmade();
    const octets = (identifier: number, ...odd: { type: number; value: Uint8Array }[]) => {
      const attributes = [
        { type: 40, value: Uint8Array.from([0, 0, 0, 2]) },
        { type: 1, value: Buffer.from('ann') },
        { type: 44, value: Buffer.from('0001') },
        ...odd,
      ];
      return signRequest(encodePacket({ code: 4, identifier, attributes }), Buffer.from(SECRET));
    };
    for (const identifier of [1, 2]) {
      send(octets(identifier, { type: 97, value: Uint8Array.from([0]) }), port);
      expect((await next())[1]).toBe(identifier);
    }
    expect(stored).toMatchObject([{ status: 'stop' }, { status: 'stop' }]);
    for (const identifier of [3, 4]) send(start(identifier, 'another-secret'), port);
    await expect.poll(() => listener.counts()['bad-authenticator']).toBe(2);
    expect(listener.counts()).toMatchObject({ 'attribute-odd': 2, stored: 2 });
    expect(told).toEqual(['ACCOUNTING_TROUBLE bng1 attribute-odd', 'ACCOUNTING_TROUBLE bng1 bad-authenticator']);
  });

  it('accepts the previous secret during rotation, answers with the one that was used, and says when it was', async () => {
    const { listener, port, stored } = await listening({ secrets: [Buffer.from('new-secret'), Buffer.from(SECRET)] });
    expect((await radclient(port, START, 'new-secret')).code).toBe(0);
    expect(listener.rotations()).toEqual([{ client: 'bng1', previousUsedAgoMs: undefined }]);
    expect((await radclient(port, START)).code).toBe(0);
    expect(stored).toHaveLength(2);
    expect(listener.counts()).toMatchObject({ stored: 2, 'previous-secret': 1 });
    expect(listener.rotations()[0]!.previousUsedAgoMs).toBeLessThan(60_000);
    expect(await listening().then((plain) => plain.listener.rotations())).toEqual([]);
  });

  it('wants a Message-Authenticator of the clients it was told to, and says so once', async () => {
    const { listener, port, stored } = await listening({ messageAuthenticator: 'require' });
    expect((await radclient(port, START)).output).toMatch(/No reply/);
    expect((await radclient(port, [...START, 'Message-Authenticator = 0x00'])).code).toBe(0);
    expect(stored).toHaveLength(1);
    expect(listener.counts()).toMatchObject({ stored: 1, 'no-message-authenticator': 1 });
    expect(told).toEqual(['ACCOUNTING_TROUBLE bng1 no-message-authenticator']);
    expect(listener.standing()).toMatchObject([{ kind: 'not-genuine', client: 'bng1' }]);
  });

  it('N10: answers a NAS at once while another floods, of which what is too much goes unanswered', async () => {
    const running = await listeningTo([
      { name: 'flood', from: [prefix('127.0.0.2')], packetsPerSecond: 200 },
      { name: 'calm', from: [prefix('127.0.0.1')] },
    ]);
    const { listener, port } = running;
    const [flood, calm] = [await handmade('127.0.0.2'), await handmade()];
    const packet = start(1);
    let isOver = false;
    const flooding = (async () => {
      while (!isOver) {
        for (let i = 0; i < 20; i++) flood.send(packet, port);
        await new Promise((next) => setImmediate(next));
      }
    })();
    const waits: number[] = [];
    for (let identifier = 0; identifier < 100; identifier++) {
      const begun = performance.now();
      calm.send(start(identifier), port);
      expect((await calm.next())[1]).toBe(identifier);
      waits.push(performance.now() - begun);
    }
    isOver = true;
    await flooding;
    console.info(`N10: slowest answer beside a flood ${Math.max(...waits).toFixed(1)} ms`);
    const [flooded, calmed] = listener.clientCounts().map((one) => one.counts);
    expect(calmed).toMatchObject({ stored: 100, 'over-rate': 0, overload: 0 });
    expect(flooded!['over-rate']).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThan(1000);
    expect(listener.standing()).toMatchObject([{ kind: 'over-rate', client: 'flood' }]);
    expect(told).toEqual(['ACCOUNTING_TROUBLE flood over-rate']);
  });

  it('takes a record sent again and again by a proxy, with another delay each time, for the same event', async () => {
    const { port, stored } = await listening({ proxy: true });
    const sent = [...START.filter((one) => !one.startsWith('Event')), 'NAS-Identifier = "bng7"'];
    const added = ['FreeRADIUS-Acct-Session-Start-Time = "Nov 20 2026 12:00:00 UTC"', 'Proxy-State = 0x3139'];
    for (const delay of [0, 6, 900, 86_400])
      expect((await radclient(port, [...sent, ...added, `Acct-Delay-Time = ${delay}`])).code).toBe(0);
    const times = stored.map((one) => one.eventAt + [0, 6, 900, 86_400][stored.indexOf(one)]! * 1000);
    expect(new Set(times).size).toBe(1);
    expect(new Set(stored.map((one) => one.nas))).toEqual(new Set(['bng1/bng7']));
  });

  it('reads what radclient calls by IPv6 names, and lets vendors’ attributes pass', async () => {
    const { listener, port, stored } = await listening({ facts: true });
    const more = [
      'NAS-IPv6-Address = 2001:db8::5',
      'Framed-IPv6-Prefix = 2001:db8:1::/64',
      'Framed-IPv6-Prefix = 2001:db8:2::/64',
      'Framed-IPv6-Address = 2001:db8:3::9',
      'Cisco-AVPair = "connect-progress=Call Up"',
      'ERX-Service-Session = "portal"',
      'Alc-Subsc-ID-Str = "line-7"',
      'Mikrotik-Address-List = "garden"',
      'Message-Authenticator = 0x00',
      ...['0x01', '0x0203', '0x04'].map((state) => `Proxy-State = ${state}`),
    ];
    const { code, output } = await radclient(port, [...START, ...more]);
    expect(code).toBe(0);
    expect(output).toMatch(/Received Accounting-Response[\s\S]*= 0x01\s+Proxy-State = 0x0203\s+Proxy-State = 0x04/);
    const [first] = stored;
    if (first?.status !== 'start') throw new Error('no start');
    expect(first.prefixes.map((one) => `${one.slot} ${formatPrefix(one.prefix)}`)).toEqual([
      'ipv4 198.51.100.7',
      'framed-ipv6 2001:db8:1::/64',
      'framed-ipv6 2001:db8:2::/64',
      'delegated-ipv6 2001:db8:aa00::/56',
      'address-ipv6 2001:db8:3::9',
    ]);
    expect(first.facts).toMatchObject({
      'Framed-IPv6-Prefix': ['2001:db8:1::/64', '2001:db8:2::/64'],
      'NAS-IPv6-Address': ['2001:db8::5'],
      'Cisco-AVPair': ['connect-progress=Call Up'],
      'ERX-Service-Session': ['portal'],
      'Alc-Subsc-ID-Str': ['line-7'],
      'Mikrotik-Address-List': ['garden'],
    });
    expect(listener.counts()).toMatchObject({ 'attribute-odd': 0, 'prefix-refused': 0 });
  });

  it('answers only when the record is durable, a duplicate again, and copies Proxy-State in order', async () => {
    const running = await listening();
    const { socket, send, next } = await handmade();
    let durable = () => {};
    running.gate = new Promise((resolve) => {
      durable = resolve;
    });
    let answers = 0;
    socket.on('message', () => answers++);
    send(start(7), running.port);
    send(Buffer.from('0450'), running.port); // once this is counted, the Start before it has been taken
    await expect.poll(() => running.listener.counts().malformed).toBe(1);
    expect(answers).toBe(0);
    durable();
    const answer = decodePacket(await next());
    if (!answer.ok) throw new Error(answer.error.kind);
    expect([answer.value.code, answer.value.identifier]).toEqual([5, 7]);
    expect(answer.value.attributes.map((one) => Buffer.from(one.value).toString())).toEqual(['first', 'second']);
    send(start(7), running.port);
    expect((await next())[0]).toBe(5);
  });

  it('gives no answer for what could not be stored, and goes on', async () => {
    const running = await listening();
    const { send, next } = await handmade();
    running.gate = Promise.reject(new Error('disk full'));
    running.gate.catch(() => {});
    send(start(1), running.port);
    await expect.poll(() => running.listener.counts()['not-stored']).toBe(1);
    running.gate = Promise.resolve();
    send(start(2), running.port);
    expect((await next())[1]).toBe(2);
  });

  it('answers what it has no use for, keeps infrastructure out and ignores 255.255.255.254', async () => {
    const { listener, port, stored } = await listening();
    expect(
      (
        await radclient(
          port,
          START.filter((one) => !one.startsWith('User-Name')),
        )
      ).code,
    ).toBe(0);
    expect(listener.counts().ignored).toBe(1);
    const address = (text: string) => START.map((one) => one.replace('198.51.100.7', text).replace('/56', '/32'));
    await radclient(port, address('198.51.100.53'));
    await radclient(port, address('255.255.255.254'));
    expect(stored.map((one) => (one.status === 'start' ? one.prefixes : undefined))).toEqual([[], []]);
    expect(listener.counts()['prefix-refused']).toBe(3);
  });

  it('has ports of a shared address from radclient, and then not the whole of it', async () => {
    const { listener, port, stored } = await listening();
    const range = (alloc: string) => [
      `IP-Port-Range-Alloc = ${alloc}`,
      'IP-Port-Range-Range-Start = 1024',
      'IP-Port-Range-Range-End = 2047',
    ];
    const outer = 'IP-Port-Range-Ext-IPv4-Addr = 192.0.2.1';
    expect((await radclient(port, [...START, outer, ...range('Allocation')])).code).toBe(0);
    expect((await radclient(port, [...START, ...range('Deallocation')])).code).toBe(0);
    expect((await radclient(port, [...START, 'IP-Port-Range-Alloc = Allocation'])).code).toBe(0);
    const said = stored.map((one) => (one.status === 'start' ? one : undefined)!);
    const ports = { low: 1024, high: 2047 };
    expect(said.map((one) => one.blocks)).toEqual([
      [{ prefix: prefix('192.0.2.1'), ports, isReleased: false }],
      [{ prefix: prefix('198.51.100.7'), ports, isReleased: true }],
      undefined,
    ]);
    expect(said.map((one) => one.prefixes.length)).toEqual([2, 1, 2]);
    expect(listener.counts()['attribute-odd']).toBe(1);
  });

  it('keeps what names a session to its NAS for the clients whose gateway is asked so, and for no others', async () => {
    const { port, stored } = await listening({ facts: true });
    const more = ['NAS-Port-Type = Ethernet', 'Class = 0x656e', 'Class = 0x6761', 'Framed-Interface-Id = 0:0:0:1'];
    expect((await radclient(port, [...START, ...more])).code).toBe(0);
    expect(stored[0]).toMatchObject({
      facts: {
        'User-Name': ['ann'],
        'Acct-Session-Id': ['0001'],
        'Framed-IP-Address': ['198.51.100.7'],
        'Delegated-IPv6-Prefix': ['2001:db8:aa00::/56'],
        'NAS-Port-Type': ['Ethernet'],
        Class: ['0x656e', '0x6761'],
        'Framed-Interface-Id': ['0000:0000:0000:0001'],
      },
    });
    const plain = await listening();
    expect((await radclient(plain.port, START)).code).toBe(0);
    expect(plain.stored[0]).not.toHaveProperty('facts');
  });

  it('names each NAS behind a proxy on its own, and takes the access key it was told to', async () => {
    const { port, stored } = await listening({ proxy: true, accessKey: 'Agent-Circuit-Id' });
    const circuit = ['ADSL-Agent-Circuit-Id = "olt1 1/2/3:100"', 'NAS-Identifier = "bng7"'];
    expect((await radclient(port, [...START, ...circuit])).code).toBe(0);
    expect(stored[0]).toMatchObject({ nas: 'bng1/bng7', accessKey: 'olt1 1/2/3:100' });
    expect((await radclient(port, ['Acct-Status-Type = Accounting-On', 'NAS-IP-Address = 192.0.2.9'])).code).toBe(0);
    expect(stored[1]).toMatchObject({ nas: 'bng1/192.0.2.9', status: 'on' });
  });
});
