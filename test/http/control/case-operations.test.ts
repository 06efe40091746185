// What support and engineers see and order about cases, over a real store.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DAY, HOUR } from '../../../src/core/kernel/time.ts';
import { evidenceRow } from '../../../src/flow/evidence-row.ts';
import { OperationRefused } from '../../../src/flow/operations.ts';
import type { Json } from '../../../src/flow/ports.ts';
import { medicalWaiting } from '../../../src/flow/support-queue.ts';
import { caseOperations } from '../../../src/http/control/case-operations.ts';
import { jsonValues } from '../../../src/protocols/feed/json-values.ts';
import { lineOf, type Process, policyOf, rule, World } from '../../flow/world.ts';

let world: World;
let house: Process;
beforeEach(async () => {
  world = new World();
  house = await world.process();
  await house.lines(lineOf('ann', { phone: '+81300000001' }), lineOf('bob', { phone: '0300000002' }));
  await house.online('ann', '192.0.2.70');
  await house.online('bob', '192.0.2.71');
  await house.start();
});
afterEach(() => world.end());

type Answer = { readonly [key: string]: Json };
async function order(name: string, input: Answer): Promise<Answer> {
  const context = { by: 'agent-1', signal: new AbortController().signal, progress: () => {} };
  return (await caseOperations({ ...house.flow, callingCode: '81' })[name]!(input, context)) as Answer;
}
const refused = async (name: string, input: Answer) => {
  const cause = await order(name, input).catch((error: unknown) => error);
  expect(cause).toBeInstanceOf(OperationRefused);
  return (cause as OperationRefused).problem;
};
const caseOf = (answer: Answer) => answer['case'] as Answer;
const medical = async (key: string) => {
  const [state] = await house.cases(key);
  await house.flow.casebook.order(state!.id, () => [{ kind: 'medicalDoor', actor: { kind: 'subscriber' } }]);
};

test('the agent finds a case by phone as people type it, with and without the country prefix', async () => {
  await house.report({});
  for (const typed of [
    '+81 3-0000-0001',
    '+81300000001',
    '0081 3 0000 0001',
    '03-0000-0001',
    '03 0000 0001',
    '81300000001',
  ])
    expect(caseOf(await order('case.show', { find: typed }))['line'], typed).toBe('line-ann');
});

test('whoever waits for support is listed alone and newest first; a state nobody knows is refused', async () => {
  await house.report({});
  world.pass(HOUR);
  await house.online('bob', '192.0.2.71');
  await house.report({ ip: { family: 4, bytes: Uint8Array.from([192, 0, 2, 71]) }, observedAt: world.now });
  const lines = async (input: Answer) =>
    ((await order('case.list', input))['cases'] as Answer[]).map((one) => String(one['line']));
  expect(await lines({})).toEqual(['line-bob', 'line-ann']);
  expect(await lines({ turn: 'support' })).toEqual([]);
  await medical('ann');
  expect(await lines({ turn: 'support' })).toEqual(['line-ann']);
  expect(await house.store.openCaseCounts()).toEqual({ states: { quarantined: 2 }, waitForSupport: 1 });
  expect(await refused('case.list', { state: 'nonsense' })).toMatchObject({ kind: 'usage' });
  expect(await refused('case.list', { turn: 'nonsense' })).toMatchObject({ kind: 'usage' });
});

test('a medical door stands as a warning until a person has looked: a note counts', async () => {
  await house.report({});
  expect(await medicalWaiting(house.store)).toBe(0);
  await medical('ann');
  expect(await medicalWaiting(house.store)).toBe(1);
  await order('case.note', { find: 'line-ann', text: 'called back' });
  expect(await medicalWaiting(house.store)).toBe(0);
});

test('a staff release to leaky lasts as long as the rule of the case says', async () => {
  world.policy = policyOf({ rules: [rule({ selfRelease: { perDay: 1, per90Days: 2, probationMs: 20 * DAY } })] });
  await house.report({});
  await order('case.release', { find: 'line-ann', reason: 'called', to: 'leaky' });
  expect((await house.cases('ann'))[0]!.probationEndsAt).toBe(world.now + 20 * DAY);
});

test('a disputed case goes to support: further reports wait for a person, and the words are in the case', async () => {
  await house.report({});
  expect(caseOf(await order('case.dispute', { find: 'line-ann', reason: 'never had a camera' }))).toMatchObject({
    disputed: true,
    turn: 'support',
  });
  expect((await refused('case.dispute', { find: 'line-ann', reason: 'again' })).code).toBe('already-disputed');
  world.pass(HOUR);
  await house.online('ann', '192.0.2.70');
  const [id] = await house.accept({ observedAt: world.now });
  await house.flow.decider.run();
  expect((await house.store.report(id!))?.outcome).toMatchObject({ decision: 'review', reason: 'disputed' });
});

test('case why shows the row as it came, without what a terminal would obey', async () => {
  const row = '2026-03-04 10:00:00,192.0.2.70,\u001b[2Jmirai';
  await house.report({});
  house.flow.evidence.read = async () => Buffer.from(`${row}\nanother row\n`);
  const [report] = (await order('case.why', { find: 'line-ann' }))['reports'] as Answer[];
  expect(report!['evidence']).toMatchObject({ line: 1, row: row.replace('\u001b', '\\u{1b}') });
});

test('a row is found in lines, in a JSON delivery, and nowhere once the original is gone', async () => {
  const row = (text: string | undefined, line: number) =>
    evidenceRow({ read: async () => (text === undefined ? undefined : Buffer.from(text)) }, { hash: 'x', line });
  expect([await row('a\nb\nc', 2), await row('a\nb\nc', 3), await row('a\nb', 4)]).toEqual(['b', 'c', undefined]);
  expect(await row('{"reports":[{"id":"r1"},{"id":"r2"}]}', 2)).toBe('{"id":"r2"}');
  expect(await row('{"id":"r1"}\n{"id":"r2"}', 2)).toBe('{"id":"r2"}');
  expect(await row(undefined, 1)).toBeUndefined();
});

test('the row of a list is the one the reader counted, never a neighbour, however the list is printed', async () => {
  const events = ['192.0.2.17', '192.0.2.18', '192.0.2.19'].map((ip) => ({ id: ip, address: [{ ip }] }));
  const texts = [
    JSON.stringify(events),
    JSON.stringify(events, null, 2),
    `[\n${events.map((one) => JSON.stringify(one)).join(',\n')}\n]`,
    JSON.stringify({ data: events }),
  ];
  for (const text of texts)
    for await (const { line, value } of jsonValues([Buffer.from(text)])) {
      const found = await evidenceRow({ read: async () => Buffer.from(text) }, { hash: 'x', line });
      expect(JSON.parse(found ?? 'null')).toEqual(value.ok && value.value);
    }
  const broken = Buffer.from('[{"a":1},\n{"a":2},,]');
  expect(await evidenceRow({ read: async () => broken }, { hash: 'x', line: 2 })).toBeUndefined();
});
