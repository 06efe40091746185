// A NAS reboots: from its Accounting-On to «durable, and who is in the garden was told», with few sessions and with 100,000 of
// them on that NAS. It must not matter how many there are. Beside it, in the same run, the walk over all of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteBindings } from '../src/adapters/store/sqlite/bindings.ts';
import { BINDINGS_MIGRATIONS } from '../src/adapters/store/sqlite/bindings-schema.ts';
import { Database } from '../src/adapters/store/sqlite/database.ts';
import { MINUTE } from '../src/core/kernel/time.ts';
import type { AccountingRecord } from '../src/core/line/accounting.ts';
import { report } from './lib/report.ts';

const [FEW, MANY, GARDENS, BATCH] = [1000, 100_000, 200, 2000];
const NOW = Date.now();

async function reboot(folder: string, sessions: number, isWalking: boolean): Promise<{ ms: number; ended: number }> {
  const database = Database.open(join(folder, `${sessions}-${isWalking}.db`));
  database.migrate((tx) => {
    for (const one of BINDINGS_MIGRATIONS) tx.exec(one.sql);
  });
  let now = NOW;
  const bindings = new SqliteBindings({
    database,
    clock: { now: () => now },
    interim: { of: () => 10 * MINUTE, widestMs: 10 * MINUTE },
    reserved: [],
    retentionDays: 30,
    ...(isWalking ? {} : { gardens: () => Array.from({ length: GARDENS }, (_, n) => `line-${n}`) }),
  });
  const ended: string[] = [];
  bindings.onChange((change) => ended.push(...change.ended.map((one) => one.accessKey)));
  const start = (n: number): AccountingRecord => ({
    status: 'start',
    nas: 'bng1',
    realm: 'main',
    sessionId: `s${n}`,
    accessKey: `line-${n}`,
    eventAt: NOW - MINUTE,
    startAt: NOW - MINUTE,
    prefixes: [
      {
        slot: 'ipv4',
        prefix: { ip: { family: 4, bytes: Uint8Array.from([100, 64 + (n >> 16), n >> 8, n]) }, length: 32 },
      },
    ],
  });
  for (let from = 0; from < sessions; from += BATCH)
    await bindings.record(Array.from({ length: Math.min(BATCH, sessions - from) }, (_, i) => start(from + i)));
  ended.length = 0;
  now += MINUTE;
  const begun = performance.now();
  await bindings.record([{ status: 'on', nas: 'bng1', realm: 'main', eventAt: NOW }]);
  const ms = performance.now() - begun;
  const open = await bindings.openOf(`line-${sessions - 1}`);
  if (open.length > 0) throw new Error('a session outlived the reboot of its NAS');
  await database.close();
  return { ms, ended: ended.length };
}

const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
try {
  const few = await reboot(folder, FEW, false);
  const many = await reboot(folder, MANY, false);
  const walk = await reboot(folder, MANY, true);
  report('accounting-reset', [
    {
      what: `Accounting-On over ${MANY.toLocaleString('en')} sessions, ${many.ended} of them in the garden`,
      value: many.ms,
      unit: 'ms',
      baseline: { what: `over ${FEW.toLocaleString('en')} sessions`, value: few.ms },
      ratio: many.ms / few.ms,
      goal: 'about 1',
    },
    { what: `the walk over all of them (${walk.ended} told)`, value: walk.ms, unit: 'ms' },
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
