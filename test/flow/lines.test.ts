import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyLines } from '../../src/flow/lines.ts';
import { lineOf, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
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

test('an import that breaks off is on record by who began it, and the same file again does the rest', async () => {
  const house = await world.process();
  await house.start();
  const added = Array.from({ length: 2500 }, (_, n) => lineOf(`h${n}`));
  const changes = { added, changed: [], newEpoch: [], removed: [] };
  const { commit } = house.store;
  let commits = 0;
  house.store.commit = (change) => {
    if (++commits > 2) throw new Error('disk full');
    return commit.call(house.store, change);
  };
  await expect(applyLines(house.flow, changes, 'op-7')).rejects.toThrow('disk full');
  house.store.commit = commit;
  const imports = () =>
    house.store.database.read
      .allSql<{ entry: string }>('SELECT entry FROM audit ORDER BY sequence')
      .map(({ entry }) => JSON.parse(entry) as { action: string; actor: { name?: string }; detail: object })
      .filter(({ action }) => action.startsWith('lines-import'));
  expect(imports()).toMatchObject([{ action: 'lines-import-begun', actor: { name: 'op-7' }, detail: { added: 2500 } }]);
  expect(await house.store.lineCount()).toBe(1000);
  await applyLines(house.flow, changes, 'op-7');
  expect(imports().map((one) => one.action)).toEqual(['lines-import-begun', 'lines-import-begun', 'lines-imported']);
  expect(await house.store.lineCount()).toBe(2500);
});
