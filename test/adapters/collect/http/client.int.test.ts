// Against real servers on loopback, each with one bad habit. What is allowed here is named by `allowPrivate`, as an operator does.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type LookupFunction, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient, type HttpClientOptions } from '../../../../src/adapters/collect/http/client.ts';
import { parsePrefix } from '../../../../src/core/net/prefix.ts';
import { type Certificate, EXPIRED, makeCertificate, VALID } from './certificates.ts';

const LOOPBACK = [parsePrefix('127.0.0.1')!];
const LIMITS = { headersMs: 300, progressMs: 150, progressBytes: 100, totalMs: 3000, maxBytes: 10_000 };

let ends: (() => void | Promise<void>)[];
beforeEach(() => {
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
});

function client(options: Partial<HttpClientOptions> = {}): HttpClient {
  return new HttpClient({ allowPrivate: LOOPBACK, reserved: [], limits: LIMITS, ...options });
}

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  ends.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}

const serve = async (listener: RequestListener) => `http://127.0.0.1:${await listen(createServer(listener))}`;

async function serveTls(certificate: Certificate): Promise<number> {
  return listen(createTlsServer({ ...certificate }, (_request, response) => response.end('safe')));
}

function certificate(name: string, dates: readonly [string, string]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-tls-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  return makeCertificate(folder, name, dates);
}

const to =
  (address: string): LookupFunction =>
  (_host, _options, done) =>
    done(null, [{ address, family: 4 }]);
const kindOf = async (sent: ReturnType<HttpClient['send']>) => {
  const answer = await sent;
  return answer.ok ? answer.value.status : answer.error.kind;
};

describe('what it asks and hears', () => {
  test('bytes out as they are, status, headers and bytes in', async () => {
    const url = await serve((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.writeHead(418, { 'X-Key': request.headers['apikey'] ?? '' });
        response.end(`${request.method} ${request.headers['accept-encoding']} ${Buffer.concat(parts).toString('hex')}`);
      });
    });
    const answer = await client().send({
      url,
      method: 'POST',
      headers: { apikey: 'k' },
      body: Buffer.from([0, 255, 10]),
    });
    expect(answer).toMatchObject({ ok: true, value: { status: 418, headers: { 'x-key': 'k' } } });
    expect(answer.ok && answer.value.body.toString()).toBe('POST identity 00ff0a');
  });

  test('a stop ends it at once', async () => {
    const url = await serve(() => {});
    const stop = new AbortController();
    const asked = client({ limits: { ...LIMITS, headersMs: 60_000, totalMs: 60_000 } }).send({
      url,
      signal: stop.signal,
    });
    stop.abort();
    expect(await kindOf(asked)).toBe('stopped');
  });
});

describe('F21', () => {
  test('a loopback server is not spoken to unless its address is named', async () => {
    let heard = 0;
    const url = await serve((_request, response) => response.end(String(++heard)));
    expect(await kindOf(client({ allowPrivate: [] }).send({ url }))).toBe('refused');
    expect(await kindOf(client({ allowPrivate: [] }).send({ url: url.replace('http:', 'https:') }))).toBe('refused');
    expect(await kindOf(client({ allowPrivate: [] }).send({ url: url.replace('http:', 'gopher:') }))).toBe('refused');
    expect(heard).toBe(0);
    expect(await kindOf(client().send({ url }))).toBe(200);
  });

  test('a name that resolves to us, by whatever form, reaches no server', async () => {
    let touched = 0;
    const server = createTcpServer(() => touched++);
    const port = await listen(server);
    for (const address of ['127.0.0.1', '::ffff:7f00:1', '::ffff:127.0.0.1', '169.254.169.254', '10.0.0.1', '::1'])
      expect(
        await kindOf(client({ allowPrivate: [], resolve: to(address) }).send({ url: `https://feed.example:${port}/` })),
        address,
      ).toBe('refused');
    expect(touched).toBe(0);
  });

  test('DNS rebinding: the address is judged when it is connected to, not before', async () => {
    let touched = 0;
    const port = await listen(createTcpServer(() => touched++));
    const says = ['127.0.0.2', '127.0.0.1'];
    const resolve: LookupFunction = (_host, _options, done) => done(null, [{ address: says.shift()!, family: 4 }]);
    const one = client({ allowPrivate: [parsePrefix('127.0.0.2')!], resolve });
    // The first answer may be spoken to (and nobody is there); the second is us.
    expect(await kindOf(one.send({ url: `https://feed.example:${port}/` }))).not.toBe('refused');
    expect(await kindOf(one.send({ url: `https://feed.example:${port}/` }))).toBe('refused');
    expect([touched, says.length]).toEqual([0, 0]);
  });

  test('a redirect is judged like any other address, and takes no credential elsewhere', async () => {
    const heard: (string | undefined)[] = [];
    const elsewhere = await serve((request, response) => {
      heard.push(request.headers['authorization']);
      response.end('here');
    });
    const url = await serve((request, response) => {
      response.writeHead(302, {
        Location:
          request.url === '/in' ? 'http://10.0.0.1/' : request.url === '/file' ? 'file:///etc/passwd' : elsewhere,
      });
      response.end();
    });
    const headers = { Authorization: 'Bearer secret' };
    expect(await kindOf(client().send({ url: `${url}/in`, redirects: 3 }))).toBe('refused');
    expect(await kindOf(client().send({ url: `${url}/file`, redirects: 3 }))).toBe('refused');
    expect(await kindOf(client().send({ url: `${url}/out`, headers }))).toBe('redirect');
    expect(await kindOf(client().send({ url: `${url}/out`, method: 'POST', redirects: 3 }))).toBe('redirect');
    expect(await kindOf(client().send({ url: `${url}/out`, headers, redirects: 3 }))).toBe(200);
    expect(heard).toEqual([undefined]);
  });
});

describe('F22', () => {
  test('a server that says nothing, or one byte now and then, is let go', async () => {
    const silent = await listen(createTcpServer(() => {}));
    expect(await kindOf(client().send({ url: `http://127.0.0.1:${silent}/` }))).toBe('timeout');
    const drops = await serve((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    expect(await kindOf(client().send({ url: drops }))).toBe('timeout');
    const headerDrops = await listen(
      createTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('X: y\r\n'), 20);
        socket.on('close', () => clearInterval(timer));
      }),
    );
    expect(await kindOf(client().send({ url: `http://127.0.0.1:${headerDrops}/` }))).toBe('timeout');
  });

  test('an endless body ends at the cap, and one that says its size is not begun', async () => {
    const endless = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1000)));
      };
      response.on('drain', more);
      more();
    });
    expect(await kindOf(client().send({ url: endless }))).toBe('too-large');
    const told = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '10001' });
      response.flushHeaders();
    });
    expect(await kindOf(client().send({ url: told }))).toBe('too-large');
    const coded = await serve((_request, response) =>
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('bomb'),
    );
    expect(await kindOf(client().send({ url: coded }))).toBe('encoding');
  });

  test('a body that keeps coming is read to its end, however long; one that breaks off is no answer', async () => {
    const steady = await serve((_request, response) => {
      let left = 20;
      const timer = setInterval(() => {
        response.write(Buffer.alloc(200));
        if (--left === 0) {
          clearInterval(timer);
          response.end();
        }
      }, 20);
    });
    const answer = await client().send({ url: steady });
    expect(answer.ok && answer.value.body.length).toBe(4000);
    const torn = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 10);
    });
    expect(await kindOf(client().send({ url: torn }))).toBe('unreachable');
  });

  test('a 301 loop ends', async () => {
    let hops = 0;
    const url = await serve((_request, response) => {
      hops++;
      response.writeHead(301, { Location: '/again' }).end();
    });
    expect(await kindOf(client().send({ url, redirects: 3 }))).toBe('redirect');
    expect(hops).toBe(4);
  });

  test('TLS: the certificate must be valid, of this name, and of an authority we know', async () => {
    const good = certificate('DNS:feed.example', VALID);
    const old = certificate('DNS:feed.example', EXPIRED);
    const other = certificate('DNS:other.example', VALID);
    const ask = async (one: Certificate, ca: string | undefined) => {
      const port = await serveTls(one);
      const options = { resolve: to('127.0.0.1'), ...(ca === undefined ? {} : { ca }) };
      const answer = await client(options).send({ url: `https://feed.example:${port}/` });
      return answer.ok ? answer.value.body.toString() : answer.error.text;
    };
    expect(await ask(good, good.cert)).toBe('safe');
    expect(await ask(good, undefined)).toContain('SELF_SIGNED');
    expect(await ask(old, old.cert)).toContain('CERT_HAS_EXPIRED');
    expect(await ask(other, other.cert)).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});
