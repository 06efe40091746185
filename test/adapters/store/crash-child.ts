// The process that is killed. Re-sends the whole input from its start, as a feed does, and writes a line for everything
// the store acknowledged. argv: folder, kill point, number of batches done before the kill.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadKeys } from '../../../src/adapters/store/sqlite/keys.ts';
import { openStore } from '../../../src/adapters/store/sqlite/store.ts';
import { draft, openCase, sampleFile, sampleOutcome, sampleReport } from '../../contract/store-samples.ts';

export const BATCHES = 24;
export const PER_BATCH = 20;

export const reportsOf = (batch: number) =>
  Array.from({ length: PER_BATCH }, (_, i) => sampleReport(batch * PER_BATCH + i));
export const caseOf = (batch: number) => openCase(`case-${batch}`, { lineId: `line-${batch}` });

const say = (line: string) => writeSync(1, `${line}\n`);
const die = () => process.kill(process.pid, 'SIGKILL');

async function run(folder: string, point: string, after: number): Promise<void> {
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')) });
  say('ready');
  for (let batch = 0; batch < BATCHES; batch++) {
    const here = batch === after;
    const reports = store.acceptReports(sampleFile(), reportsOf(batch), []);
    // The same turn, so the same transaction: the rows are written, the commit is not.
    if (here && point === 'reports-before-commit') void store.database.write(die);
    await reports;
    if (here && point === 'reports-after-commit') die();
    say(`reports ${batch}`);
    const commits = [decide(batch, store), store.commit({ audit: [draft(`tick-${batch}`)] })];
    if (here && point === 'case-before-commit') void store.database.write(die);
    const [answer] = await Promise.all(commits);
    if (here && point === 'case-after-commit') die();
    if (answer!.ok) say(`case ${batch}`);
    if (here && point === 'checkpoint') {
      void store.checkpoint(0);
      void store.database.write(die);
    }
  }
  say('done');
  if (point === 'closing') void store.database.write(die);
  await store.close();

  function decide(batch: number, { commit }: Pick<typeof store, 'commit'>) {
    return commit.call(store, {
      cases: [caseOf(batch)],
      reportOutcomes: reportsOf(batch).map((_, i) => sampleOutcome(batch * PER_BATCH + i, { caseId: `case-${batch}` })),
      arm: [{ kind: 'expire', key: `case-${batch}`, dueAt: batch }],
      useTokens: [{ id: `token-${batch}`, expiresAt: 0 }],
    });
  }
}

if (import.meta.main) await run(process.argv[2]!, process.argv[3]!, Number(process.argv[4]));
