// D01, C04, C05, G1: kill -9 at named and at random moments. What was acknowledged is there exactly once, what was not
// may be; the same input again changes nothing; the file is sound and its log verifies.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKeys } from '../../../src/adapters/store/sqlite/keys.ts';
import { openStore } from '../../../src/adapters/store/sqlite/store.ts';
import { verifyExport } from '../../../src/protocols/tlog/verify.ts';
import { sampleFile } from '../../contract/store-samples.ts';
import { BATCHES, caseOf, PER_BATCH, reportsOf } from './crash-child.ts';

const CHILD = join(import.meta.dirname, 'crash-child.ts');
const POINTS = [
  'reports-before-commit',
  'reports-after-commit',
  'case-before-commit',
  'case-after-commit',
  'checkpoint',
  'closing',
] as const;

let folder: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engawa-crash-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** Runs the child until it dies; `onLine` may kill it. Returns what it said was acknowledged. */
async function life(point: string, after: number, onLine: (line: string, said: number) => void = () => {}) {
  const one = spawn(process.execPath, [CHILD, folder, point, String(after)], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = one;
  const deadline = setTimeout(() => one.kill('SIGKILL'), 15_000);
  const said: string[] = [];
  const ended = once(one, 'exit') as Promise<[number | null, string | null]>;
  for await (const line of createInterface({ input: one.stdout! })) onLine(line, said.push(line));
  const [, signal] = await ended;
  clearTimeout(deadline);
  return { said, signal };
}

async function inspect(acknowledged: ReadonlySet<string>): Promise<void> {
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')) });
  try {
    expect(store.database.read.allSql('PRAGMA integrity_check')).toMatchObject([{ integrity_check: 'ok' }]);
    const timers = new Set((await store.dueTimers(BATCHES, BATCHES)).map((timer) => timer.key));
    for (let batch = 0; batch < BATCHES; batch++) {
      const stored = await Promise.all(reportsOf(batch).map((report) => store.report(report.id)));
      const present = stored.filter((one) => one !== undefined).length;
      // A batch is one transaction: whole, or not there.
      expect([0, PER_BATCH], `batch ${batch}`).toContain(present);
      if (acknowledged.has(`reports ${batch}`)) expect(present).toBe(PER_BATCH);
      const state = await store.case(`case-${batch}`);
      if (acknowledged.has(`case ${batch}`)) expect(state).toEqual(caseOf(batch).folded);
      // Case, entry, outcomes and timer went together, whoever heard of it.
      const entries = (await store.auditOfCase(`case-${batch}`)).length;
      const decided = stored.filter((one) => one?.outcome !== undefined).length;
      const armed = timers.has(`case-${batch}`);
      expect([entries, armed, decided]).toEqual(state === undefined ? [0, false, 0] : [1, true, PER_BATCH]);
    }
    expect(await store.auditTables()).toEqual([]);
  } finally {
    await store.close();
  }
}

async function sendAllAgain(): Promise<void> {
  const { said, signal } = await life('never', -1);
  expect([said.at(-1), signal]).toEqual(['done', null]);
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')) });
  try {
    for (let batch = 0; batch < BATCHES; batch++) {
      expect(await store.acceptReports(sampleFile(), reportsOf(batch), [])).toEqual({
        accepted: [],
        duplicates: PER_BATCH,
      });
      expect(await store.commit({ cases: [caseOf(batch)] })).toMatchObject({ error: { kind: 'conflict' } });
      expect(await store.caseEvents(`case-${batch}`)).toHaveLength(2);
    }
    expect(await store.pendingReports(9)).toEqual([]);
    const target = join(folder, 'export');
    await store.exportAudit(target, 0);
    expect(await verifyExport(target)).toMatchObject({ ok: true });
  } finally {
    await store.close();
  }
}

test.each(POINTS)('D01: killed at %s: nothing acknowledged is lost, nothing is there twice', async (point) => {
  const acknowledged = new Set<string>();
  const { said, signal } = await life(point, 7);
  expect(signal).toBe('SIGKILL');
  for (const line of said) acknowledged.add(line);
  expect(acknowledged.has('ready')).toBe(true);
  await inspect(acknowledged);
  await sendAllAgain();
});

test('D01: killed again and again at random moments under load, on the same file', async () => {
  const acknowledged = new Set<string>();
  for (const lines of [2, 7, 13, 19, 24]) {
    // The kill arrives somewhere in what the child does after it wrote that line.
    const { said, signal } = await life('never', -1, (_line, count) => count === lines && child?.kill('SIGKILL'));
    expect(signal).toBe('SIGKILL');
    for (const line of said) acknowledged.add(line);
  }
  await inspect(acknowledged);
  await sendAllAgain();
});
