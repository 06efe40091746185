import { expect, test } from 'vitest';
import type { OperationRefused, Operations } from '../../../src/flow/operations.ts';
import { whenPrepared } from '../../../src/http/control/starting.ts';

const context = { by: 'op', signal: new AbortController().signal, progress: () => {} };
const NAMES = ['status', 'hold.on', 'hold.off', 'release-all.preview', 'release-all.run', 'case.release'];
const OTHERS = ['ingest', 'lines.import', 'breaker.approve', 'breaker.show', 'policy.activate', 'clock.confirm'];

test('C09: before journal, breaker and gateways are read, only orders that look, stop or free are taken', async () => {
  let isPrepared = false;
  const done: string[] = [];
  const table: Operations = Object.fromEntries(
    [...NAMES, ...OTHERS].map((name) => [name, async () => void done.push(name) as unknown as null]),
  );
  const gated = whenPrepared(table, {
    isPrepared: () => isPrepared,
    importJournal: async () => void done.push('journal'),
  });
  for (const name of OTHERS) {
    const cause = await gated[name]!({}, context).catch((error: unknown) => error);
    expect((cause as OperationRefused).problem).toMatchObject({ kind: 'not-done', code: 'starting' });
  }
  for (const name of NAMES) await gated[name]!({}, context);
  expect(done).toEqual([...NAMES.slice(0, -1), 'journal', 'case.release']);
  isPrepared = true;
  for (const name of OTHERS) await gated[name]!({}, context);
  expect(done).toHaveLength(NAMES.length + 1 + OTHERS.length);
});
