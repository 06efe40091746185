// 100,000 gardens into nftables: through the client and the helper, as after a restart, against bare `nft -f` of the very same
// elements as text in one file, in the same namespace, in the same run. Then one change more, on the full sets. Needs root.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NftablesEnforcer } from '../src/adapters/enforcer/nftables/client.ts';
import type { Prefix } from '../src/core/net/prefix.ts';
import type { GardenElement } from '../src/flow/ports.ts';
import { createLabGateway, type LabGateway, SPEC } from '../test/helper/lab-gateway.ts';
import { percentile, report } from './lib/report.ts';

const [GARDENS, PER_CALL, CHANGES] = [100_000, 5000, 60];
const PORTS = [23, 2323].map((port) => ({ protocol: 'tcp' as const, port }));
const SECONDS = 72 * 3600;

const addressOf = (n: number) => `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
const prefixOf = (n: number): Prefix => ({
  ip: { family: 4, bytes: Uint8Array.from([198, 18 + (n >> 16), (n >> 8) & 255, n & 255]) },
  length: 32,
});
const elementOf = (n: number): GardenElement => ({
  prefix: prefixOf(n),
  access: 'strict',
  abusedPorts: PORTS,
  timeoutSeconds: SECONDS,
});

/** What the helper makes of them, as a person would write it. */
function asText(sets: { readonly strict: string; readonly abuse: string; readonly abuseIn: string }): string {
  const add = (set: string, elements: string[]) =>
    `add element inet ${SPEC.table} ${set} {\n${elements.join(',\n')}\n}\n`;
  const all = Array.from({ length: GARDENS }, (_, n) => addressOf(n));
  const tuples = all.flatMap((ip) =>
    PORTS.map(({ protocol, port }) => `${ip} . ${protocol} . ${port} timeout ${SECONDS}s`),
  );
  const keys = all.map((ip) => `${ip} timeout ${SECONDS}s`);
  return add(sets.strict, keys) + add(sets.abuse, tuples) + add(sets.abuseIn, tuples);
}

interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

function bare(gateway: LabGateway, file: string): Took {
  const timed = 'exec 2>&1; TIMEFORMAT="%R %U %S"; time nft -f "$0"';
  const text = execFileSync('ip', ['netns', 'exec', gateway.netns, 'bash', '-c', timed, file], { encoding: 'utf8' });
  const [seconds = 0, user = 0, system = 0] = text.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { seconds, cpuSeconds: user + system };
}

/** CPU of a process and of the children it has waited for (proc(5), in hundredths of a second). */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}

/** `ip netns exec` becomes the helper itself. */
async function ours(gateway: LabGateway, client: NftablesEnforcer): Promise<Took> {
  const pid = gateway.helper().pid!;
  const [cpu, own] = [cpuOf(pid), process.cpuUsage()];
  const startedAt = performance.now();
  // Two on their way: the helper reads one while nft works on the other.
  let next = 0;
  const lane = async () => {
    for (let from = next; from < GARDENS; from = next) {
      next += PER_CALL;
      const put = Array.from({ length: PER_CALL }, (_, i) => elementOf(from + i));
      const done = await client.apply({ put, remove: [] });
      if (!done.ok) throw new Error(JSON.stringify(done.error));
    }
  };
  await Promise.all([lane(), lane()]);
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(own);
  return { seconds, cpuSeconds: cpuOf(pid) - cpu + (user + system) / 1e6 };
}

/** In and out again, one line at a time, each waited for and proven. */
async function oneByOne(client: NftablesEnforcer): Promise<{ putMs: number[]; provenMs: number[] }> {
  const [putMs, provenMs]: [number[], number[]] = [[], []];
  for (let i = 0; i < CHANGES; i++) {
    const element = elementOf(GARDENS + i);
    const startedAt = performance.now();
    await client.apply({ put: [element], remove: [] });
    putMs.push(performance.now() - startedAt);
    const [state] = await client.observe([element.prefix]);
    provenMs.push(performance.now() - startedAt);
    if (state?.access !== 'strict') throw new Error('not proven');
    await client.apply({ put: [], remove: [element.prefix] });
  }
  return { putMs, provenMs };
}

const gateway = createLabGateway();
const client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
try {
  await gateway.start();
  const installed = await client.install();
  if (!installed.ok) throw new Error(JSON.stringify(installed.error));
  const file = join(gateway.folder, 'gardens.nft');
  writeFileSync(file, asText({ strict: 'strict4', abuse: 'abuse4', abuseIn: 'abuse_in4' }));
  const empty = async () => {
    const done = await client.releaseAll();
    if (!done.ok) throw new Error(JSON.stringify(done.error));
  };
  const first = bare(gateway, file);
  await empty();
  const loaded = await ours(gateway, client);
  const change = await oneByOne(client);
  await empty();
  const second = bare(gateway, file);
  const baseline = { seconds: (first.seconds + second.seconds) / 2, cpu: (first.cpuSeconds + second.cpuSeconds) / 2 };
  report('gardens', [
    {
      what: `${GARDENS.toLocaleString('en')} gardens loaded`,
      value: loaded.seconds,
      unit: 's',
      baseline: { what: 'bare nft -f', value: baseline.seconds },
      ratio: loaded.seconds / baseline.seconds,
      goal: '≤ 1.2 ×',
    },
    {
      what: 'CPU, all processes',
      value: loaded.cpuSeconds,
      unit: 's',
      baseline: { what: 'bare nft -f', value: baseline.cpu },
      ratio: loaded.cpuSeconds / baseline.cpu,
    },
    { what: 'one more, committed (p50)', value: percentile(change.putMs, 0.5), unit: 'ms', goal: '≤ 5' },
    { what: 'one more, proven (p50)', value: percentile(change.provenMs, 0.5), unit: 'ms' },
    { what: 'one more, proven (p99)', value: percentile(change.provenMs, 0.99), unit: 'ms' },
  ]);
} finally {
  await client.close();
  await gateway.stop();
}
