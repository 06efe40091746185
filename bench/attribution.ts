// «Who held this address then?» over ten days of bindings: how soon after a start it is answered, from the disk and from memory, the
// store's look-up alone and the whole answer with the line and its reasons. Beside it, in the same run, the same sessions in
// PostgreSQL with an index on (address, time). A third of the questions name an address that nobody held, a fifth an IPv6 one.
// ENGAWA_BENCH_BINDINGS=20000000 takes as many as the goal is about (8 GB of disk, 3 GB of memory, a quarter of an hour).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteBindings } from '../src/adapters/store/sqlite/bindings.ts';
import { loadKeys } from '../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../src/adapters/store/sqlite/store.ts';
import { DAY, MINUTE, SECOND } from '../src/core/kernel/time.ts';
import { dayOf } from '../src/core/line/claim.ts';
import type { Ip } from '../src/core/net/ip.ts';
import type { Report } from '../src/core/report/report.ts';
import { Attributor } from '../src/flow/attribute.ts';
import { DAYS, ManyBindings } from './lib/many-bindings.ts';
import { askRadacct, radacctFault, startRadacct } from './lib/radacct.ts';
import { type Figure, percentile, report } from './lib/report.ts';

const BINDINGS = Number(process.env['ENGAWA_BENCH_BINDINGS'] ?? 2_000_000);
const SECONDS_EACH = 5;
/** Asked over and over: what a day's feeds are about. */
const HOT_QUESTIONS = 50_000;
const CONNECTIONS = 8;
const NOW = dayOf(Date.now()) * DAY + DAY / 2;
const clock = { now: () => NOW };
const many = new ManyBindings(BINDINGS, NOW);

interface Asked {
  readonly ip: Ip;
  readonly at: number;
}

interface Rate {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p99Micros: number;
}

/** Even numbers 0 … 1, the same each time (mulberry32). */
let state = 1;
function next(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}

function question(): Asked {
  const n = Math.floor(next() * many.lines * 1.5);
  const day = many.firstDay + Math.floor(next() * DAYS);
  return {
    ip: next() < 0.2 ? many.ipv6(n, 9) : many.ipv4(n),
    at: day * DAY + MINUTE + Math.floor(next() * (DAY - 2 * MINUTE)),
  };
}

const QUESTIONS = Array.from({ length: HOT_QUESTIONS }, question);

/** For its seconds, or once through the questions when `once`; each question's own time, too. */
async function rate(ask: (one: Asked) => unknown, once = false): Promise<Rate> {
  const times: number[] = [];
  const cpu = process.threadCpuUsage();
  const begun = performance.now();
  for (let i = 0; once ? i < HOT_QUESTIONS : performance.now() - begun < SECONDS_EACH * 1000; i++) {
    const startedAt = performance.now();
    await ask(QUESTIONS[i % HOT_QUESTIONS]!);
    times.push(performance.now() - startedAt);
  }
  const { user, system } = process.threadCpuUsage(cpu);
  const perSecond = times.length / ((performance.now() - begun) / 1000);
  return { perSecond, cpuMicros: (user + system) / times.length, p99Micros: percentile(times, 0.99) * 1000 };
}

function open(folder: string, hotBytes: number): { readonly store: SqliteStore; readonly bindings: SqliteBindings } {
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')), now: clock.now });
  const interim = { of: () => 10 * MINUTE, widestMs: 10 * MINUTE };
  const rest = { clock, interim, reserved: [], retentionDays: 90, hotBytes };
  return { store, bindings: new SqliteBindings({ database: store.database, ...rest }) };
}

function asker({ store, bindings }: ReturnType<typeof open>) {
  const ranges = { ours: [], infrastructure: [], shared: [] };
  const attributor = new Attributor({ store, bindings, clock, realm: 'main', ranges });
  return {
    holders: ({ ip, at }: Asked) => bindings.holders('main', ip, at - 11 * MINUTE, at + 11 * MINUTE),
    whole: (one: Asked) => attributor.attribute(reportOf(one), NOW),
  };
}

const reportOf = ({ ip, at }: Asked): Report => ({
  id: 'r',
  source: 'sinkhole.example',
  type: 'event4_sinkhole',
  class: 'infected-handshake',
  mayAct: true,
  family: 'mirai',
  ip,
  port: 4000,
  protocol: 'tcp',
  observedAt: at,
  precisionMs: SECOND,
  evidence: { hash: 'f'.repeat(64), line: 2 },
  extra: {},
});

async function ours(folder: string) {
  const first = open(folder, 0);
  many.fillLines(first.store.database);
  const claims = many.fill(first.store.database);
  await first.store.close();
  // Of this file alone; where it cannot be had, «from disk» is from the page cache.
  execFileSync('dd', [`if=${join(folder, 'engawa.db')}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  const startedAt = performance.now();
  const opened = open(folder, 1);
  const asked = asker(opened);
  await asked.whole(QUESTIONS[0]!);
  const readyMs = performance.now() - startedAt;
  const disk = await rate(asked.whole, true);
  const onDisk = await rate(asked.whole);
  await opened.store.close();
  const warmAt = performance.now();
  const warm = open(folder, 64e9);
  await warm.bindings.warm();
  const warmSeconds = (performance.now() - warmAt) / 1000;
  const hot = asker(warm);
  await rate(hot.whole, true);
  const held = await rate(hot.holders);
  const whole = await rate(hot.whole);
  const { bytes } = warm.bindings.hot()!;
  const rssMb = process.memoryUsage().rss / 1e6;
  await warm.bindings.close();
  await warm.store.close();
  return { claims, readyMs, warmSeconds, disk, onDisk, held, whole, bytes, rssMb };
}

async function besidePostgres(folder: string): Promise<{ one: Rate; all: number; rows: number } | undefined> {
  const fault = radacctFault();
  if (fault !== undefined) {
    console.error(`  attribution: NOT compared with PostgreSQL: ${fault}`);
    return undefined;
  }
  const radacct = await startRadacct(folder, many, CONNECTIONS);
  try {
    const ask = (i: number) => (one: Asked) =>
      askRadacct(radacct.clients[i]!, one.ip, one.at - MINUTE, one.at + MINUTE);
    await rate(ask(0));
    const one = await rate(ask(0));
    const each = await Promise.all(radacct.clients.map((_, i) => rate(ask(i))));
    return { one, all: each.reduce((sum, { perSecond }) => sum + perSecond, 0), rows: radacct.rows };
  } finally {
    await radacct.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
try {
  const mine = await ours(folder);
  const postgres = await besidePostgres(folder);
  const besides = (value: number, baseline: number | undefined, what: string): Partial<Figure> =>
    baseline === undefined ? {} : { baseline: { what, value: baseline }, ratio: value / baseline };
  const { claims, readyMs, warmSeconds, disk, onDisk, held, whole, bytes, rssMb } = mine;
  const [best, alone] = ['PostgreSQL, 8 connections', 'PostgreSQL, 1 connection'];
  report(
    'attribution',
    [
      {
        what: `first answer after a start, ${claims.toLocaleString('en')} bindings`,
        value: readyMs,
        unit: 'ms',
        goal: '≤ 30,000',
      },
      { what: 'all of them read into memory, answering meanwhile', value: warmSeconds, unit: 's' },
      {
        what: 'holders, from memory',
        value: held.perSecond,
        unit: 'look-ups/s',
        ...besides(held.perSecond, postgres?.all, best),
      },
      {
        what: 'attributed with line and reasons, from memory',
        value: whole.perSecond,
        unit: 'reports/s',
        ...besides(whole.perSecond, postgres?.all, best),
        goal: '≥ 100,000 over 20 M',
      },
      { what: 'CPU of it', value: whole.cpuMicros, unit: 'µs/report', goal: '< 10' },
      {
        what: 'p99 of it',
        value: whole.p99Micros,
        unit: 'µs',
        ...besides(whole.p99Micros, postgres?.one.p99Micros, alone),
        goal: '< 1,000',
      },
      {
        what: 'attributed by SQLite alone, asked before',
        value: onDisk.perSecond,
        unit: 'reports/s',
        ...besides(onDisk.perSecond, postgres?.all, best),
      },
      { what: 'attributed by SQLite alone, file not in the page cache', value: disk.perSecond, unit: 'reports/s' },
      { what: 'p99 of that', value: disk.p99Micros, unit: 'µs', goal: '< 20,000' },
      { what: 'memory of the index', value: bytes / 1e6, unit: 'MB' },
      { what: 'memory of the process', value: rssMb, unit: 'MB' },
    ],
    { disk, onDisk, held, whole, ...(postgres === undefined ? {} : { postgres }) },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
