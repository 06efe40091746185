// The refuser before real TLS clients and before things that are none.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { households } from '../../../src/core/net/household.ts';
import { GardenCounters } from '../../../src/garden/counters.ts';
import { TlsRefuser, type TlsRefuserOptions } from '../../../src/garden/tls/refuser.ts';

const running: TlsRefuser[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function refuser(bend: Partial<TlsRefuserOptions> = {}) {
  const counters = new GardenCounters();
  const one = new TlsRefuser({
    householdOf: households({ pools: [], ipv6Lengths: [] }),
    mode: 'alert',
    listen: ['127.0.0.1'],
    port: 0,
    counters,
    ...bend,
  });
  running.push(one);
  return { port: await one.start(), counters };
}

/** What the other side sent until it closed, and whether it closed with a reset. */
async function heard(socket: Socket): Promise<{ bytes: Buffer; reset: boolean }> {
  const parts: Buffer[] = [];
  let reset = false;
  socket.on('data', (chunk) => parts.push(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reset ||= error.code === 'ECONNRESET';
  });
  await new Promise((done) => socket.once('close', done));
  return { bytes: Buffer.concat(parts), reset };
}

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'W13: a %s client hears a fatal alert after its ClientHello and never sees a certificate',
  async (version) => {
    const { port, counters } = await refuser();
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      servername: 'bank.example',
      minVersion: version,
      maxVersion: version,
    });
    const secured = vi.fn();
    socket.on('secureConnect', secured);
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_ACCESS_DENIED');
    expect(secured).not.toHaveBeenCalled();
    expect(counters.snapshot()).toEqual({ tls_alert: 1 });
  },
);

test('a hello in many small pieces is read whole, answered once, and the connection ends without a reset', async () => {
  const { port } = await refuser();
  const hello = Buffer.alloc(5 + 1800);
  hello.set([22, 3, 1, 1800 >> 8, 1800 & 255, 1, 0, 7, 4, 3, 3]);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const answer = heard(socket);
  await once(socket, 'connect');
  for (let i = 0; i < hello.length; i += 200) {
    socket.write(hello.subarray(i, i + 200));
    await new Promise((done) => setImmediate(done));
  }
  expect(await answer).toEqual({ bytes: Buffer.from([21, 3, 3, 0, 2, 2, 49]), reset: false });
});

test('what is no TLS is closed without a word', async () => {
  const { port, counters } = await refuser();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write('GET / HTTP/1.1\r\n\r\n');
  expect((await heard(socket)).bytes.length).toBe(0);
  expect(counters.get('tls_not_tls')).toBe(1);
});

test('a client that says nothing, or half a hello, is closed at the deadline', async () => {
  const { port, counters } = await refuser({ helloMs: 60 });
  const half = connect({ port, host: '127.0.0.1' });
  half.write(Uint8Array.of(22, 3, 1, 0, 200, 1));
  expect((await heard(half)).bytes.length).toBe(0);
  expect(counters.get('tls_slow')).toBe(1);
});

test('a client that takes the alert and stays is closed after the linger', async () => {
  const { port } = await refuser({ lingerMs: 60 });
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const hello = Buffer.alloc(65);
  hello.set([22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3]);
  socket.write(hello);
  let knocking: NodeJS.Timeout | undefined;
  socket.once('end', () => {
    knocking = setInterval(() => socket.write('x'), 10); // fails as soon as nobody is there any more
  });
  expect((await heard(socket)).bytes.length).toBe(7);
  clearInterval(knocking);
});

test('silent sockets of a bot, at their bound, make room: its household and the neighbour are answered', async () => {
  const { port, counters } = await refuser({ places: { total: 10, perHousehold: 3, strangers: 10 } });
  const bot = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    }),
  );
  for (const localAddress of ['127.0.0.9', '127.0.0.1']) {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    const browser = connectTls({ socket, servername: 'bank.example' });
    const [error] = (await once(browser, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_ACCESS_DENIED');
  }
  expect(counters.get('tls_pushed_out')).toBe(1);
  for (const socket of bot) socket.destroy();
});

test('in reset mode the connection is reset and nothing is said', async () => {
  const { port, counters } = await refuser({ mode: 'reset' });
  const socket = connect({ port, host: '127.0.0.1' });
  const { bytes, reset } = await heard(socket);
  expect([bytes.length, reset, counters.get('tls_reset')]).toEqual([0, true, 1]);
});
