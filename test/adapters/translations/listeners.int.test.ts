// Both listeners over real sockets on loopback: who is heard, what is recorded, and for which span.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { IpfixListener, type IpfixTranslator } from '../../../src/adapters/translations/ipfix/listener.ts';
import { TranslationRecorder } from '../../../src/adapters/translations/recorder.ts';
import { SyslogListener, type SyslogTranslator } from '../../../src/adapters/translations/syslog/listener.ts';
import { parseRfc3339 } from '../../../src/core/kernel/civil.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import { CGN_DIALECTS } from '../../../src/protocols/cgn-log/dialects.ts';
import { FakeTranslations, quiet } from './fake-translations.ts';

const NOW = parseRfc3339('2026-03-04T05:06:10Z')!;
/** When all of it has come. */
const LATER = NOW + 600_000;
const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const shared = { outsideRealm: 'main', clockAheadMs: 0 };
const syslog: SyslogTranslator = {
  name: 'cgn1',
  from: [parsePrefix('127.0.0.1')!],
  dialect: CGN_DIALECTS.nfware,
  facts: { ...shared, insideRealm: 'main', realms: new Map() },
};
const ipfix: IpfixTranslator = {
  name: 'cgn2',
  from: [parsePrefix('127.0.0.1')!],
  ...shared,
  insideRealmOf: (vrf) => (vrf === undefined ? 'main' : `main/${vrf}`),
  isOneToOne: false,
};

function recorderFor(store: FakeTranslations): TranslationRecorder {
  const recorder = new TranslationRecorder({ record: (batch) => store.record(batch), log: quiet, spansEveryMs: 10 });
  closers.push(() => recorder.stop());
  return recorder;
}

async function listen<T extends { start(): Promise<{ port: number }>; stop(): Promise<void> }>(listener: T) {
  closers.push(() => listener.stop());
  return { listener, port: (await listener.start()).port };
}

const options = (store: FakeTranslations) => ({
  listen: { address: '127.0.0.1', port: 0 },
  recorder: recorderFor(store),
  clock: { now: () => LATER },
  log: quiet,
});

async function send(port: number, ...datagrams: (string | Uint8Array)[]): Promise<void> {
  const socket = createSocket('udp4');
  for (const one of datagrams) await new Promise<void>((done) => socket.send(one, port, '127.0.0.1', () => done()));
  socket.close();
}

function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  closers.push(() => socket.destroy());
  return new Promise((resolve, reject) => socket.once('connect', () => resolve(socket)).once('error', reject));
}

const line = (second: number, low: number, event = 'A') =>
  `<134>1 2026-03-04T05:06:${String(second).padStart(2, '0')}Z nfw1 vcgnat - - - ${event} VRF 0 INT 10.0.0.1 EXT 192.0.2.1:${low}-${low + 511}`;

describe('syslog', () => {
  test('datagrams are recorded and claim no span, for they are lost without a trace', async () => {
    const store = new FakeTranslations();
    const { listener, port } = await listen(
      new SyslogListener({ ...options(store), transport: 'udp', translators: [syslog] }),
    );
    await send(port, `${line(1, 1024)}\n${line(2, 1536)}`, line(30, 1024, 'D'), 'license is valid', '<1>rubbish EXT');
    await vi.waitFor(() => expect(store.events.length).toBe(3), { timeout: 15_000 });
    expect(store.told()).toEqual([
      'cgn1 allocated 1024 10.0.0.1',
      'cgn1 allocated 1536 10.0.0.1',
      'cgn1 released 1024 10.0.0.1',
    ]);
    expect(store.heard).toEqual([]);
    await vi.waitFor(() => expect(listener.counts()).toEqual({ cgn1: { events: 3, 'not-a-binding': 2 } }), {
      timeout: 15_000,
    });
  });

  test('an address nobody configured is counted and not heard', async () => {
    const store = new FakeTranslations();
    const stranger = { ...syslog, from: [parsePrefix('192.0.2.7')!] };
    const { listener, port } = await listen(
      new SyslogListener({ ...options(store), transport: 'udp', translators: [stranger] }),
    );
    await send(port, line(1, 1024));
    await vi.waitFor(() => expect(listener.counts()).toEqual({ cgn1: {}, strangers: { dropped: 1 } }), {
      timeout: 15_000,
    });
    expect(store.events).toEqual([]);
  });

  test('a connection has heard everything between its records; its end, and a second one beside it, are gaps', async () => {
    const store = new FakeTranslations();
    const { listener, port } = await listen(
      new SyslogListener({ ...options(store), transport: 'tcp', translators: [syslog] }),
    );
    const first = await dial(port);
    const frame = line(1, 1024);
    first.write(`${frame.length} ${frame}${line(20, 1536)}\n${line(50, 2048)}\n<134>cut sho`);
    await vi.waitFor(() => expect(store.heard.length).toBe(1), { timeout: 15_000 });
    expect(store.heard).toEqual([{ source: 'cgn1', fromAt: NOW - 9_000, toAt: NOW + 35_000 }]);
    const second = await dial(port);
    second.write(`${line(51, 2560)}\n${line(59, 3072)}\n`);
    await vi.waitFor(() => expect(store.events.length).toBe(5), { timeout: 15_000 });
    expect(store.heard.length).toBe(1);
    first.destroy();
    await vi.waitFor(() => expect(listener.counts()['cgn1']?.['lines-cut']).toBe(1), { timeout: 15_000 });
  });

  test('a record from tomorrow has heard nothing that is yet to come', async () => {
    const store = new FakeTranslations();
    const { port } = await listen(new SyslogListener({ ...options(store), transport: 'tcp', translators: [syslog] }));
    const socket = await dial(port);
    socket.write(`${line(1, 1024)}\n${line(20, 1536).replace('T05', 'T23')}\n`);
    await vi.waitFor(() => expect(store.heard.length).toBe(1), { timeout: 15_000 });
    expect(store.heard).toEqual([{ source: 'cgn1', fromAt: NOW - 9_000, toAt: LATER - 5_000 }]);
  });

  test('a line that cannot be read may have been a release: it is a gap', async () => {
    const store = new FakeTranslations();
    const { port } = await listen(new SyslogListener({ ...options(store), transport: 'tcp', translators: [syslog] }));
    const socket = await dial(port);
    socket.write(`${line(1, 1024)}\n${line(20, 1536)}\n`);
    await vi.waitFor(() => expect(store.heard.length).toBe(1), { timeout: 15_000 });
    socket.write(`${line(21, 1024).replace('192.0.2.1', '192.0.2')}\n${line(30, 1024)}\n${line(50, 1024, 'D')}\n`);
    await vi.waitFor(() => expect(store.heard.length).toBe(2), { timeout: 15_000 });
    expect(store.heard.map(({ fromAt, toAt }) => [fromAt - NOW, toAt - NOW])).toEqual([
      [-9_000, 5_000],
      [20_000, 35_000],
    ]);
  });

  test('a connection that says nothing is closed', async () => {
    const store = new FakeTranslations();
    const { listener, port } = await listen(
      new SyslogListener({ ...options(store), transport: 'tcp', translators: [syslog], idleMs: 50 }),
    );
    const socket = await dial(port);
    await new Promise((done) => socket.once('close', done));
    expect(listener.counts()).toEqual({ cgn1: { idle: 1 } });
  });
});

describe('IPFIX', () => {
  const messages = new Map(
    readFileSync(new URL('../../vectors/ipfix/messages.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n')
      .map((text) => text.split(' ') as [string, string])
      .map(([name, hex]) => [name, Buffer.from(hex, 'hex')]),
  );
  const message = (name: string, change: { sequence?: number; seconds?: number } = {}) => {
    const octets = Buffer.from(messages.get(name)!);
    if (change.sequence !== undefined) octets.writeUInt32BE(change.sequence, 8);
    if (change.seconds !== undefined) octets.writeUInt32BE(octets.readUInt32BE(4) + change.seconds, 4);
    return octets;
  };

  for (const transport of ['udp', 'tcp'] as const)
    test(`${transport}: what follows in order is heard; a lost message is a gap`, async () => {
      const store = new FakeTranslations();
      const { listener, port } = await listen(
        new IpfixListener({ ...options(store), transport, translators: [ipfix] }),
      );
      const sent = [
        message('templates'),
        message('dslite', { sequence: 0 }),
        message('varied', { sequence: 1, seconds: 60 }),
        message('dslite', { sequence: 9, seconds: 90 }),
        message('options', { sequence: 10, seconds: 120 }),
        message('elsewhere', { seconds: 1 }),
      ];
      if (transport === 'udp') await send(port, ...sent);
      else {
        const whole = Buffer.concat(sent);
        const socket = await dial(port);
        socket.write(whole.subarray(0, 333));
        await vi.waitFor(() => expect(store.events.length).toBeGreaterThan(0), { timeout: 15_000 });
        socket.write(whole.subarray(333));
      }
      await vi.waitFor(() => expect(listener.counts()['cgn2']?.['sets-without-template']).toBe(1), { timeout: 15_000 });
      await vi.waitFor(() => expect(store.heard.length).toBeGreaterThan(1), { timeout: 15_000 });
      expect(store.told()).toEqual([
        'cgn2/7 allocated 4096 2001:db8:5::1',
        'cgn2/7 allocated 1024 10.0.0.1',
        'cgn2/7 allocated 1536 10.0.0.2',
        'cgn2/7 allocated 4096 2001:db8:5::1',
      ]);
      expect(store.heard.at(0)).toEqual({ source: 'cgn2/7', fromAt: NOW, toAt: NOW + 55_000 });
      expect(store.heard.at(-1)).toEqual({ source: 'cgn2/7', fromAt: NOW + 90_000, toAt: NOW + 115_000 });
      expect(listener.counts()['cgn2']).toEqual({ events: 4, 'records-lost': 6, 'sets-without-template': 1 });
    });
});
