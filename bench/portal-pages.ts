// First screens per second of the portal (gzip, over keep-alive) against the same bytes from a bare node:http server, in turns, same run.
// Each server is a process of its own; every page belongs to another line, so that no limit stands in the way. Prints, asserts nothing.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, get, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { households } from '../src/core/net/household.ts';
import { createPortal } from '../src/http/portal/portal.ts';
import { createHttpPortal } from '../src/http/portal/server.ts';
import { createFakeDesk, sampleJourney } from '../test/fakes/journey-desk.ts';
import { report } from './lib/report.ts';

const ROUNDS = 5;
const ROUND_MS = 1500;
const CONNECTIONS = 16;

async function serve(kind: string): Promise<number> {
  if (kind === 'bare') {
    const body = gzipSync('<p>page</p>'.repeat(1200));
    const server = createServer((_request, response) => {
      response.writeHead(200, {
        'Content-Type': 'text/html',
        'Content-Encoding': 'gzip',
        'Content-Length': body.length,
      });
      response.end(body);
    });
    return listen(server);
  }
  let lines = 0;
  const desk = createFakeDesk({ now: Date.now });
  desk.of = async () => ({ ...sampleJourney(Date.now()), lineRef: `line-${lines++ % 10_000}` });
  let app: RequestListener | undefined;
  const port = await listen(createHttpPortal((request, response) => app!(request, response)));
  app = createPortal({
    desk,
    operator: {
      name: 'Example Net',
      phone: '0120-555-010',
      contactUrl: 'https://help.example.net/',
      timeZone: 'Asia/Tokyo',
      supportHours: '9:00–18:00',
    },
    portalOrigins: [`http://127.0.0.1:${port}`],
    householdOf: households({ pools: [], ipv6Lengths: [] }),
    tokenKey: Buffer.alloc(32, 1),
    now: Date.now,
    randomId: () => 'bench',
    log: { info: () => {}, warn: () => {}, error: console.error },
    languages: ['en', 'ja', 'ja-easy'],
    defaultLanguage: 'en',
  });
  return port;
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1', 1024);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function round(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const startedAt = performance.now();
  let pages = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - startedAt < ROUND_MS) {
      await page(port, agent);
      pages += 1; // not `+= await`: that reads before it waits, and loses the others' counts
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  agent.destroy();
  return pages / ((performance.now() - startedAt) / 1000);
}

function page(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'text/html', 'accept-encoding': 'gzip' };
    const request = get({ host: '127.0.0.1', port, path: '/ja/', agent, headers, timeout: 5000 }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    request.on('error', reject);
  });
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function start(kind: string): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(import.meta.filename, [kind]);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

const kind = process.argv[2];
if (kind === 'bare' || kind === 'portal') {
  process.send?.(await serve(kind));
} else {
  const bare = await start('bare');
  const portal = await start('portal');
  const rates = { bare: [] as number[], portal: [] as number[] };
  for (let i = 0; i < ROUNDS; i++) {
    rates.bare.push(await round(bare.port));
    rates.portal.push(await round(portal.port));
  }
  const [b, p] = [median(rates.bare), median(rates.portal)];
  report('portal-pages', [
    {
      what: 'first screens, gzip, keep-alive',
      value: p,
      unit: 'pages/s',
      baseline: { what: 'bare node:http', value: b },
      ratio: p / b,
    },
  ]);
  bare.child.kill();
  portal.child.kill();
}
