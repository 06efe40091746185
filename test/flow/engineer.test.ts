// What stops a flood, and what an engineer can stop: breaker, clock, hold, release-all – through the same table of orders
// that the command line uses.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok } from '../../src/core/kernel/result.ts';
import { DAY, HOUR, MINUTE } from '../../src/core/kernel/time.ts';
import { OperationRefused } from '../../src/flow/operations.ts';
import type { Json } from '../../src/flow/ports.ts';
import { engineerOperations } from '../../src/http/control/engineer-operations.ts';
import { ip } from '../core/line/records.ts';
import { lineOf, type Process, policyOf, rule, session, World } from './world.ts';

const A = '192.0.2.70';
let world: World;
let house: Process;

beforeEach(async () => {
  world = new World();
  house = await world.process();
});
afterEach(() => world.end());

type Answer = Readonly<Record<string, Json>>;
async function order(name: string, input: Answer = {}, process = house): Promise<Answer> {
  const operations = engineerOperations(process.flow, {
    confirmClock: async () => {
      world.clock = { state: 'assumed', jumped: false };
    },
    removeElements: async (targets, all) => {
      if (all) {
        const swept = await process.enforcer.releaseAll();
        return swept.ok ? ok(targets.length) : swept;
      }
      const prefixes = targets.flatMap((one) => process.flow.gardener.keysOf(one.lineId, process.enforcer.gateway));
      const removed = await process.enforcer.apply({ put: [], remove: prefixes });
      return removed.ok ? ok(prefixes.length) : removed;
    },
    service: () => 'running',
    warnings: async () => [],
    counters: () => ({}),
  });
  const signal = new AbortController().signal;
  return (await operations[name]!(input, { by: 'op-1', signal, progress: () => {} })) as Answer;
}
const refused = async (name: string, input: Answer) => {
  const error = await order(name, input).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(OperationRefused);
  return (error as OperationRefused).problem.code;
};

const address = (n: number) => `2001:db8:100:${(n + 1).toString(16)}00::/56`;
const inside = (n: number) => ip(`2001:db8:100:${(n + 1).toString(16)}00::7`);

async function homes(count: number, nasOf: (n: number) => string = () => 'bng1'): Promise<void> {
  await house.lines(...Array.from({ length: count }, (_, n) => lineOf(`h${n}`)));
  const starts = Array.from({ length: count }, (_, n) =>
    session('start', `h${n}`, world.now, [address(n)], { nas: nasOf(n) }),
  );
  await house.record(...starts);
  world.pass(5 * MINUTE);
  await house.start();
}
const flood = (count: number, change: (n: number) => object = () => ({})) =>
  house.report(...Array.from({ length: count }, (_, n) => ({ ip: inside(n), ...change(n) })));
const inKernel = () => world.kernel.garden.size;
const held = async (process = house) => (await process.store.cases({ state: 'held', limit: 1000 })).length;

describe('the breaker', () => {
  const wide = { windowMs: 10 * MINUTE, share: 0.001, floor: 3, ceiling: 50, perSource: 20, perGateway: 5 };

  it('F16: a flood of one source: lets three of two hundred lines in and holds the rest; the alarm is raised once', async () => {
    await homes(200);
    await flood(200);
    expect(inKernel()).toBe(3);
    expect(await held()).toBe(197);
    expect(world.log.lines.filter((line) => line.includes('BREAKER_TRIPPED'))).toHaveLength(1);
  });

  it('caps each source and each gateway below the whole', async () => {
    world.policy = policyOf({ breaker: { ...wide, floor: 50, perSource: 4, perGateway: 50 } });
    await homes(30);
    await flood(30, (n) => ({ source: n % 2 === 0 ? 'sensor-a' : 'sensor-b' }));
    expect(inKernel()).toBe(8);
  });

  it('caps each gateway', async () => {
    world.policy = policyOf({ breaker: { ...wide, floor: 50 } });
    await homes(30, (n) => (n < 20 ? 'bng1' : 'bng-elsewhere'));
    await flood(30);
    // The second gateway is none of ours: its lines count there and are put nowhere.
    expect(inKernel()).toBe(5);
    expect(await held()).toBe(20);
  });

  it('makes no room by a restart, nor by the window passing: the scope stays shut until a person looks', async () => {
    await homes(20);
    await flood(10);
    expect(inKernel()).toBe(3);
    await house.crash();
    house = await (await world.process()).start();
    await house.report(...[12, 13].map((n) => ({ ip: inside(n) })));
    expect(inKernel()).toBe(3);
    world.pass(11 * MINUTE);
    await house.report({ ip: inside(14), observedAt: world.now - 7 * MINUTE });
    expect(await held()).toBe(10);
  });

  it('makes no room by a wall clock set back', async () => {
    await homes(20);
    await flood(3);
    world.now -= HOUR;
    await house.report(...[5, 6].map((n) => ({ ip: inside(n), observedAt: world.now - 1000 })));
    expect(inKernel()).toBe(3);
  });

  it('approved, decides every held plan anew; what no longer stands is closed without a word', async () => {
    await homes(10);
    await flood(8);
    await house.store.commit({ lines: [lineOf('h5', { protected: true })] });
    const before = await house.store.cases({ state: 'held', limit: 100 });
    expect(await order('breaker.approve')).toEqual({ acted: 4, 'still-held': 0, 'no-longer': 1 });
    await house.settle();
    expect(inKernel()).toBe(7);
    expect(await held()).toBe(0);
    for (const one of before) {
      const events = await house.store.caseEvents(one.id);
      const attached = events.filter(({ event }) => event.type === 'report-attached');
      expect(attached).toHaveLength(1);
    }
    const [protectedCase] = await house.cases('h5');
    expect(protectedCase).toMatchObject({ state: 'closed', closeReason: 'staff' });
  });

  it('discarded, closes every held plan, and nobody is written to', async () => {
    await homes(10);
    await flood(8);
    expect(await order('breaker.discard')).toEqual({ discarded: 5 });
    await house.flow.messenger.sendDue(new AbortController().signal);
    expect(world.mails.map((mail) => mail.subject)).toEqual(['quarantined', 'quarantined', 'quarantined']);
    expect(await held()).toBe(0);
    expect(inKernel()).toBe(3);
  });

  it('shows what waits for a person, and refuses to be approved while hold is on', async () => {
    await homes(10);
    await flood(5);
    expect(await order('breaker.show')).toMatchObject({
      breaker: { state: 'tripped', cap: 3, newGardensInWindow: 3 },
      held: [{ hold: { reason: 'breaker' } }, { hold: { reason: 'breaker' } }],
    });
    await order('hold.on', { reason: 'looking' });
    expect(await refused('breaker.approve', {})).toBe('hold-on');
  });
});

describe('C06: the clock', () => {
  it('unsynchronised or jumped, begins no garden; a held plan begins by itself once the clock is right', async () => {
    await homes(3);
    world.clock = { state: 'unsynchronised', jumped: false };
    await house.report({ ip: inside(0) });
    expect((await house.cases('h0'))[0]).toMatchObject({ state: 'held', hold: { reason: 'clock' } });
    world.clock = { state: 'synchronised', jumped: false };
    world.pass(6 * MINUTE);
    await house.flow.timekeeper.runDue();
    await house.settle();
    expect(inKernel()).toBe(1);
  });

  it('a jump stops new gardens and every timer until somebody confirms', async () => {
    world.policy = policyOf({ rules: [rule({ expiryMs: DAY })] });
    await homes(3);
    await house.report({ ip: inside(0) });
    world.now += 2 * DAY;
    world.clock = { state: 'synchronised', jumped: true };
    expect(await house.flow.timekeeper.runDue()).toBe(0);
    expect((await house.cases('h0'))[0]!.state).toBe('quarantined');
    await order('clock.confirm');
    await house.flow.timekeeper.runDue();
    expect((await house.cases('h0'))[0]!.state).toBe('closed');
  });

  it('that jumps between decision and act keeps the garden from beginning, and loosening goes on', async () => {
    await homes(3);
    house.enforcer.failNext('unavailable');
    await house.report({ ip: inside(0) });
    world.clock = { state: 'synchronised', jumped: true };
    await house.flow.reconciler.check();
    expect(inKernel()).toBe(0);
    world.clock = { state: 'synchronised', jumped: false };
    await house.flow.reconciler.check();
    expect(inKernel()).toBe(1);
  });
});

describe('hold', () => {
  const online = async () => {
    await house.lines(lineOf('ann'), lineOf('bob'));
    await house.start();
    await house.online('ann', A);
    await house.online('bob', '192.0.2.71');
  };

  it('puts nothing and repairs nothing; releases and hand-overs go on', async () => {
    await online();
    await house.report({});
    await order('hold.on', { reason: 'trouble' });
    await house.report({ ip: ip('192.0.2.71') });
    expect(await house.element('192.0.2.71')).toBe('absent');
    world.kernel.garden.clear();
    await house.flow.reconciler.full();
    await house.flow.reconciler.check();
    expect(inKernel()).toBe(0);
    await order('hold.off');
    expect(await house.element(A)).toBe('strict');
    await order('hold.on', { reason: 'again' });
    await house.record(session('start', 'bob', world.now, [A], { sessionId: 'later' }));
    await house.settle();
    expect(await house.element(A)).toBe('absent');
  });

  it('a file made by hand is hold as well', async () => {
    await online();
    await writeFile(join(world.folder, 'hold'), '');
    await house.report({});
    expect(inKernel()).toBe(0);
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'held', hold: { reason: 'hold' } });
    await rm(join(world.folder, 'hold'));
  });

  it('set between record and act, stops the act', async () => {
    await online();
    const { commit } = house.store;
    house.store.commit = async (change) => {
      const answer = await commit.call(house.store, change);
      if (change.enforcement !== undefined) await writeFile(join(world.folder, 'hold'), '');
      return answer;
    };
    await house.report({});
    expect(inKernel()).toBe(0);
  });

  it('over a restart still lets a line out that was in before: its element is ours and goes', async () => {
    await online();
    await house.report({});
    await order('hold.on', { reason: 'trouble' });
    await house.crash();
    house = await (await world.process()).start();
    expect(await house.element(A)).toBe('strict');
    const [state] = await house.cases('ann');
    const actor = { kind: 'staff', name: 'agent' } as const;
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
    await house.settle();
    expect(await house.element(A)).toBe('absent');
    expect(house.flow.gardener.proof('line-ann', 'open', await house.bindings.openOf('ann')).confirmed).toBe('open');
  });

  it('over a restart says `unknown` of a free line on whose address an element lies that nobody wants', async () => {
    await online();
    await house.report({});
    await house.store.commit({});
    await order('hold.on', { reason: 'trouble' });
    const [state] = await house.cases('ann');
    house.enforcer.failNext('unavailable', 'unavailable');
    const actor = { kind: 'staff', name: 'agent' } as const;
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
    await house.crash();
    house = await (await world.process()).start();
    const proof = async () =>
      house.flow.gardener.proof('line-ann', 'open', await house.bindings.openOf('ann')).confirmed;
    expect([await house.element(A), await proof()]).toEqual(['strict', 'unknown']);
    await order('hold.off');
    expect([await house.element(A), await proof()]).toEqual(['absent', 'open']);
  });

  it('keeps a plan that waits for support hours waiting for them, not for a person', async () => {
    const days = Array.from({ length: 7 }, () => [{ fromMinute: 0, toMinute: 60 }]);
    world.policy = policyOf({
      rules: [rule({}, { supportHoursOnly: true })],
      supportHours: { timeZone: 'UTC', days },
    });
    await online();
    await house.report({});
    expect((await house.cases('ann'))[0]).toMatchObject({ hold: { reason: 'support-hours' } });
    await order('hold.on', { reason: 'trouble' });
    world.pass(6 * MINUTE);
    await house.flow.timekeeper.runDue();
    await order('hold.off');
    world.pass(12 * HOUR);
    await house.interim('ann', A);
    await house.flow.timekeeper.runDue();
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
  });
});

describe('the record of the engineer’s stop', () => {
  const entries = () =>
    house.store.database.read
      .allSql<{ entry: string }>('SELECT entry FROM audit ORDER BY sequence')
      .map(({ entry }) => JSON.parse(entry) as { action: string; actor: { name?: string }; detail: object })
      .filter(({ action }) => action.startsWith('hold-'))
      .map(({ action, actor }) => [action, actor.name]);

  it('a hold made, and one lifted, by a file alone are on record; an order once, under its own name', async () => {
    await house.start();
    const look = () => house.flow.holdRecord.look();
    await look();
    await writeFile(join(world.folder, 'hold'), '');
    await look();
    await look();
    await rm(join(world.folder, 'hold'));
    await look();
    await order('hold.on', { reason: 'wrong feed' });
    await look();
    await order('hold.off');
    await look();
    expect(entries()).toEqual([
      ['hold-on', 'a file made by hand'],
      ['hold-off', 'a file removed by hand'],
      ['hold-on', 'op-1'],
      ['hold-off', 'op-1'],
    ]);
  });
});

describe('C09: release-all', () => {
  const gardens = async () => {
    await homes(3);
    await flood(3);
    expect(inKernel()).toBe(3);
  };

  it('refuses an empty filter, a contradicting one and a typed count that is not the number of lines', async () => {
    await gardens();
    expect(await refused('release-all.preview', {})).toBe('filter-empty');
    expect(await refused('release-all.run', { confirm: 3, reason: 'x' })).toBe('filter-empty');
    expect(await refused('release-all.run', { all: true, family: 'mirai', confirm: 3, reason: 'x' })).toBe(
      'filter-contradicts',
    );
    expect(await refused('release-all.run', { all: true, confirm: 2, reason: 'x' })).toBe('count-mismatch');
    expect(await refused('release-all.run', { all: true, reason: 'x' })).toBe('count-mismatch');
    expect(inKernel()).toBe(3);
  });

  it('a count that does not fit releases nobody and leaves hold on, so that the next one fits', async () => {
    await gardens();
    expect(await refused('release-all.run', { all: true, reason: 'x' })).toBe('count-mismatch');
    expect(house.flow.hold.current().on).toBe(false);
    expect(await refused('release-all.run', { all: true, confirm: 2, reason: 'x' })).toBe('count-mismatch');
    expect([inKernel(), house.flow.hold.current().on]).toEqual([3, true]);
    expect(await order('release-all.run', { all: true, confirm: 3, reason: 'x' })).toMatchObject({ failure: null });
  });

  it('a journal that takes nothing never stops the removal: it is told', async () => {
    await gardens();
    await mkdir(join(world.folder, 'releases.jsonl'));
    const answer = await order('release-all.run', { all: true, confirm: 3, reason: 'x' });
    expect(answer).toMatchObject({ journalled: 0, failure: null, faults: [expect.stringMatching(/^the journal/)] });
    expect(inKernel()).toBe(0);
    await rm(join(world.folder, 'releases.jsonl'), { recursive: true });
    // The disk is mended while we live: nothing of it is lost.
    await order('hold.off');
    await house.settle();
    expect([inKernel(), (await house.cases('h0'))[0]!.state]).toEqual([0, 'closed']);
  });

  it('a hold that no disk takes stops no removal', async () => {
    await gardens();
    house.flow.hold.set = () => Promise.reject(new Error('read-only'));
    const answer = await order('release-all.run', { all: true, confirm: 3, reason: 'x' });
    expect(answer).toMatchObject({ failure: null, faults: [expect.stringMatching(/^hold/)] });
    expect(inKernel()).toBe(0);
  });

  it('a store that cannot be read lists nobody: everybody is released, and found again in the journal', async () => {
    await gardens();
    const { wantedLines } = house.store;
    house.store.wantedLines = () => Promise.reject(new Error('not a database'));
    expect(await refused('release-all.preview', { family: 'mirai' })).toBe('store-unreadable');
    expect(await order('release-all.preview', { all: true })).toMatchObject({ count: null });
    expect(await refused('release-all.run', { all: true, confirm: 3, reason: 'x' })).toBe('count-mismatch');
    const answer = await order('release-all.run', { all: true, confirm: 'all', reason: 'x' });
    expect(answer).toMatchObject({ journalled: 1, casesClosed: null, failure: null });
    expect(inKernel()).toBe(0);
    house.store.wantedLines = wantedLines;
    await house.crash();
    house = await (await world.process()).start();
    await house.settle();
    expect([inKernel(), (await house.cases('h2'))[0]!.state]).toEqual([0, 'closed']);
  });

  it('shows first, then releases everybody, leaves hold on, and is on record', async () => {
    await gardens();
    expect(await order('release-all.preview', { all: true })).toMatchObject({ count: 3 });
    const answer = await order('release-all.run', { all: true, confirm: 3, reason: 'wrong feed' });
    expect(answer).toMatchObject({ hold: 'on', journalled: 3, casesClosed: 3, failure: null, recorded: true });
    expect(inKernel()).toBe(0);
    expect(house.flow.hold.current()).toMatchObject({ on: true, by: 'op-1' });
    expect((await house.cases('h0'))[0]).toMatchObject({ state: 'closed', closeReason: 'staff' });
    await order('hold.off');
    await house.flow.reconciler.full();
    expect(inKernel()).toBe(0);
  });

  it('by family or line releases those alone', async () => {
    await gardens();
    await order('release-all.run', { line: 'line-h1', confirm: 1, reason: 'x' });
    expect(inKernel()).toBe(2);
    expect((await house.cases('h0'))[0]!.state).toBe('quarantined');
  });

  it('writes the journal before any element goes', async () => {
    await gardens();
    let journalled = -1;
    const { releaseAll } = house.enforcer;
    house.enforcer.releaseAll = async () => {
      journalled = (await house.flow.journal.entries()).length;
      return releaseAll.call(house.enforcer);
    };
    await order('release-all.run', { all: true, confirm: 3, reason: 'x' });
    expect(journalled).toBe(3);
  });

  it('works with a store that takes nothing, and the releases hold once it does, before hold is lifted', async () => {
    await gardens();
    const { commit } = house.store;
    house.store.commit = () => Promise.reject(new Error('disk full'));
    const answer = await order('release-all.run', { all: true, confirm: 3, reason: 'x' });
    expect(answer).toMatchObject({ journalled: 3, casesClosed: null, failure: null, recorded: false });
    expect(inKernel()).toBe(0);
    await expect(order('hold.off')).rejects.toThrow('disk full');
    expect(house.flow.hold.current().on).toBe(true);
    house.store.commit = commit;
    await order('hold.off');
    await house.settle();
    expect(inKernel()).toBe(0);
    expect((await house.cases('h2'))[0]!.state).toBe('closed');
  });

  it('is imported at the next start before anything is added, and only once', async () => {
    await gardens();
    const at = world.now;
    await house.flow.hold.set({ by: 'op-1', at, reason: 'by hand' });
    await house.flow.journal.append(
      [0, 1, 2].map((n) => ({ id: `j${n}`, lineId: `line-h${n}`, epoch: 1, at, by: 'op-1', reason: 'by hand' })),
    );
    world.kernel.garden.clear();
    await house.crash();
    await rm(join(world.folder, 'hold'));
    house = await (await world.process()).start();
    await house.settle();
    expect(inKernel()).toBe(0);
    // Quarantined since: the same entries release nobody a second time.
    world.pass(3 * HOUR);
    await house.record(session('start', 'h0', world.now - 5 * MINUTE, [address(0)], { sessionId: 'later' }));
    await house.report({ ip: inside(0), observedAt: world.now });
    expect(inKernel()).toBe(1);
    await house.crash();
    house = await (await world.process()).start();
    expect((await house.cases('h0'))[0]!.state).toBe('quarantined');
  });

  it('a journal that was moved away and begun anew is read from its start', async () => {
    await gardens();
    await order('release-all.run', { all: true, confirm: 3, reason: 'x' });
    await order('hold.off');
    world.pass(3 * HOUR);
    await house.record(session('start', 'h0', world.now - 5 * MINUTE, [address(0)], { sessionId: 'later' }));
    await house.report({ ip: inside(0), observedAt: world.now });
    await rm(join(world.folder, 'releases.jsonl'));
    await house.flow.journal.append([{ id: 'new', lineId: 'line-h0', epoch: 1, at: world.now, by: 'op', reason: 'x' }]);
    await house.crash();
    house = await (await world.process()).start();
    await house.settle();
    expect((await house.cases('h0'))[0]!.state).toBe('closed');
    expect(inKernel()).toBe(0);
  });
});

describe('a store that takes nothing', () => {
  it('stops new gardens and lets everybody out who shall be free', async () => {
    await house.lines(lineOf('ann'));
    await house.start();
    await house.online('ann', A);
    await house.report({});
    const [state] = await house.cases('ann');
    const actor = { kind: 'staff', name: 'agent' } as const;
    const { commit } = house.store;
    let left = 1;
    house.store.commit = (change) =>
      left-- > 0 ? commit.call(house.store, change) : Promise.reject(new Error('disk full'));
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
    await house.settle();
    expect(await house.element(A)).toBe('absent');
    expect(house.flow.gardener.proof('line-ann', 'open', await house.bindings.openOf('ann')).confirmed).toBe('open');
  });

  it('keeps a decided garden from being put without its intent on record', async () => {
    await house.lines(lineOf('ann'));
    await house.start();
    await house.online('ann', A);
    const { commit } = house.store;
    house.store.commit = (change) =>
      change.enforcement === undefined ? commit.call(house.store, change) : Promise.reject(new Error('disk full'));
    await house.report({});
    expect(await house.element(A)).toBe('absent');
    house.store.commit = commit;
    await house.flow.reconciler.check();
    expect(await house.element(A)).toBe('strict');
  });
});

describe('audit.check', () => {
  it('finds what was changed by SQL behind our back, and the loop raises the alarm once', async () => {
    await house.lines(lineOf('ann'));
    await house.start();
    await house.online('ann', A);
    await house.report({});
    expect(await order('audit.check')).toEqual({ intact: true, faults: [] });
    await house.store.database.write((tx) => tx.runSql("UPDATE case_file SET state = 'closed', open = 0"));
    expect(await order('audit.check')).toMatchObject({ intact: false });
    await house.service.checkTables();
    await house.service.checkTables();
    expect(house.service.tableFaults()).toBeGreaterThan(0);
    expect(world.log.lines.filter((line) => line.includes('AUDIT_TABLES_FAULT'))).toHaveLength(1);
  });
});
