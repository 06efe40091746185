// CoA requests per second. (a) 500 a second to one strict NAS that loses one packet in a hundred: nothing is done twice, no
// identifier serves twice. (b) As fast as FreeRADIUS answers with a window of 32, against radclient -p 32 on the same server in turns.
// (c) Fifty NASes, one of which takes 5 s for an answer: what the others' requests take, against the same without the slow one.
// BENCH_LONG=1: (a) for a minute.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NasClient, type NasClientOptions } from '../src/adapters/enforcer/radius/nas-client.ts';
import { type FreeradiusNas, startFreeradiusNas } from '../test/peers/freeradius-nas.ts';
import { type Figure, percentile, report } from './lib/report.ts';
import { startStrictNases } from './lib/strict-nas.ts';

const SECRET = 'a secret for benchmarks';
const STEADY_SECONDS = process.env['BENCH_LONG'] === '1' ? 60 : 5;
const STEADY_RATE = 500;
const FAST_ROUNDS = 5;
const FAST_REQUESTS = 20_000;
/** Of one file: with more radclient becomes slow, and the same one again would be a duplicate, answered from memory. */
const RADCLIENT_PACKETS = 1000;
const NASES = 50;
const PER_NAS_RATE = 20;
/** Longer than the slow one takes for one answer. */
const PER_NAS_SECONDS = 6;
const SLOW_MS = 5000;

function clientOf(port: number, options: Partial<NasClientOptions>): NasClient {
  return new NasClient({
    name: 'bench',
    address: '127.0.0.1',
    port,
    secrets: [Buffer.from(SECRET)],
    waitMs: 600_000,
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log: { info() {}, warn: console.error, error: console.error },
    ...options,
  });
}

const change = (session: string) => ({
  code: 43 as const,
  attributes: [
    { type: 1, value: Buffer.from('bench') },
    { type: 44, value: Buffer.from(session) },
    { type: 11, value: Buffer.from('garden') },
  ],
  session,
  urgent: false,
});

/** As many at once as the window, each lane one after the other, until there is nothing more to ask. */
async function ask(client: NasClient, lanes: number, next: () => string | undefined): Promise<number> {
  let acked = 0;
  const lane = async () => {
    for (let session = next(); session !== undefined; session = next())
      if ((await client.request(change(session))).kind === 'ack') acked += 1;
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return acked;
}

async function steady(): Promise<{ readonly figures: readonly Figure[]; readonly detail: object }> {
  const nas = await startStrictNases({ secret: SECRET, lossPercent: 1 });
  // What is sent again counts as well: room for it.
  const client = clientOf(nas.ports[0]!, { window: 256, packetsPerSecond: STEADY_RATE * 1.05 });
  const endsAt = performance.now() + STEADY_SECONDS * 1000;
  let asked = 0;
  let ackedInTime = 0;
  const acked = await ask(client, 256, () => {
    if (performance.now() > endsAt) return undefined;
    ackedInTime = client.counts().ack;
    return `${asked++}`;
  });
  const counts = await nas.counts();
  const { retransmitted } = client.counts();
  client.close();
  await nas.stop();
  const figures = [
    { what: 'to one strict NAS, 1 % lost each way', value: ackedInTime / STEADY_SECONDS, unit: 'CoA/s', goal: '≥ 500' },
    { what: 'of them done twice', value: counts.doubledEffects, unit: 'orders', goal: '0' },
    { what: 'identifiers used twice', value: counts.reusedIdentifiers, unit: 'identifiers', goal: '0' },
  ];
  return { figures, detail: { asked, acked, seconds: STEADY_SECONDS, retransmitted, ...counts } };
}

async function fast(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
  const file = join(folder, 'requests');
  const nas = await startFreeradiusNas({ secret: SECRET, isVerbose: false, remembersSeconds: 0 });
  try {
    writeFileSync(file, requestsOf(RADCLIENT_PACKETS));
    writeFileSync(`${file}-one`, requestsOf(1));
    const [theirs, ours]: [number[], number[]] = [[], []];
    for (let round = 0; round <= FAST_ROUNDS; round++) {
      const [one, other] = [await radclient(nas, file), await window32(nas)];
      if (round === 0) continue; // both learn the way
      theirs.push(one);
      ours.push(other);
    }
    const [value, baseline] = [percentile(ours, 0.5), percentile(theirs, 0.5)];
    return [
      {
        what: 'FreeRADIUS, window 32',
        value,
        unit: 'CoA/s',
        baseline: { what: 'radclient -p 32', value: baseline },
        ratio: value / baseline,
        goal: 'ratio ≥ 1',
      },
    ];
  } finally {
    await nas.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Distinct ones. */
function requestsOf(count: number): string {
  const now = Math.floor(Date.now() / 1000);
  return Array.from({ length: count }, (_, i) =>
    [
      'Message-Authenticator = 0x00',
      'User-Name = "bench"',
      `Acct-Session-Id = "${i}"`,
      'Filter-Id = "garden"',
      `Event-Timestamp = ${now}\n`,
    ].join('\n'),
  ).join('\n');
}

/** Requests per second, without the time radclient takes to read its dictionaries. */
async function radclient(nas: FreeradiusNas, file: string): Promise<number> {
  const run = async (path: string, count: number) => {
    const args = ['-q', '-s', '-p', '32', '-f', path, `${nas.address}:${nas.port}`, 'coa', nas.secret];
    const startedAt = performance.now();
    const child = spawn('radclient', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    await once(child, 'close');
    if (!new RegExp(`Accepted\\s*: ${count}\\s`).test(output)) throw new Error(`radclient: ${output}`);
    return performance.now() - startedAt;
  };
  let tookMs = 0;
  for (let times = 0; times < FAST_REQUESTS / RADCLIENT_PACKETS; times++) {
    tookMs -= await run(`${file}-one`, 1);
    tookMs += await run(file, RADCLIENT_PACKETS);
  }
  return (FAST_REQUESTS / tookMs) * 1000;
}

async function window32(nas: FreeradiusNas): Promise<number> {
  const client = clientOf(nas.port, { packetsPerSecond: 1_000_000 });
  let asked = 0;
  const startedAt = performance.now();
  const acked = await ask(client, 32, () => (asked < FAST_REQUESTS ? `${asked++}` : undefined));
  const perSecond = (FAST_REQUESTS / (performance.now() - startedAt)) * 1000;
  client.close();
  if (acked !== FAST_REQUESTS) throw new Error(`only ${acked} acknowledged`);
  return perSecond;
}

/** ms that requests took to all NASes but the first. */
async function others(firstDelayMs: number): Promise<readonly number[]> {
  const nas = await startStrictNases({ secret: SECRET, count: NASES, firstDelayMs });
  const clients = nas.ports.map((port) => clientOf(port, {}));
  const tookMs: number[] = [];
  const asked: Promise<unknown>[] = [];
  for (let tick = 0; tick < PER_NAS_RATE * PER_NAS_SECONDS; tick++) {
    for (const [at, client] of clients.entries()) {
      const startedAt = performance.now();
      const answer = client.request(change(`${tick}`));
      if (at > 0) asked.push(answer.then(() => tookMs.push(performance.now() - startedAt)));
    }
    await new Promise((next) => setTimeout(next, 1000 / PER_NAS_RATE));
  }
  await Promise.all(asked);
  for (const client of clients) client.close();
  await nas.stop();
  return tookMs;
}

async function slowNeighbour(): Promise<readonly Figure[]> {
  const [without, beside]: [number[], number[]] = [[], []];
  for (let round = 0; round < 2; round++) {
    without.push(...(await others(0)));
    beside.push(...(await others(SLOW_MS)));
  }
  return [0.5, 0.99].map((part) => {
    const [value, baseline] = [percentile(beside, part), percentile(without, part)];
    const what = `p${part * 100} of ${NASES - 1} NASes beside one at ${SLOW_MS / 1000} s per answer`;
    return {
      what,
      value,
      unit: 'ms',
      baseline: { what: 'without it', value: baseline },
      ratio: value / baseline,
      goal: 'ratio 1',
    };
  });
}

const { figures, detail } = await steady();
report('coa-rate', [...figures, ...(await fast()), ...(await slowNeighbour())], detail as Record<string, unknown>);
