// Answers to POST /v1/aaa/post-auth against a bare node:http server that reads the body and sends as many octets, same machine,
// same run, in turns. Each server is a process of its own; connections are kept, as FreeRADIUS' pool keeps them. Prints only.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAaaRouter } from '../src/http/aaa/router.ts';
import { hashKey } from '../src/http/intake/keys.ts';
import { percentile, report } from './lib/report.ts';

const LINES = 100_000;
const ROUNDS = 5;
const ROUND_MS = 1000;
/** As many as FreeRADIUS has threads. */
const CONNECTIONS = 32;
const KEY = 'k'.repeat(43);
const AUTHORIZATION = `Basic ${Buffer.from(`freeradius:${KEY}`).toString('base64')}`;
const GARDEN = [
  { name: 'Filter-Id', value: 'wg-in' },
  { name: 'ERX-Service-Activate', tag: 1, value: 'WG(portal)' },
  { name: 'Class', value: 'engawa-strict' },
];

function bodyOf(n: number): string {
  const user = `line-${n % (2 * LINES)}@isp.example`; // every second one is in the garden
  return JSON.stringify({ user, nas: 'bng1', nasIp: '192.0.2.1', mac: '', port: 'eth 1/1:100', circuit: '' });
}

function bare(): RequestListener {
  const answer = Buffer.alloc(330, 0x20);
  return (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString());
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length });
      response.end(answer);
    });
  };
}

function engawa(): RequestListener {
  const wanted = new Map<string, 'strict'>(
    Array.from({ length: LINES }, (_, i) => [`line-${2 * i}@isp.example`, 'strict']),
  );
  const silent = { info() {}, warn() {}, error() {} };
  return createAaaRouter({
    logins: { isReady: true, of: (accessKey) => wanted.get(accessKey) },
    keyHashes: [hashKey(KEY)],
    nases: [{ identity: 'bng1', gateway: 'bng1', accessKey: 'User-Name' }],
    attributesFor: () => GARDEN,
    clock: { monotonicMs: () => performance.now() },
    log: silent,
  });
}

async function asServer(kind: string): Promise<void> {
  const server = createServer(kind === 'bare' ? bare() : engawa());
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', 1024);
  await once(server, 'listening');
  process.on('disconnect', () => process.exit());
  process.send?.((server.address() as AddressInfo).port);
}

interface Side {
  readonly child: ChildProcess;
  readonly port: number;
  readonly agent: Agent;
  readonly rates: number[];
  readonly latencies: number[];
  asked: number;
}

function ask(side: Side): Promise<void> {
  const body = bodyOf(side.asked++);
  return new Promise((resolve, reject) => {
    const options = {
      agent: side.agent,
      port: side.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/aaa/post-auth',
      headers: {
        authorization: AUTHORIZATION,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
      timeout: 5000,
    };
    const outgoing = request(options, (response) => {
      if (response.statusCode !== 200 && response.statusCode !== 204)
        reject(new Error(`status ${response.statusCode}`));
      response.resume().once('end', resolve);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** Answers a second with every connection busy. */
async function rate(side: Side): Promise<number> {
  const begun = performance.now();
  let answers = 0;
  const one = async () => {
    for (; performance.now() - begun < ROUND_MS; answers++) await ask(side);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return answers / ((performance.now() - begun) / 1000);
}

/** One login at a time, as long as a round. */
async function latencies(side: Side): Promise<void> {
  const end = performance.now() + ROUND_MS;
  while (performance.now() < end) {
    const begun = performance.now();
    await ask(side);
    side.latencies.push(performance.now() - begun);
  }
}

async function start(kind: string): Promise<Side> {
  const child = fork(import.meta.filename, [kind]);
  const [port] = (await once(child, 'message', { signal: AbortSignal.timeout(20_000) })) as [number];
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const side: Side = { child, port, agent, rates: [], latencies: [], asked: 0 };
  for (let warm = 0; warm < 2; warm++) await rate(side);
  return side;
}

async function asBench(): Promise<void> {
  const sides = [await start('bare'), await start('engawa')] as const;
  for (let i = 0; i < ROUNDS; i++)
    for (const side of sides) {
      side.rates.push(await rate(side));
      await latencies(side);
    }
  const what = 'bare node:http';
  const [bareSide, ours] = sides;
  const figure = (
    name: string,
    of: (side: Side) => number,
    more: { readonly unit: string; readonly goal?: string },
  ) => ({
    what: name,
    value: of(ours),
    ...more,
    baseline: { what, value: of(bareSide) },
    ratio: more.unit === 'ms' ? of(bareSide) / of(ours) : of(ours) / of(bareSide),
  });
  report(
    'aaa',
    [
      figure('post-auth answers, 32 connections', (side) => percentile(side.rates, 0.5), { unit: 'answers/s' }),
      figure('one at a time, p50 (ratio: bare over ours)', (side) => percentile(side.latencies, 0.5), { unit: 'ms' }),
      figure('one at a time, p99 (ratio: bare over ours)', (side) => percentile(side.latencies, 0.99), {
        unit: 'ms',
        goal: '≤ 5 ms',
      }),
    ],
    { lines: LINES },
  );
  for (const { child, agent } of sides) {
    agent.destroy();
    child.kill();
  }
}

await (process.argv[2] === undefined ? asBench() : asServer(process.argv[2]));
