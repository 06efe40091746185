// Probe answers of the redirector against a bare node:http server, same machine, same run, taken in turns. Each server is a process
// of its own; every probe is a connection of its own, as operating systems make them. Bounded in time; prints, asserts nothing.
// On a busy machine trust the processor time per answer: rates then measure the neighbours.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { parse } from 'yaml';
import { households } from '../src/core/net/household.ts';
import { GardenCounters } from '../src/garden/counters.ts';
import { Redirector } from '../src/garden/http/redirector.ts';
import { parseProbes } from '../src/protocols/capport/probes.ts';
import { report } from './lib/report.ts';

const ROUNDS = 9;
const ROUND_MS = 700;
const CONNECTIONS = 16;
const REQUEST =
  'GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\nUser-Agent: probe\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n';

async function serve(kind: string): Promise<number> {
  if (kind === 'bare') {
    const body = '<a href="https://portal.isp.example/">https://portal.isp.example/</a>';
    // The same limits on sockets as ours: what is compared is the answer, not what Node does for a server without any.
    const limits = { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000, noDelay: true };
    const server = createServer({ ...limits, requireHostHeader: false }, (_request, response) => {
      response.writeHead(302, {
        Location: 'https://portal.isp.example/',
        'Content-Type': 'text/html; charset=utf-8',
        'Cache-Control': 'no-store',
        Connection: 'close',
        'Content-Length': body.length,
      });
      response.end(body);
    });
    server.listen(0, '127.0.0.1', 1024);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  const probes = parseProbes(parse(readFileSync(new URL('../deploy/probes.yaml', import.meta.url), 'utf8')));
  if (!probes.ok) throw new Error(probes.error.join('\n'));
  return new Redirector({
    portalUrl: 'https://portal.isp.example/',
    ownNames: ['portal.isp.example'],
    probes: probes.value,
    standing: () => 'in-garden',
    householdOf: households({ pools: [], ipv6Lengths: [] }),
    listen: ['127.0.0.1'],
    port: 0,
    counters: new GardenCounters(),
  }).start();
}

/** Whole answers of one round, and how long it really took. */
async function round(port: number): Promise<{ answers: number; seconds: number }> {
  const startedAt = performance.now();
  const endAt = startedAt + ROUND_MS;
  let answers = 0;
  async function one(): Promise<void> {
    while (performance.now() < endAt) answers += await probe(port);
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return { answers, seconds: (performance.now() - startedAt) / 1000 };
}

function probe(port: number): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let head = '';
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (chunk) => {
      head ||= chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(head.startsWith('HTTP/1.1 302') ? 1 : 0));
    socket.write(REQUEST);
  });
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Processor time a server has used so far, in µs. */
async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [micros] = (await once(child, 'message', { signal: AbortSignal.timeout(10_000) })) as [number];
  return micros;
}

async function asServer(kind: string): Promise<void> {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.on('disconnect', () => process.exit());
  process.send?.(await serve(kind));
}

interface Side {
  readonly child: ChildProcess;
  readonly port: number;
  readonly rates: number[];
  readonly micros: number[];
}

async function measure(side: Side): Promise<void> {
  const before = await cpuOf(side.child);
  const { answers, seconds } = await round(side.port);
  side.rates.push(answers / seconds);
  side.micros.push(((await cpuOf(side.child)) - before) / Math.max(1, answers));
}

async function start(kind: string): Promise<Side> {
  const child = fork(import.meta.filename, [kind]);
  const [port] = (await once(child, 'message', { signal: AbortSignal.timeout(10_000) })) as [number];
  for (let warm = 0, n = 0; warm < 4000 && n < 12; n++) warm += (await round(port)).answers; // until the code is compiled
  return { child, port, rates: [], micros: [] };
}

async function asBench(): Promise<void> {
  const bare = await start('bare');
  const engawa = await start('engawa');
  for (let i = 0; i < ROUNDS; i++) for (const side of [bare, engawa]) await measure(side);
  const [rates, micros] = [
    { ours: median(engawa.rates), bare: median(bare.rates) },
    { ours: median(engawa.micros), bare: median(bare.micros) },
  ];
  const what = 'bare node:http';
  report('probe-answers', [
    {
      what: 'answered, a connection each',
      value: rates.ours,
      unit: 'probes/s',
      baseline: { what, value: rates.bare },
      ratio: rates.ours / rates.bare,
      goal: '≥ 0.8 ×',
    },
    {
      what: 'processor time (ratio: bare over ours)',
      value: micros.ours,
      unit: 'µs/probe',
      baseline: { what, value: micros.bare },
      ratio: micros.bare / micros.ours,
      goal: '≥ 0.8 ×',
    },
  ]);
  for (const { child } of [bare, engawa]) child.kill();
}

await (process.argv[2] === undefined ? asBench() : asServer(process.argv[2]));
