// A story the random ones found (convergence.property.test.ts), kept for good.
import { expect, it } from 'vitest';
import { MINUTE } from '../../src/core/kernel/time.ts';
import { ip } from '../core/line/records.ts';
import { lineOf, policyOf, session, World } from './world.ts';

it('a garden whose element lapsed during hold and a restart is put again when hold is lifted', async () => {
  const KEYS = ['ann', 'bob'];
  const ADDR = ['192.0.2.70', '192.0.2.71'];
  const world = new World();
  world.policy = policyOf({
    breaker: { windowMs: 1, share: 1, floor: 50, ceiling: 50, perSource: 50, perGateway: 50 },
  });
  let house = await world.process({});
  await house.start();
  const interims = async () => {
    for (const [i, key] of KEYS.entries())
      await house.record(session('interim', key, world.now, [ADDR[i]!], { sessionId: `s-${i}` }));
  };
  const report = async (i: number) => {
    world.pass(2 * MINUTE);
    await interims();
    await house.report({ ip: ip(ADDR[i]!), observedAt: world.now });
  };
  try {
    await house.lines(...KEYS.map((key) => lineOf(key)));
    for (const [i, key] of KEYS.entries())
      await house.record(session('start', key, world.now, [ADDR[i]!], { sessionId: `s-${i}` }));
    await report(1);
    await report(0);
    await house.flow.hold.set({ by: 'op', at: world.now, reason: 'test' });
    world.pass(15 * MINUTE);
    await interims();
    await house.flow.timekeeper.runDue();
    await house.flow.reconciler.check();
    await report(0);
    await report(0);
    for (const state of await house.store.openCasesOfLine('line-ann', 1))
      await house.flow.casebook.order(state.id, () => [
        { kind: 'staffRelease', actor: { kind: 'staff', name: 'agent' }, reason: 'called' },
      ]);
    await house.crash();
    house = await world.process({});
    await house.start();
    await house.flow.hold.lift();
    world.pass(MINUTE);
    await interims();
    for (let i = 0; i < 3; i++) {
      await house.settle();
      await house.flow.reconciler.full();
      await house.flow.reconciler.check();
    }
    expect(await house.element(ADDR[1]!)).toBe('strict');
  } finally {
    await world.end();
  }
});
