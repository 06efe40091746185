// The redirector before browsers' requests, probes and everything that is no HTTP, over real sockets.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { households } from '../../../src/core/net/household.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import { GardenCounters } from '../../../src/garden/counters.ts';
import { Redirector, type RedirectorOptions } from '../../../src/garden/http/redirector.ts';
import { parseProbes } from '../../../src/protocols/capport/probes.ts';

const parsed = parseProbes(parse(readFileSync(new URL('../../../deploy/probes.yaml', import.meta.url), 'utf8')));
if (!parsed.ok) throw new Error(parsed.error.join('\n'));
const probes = parsed.value;
const PORTAL = 'https://portal.isp.example/';
const FREE = '127.0.0.3';

let counters: GardenCounters;
let one: Redirector;
let port: number;
async function start(bend: Partial<RedirectorOptions> = {}) {
  counters = new GardenCounters();
  one = new Redirector({
    portalUrl: PORTAL,
    ownNames: ['portal.isp.example', 'api.isp.example'],
    probes,
    standing: (peer) => (formatIp(peer) === FREE ? 'free' : 'in-garden'),
    householdOf: households({ pools: [], ipv6Lengths: [] }),
    listen: ['127.0.0.1'],
    port: 0,
    counters,
    ...bend,
  });
  port = await one.start();
}
beforeEach(() => start());
afterEach(() => one.stop());

/** Sends bytes as they are; what came back until the other side closed. */
async function raw(text: string | Buffer, from = '127.0.0.2'): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  const parts: Buffer[] = [];
  socket.on('data', (chunk) => parts.push(chunk));
  socket.on('error', () => undefined);
  socket.write(text);
  await closed(socket);
  return Buffer.concat(parts).toString('latin1');
}

async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const deadline = setTimeout(() => socket.destroy(new Error('still open')), 15_000);
  await new Promise((done) => socket.once('close', done));
  clearTimeout(deadline);
}

function get(host: string, path: string, extra = '', from?: string): Promise<string> {
  return raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${extra}\r\n`, from);
}

const withoutDate = (answer: string) => answer.replace(/^Date: .*\r\n/m, '');

describe('W12: captive probes of a line in the garden', () => {
  test.each(probes.probes.filter((p) => p.scheme === 'http'))(
    '$family: $host$path',
    async ({ family, host, path, free }) => {
      const answer = await get(host, path);
      const [head, body] = answer.split('\r\n\r\n') as [string, string];
      expect(head).toContain('HTTP/1.1 302 Found');
      expect(head).toContain(`\r\nLocation: ${PORTAL}\r\n`);
      expect(head).toContain('\r\nCache-Control: no-store\r\n');
      expect(head).not.toMatch(/set-cookie/i);
      expect(body.length).toBeGreaterThan(4);
      for (const wanted of [free.is, free.contains]) if (wanted !== undefined) expect(body).not.toContain(wanted);
      expect(counters.get(`http_probe_${family}`)).toBe(1);
    },
  );

  test('probes and unknown hosts get the same octets', async () => {
    const answers = await Promise.all(
      [
        ['captive.apple.com', '/hotspot-detect.html'],
        ['www.msftconnecttest.com', '/redirect'],
        ['news.example', '/a?b=c'],
        ['198.51.100.7', '/'],
      ].map(([host, path]) => get(host!, path!)),
    );
    expect(new Set(answers.map(withoutDate)).size).toBe(1);
  });
});

describe('W02: the Host header changes nothing and comes back nowhere', () => {
  test.each([
    ['another name', 'Host: evil.example\r\n'],
    ['a port', 'Host: evil.example:8080\r\n'],
    ['empty', 'Host: \r\n'],
    ['none at all', ''],
    ['10 KB', `Host: ${'evil'.repeat(2500)}\r\n`],
    ['two of them', 'Host: evil.example\r\nHost: portal.isp.example\r\n'],
    ['markup', 'Host: "><script>evil</script>\r\n'],
    [
      'a forwarded one beside it',
      'Host: a.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n',
    ],
  ])('%s', async (_name, headers) => {
    const answer = await raw(`GET /evil?evil=1 HTTP/1.1\r\n${headers}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 (302|400) /);
    if (answer.includes(' 302 ')) expect(answer).toContain(`\r\nLocation: ${PORTAL}\r\n`);
    expect(answer).not.toContain('evil');
  });

  test('an absolute URI as the target', async () => {
    const answer = await raw('GET http://evil.example/evil HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect(answer).toContain(`\r\nLocation: ${PORTAL}\r\n`);
    expect(answer).not.toContain('evil');
  });

  test('CR and LF inside a header end in 400 or the plain redirect, never in a header of ours', async () => {
    for (const text of [
      'Host: a\r\n\tSet-Cookie: evil=1\r\n',
      'Host: a\rSet-Cookie: evil=1\r\n',
      'Host: a%0d%0aSet-Cookie: evil\r\n',
    ]) {
      expect(await raw(`GET / HTTP/1.1\r\n${text}\r\n`)).not.toMatch(/evil|set-cookie/i);
    }
  });
});

describe('W09: hostile requests end in 400, and the next person is served', () => {
  test.each([
    ['1 MB of cookies', `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(1_000_000)}\r\n\r\n`],
    [
      '2,000 headers',
      `GET / HTTP/1.1\r\nHost: a\r\n${Array.from({ length: 2000 }, (_, i) => `h${i}: 1\r\n`).join('')}\r\n`,
    ],
    ['101 short headers', `GET / HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(100)}\r\n`],
    ['two Content-Lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'Content-Length and chunked',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000'],
    ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
  ])('%s', async (_name, text) => {
    const answer = await raw(text);
    expect(answer === '' || answer.startsWith('HTTP/1.1 400 ')).toBe(true);
    expect(await get('news.example', '/')).toContain(' 302 ');
  });

  test('a header named __proto__ touches nothing', async () => {
    expect(await get('news.example', '/', '__proto__: {"polluted":1}\r\nconstructor: x\r\n')).toContain(' 302 ');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('chunk extensions and a body nobody wants do not matter', async () => {
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n';
    expect(await raw(text)).toMatch(/^HTTP\/1\.1 511 /);
  });

  test('cookies as large as browsers really send still reach the portal', async () => {
    expect(await get('news.example', '/', `Cookie: ${'c'.repeat(8000)}\r\n`)).toContain(' 302 ');
  });
});

describe('W10, W11: many and slow', () => {
  test('of 1,000 pipelined requests one is answered, then the connection ends', async () => {
    const answer = await raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1000));
    expect(answer.match(/HTTP\/1\.1 /g)?.length).toBe(1);
  });

  test('a head that drips in is cut off at its deadline', async () => {
    await one.stop();
    await start({ headMs: 100 });
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost:');
    const dripping = setInterval(() => socket.write('a'), 20);
    socket.resume();
    await closed(socket);
    clearInterval(dripping);
    expect(counters.get('http_bad')).toBe(1);
  });

  test('silent sockets of a bot, at their bound, shut the door neither to its household nor to the neighbour', async () => {
    await one.stop();
    await start({ places: { total: 10, perHousehold: 3, strangers: 10 } });
    const bot = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        return socket;
      }),
    );
    for (let i = 0; i < 5; i++) expect(await get('a', '/', '', '127.0.0.9')).toContain(' 302 ');
    expect(await get('a', '/')).toContain(' 302 ');
    await vi.waitFor(() => expect(bot.filter((socket) => socket.closed)).toHaveLength(1), { timeout: 15_000 });
    for (const socket of bot) socket.destroy();
  });

  test('answering asks memory once and nothing else', async () => {
    await one.stop();
    const standing = vi.fn(() => 'in-garden' as const);
    await start({ standing });
    for (let i = 0; i < 50; i++) await get('scan.example', `/${i}`);
    expect(standing).toHaveBeenCalledTimes(50);
    expect(counters.snapshot()).toEqual({ http_redirect: 50 });
  });
});

describe('who is told what', () => {
  test('a free line at a sink hears that it is free: neither «online» nor a portal, and asked again by the page itself', async () => {
    const answer = await get('news.example', '/', '', FREE);
    expect(answer).toContain('HTTP/1.1 503 ');
    expect(answer).toContain('Retry-After: 6');
    expect(answer).toContain('Your line is free');
    expect(answer).not.toContain('Location');
    expect(await get('connectivitycheck.gstatic.com', '/generate_204', '', FREE)).toContain('HTTP/1.1 503 ');
  });

  test.each(['portal.isp.example', 'PORTAL.ISP.EXAMPLE:80', 'api.isp.example.'])(
    '%s leads to the portal for free lines too',
    async (host) => {
      expect(await get(host, '/', '', FREE)).toContain(`Location: ${PORTAL}`);
    },
  );

  test('programs get 511, pages and probes never do', async () => {
    expect(await get('api.vendor.example', '/v1', 'Accept: application/json\r\n')).toContain('HTTP/1.1 511 ');
    expect(await raw('POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')).toContain('HTTP/1.1 511 ');
    expect(
      await get('a', '/', 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n'),
    ).toContain(' 302 ');
    expect(await get('a', '/', 'Accept: */*\r\n')).toContain(' 302 ');
    expect(await get('captive.apple.com', '/hotspot-detect.html', 'Accept: application/json\r\n')).toContain(' 302 ');
  });

  test('HEAD and HTTP/1.0 are answered in kind', async () => {
    const head = await raw('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(head).toContain(' 302 ');
    expect(head.endsWith('\r\n\r\n')).toBe(true);
    expect(await raw('GET / HTTP/1.0\r\n\r\n')).toContain(`Location: ${PORTAL}`);
  });

  test('an ordinary HTTP client reads the answer whole and finds the connection closed', async () => {
    const asked = request({ port, host: '127.0.0.1', path: '/', headers: { Host: 'news.example' } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
    let body = '';
    for await (const chunk of response) body += chunk;
    expect(body).toContain(PORTAL);
    expect(response.headers.connection).toBe('close');
  });
});

test('invariant 10: counters hold families and kinds, never a host or a path', async () => {
  await get('secret.example', '/secret');
  await get('secret.captive.apple.com', '/hotspot-detect.html');
  expect(JSON.stringify(counters.snapshot())).toBe('{"http_redirect":2}');
});
