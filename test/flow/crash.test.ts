// C04: the process dies between every record and act; another one opens the same files and must come to the same end.
import { describe, expect, it } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import type { Enforcer } from '../../src/flow/ports.ts';
import { Guillotine, lineOf, type Process, World } from './world.ts';

const A = '192.0.2.70';
const PLACES = [A, '2001:db8:100:100::/56'];

interface Sent {
  puts: number;
  removes: number;
}

/** What a gateway was told over all processes. */
function counting(sent: Sent, enforcer: Enforcer): Enforcer {
  return new Proxy(enforcer, {
    get: (target, name) => {
      if (name !== 'apply') {
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return (change: Parameters<Enforcer['apply']>[0]) => {
        if (change.put.length > 0) sent.puts++;
        if (change.remove.length > 0) sent.removes++;
        return target.apply(change);
      };
    },
  });
}

async function story(house: Process, isReleased: boolean): Promise<void> {
  await house.report({ id: 'the-report' });
  if (!isReleased) return;
  const actor = { kind: 'staff', name: 'agent' } as const;
  const [state] = await house.cases('ann');
  await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
  await house.settle();
}

async function runWith(blade: Guillotine, isReleased: boolean): Promise<{ fell: boolean; world: World; sent: Sent }> {
  const world = new World();
  const before = await world.process();
  await before.lines(lineOf('ann'));
  await before.online('ann', ...PLACES);
  await (await before.start()).end();
  const sent = { puts: 0, removes: 0 };
  const house = await world.process({
    store: (store) => blade.over(store, 'commit', 'acceptReports'),
    enforcer: (enforcer) => blade.over(counting(sent, enforcer), 'apply', 'observe', 'forgetSteered'),
  });
  const ran = house.start().then(() => story(house, isReleased));
  const fell = await Promise.race([ran.then(() => false), blade.fallen.then(() => true)]);
  await house.crash();
  return { fell, world, sent };
}

async function recovered(world: World, sent: Sent): Promise<Process> {
  world.pass(MINUTE);
  const house = await world.process({ enforcer: (enforcer) => counting(sent, enforcer) });
  await house.start();
  // Whoever was not answered delivers again.
  await house.report({ id: 'the-report', observedAt: world.now - MINUTE - 1000 });
  await house.flow.reconciler.check();
  await house.settle();
  return house;
}

describe('C04: whatever call it dies at', () => {
  for (const deed of ['before', 'after'] as const) {
    it(`a garden converges, with one send too many at most, and is never taken out (${deed} the deed)`, async () => {
      for (let n = 1; ; n++) {
        const { fell, world, sent } = await runWith(new Guillotine(n, deed), false);
        const house = await recovered(world, sent);
        const cases = await house.cases('ann');
        expect(cases, `call ${n}`).toHaveLength(1);
        expect(cases[0], `call ${n}`).toMatchObject({ state: 'quarantined', access: 'strict', reports: 1 });
        for (const place of PLACES) expect(await house.element(place), `call ${n}`).toBe('strict');
        expect(sent.puts, `call ${n}`).toBeLessThanOrEqual(2);
        expect(sent.removes, `call ${n}`).toBe(0);
        const proof = house.flow.gardener.proof('line-ann', 'strict', await house.bindings.openOf('ann'));
        expect(proof.confirmed, `call ${n}`).toBe('strict');
        expect(await house.store.auditTables(), `call ${n}`).toEqual([]);
        await world.end();
        if (!fell) break;
        expect(n).toBeLessThan(40);
      }
    });

    it(`a release that was durable is proven afterwards, one that was not leaves the garden (${deed} the deed)`, async () => {
      for (let n = 8; ; n++) {
        const { fell, world, sent } = await runWith(new Guillotine(n, deed), true);
        const house = await recovered(world, sent);
        const [state] = await house.cases('ann');
        const isFree = state!.state === 'closed';
        for (const place of PLACES) expect(await house.element(place), `call ${n}`).toBe(isFree ? 'absent' : 'strict');
        const wanted = isFree ? 'open' : 'strict';
        const proof = house.flow.gardener.proof('line-ann', wanted, await house.bindings.openOf('ann'));
        expect(proof.confirmed, `call ${n}`).toBe(wanted);
        await world.end();
        if (!fell) {
          expect(isFree).toBe(true);
          break;
        }
        expect(n).toBeLessThan(40);
      }
    });
  }

  it('a load of the wanted state that fails takes nothing out of any gateway', async () => {
    const { world, sent } = await runWith(new Guillotine(1000, 'before'), false);
    const house = await world.process({
      enforcer: (enforcer) => counting(sent, enforcer),
      store: (store) =>
        new Proxy(store, {
          get: (target, name) => {
            if (name === 'openCasesOfLine') return () => Promise.reject(new Error('disk trouble'));
            const value = Reflect.get(target, name, target) as unknown;
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    });
    await expect(house.start()).rejects.toThrow('disk trouble');
    expect(await house.element(A)).toBe('strict');
    expect(sent.removes).toBe(0);
    await world.end();
  });

  it('a line that cannot be read while running keeps what it has, and nothing of it counts as extra', async () => {
    const { world, sent } = await runWith(new Guillotine(1000, 'before'), false);
    let isBroken = false;
    const house = await world.process({
      enforcer: (enforcer) => counting(sent, enforcer),
      store: (store) =>
        new Proxy(store, {
          get: (target, name) => {
            const value = Reflect.get(target, name, target) as unknown;
            if (name === 'line' && isBroken) return () => Promise.reject(new Error('disk trouble'));
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    });
    const { load } = house.flow.enforcement;
    house.flow.enforcement.load = async () => {
      const wanted = await load.call(house.flow.enforcement);
      isBroken = true;
      return wanted;
    };
    await house.start();
    expect(await house.element(A)).toBe('strict');
    expect(sent.removes).toBe(0);
    const proof = house.flow.gardener.proof('line-ann', 'strict', await house.bindings.openOf('ann'));
    expect(proof.confirmed).toBe('unknown');
    isBroken = false;
    house.flow.enforcement.load = load;
    await house.flow.reconciler.full();
    expect(house.flow.gardener.proof('line-ann', 'strict', await house.bindings.openOf('ann')).confirmed).toBe(
      'strict',
    );
    await world.end();
  });
});
