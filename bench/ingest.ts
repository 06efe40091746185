// Rows per second from a Shadowserver file to decided reports, durable: read, hashed, kept, attributed over real bindings,
// decided, cases and audit written. Seventy rows of a hundred name an address nobody of ours held, twenty-nine repeat what
// is known of a line, one opens a case. Beside it: the same file through csv-parse into one bare table. No gateway.
// ENGAWA_BENCH_ROWS=1000000 is the file that the goal is about.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parse } from 'csv-parse';
import { openEvidence } from '../src/adapters/evidence/files/evidence.ts';
import { holdFile } from '../src/adapters/state-folder/hold.ts';
import { SqliteBindings } from '../src/adapters/store/sqlite/bindings.ts';
import { loadKeys } from '../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../src/adapters/store/sqlite/store.ts';
import { systemIds } from '../src/adapters/system/ids.ts';
import { loadFamilies } from '../src/config/families.ts';
import { loadPolicy } from '../src/config/policy.ts';
import { formatInstant } from '../src/core/kernel/civil.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../src/core/kernel/time.ts';
import type { AccountingRecord } from '../src/core/line/accounting.ts';
import type { Line } from '../src/core/line/line.ts';
import { Attributor } from '../src/flow/attribute.ts';
import { Casebook } from '../src/flow/casebook.ts';
import { Decider } from '../src/flow/decide.ts';
import { ingest } from '../src/flow/ingest.ts';
import type { Clock, Log } from '../src/flow/ports.ts';
import { readShadowserver } from '../src/protocols/shadowserver/parse.ts';
import { cpuPer, report } from './lib/report.ts';

const ROWS = Number(process.env['ENGAWA_BENCH_ROWS'] ?? 40_000);
/** Each infected line is in thirty rows. */
const [LINES, BOTS] = [100_000, ROWS / 100];
const NOW = Math.floor(Date.now() / SECOND) * SECOND;
const INTERIM_MS = 10 * MINUTE;
const FILE = 'event4_sinkhole-example_isp.csv';
const HEADER =
  'timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics,src_sector,' +
  'device_vendor,device_type,device_model,severity,dst_ip,dst_port,dst_asn,dst_geo,public_source,infection,family,tag,event_id';

const clock: Clock = {
  now: () => NOW,
  monotonicMs: () => performance.now(),
  status: () => ({ state: 'synchronised', jumped: false }),
};
const log: Log = { info() {}, warn() {}, error: (code, fields) => console.error(code, fields) };

/** 100.64.0.0/10 is ours; the addresses of lines come first in it. */
const addressOf = (n: number) => `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
/** An address that ends in .0 is refused as a network. */
const holderOf = (n: number) => n + Math.floor(n / 255) + 1;

function feedFile(): Buffer {
  const rows = [HEADER];
  for (let i = 0; i < ROWS; i++) {
    const known = i % 100 < 30;
    const address = addressOf(known ? holderOf((i * 7) % BOTS) : 1_000_001 + i + (i % 255 === 0 ? 1 : 0));
    const at = formatInstant(NOW - HOUR + (i % 3000) * SECOND)
      .replace('T', ' ')
      .slice(0, 19);
    rows.push(
      `${at},tcp,${safe(address)},${1024 + (i % 60000)},64500,ZZ,Region,City,host-${i}.example.net,0,,,,,critical,` +
        `198.51.100.9,443,64501,ZZ,example,mirai,,"mirai;botnet",ev-${i}`,
    );
  }
  return Buffer.from(`${rows.join('\n')}\n`);
}

const safe = (address: string) => (address.endsWith('.0') ? `${address.slice(0, -1)}1` : address);

async function fill(store: SqliteStore, bindings: SqliteBindings): Promise<void> {
  const lines = Array.from(
    { length: LINES },
    (_, n): Line => ({
      id: `line-${n}`,
      epoch: 1,
      accessKey: `line-${n}@example.net`,
      customerNo: `C-${n}`,
      class: 'home',
      protected: false,
      staticPrefixes: [],
      realm: 'main',
      contract: 'active',
      epochStartedAt: NOW - 400 * DAY,
    }),
  );
  for (let from = 0; from < LINES; from += 2000) {
    await store.commit({ lines: lines.slice(from, from + 2000) });
    for (const minutesAgo of [90, 1]) await bindings.record(records(from, from + 2000, NOW - minutesAgo * MINUTE));
  }
}

function records(from: number, to: number, eventAt: number): AccountingRecord[] {
  return Array.from({ length: to - from }, (_, i) => {
    const n = holderOf(from + i);
    const bytes = Uint8Array.from([100, 64 + (n >> 16), (n >> 8) & 255, n & 255]);
    return {
      nas: 'bng1',
      realm: 'main',
      eventAt,
      status: 'interim' as const,
      sessionId: `s${from + i}`,
      accessKey: `line-${from + i}@example.net`,
      startAt: NOW - 20 * HOUR,
      prefixes: [{ slot: 'ipv4' as const, prefix: { ip: { family: 4 as const, bytes }, length: 32 } }],
    };
  });
}

async function ours(folder: string, bytes: Buffer) {
  const deploy = join(import.meta.dirname, '../deploy');
  const families = loadFamilies(readFileSync(join(deploy, 'families.yaml'), 'utf8'), 'families');
  if (!families.ok) throw new Error('families');
  const policy = loadPolicy(readFileSync(join(deploy, 'policy.yaml'), 'utf8'), 'policy', { families: families.value });
  if (!policy.ok) throw new Error('policy');
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')), now: clock.now });
  const interim = { of: () => INTERIM_MS, widestMs: INTERIM_MS };
  const bindings = new SqliteBindings({ database: store.database, clock, interim, reserved: [], retentionDays: 90 });
  await fill(store, bindings);
  const evidence = await openEvidence(join(folder, 'evidence'));
  const parts = {
    store,
    bindings,
    clock,
    evidence,
    log,
    families: families.value,
    ids: systemIds,
    hold: holdFile(folder),
  };
  const attributor = new Attributor({ ...parts, ranges: { ours: [], infrastructure: [], shared: [] }, realm: 'main' });
  const casebook = new Casebook(parts);
  const policies = { active: () => policy.value, byVersion: () => policy.value };
  const decider = new Decider({ ...parts, casebook, attributor, policies, gatewayNameOf: () => 'bng1', origins: {} });
  const delivery = {
    source: 'sinkhole.example',
    name: `${formatInstant(NOW).slice(0, 10)}-${FILE}`,
    bytes,
    rows: async function* (evidenceHash: string) {
      const feed = await readShadowserver({
        source: delivery.source,
        fileName: delivery.name,
        bytes: [bytes],
        evidenceHash,
        receivedAt: NOW,
        familyOf: (name) => families.value.slugByName.get(name),
      });
      if (!feed.ok) throw new Error(feed.error.text);
      yield* feed.value.items;
    },
  };
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const taken = await ingest(parts, delivery);
  const acceptedAt = performance.now();
  const cpuTaken = cpuPer(taken.total, cpu);
  const decided = await decider.run();
  const doneAt = performance.now();
  const cpuAll = cpuPer(taken.total, cpu);
  const outcomes = store.database.read.allSql(
    'SELECT attribution, decision, count(*) AS n FROM report GROUP BY 1, 2 ORDER BY 3 DESC',
  );
  await store.close();
  return {
    perSecond: ROWS / ((doneAt - startedAt) / 1000),
    acceptedPerSecond: ROWS / ((acceptedAt - startedAt) / 1000),
    cpuTaken,
    cpuAll,
    decided,
    refused: taken.refusedTotal,
    outcomes,
  };
}

async function bare(folder: string, bytes: Buffer) {
  const db = new DatabaseSync(join(folder, 'bare.db'));
  const columns = HEADER.split(',');
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (${columns.map((one) => `${one} TEXT`).join(', ')})`,
  );
  const insert = db.prepare(`INSERT INTO row VALUES (${columns.map(() => '?').join(', ')})`);
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const parser = parse({ from_line: 2 });
  parser.end(bytes);
  let inBatch = 0;
  db.exec('BEGIN');
  for await (const row of parser) {
    insert.run(...(row as string[]));
    if (++inBatch % 1000 === 0) db.exec('COMMIT; BEGIN');
  }
  db.exec('COMMIT');
  const perSecond = ROWS / ((performance.now() - startedAt) / 1000);
  const cpuAll = cpuPer(ROWS, cpu);
  db.close();
  return { perSecond, cpuAll };
}

const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
try {
  const bytes = feedFile();
  const baseline = await bare(folder, bytes);
  const { perSecond, acceptedPerSecond, cpuAll, cpuTaken, ...rest } = await ours(folder, bytes);
  const beside = 'csv-parse and insert';
  report(
    'ingest',
    [
      {
        what: 'read, attributed and decided',
        value: perSecond,
        unit: 'rows/s',
        baseline: { what: beside, value: baseline.perSecond },
        ratio: perSecond / baseline.perSecond,
        goal: '≥ 17,000: a million rows in a minute',
      },
      { what: 'accepted, durable', value: acceptedPerSecond, unit: 'rows/s' },
      {
        what: 'CPU',
        value: cpuAll,
        unit: 'µs/row',
        baseline: { what: beside, value: baseline.cpuAll },
        ratio: cpuAll / baseline.cpuAll,
      },
      { what: 'CPU until accepted', value: cpuTaken, unit: 'µs/row' },
    ],
    rest,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
