// Addresses that change hands, come late or come back while a line is in the garden: wanted × bindings open now.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, MINUTE, SECOND } from '../../src/core/kernel/time.ts';
import type { Enforcer } from '../../src/flow/ports.ts';
import { ip } from '../core/line/records.ts';
import { lineOf, type Process, session, World } from './world.ts';

const A = '192.0.2.70';
const P = '2001:db8:100:100::/56';
let world: World;
let house: Process;
/** Every put, with the line that held the address at that very moment. */
let puts: { readonly prefix: string; readonly holder: string | undefined }[];
/** Runs once, in the middle of the next apply. */
let meanwhile: (() => Promise<unknown>) | undefined;
let beforeApply: (() => Promise<unknown>) | undefined;

function watched(enforcer: Enforcer): Enforcer {
  return new Proxy(enforcer, {
    get: (target, name) => {
      if (name !== 'apply') {
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (change: Parameters<Enforcer['apply']>[0]) => {
        for (const put of change.put) {
          const holder = await house.bindings.holderNow('main', put.prefix.ip);
          puts.push({ prefix: put.prefix.ip.bytes.join('.'), holder: holder?.accessKey });
        }
        const answer = await target.apply(change);
        const now = meanwhile;
        meanwhile = undefined;
        await now?.();
        return answer;
      };
    },
  });
}

beforeEach(async () => {
  world = new World();
  puts = [];
  meanwhile = undefined;
  beforeApply = undefined;
  house = await world.process({
    enforcer: watched,
    store: (store) =>
      new Proxy(store, {
        get: (target, name) => {
          const value = Reflect.get(target, name, target) as unknown;
          if (typeof value !== 'function') return value;
          if (name !== 'commit') return value.bind(target);
          return async (change: Parameters<typeof target.commit>[0]) => {
            const answer = await target.commit(change);
            const first = beforeApply;
            if (first !== undefined && change.enforcement !== undefined) {
              beforeApply = undefined;
              await first();
            }
            return answer;
          };
        },
      }),
  });
  await house.lines(lineOf('ann'), lineOf('bob'));
  await house.start();
});
afterEach(() => world.end());

const later = (key: string, ...addresses: readonly string[]) =>
  session('start', key, world.now, addresses, { sessionId: `later-${key}` });

describe('an address handed to a neighbour with the Stop lost', () => {
  it('loses the element of the old line in the act that records the Start, and the neighbour never gets one', async () => {
    await house.online('ann', A);
    await house.report({});
    expect(await house.element(A)).toBe('strict');
    world.pass(MINUTE);
    await house.record(later('bob', A));
    await house.settle();
    expect(await house.element(A)).toBe('absent');
    expect(puts.every((put) => put.holder === 'ann')).toBe(true);
    world.pass(MINUTE);
    await house.flow.reconciler.full();
    await house.flow.reconciler.check();
    expect(await house.element(A)).toBe('absent');
  });

  it('is never put for the old holder after the new one, when the hand-over comes between record and act', async () => {
    await house.online('ann', A);
    beforeApply = () => house.record(later('bob', A));
    await house.report({});
    expect(await house.element(A)).toBe('absent');
    expect(puts.filter((put) => put.prefix === '192.0.2.70')).toEqual([]);
  });

  it('loses it at once when the hand-over comes while the gateway is acting', async () => {
    await house.online('ann', A);
    meanwhile = () => house.record(later('bob', A));
    await house.report({});
    expect(await house.element(A)).toBe('absent');
  });

  it('is put for the new holder alone when both are wanted and the address changes inside one batch', async () => {
    await house.online('ann', A);
    await house.online('bob', '192.0.2.71');
    await house.report({}, { ip: ip('192.0.2.71') });
    world.pass(MINUTE);
    await house.record(later('bob', A));
    await house.settle();
    expect(await house.element(A)).toBe('strict');
    expect(house.flow.gardener.lineOfPrefix(A)).toBe('line-bob');
    const proof = house.flow.gardener.proof('line-bob', 'strict', await house.bindings.openOf('bob'));
    expect(proof.elements.find((one) => one.prefix === A)).toMatchObject({ phase: 'confirmed' });
  });

  it('names the new holder at the portal even while the gateway does not let the old element go', async () => {
    await house.online('ann', A);
    await house.report({});
    house.enforcer.failNext('unavailable', 'unavailable', 'unavailable', 'unavailable');
    world.pass(MINUTE);
    await house.record(later('bob', A));
    expect(await house.flow.portalDesk.of(A)).toBeUndefined();
    expect(await house.flow.portalDesk.standing(A)).toBe('free');
  });
});

describe('a line in the garden', () => {
  it('that dials in again gets an element on its new address at once, and the old one goes', async () => {
    await house.online('ann', A);
    await house.report({});
    world.pass(MINUTE);
    await house.record(session('stop', 'ann', world.now, [A], { sessionId: `s-ann-${world.now - MINUTE}` }));
    await house.record(later('ann', '192.0.2.80'));
    await house.settle();
    expect([await house.element(A), await house.element('192.0.2.80')]).toEqual(['absent', 'strict']);
  });

  it('is covered on a prefix that comes only in an Interim', async () => {
    await house.online('ann', A);
    await house.report({});
    expect(await house.element(P)).toBe('absent');
    world.pass(MINUTE);
    await house.record(session('interim', 'ann', world.now, [A, P], { sessionId: `s-ann-${world.now - MINUTE}` }));
    await house.settle();
    expect([await house.element(A), await house.element(P)]).toEqual(['strict', 'strict']);
  });

  it('loses its elements when the NAS says that all its sessions are over', async () => {
    await house.online('ann', A);
    await house.report({});
    world.pass(MINUTE);
    await house.record({ status: 'on', nas: 'bng1', realm: 'main', eventAt: world.now });
    await house.settle();
    expect(await house.element(A)).toBe('absent');
  });

  it('keeps no element longer than two interim intervals past the last evidence, and keeps it while evidence comes', async () => {
    await house.online('ann', A);
    await house.report({});
    const held = () => world.kernel.garden.get(A)!.until;
    expect(held() - world.now).toBeLessThanOrEqual(20 * MINUTE);
    for (let i = 0; i < 10; i++) {
      world.pass(5 * MINUTE);
      await house.record(session('interim', 'ann', world.now, [A], { sessionId: 's-ann-live' }));
      await house.flow.reconciler.check();
      expect(await house.element(A)).toBe('strict');
      expect(held() - world.now).toBeLessThanOrEqual(20 * MINUTE);
    }
    world.pass(21 * MINUTE);
    expect(await house.element(A)).toBe('absent');
    await house.flow.reconciler.check();
    expect(await house.element(A)).toBe('absent');
  });

  it('writes nothing into the log when it is renewed: the state did not change', async () => {
    await house.online('ann', A);
    await house.report({});
    const entries = () =>
      house.store.database.read.allSql<{ n: number }>(
        `SELECT count(*) AS n FROM audit WHERE entry LIKE '%garden-%'`,
      )[0]!.n;
    const before = entries();
    for (let i = 0; i < 6; i++) {
      world.pass(5 * MINUTE);
      await house.record(session('interim', 'ann', world.now, [A], { sessionId: 's-ann-live' }));
      await house.flow.reconciler.check();
    }
    expect(await house.element(A)).toBe('strict');
    expect(entries()).toBe(before);
  });

  it('with a static prefix holds each of its addresses for three days, renewed long before', async () => {
    await house.lines(lineOf('shop', { staticPrefixes: [{ ip: ip('192.0.2.96'), length: 29 }] }));
    world.pass(DAY);
    await house.report({ ip: ip('192.0.2.99') });
    for (const last of [96, 99, 103]) expect(await house.element(`192.0.2.${last}`)).toBe('strict');
    const untilAt = () => world.kernel.garden.get('192.0.2.99')!.until - world.now;
    expect(untilAt()).toBe(3 * DAY);
    world.pass(2 * DAY);
    await house.flow.reconciler.check();
    expect(untilAt()).toBe(3 * DAY);
  });

  it('moves with its access key: an import that gives it another one takes the old addresses out at once', async () => {
    const { applyLines } = await import('../../src/flow/lines.ts');
    await house.online('ann', A);
    await house.report({});
    const moved = lineOf('ann', { accessKey: 'ann-new' });
    await applyLines(house.flow, { added: [], changed: [moved], newEpoch: [], removed: [] }, 'op');
    expect(await house.element(A)).toBe('absent');
  });

  it('shows a shared address as not covered, never as an element on everybody behind it', async () => {
    await house.online('ann', A, '2001:db8:100:200::/60');
    await house.report({});
    expect(await house.element(A)).toBe('strict');
    const proof = house.flow.gardener.proof('line-ann', 'strict', await house.bindings.openOf('ann'));
    expect(proof).toMatchObject({ partial: true, uncovered: [{ reason: 'prefix-length' }] });
  });
});

describe('a late record that names another holder at the time of the report', () => {
  it('closes the case as wrong-line and frees the line', async () => {
    await house.online('ann', A);
    const seenAt = world.now - 2 * MINUTE;
    await house.report({ observedAt: seenAt });
    expect(await house.element(A)).toBe('strict');
    world.pass(30 * SECOND);
    await house.record(session('interim', 'bob', seenAt, [A], { sessionId: 'hidden' }));
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
    expect(await house.element(A)).toBe('absent');
  });

  it('closes it also when nobody was left to hear the record: at the next start', async () => {
    await house.online('ann', A);
    const seenAt = world.now - 2 * MINUTE;
    await house.report({ observedAt: seenAt });
    await house.end();
    const deaf = await world.process();
    await deaf.record(session('interim', 'bob', seenAt, [A], { sessionId: 'hidden' }));
    await deaf.crash();
    house = await (await world.process()).start();
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
    expect(await house.element(A)).toBe('absent');
  });

  it('found at the last look before the gateway is told, keeps the line out of the garden', async () => {
    await house.online('ann', A);
    const seenAt = world.now - 2 * MINUTE;
    house.enforcer.failNext('unavailable');
    await house.report({ observedAt: seenAt });
    await house.record(session('interim', 'bob', seenAt, [A], { sessionId: 'hidden' }));
    await house.settle();
    await house.flow.reconciler.check();
    expect(await house.element(A)).toBe('absent');
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
  });
});

describe('a report taken from the open tail of a session', () => {
  const minutes = (count: number) => count * MINUTE;
  const state = async () => (await house.cases('ann'))[0];
  const stop = (agoMs: number) =>
    house.record(session('stop', 'ann', world.now - agoMs, [A], { sessionId: `s-ann-${online}` }));
  let online: number;

  /** Seen online at 12:00, reported at 12:03 as of one second ago: nothing says yet that she was still there. */
  beforeEach(async () => {
    await house.online('ann', A);
    online = world.now;
    world.pass(minutes(3));
  });

  it.each([
    ['before the observation', 2, 'closed', 'wrong-line'],
    ['inside the window of the observation', 0.5, 'closed', 'wrong-line'],
  ])('is withdrawn by a Stop of %s that comes late: the line is free', async (_when, ago, expected, reason) => {
    await house.report({});
    expect(await house.element(A)).toBe('strict');
    await stop(minutes(ago));
    await house.settle();
    expect(await state()).toMatchObject({ state: expected, closeReason: reason });
    expect(await house.element(A)).toBe('absent');
  });

  it('is withdrawn by a Stop that comes half an hour late, too', async () => {
    await house.report({});
    world.pass(minutes(30));
    await stop(minutes(32));
    await house.settle();
    expect(await state()).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
  });

  it('is withdrawn by the NAS that was restarted before the observation', async () => {
    await house.report({});
    await house.record({ status: 'on', nas: 'bng1', realm: 'main', eventAt: world.now - minutes(2) });
    await house.settle();
    expect(await state()).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
  });

  it('stands when the session simply ends later, and the line stays wanted on its next address', async () => {
    await house.report({});
    world.pass(minutes(2));
    await stop(0);
    await house.settle();
    expect(await state()).toMatchObject({ state: 'quarantined' });
    await house.online('ann', '192.0.2.71');
    expect(await house.element('192.0.2.71')).toBe('strict');
  });

  it('stands through silence: a NAS that says nothing more withdraws nothing, not even at the next start', async () => {
    await house.report({});
    world.pass(minutes(40));
    await house.end();
    house = await (await world.process()).start();
    await house.settle();
    expect(await state()).toMatchObject({ state: 'quarantined' });
  });

  it('stands beside another report of the case that nothing withdrew', async () => {
    await house.report({ observedAt: online - minutes(1) }, {});
    await stop(minutes(2));
    await house.settle();
    expect(await state()).toMatchObject({ state: 'quarantined', reports: 2 });
  });

  it('does not lead into a garden when it is no longer unique at the moment of enforcing', async () => {
    house.enforcer.failNext('unavailable');
    await house.report({});
    world.pass(minutes(40));
    // Nobody knows until when she held the address: what was enough to decide is not enough to act.
    await house.online('ann', '192.0.2.71');
    await house.flow.reconciler.check();
    expect(await house.element('192.0.2.71')).toBe('absent');
    // A report about the session that she has now is.
    await house.report({ ip: ip('192.0.2.71') });
    await house.flow.reconciler.check();
    expect(await house.element('192.0.2.71')).toBe('strict');
  });
});

describe('a static prefix of several addresses', () => {
  it('that moves to another line inside the window of a report frees the first one', async () => {
    const office = { ip: ip('192.0.2.96'), length: 29 };
    await house.lines(lineOf('shop', { staticPrefixes: [office] }));
    world.pass(DAY);
    await house.report({ ip: ip('192.0.2.99') });
    expect(await house.element('192.0.2.99')).toBe('strict');
    await house.lines(lineOf('shop'), lineOf('bob', { staticPrefixes: [office] }));
    await house.settle();
    expect((await house.cases('shop'))[0]).toMatchObject({ state: 'closed', closeReason: 'wrong-line' });
    expect(await house.element('192.0.2.99')).toBe('absent');
  });
});

describe('protection and contracts', () => {
  const apply = async (line: ReturnType<typeof lineOf>, kind: 'changed' | 'newEpoch' | 'removed') => {
    const { applyLines } = await import('../../src/flow/lines.ts');
    const none = { added: [], changed: [], newEpoch: [], removed: [] };
    return applyLines(house.flow, { ...none, [kind]: [line] }, 'op');
  };

  it('A08: protected later frees at once', async () => {
    await house.online('ann', A);
    await house.report({});
    expect(await apply(lineOf('ann', { protected: true }), 'changed')).toEqual({ casesClosed: 1 });
    expect(await house.element(A)).toBe('absent');
    expect((await house.cases('ann'))[0]).toMatchObject({ closeReason: 'protected' });
  });

  it('A08: protected later frees at the next start when the process died in between', async () => {
    await house.online('ann', A);
    await house.report({});
    await house.store.commit({ lines: [lineOf('ann', { protected: true })] });
    await house.crash();
    house = await (await world.process()).start();
    await house.settle();
    expect(await house.element(A)).toBe('absent');
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'protected' });
  });

  it('a new customer on the line starts with nothing: the case closes, the element goes', async () => {
    await house.online('ann', A);
    await house.report({});
    await apply(lineOf('ann', { epoch: 2, epochStartedAt: world.now }), 'newEpoch');
    expect(await house.element(A)).toBe('absent');
    expect((await house.cases('ann'))[0]).toMatchObject({ closeReason: 'contract-ended' });
    expect(await house.store.openCasesOfLine('line-ann', 2)).toEqual([]);
  });

  it('an ended contract frees', async () => {
    await house.online('ann', A);
    await house.report({});
    await apply(lineOf('ann', { contract: 'ended' }), 'removed');
    expect(await house.element(A)).toBe('absent');
  });
});
