// The HTTPS socket: the operator's certificate, TLS 1.2 or newer, HTTP/1.1 and nothing else, whatever a client offers.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { households } from '../../../src/core/net/household.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import { createHttpsPortal } from '../../../src/http/portal/server.ts';

let folder: string;
let server: ReturnType<typeof createHttpsPortal>;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portal-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
      .concat(['-subj', '/CN=help.example.net', '-addext', 'subjectAltName=DNS:help.example.net'])
      .concat(['-keyout', key, '-out', cert]),
    { stdio: 'ignore', timeout: 20_000 },
  );
  const certificate = { cert: readFileSync(cert), key: readFileSync(key) };
  server = createHttpsPortal((request, response) => response.end(`HTTP ${request.httpVersion}`), certificate, {
    householdOf: households({ pools: [parsePrefix('127.0.0.0/24')!], ipv6Lengths: [] }),
    places: { total: 12, perHousehold: 4, strangers: 4 },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** Sends bytes after the handshake; what was agreed and answered, or the code of the failure. */
function talk(bytes: string, options: { ALPNProtocols?: string[]; maxVersion?: 'TLSv1.1' | 'TLSv1.2' } = {}) {
  return new Promise<{ alpn?: string | false | null; answer: string }>((resolve) => {
    const socket = connect(
      {
        port,
        host: '127.0.0.1',
        servername: 'help.example.net',
        rejectUnauthorized: false,
        minVersion: 'TLSv1.1',
        ...options,
      },
      () => {
        alpn = socket.alpnProtocol;
        socket.write(bytes);
      },
    );
    let answer = '';
    let alpn: string | false | null = null;
    socket.setTimeout(4_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', (error) => resolve({ answer: `failed ${error.message}` }));
    socket.on('close', () => resolve({ alpn, answer }));
  });
}

const GET = 'GET / HTTP/1.1\r\nHost: help.example.net\r\nConnection: close\r\n\r\n';

describe('the portal over TLS', () => {
  it('speaks HTTP/1.1 to a client that would rather speak HTTP/2', async () => {
    const { alpn, answer } = await talk(GET, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(alpn).toBe('http/1.1');
    expect(answer).toContain('HTTP 1.1');
  });

  it('gives no HTTP/2 to a client that speaks nothing else', async () => {
    const { answer } = await talk('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { ALPNProtocols: ['h2'] });
    expect(answer).toMatch(/^(failed|HTTP\/1\.1 400|$)/);
  });

  it('serves a client without ALPN, and refuses TLS 1.1', async () => {
    expect((await talk(GET)).answer).toContain('HTTP 1.1');
    expect((await talk(GET, { maxVersion: 'TLSv1.1' })).answer).toMatch(/^failed/);
  });

  it('refuses a request without Host', async () => {
    expect((await talk('GET / HTTP/1.1\r\n\r\n')).answer).toMatch(/^HTTP\/1\.1 400/);
  });
});

describe('the room of the portal', () => {
  /** TCP and nothing else: a handshake that never begins. */
  async function silent(count: number, localAddress: string): Promise<Socket[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connectTcp({ port, host: '127.0.0.1', localAddress });
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        return socket;
      }),
    );
  }
  const hold = async (sockets: Promise<Socket[]>[]) => {
    const held = (await Promise.all(sockets)).flat();
    onTestFinished(async () => {
      for (const socket of held) socket.destroy();
      await expect.poll(() => new Promise((done) => server.getConnections((_e, count) => done(count)))).toBe(0);
    });
    return held;
  };

  it('silent handshakes of strangers never take the places of customers', async () => {
    const held = await hold(['127.0.1.1', '127.0.1.2', '127.0.1.3'].map((from) => silent(4, from)));
    await expect.poll(() => held.filter((socket) => socket.closed).length).toBe(8);
    expect((await talk(GET)).answer).toContain('HTTP 1.1');
  });

  it('a bot in one home fills its own places, and its own household is served all the same', async () => {
    const held = await hold([silent(4, '127.0.0.7'), silent(4, '127.0.0.1')]);
    expect((await talk(GET)).answer).toContain('HTTP 1.1');
    await expect.poll(() => held.filter((socket) => socket.closed).length).toBe(1);
    expect((await talk(GET)).answer).toContain('HTTP 1.1');
    expect(held.filter((socket) => socket.closed)).toHaveLength(1);
  });
});
