import { afterEach, expect, test } from 'vitest';
import { applyLines } from '../../src/flow/lines.ts';
import { lineOf, World } from './world.ts';

const world = new World();
afterEach(() => world.end());

test('who took the protection off a line is on record, by pseudonym; a new phone number is nobody’s business', async () => {
  const house = await world.process();
  await house.lines(lineOf('ann', { protected: true }), lineOf('bob'));
  const changed = [lineOf('ann', { protected: false }), lineOf('bob', { phone: '+81300000002' })];
  const fields = new Map([
    ['line-ann', ['protected']],
    ['line-bob', ['phone']],
  ]);
  await applyLines(house.flow, { added: [], changed, fields, newEpoch: [], removed: [lineOf('eve')] }, 'op-7');
  const entries = house.store.database.read
    .allSql<{ entry: string }>('SELECT entry FROM audit ORDER BY sequence')
    .filter(({ entry }) => entry.includes('line-changed'));
  expect(entries.map(({ entry }) => JSON.parse(entry) as object)).toMatchObject([
    { actor: { name: 'op-7' }, detail: { fields: ['protected'], protected: false } },
    { actor: { name: 'op-7' }, detail: { fields: ['contract'] } },
  ]);
  for (const { entry } of entries) expect(entry).not.toMatch(/line-(?:ann|bob|eve)|8130000/);
});
