// «Who held this address then?» per second over real bindings: the store's look-up alone, and the whole answer with the line and
// its reasons. Beside it the bare SQL look-up of the same rows by the same key, in the same run. A day's table, addresses in
// any order; a third of the questions name an address that nobody held.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteBindings } from '../src/adapters/store/sqlite/bindings.ts';
import { loadKeys } from '../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../src/adapters/store/sqlite/store.ts';
import { DAY, MINUTE, SECOND } from '../src/core/kernel/time.ts';
import type { AccountingRecord } from '../src/core/line/accounting.ts';
import { dayOf } from '../src/core/line/claim.ts';
import type { Ip } from '../src/core/net/ip.ts';
import type { Report } from '../src/core/report/report.ts';
import { Attributor } from '../src/flow/attribute.ts';
import { percentile, report } from './lib/report.ts';

const [SESSIONS, SECONDS_EACH] = [150_000, 4];
/** The middle of a day, so that one table answers. */
const NOW = dayOf(Date.now()) * DAY + DAY / 2;
const clock = { now: () => NOW };

const ipOf = (n: number): Ip => ({ family: 4, bytes: Uint8Array.from([100, 64 + (n >> 16), (n >> 8) & 255, n & 255]) });
/** Visits all of them in an order no cache likes. */
const nth = (i: number) => (i * 97_003) % (SESSIONS * 1.5);

async function fill(store: SqliteStore, bindings: SqliteBindings): Promise<void> {
  const recordOf = (n: number, eventAt: number): AccountingRecord => ({
    nas: 'bng1',
    realm: 'main',
    eventAt,
    status: 'interim',
    sessionId: `s${n}`,
    accessKey: `line-${n}@example.net`,
    startAt: NOW - 10 * 60 * MINUTE,
    prefixes: [{ slot: 'ipv4', prefix: { ip: ipOf(n), length: 32 } }],
  });
  for (let from = 0; from < SESSIONS; from += 5000) {
    const numbers = Array.from({ length: 5000 }, (_, i) => from + i);
    for (const minutesAgo of [90, 1]) await bindings.record(numbers.map((n) => recordOf(n, NOW - minutesAgo * MINUTE)));
    const lines = numbers.map((n) => ({
      id: `line-${n}`,
      epoch: 1,
      accessKey: `line-${n}@example.net`,
      customerNo: `C-${n}`,
      class: 'home' as const,
      protected: false,
      staticPrefixes: [],
      realm: 'main',
      contract: 'active' as const,
      epochStartedAt: NOW - 400 * DAY,
    }));
    await store.commit({ lines });
  }
}

/** Runs `ask` for its seconds, in turns of a hundred; per second, and each turn's mean in µs. */
async function rate(ask: (n: number) => unknown): Promise<{ perSecond: number; p99Micros: number }> {
  const means: number[] = [];
  const begun = performance.now();
  let asked = 0;
  while (performance.now() - begun < SECONDS_EACH * 1000) {
    const turn = performance.now();
    for (let i = 0; i < 100; i++) await ask(nth(asked++));
    means.push((performance.now() - turn) * 10);
  }
  return { perSecond: asked / ((performance.now() - begun) / 1000), p99Micros: percentile(means, 0.99) };
}

const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
try {
  const path = join(folder, 'engawa.db');
  const store = openStore({ path, keys: loadKeys(join(folder, 'keys')), now: clock.now });
  const interim = { of: () => 10 * MINUTE, widestMs: 10 * MINUTE };
  const bindings = new SqliteBindings({ database: store.database, clock, interim, reserved: [], retentionDays: 90 });
  await fill(store, bindings);
  const db = new DatabaseSync(path, { readOnly: true });
  const bare = db.prepare(`SELECT * FROM claim_d${dayOf(NOW)} WHERE realm = ? AND ip = ? AND length = 128`);
  const { id } = db.prepare(`SELECT id FROM binding_name WHERE name = 'main'`).get() as { id: number };
  const mapped = (n: number) => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...ipOf(n).bytes]);
  const observedAt = NOW - 30 * MINUTE;
  const parts = { store, bindings, clock, realm: 'main', ranges: { ours: [], infrastructure: [], shared: [] } };
  const attributor = new Attributor(parts);
  const reportOf = (n: number): Report => ({
    id: `r${n}`,
    source: 'sinkhole.example',
    type: 'event4_sinkhole',
    class: 'infected-handshake',
    mayAct: true,
    family: 'mirai',
    ip: ipOf(n),
    observedAt,
    precisionMs: SECOND,
    evidence: { hash: 'f'.repeat(64), line: 2 },
    extra: {},
  });
  const alone = await rate((n) => bare.all(id, mapped(n)));
  const held = await rate((n) => bindings.holders('main', ipOf(n), observedAt - MINUTE, observedAt + MINUTE));
  const whole = await rate((n) => attributor.attribute(reportOf(n), NOW));
  db.close();
  await store.close();
  const beside = { what: 'bare SQL look-up', value: alone.perSecond };
  report('attribution', [
    {
      what: `holders of an address among ${SESSIONS.toLocaleString('en')} sessions`,
      value: held.perSecond,
      unit: 'look-ups/s',
      baseline: beside,
      ratio: held.perSecond / alone.perSecond,
    },
    {
      what: 'attributed, with line and reasons',
      value: whole.perSecond,
      unit: 'reports/s',
      baseline: beside,
      ratio: whole.perSecond / alone.perSecond,
    },
    { what: 'attributed (p99 over means of 100)', value: whole.p99Micros, unit: 'µs', goal: '< 1,000' },
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
