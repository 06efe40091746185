import { afterEach, beforeEach, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../src/core/kernel/time.ts';
import type { Change, Store } from '../../src/flow/ports.ts';
import { lineOf, type Process, World } from './world.ts';

const A = '192.0.2.70';
let world: World;
let house: Process;
let changes: Change[];
/** Just before the next commit of several reports. */
let meanwhile: (() => Promise<unknown>) | undefined;

beforeEach(async () => {
  world = new World();
  changes = [];
  meanwhile = undefined;
  house = await world.process({
    store: (store) =>
      new Proxy(store as Store, {
        get: (target, name) => {
          const value = name === 'commit' ? commitOf(target) : Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
  await house.lines(lineOf('ann'));
  await house.start();
  await house.dial('ann', A);
  world.pass(5 * MINUTE);
});
afterEach(() => world.end());

function commitOf(store: Store): Store['commit'] {
  return async (change) => {
    const work = (change.reportOutcomes ?? []).length > 1 ? meanwhile : undefined;
    if (work !== undefined) meanwhile = undefined;
    await work?.();
    changes.push(change);
    return store.commit(change);
  };
}

const seen = (n: number) => Array.from({ length: n }, (_, i) => ({ observedAt: world.now - MINUTE + i * SECOND }));
const perCommit = () => changes.map((one) => (one.reportOutcomes ?? []).length).filter((n) => n > 0);

it('records the reports that only add to a case in one commit, each with its event, its audit entry and its outcome', async () => {
  await house.report({});
  changes.length = 0;
  await house.report(...seen(5));
  expect(perCommit()).toEqual([5]);
  const [state] = await house.cases('ann');
  expect(state!.reports).toBe(6);
  const events = await house.store.caseEvents(state!.id);
  expect(events.filter(({ event }) => event.type === 'report-attached')).toHaveLength(6);
  const entries = (await house.store.auditOfCase(state!.id)) as unknown as { action: string }[];
  expect(entries.filter(({ action }) => action === 'report-attached')).toHaveLength(6);
  const reports = await house.store.reportsOfCase(state!.id, 10);
  expect(reports.map(({ outcome }) => outcome?.caseId)).toEqual(Array.from({ length: 6 }, () => state!.id));
  expect(await house.store.auditTables()).toEqual([]);
});

it('opens a case with the first of a line’s reports alone, then takes the rest together', async () => {
  await house.report(...seen(4));
  expect(perCommit()).toEqual([1, 3]);
  expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined', reports: 4 });
});

it('decides each anew when the case has moved meanwhile', async () => {
  await house.report({});
  const [before] = await house.cases('ann');
  meanwhile = async () => {
    const note = { kind: 'note', actor: { kind: 'staff', name: 'ito', role: 'engineer' }, text: 'seen' } as const;
    const answer = await house.flow.casebook.order(before!.id, () => [note]);
    expect(answer.ok).toBe(true);
  };
  await house.report(...seen(3));
  expect(meanwhile).toBeUndefined();
  expect((await house.cases('ann'))[0]).toMatchObject({ reports: 4, notes: 1 });
  expect(await house.store.auditTables()).toEqual([]);
});
