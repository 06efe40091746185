// Durable writes through the store against raw node:sqlite in the same run, on the same disk. Prints figures and ratios;
// about 10 s. Run: bin/node bench/store.ts [FOLDER]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { loadKeys } from '../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../src/adapters/store/sqlite/store.ts';
import type { Case, CaseEvent } from '../src/core/casefile/case.ts';
import { evolve } from '../src/core/casefile/evolve.ts';
import { formatIp, parseIp } from '../src/core/net/ip.ts';
import type { Report } from '../src/core/report/report.ts';
import { verifyExport } from '../src/protocols/tlog/verify.ts';
import { type Figure, report } from './lib/report.ts';

const AT = Date.UTC(2026, 10, 22);
const SECONDS_EACH = 1.5;
const BATCH = 1000;

const reportOf = (n: number): Report => ({
  id: `${n.toString(16).padStart(8, '0')}${'0123456789abcdef'.repeat(4).slice(8)}`,
  source: 'sinkhole.example',
  type: 'event4_sinkhole',
  class: 'infected-handshake',
  mayAct: true,
  family: 'mirai',
  ip: parseIp(`198.51.100.${n % 256}`)!,
  port: 1024 + (n % 60000),
  protocol: 'tcp',
  destinationPort: 23,
  observedAt: AT + n,
  precisionMs: 1000,
  evidence: { hash: 'f'.repeat(64), line: n },
  extra: { asn: '64500', geo: 'JP', tag: 'mirai' },
});

const fileOf = {
  hash: 'f'.repeat(64),
  source: 'feed',
  name: 'bench.csv',
  receivedAt: AT,
  bytes: 1,
  state: 'accepted',
} as const;

/** Calls `step` for about `seconds`; returns units per second. */
async function rate(units: number, step: () => Promise<unknown> | unknown, seconds = SECONDS_EACH): Promise<number> {
  const start = performance.now();
  let steps = 0;
  while (performance.now() - start < seconds * 1000) {
    await step();
    steps++;
  }
  return (steps * units * 1000) / (performance.now() - start);
}

/** The same columns, the same unique key, one transaction per batch: what SQLite alone can do here. */
function rawBaseline(path: string) {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE report (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT, type TEXT, class TEXT,
      may_act INTEGER, family TEXT, ip TEXT, port INTEGER, protocol TEXT, destination_port INTEGER, observed_at INTEGER,
      precision_ms INTEGER, evidence_hash TEXT, evidence_line INTEGER, extra TEXT) STRICT`);
  const insert = db.prepare('INSERT INTO report VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const put = (r: Report) =>
    insert.run(
      ...[r.id, r.source, r.type, r.class, 1, r.family, formatIp(r.ip), r.port!, r.protocol!, r.destinationPort!],
      ...[r.observedAt, r.precisionMs, r.evidence.hash, r.evidence.line, JSON.stringify(r.extra)],
    );
  const write = (rows: readonly Report[]) => {
    db.exec('BEGIN IMMEDIATE');
    for (const row of rows) put(row);
    db.exec('COMMIT');
  };
  return { write, close: () => db.close() };
}

const make = () => {
  let n = 0;
  return (count: number) => Array.from({ length: count }, () => reportOf(n++));
};

const opened = (id: string, lineId: string): CaseEvent => ({
  type: 'case-opened',
  caseId: id,
  lineId,
  epoch: 1,
  family: 'mirai',
  checkCode: id.padStart(8, '0'),
  policyVersion: 'sha256:policy',
  ruleId: 'handshakes',
  legalBasis: 'terms §7',
  expiresAt: AT + 30 * 86_400_000,
});

function commitCase(store: SqliteStore, n: number) {
  const [id, lineId] = [n.toString(36), `line-${n}`];
  const event = opened(id, lineId);
  const folded: Case = evolve(undefined, { at: AT, event, version: 1 });
  const actor = { kind: 'policy' } as const;
  return store.commit({
    cases: [{ caseId: id, expectedVersion: 0, events: [{ at: AT, actor, event }], folded }],
    audit: [{ at: AT, actor, action: 'case-opened', caseId: id, line: { lineId, epoch: 1 }, detail: { rule: 'r' } }],
    arm: [{ kind: 'expire', key: id, dueAt: AT }],
  });
}

async function run(): Promise<void> {
  const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'engawa-bench-'));
  const raw = rawBaseline(join(folder, 'raw.db'));
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')) });
  try {
    const [forRaw, forStore, forOne] = [make(), make(), make()];
    const rawRows = await rate(BATCH, () => raw.write(forRaw(BATCH)));
    const rows = await rate(BATCH, () => store.acceptReports(fileOf, forStore(BATCH), []));
    const rawOne = await rate(1, () => raw.write(forOne(1).map((r) => ({ ...r, id: `x${r.id}` }))));
    let n = 0;
    const alone = await rate(1, () => commitCase(store, n++));
    const together = await rate(100, () => Promise.all(Array.from({ length: 100 }, () => commitCase(store, n++))));
    const start = performance.now();
    const target = join(folder, 'export');
    const { size } = await store.exportAudit(target, AT);
    const half = performance.now();
    const verified = await verifyExport(target);
    if (!verified.ok) throw new Error(verified.error.reason);
    const done = performance.now();
    const beside = (what: string, value: number, unit: string, baseline: { what: string; value: number }): Figure => ({
      what,
      value,
      unit,
      baseline,
      ratio: value / baseline.value,
    });
    const one = { what: 'raw node:sqlite, one row', value: rawOne };
    report('store', [
      beside('reports accepted, 1,000 a call', rows, 'reports/s', { what: 'raw node:sqlite', value: rawRows }),
      beside('case with audit entry and timer, one by one', alone, 'commits/s', one),
      beside('the same, 100 in flight (group commit)', together, 'commits/s', one),
      { what: 'audit export', value: (size * 1000) / (half - start), unit: 'entries/s' },
      { what: 'audit verify', value: (size * 1000) / (done - half), unit: 'entries/s' },
    ]);
  } finally {
    await store.close();
    raw.close();
    await rm(folder, { recursive: true });
  }
}

await run();
