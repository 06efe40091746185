// From a report to a proven garden and out again, over real files: what is on record, in which order, and what is said.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/core/kernel/time.ts';
import { redecide } from '../../src/flow/redecide.ts';
import { ip } from '../core/line/records.ts';
import type { Failure } from '../fakes/enforcer.ts';
import { lineOf, type Process, policyOf, rule, session, World } from './world.ts';

const A = '192.0.2.70';
const P = '2001:db8:100:100::/56';
let world: World;
let house: Process;

beforeEach(async () => {
  world = new World();
  house = await world.process();
  await house.lines(lineOf('ann'), lineOf('bob'));
  await house.start();
  await house.dial('ann', A, P);
  world.pass(5 * MINUTE);
});
afterEach(() => world.end());

const audit = async () => {
  const [state] = await house.cases('ann');
  const ofCase = (await house.store.auditOfCase(state!.id)) as unknown as { action: string }[];
  return ofCase.map((one) => one.action);
};
const actions = () =>
  house.store.database.read
    .allSql<{ entry: string }>('SELECT entry FROM audit ORDER BY sequence')
    .map((row) => (JSON.parse(row.entry) as { action: string }).action);
const proof = async (key = 'ann') => {
  const line = (await house.store.line(`line-${key}`))!;
  const cases = await house.store.openCasesOfLine(line.id, 1);
  const wanted = cases[0]?.access ?? 'open';
  return house.flow.gardener.proof(line.id, wanted, await house.bindings.openOf(key)).confirmed;
};

describe('a report of an attack with a handshake', () => {
  it('leads to a garden on every address of its line, proven, and to nothing on the neighbour', async () => {
    await house.dial('bob', '192.0.2.71');
    await house.report({});
    expect([await house.element(A), await house.element(P), await house.element('192.0.2.71')]).toEqual([
      'strict',
      'strict',
      'absent',
    ]);
    expect(await proof()).toBe('strict');
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined', access: 'strict', reports: 1 });
  });

  it('A10: while holders cannot be read it waits; nobody is named in their place', async () => {
    const read = vi.spyOn(house.bindings, 'holders').mockRejectedValue(new Error('time-out'));
    await house.accept({});
    await expect(house.flow.decider.run()).rejects.toThrow('time-out');
    expect([await house.cases('ann'), await house.cases('bob')]).toEqual([[], []]);
    expect(await house.store.pendingReports(10)).toHaveLength(1);
    read.mockRestore();
    await house.flow.decider.run();
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined', reports: 1 });
  });

  it('is on record step by step: case, intent, answer, proof', async () => {
    await house.report({});
    expect(await audit()).toEqual(['case-opened', 'report-attached', 'step-entered', 'quarantined']);
    const garden = actions().filter((one) => one.startsWith('garden-'));
    expect(garden).toEqual(['sent', 'sent', 'acked', 'acked', 'confirmed', 'confirmed'].map((one) => `garden-${one}`));
    expect(await house.store.auditTables()).toEqual([]);
  });

  it('has its intent durable before anything leaves for the gateway', async () => {
    let atApply: unknown;
    const other = await reopen({
      enforcer: (enforcer) =>
        new Proxy(enforcer, {
          get: (target, name) =>
            name === 'apply'
              ? async (change: Parameters<typeof target.apply>[0]) => {
                  if (change.put.length > 0) atApply ??= await house.store.enforcement('line-ann');
                  return target.apply(change);
                }
              : bound(target, name),
        }),
    });
    await other.report({});
    expect(atApply).toHaveLength(2);
    for (const record of atApply as object[]) expect(record).not.toHaveProperty('ackedAt');
    expect(await other.store.enforcement('line-ann')).toMatchObject([
      { access: 'strict', ackedAt: world.now, confirmedAt: world.now },
      { access: 'strict', ackedAt: world.now, confirmedAt: world.now },
    ]);
  });

  it('F01: the same report twice, in parallel and again later, acts once', async () => {
    await Promise.all([house.accept({ id: 'same' }), house.accept({ id: 'same' }), house.accept({ id: 'same' })]);
    await Promise.all([house.flow.decider.run(), house.flow.decider.run()]);
    await house.settle();
    await house.report({ id: 'same' });
    const cases = await house.cases('ann');
    expect(cases).toHaveLength(1);
    expect(cases[0]!.reports).toBe(1);
    expect(actions().filter((one) => one === 'quarantined')).toHaveLength(1);
  });

  it('F06: a report older than three days is kept and never acts', async () => {
    await house.record(session('start', 'ann', world.now - 5 * DAY, [A], { sessionId: 'old' }));
    const [id] = await house.accept({ observedAt: world.now - 4 * DAY });
    await house.flow.decider.run();
    expect((await house.store.report(id!))?.outcome).toMatchObject({ decision: 'ignore' });
    expect(await house.element(A)).toBe('absent');
  });

  it('A08: of a protected line goes to a person and never into a garden', async () => {
    await house.lines(lineOf('ann', { protected: true }));
    const [id] = await house.accept({});
    await house.flow.decider.run();
    await house.settle();
    expect((await house.store.report(id!))?.outcome).toMatchObject({ decision: 'review', reason: 'line-protected' });
    expect(await house.element(A)).toBe('absent');
  });

  it('C13: two tightenings a day and no third, whatever comes in', async () => {
    for (let i = 0; i < 4; i++) {
      await house.report({ observedAt: world.now });
      const [state] = await house.cases('ann');
      await house.flow.casebook.order(state!.id, () => [
        { kind: 'staffRelease', actor: { kind: 'staff', name: 'agent' }, reason: 'test' },
      ]);
      await house.settle();
      world.pass(3 * HOUR);
      await house.online();
    }
    const cases = await house.cases('ann');
    expect(cases.flatMap((one) => one.tightenedAt)).toHaveLength(2);
    expect(await house.element(A)).toBe('absent');
  });
});

describe('decisions about one line at one time', () => {
  it('C13: of two held plans decided anew together, one takes the last tightening of the day and the other waits', async () => {
    const leaky = rule({ id: 'leaky', match: { family: ['gafgyt'] } }, { do: 'leaky' });
    world.policy = policyOf({ rules: [leaky, rule({ id: 'all', match: {} })] });
    await house.report({});
    const [first] = await house.cases('ann');
    await house.flow.casebook.order(first!.id, () => [
      { kind: 'staffRelease', actor: { kind: 'staff', name: 'agent' }, reason: 'test' },
    ]);
    world.pass(3 * HOUR);
    await house.online('ann', A);
    world.clock = { state: 'unsynchronised', jumped: false };
    await house.report({ family: 'gafgyt' }, { family: 'qsnatch' });
    world.clock = { state: 'assumed', jumped: false };
    const held = (await house.store.cases({ state: 'held' })).toSorted((a, b) => a.family.localeCompare(b.family));
    expect(held.map((one) => one.family)).toEqual(['gafgyt', 'qsnatch']);
    await Promise.all(held.map((one) => redecide(house.flow, one, false)));
    await house.settle();
    const [gafgyt, qsnatch] = await Promise.all(held.map((one) => house.store.case(one.id)));
    expect(gafgyt).toMatchObject({ state: 'quarantined', access: 'leaky' });
    expect(qsnatch).toMatchObject({ state: 'held', hold: { reason: 'tightenings-today' } });
    expect(await house.element(A)).toBe('leaky');
  });
});

describe('grace', () => {
  const release = async () => {
    const [state] = await house.cases('ann');
    await house.flow.casebook.order(state!.id, () => [
      { kind: 'staffRelease', actor: { kind: 'staff', name: 'agent' }, reason: 'called' },
    ]);
    await house.settle();
  };

  it('C02: a late duplicate, and a late report of what was seen before the release, act no more', async () => {
    await house.report({ id: 'first' });
    const seenAt = world.now;
    world.pass(MINUTE);
    await release();
    expect(await house.element(A)).toBe('absent');
    world.pass(MINUTE);
    await house.report({ id: 'first' }, { id: 'late', observedAt: seenAt });
    expect(await house.element(A)).toBe('absent');
    expect(await proof()).toBe('open');
  });

  it('C03: what is seen inside two hours after the release acts no more, what is seen later does', async () => {
    await house.report({});
    await release();
    world.pass(HOUR);
    await house.online();
    await house.report({ observedAt: world.now });
    expect(await house.element(A)).toBe('absent');
    world.pass(HOUR + MINUTE);
    await house.online();
    await house.report({ observedAt: world.now });
    expect(await house.element(A)).toBe('strict');
  });
});

describe('proof (invariant 5)', () => {
  const failures: readonly Failure[] = ['unavailable', 'refused', 'lost-done', 'lost-undone'];
  for (const failure of failures) {
    it(`is never said beyond what the gateway proves when the answer is «${failure}», and comes with the next look`, async () => {
      // A refused batch is tried in parts: both parts are refused as well.
      house.enforcer.failNext(...(failure === 'refused' ? [failure, failure, failure] : [failure]));
      await house.report({});
      expect(await proof()).toBe('unknown');
      expect(await house.store.enforcement('line-ann')).toMatchObject([
        { access: 'strict', failure: expect.any(String) },
        { access: 'strict', failure: expect.any(String) },
      ]);
      await house.flow.reconciler.check();
      expect(await proof()).toBe('strict');
      expect(await house.element(P)).toBe('strict');
      for (const record of await house.store.enforcement('line-ann')) expect(record).not.toHaveProperty('failure');
    });
  }

  it('is unknown while the gateway proves nothing', async () => {
    house.enforcer.isBlind = true;
    await house.report({});
    expect(await proof()).toBe('unknown');
    expect(actions()).not.toContain('garden-confirmed');
    house.enforcer.isBlind = false;
    await house.flow.reconciler.check();
    expect(await proof()).toBe('strict');
  });

  it('of a release is unknown until the kernel shows that the element is gone', async () => {
    await house.report({});
    house.enforcer.failNext('unavailable');
    const [state] = await house.cases('ann');
    const actor = { kind: 'staff', name: 'agent' } as const;
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
    await house.settle();
    expect(await proof()).toBe('unknown');
    await house.flow.reconciler.check();
    expect(await proof()).toBe('open');
    expect(await house.element(A)).toBe('absent');
  });

  it('one address that the gateway refuses keeps no other line waiting', async () => {
    await house.dial('bob', '192.0.2.71', '2001:db8:ff00::/56');
    world.pass(2 * MINUTE);
    await house.report({ ip: ip('192.0.2.71') }, {});
    expect([await house.element(A), await house.element(P), await house.element('192.0.2.71')]).toEqual([
      'strict',
      'strict',
      'strict',
    ]);
    expect(await proof('bob')).toBe('unknown');
    expect(await proof('ann')).toBe('strict');
  });

  it('lapses with the element: what the kernel has dropped by its own timeout is not said any more', async () => {
    await house.report({});
    world.pass(21 * MINUTE);
    expect(await proof()).toBe('unknown');
  });
});

describe('the ladder', () => {
  it('a step’s end falls back, the garden’s end frees', async () => {
    world.policy = policyOf({ rules: [rule({}, { do: 'leaky' }, { do: 'strict', waitMs: HOUR, maxMs: DAY })] });
    await house.report({});
    expect(await house.element(A)).toBe('leaky');
    world.pass(2 * HOUR);
    await house.online();
    await house.report({ observedAt: world.now });
    expect(await house.element(A)).toBe('strict');
    world.pass(DAY);
    await house.online();
    await house.flow.timekeeper.runDue();
    await house.settle();
    expect(await house.element(A)).toBe('leaky');
    world.pass(30 * DAY);
    await house.online();
    await house.flow.timekeeper.runDue();
    await house.settle();
    expect(await house.element(A)).toBe('absent');
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'expired' });
  });
});

async function reopen(faults: Parameters<World['process']>[0]) {
  await house.end();
  house = await world.process(faults);
  await house.start();
  return house;
}

function bound(target: object, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target) as unknown;
  return typeof value === 'function' ? value.bind(target) : value;
}
