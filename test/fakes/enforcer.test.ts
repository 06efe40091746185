// The fake keeps the contract of the real gateway, and its failures are the real one's.
import { describe, expect, it } from 'vitest';
import { describeEnforcer } from '../contract/enforcer.ts';
import { prefix, SPEC } from '../helper/lab-gateway.ts';
import { FakeEnforcer } from './enforcer.ts';

describeEnforcer('in memory', async () => {
  let nowMs = 1000;
  const enforcer = new FakeEnforcer({ spec: SPEC, nowMs: () => nowMs });
  return {
    enforcer,
    fresh: () => new FakeEnforcer({ spec: SPEC, nowMs: () => nowMs, kernel: enforcer.kernel }),
    flushAll: async () => enforcer.kernel.flush(),
    passSeconds: async (seconds) => {
      nowMs += seconds * 1000;
    },
    stop: async () => {},
  };
});

describe('the failures of the fake enforcer', () => {
  const element = { prefix: prefix('192.0.2.5'), access: 'strict' as const, abusedPorts: [], timeoutSeconds: 60 };

  it('a lost answer looks the same whether it was done or not', async () => {
    const enforcer = new FakeEnforcer({ spec: SPEC, nowMs: () => 0 });
    await enforcer.install();
    enforcer.failNext('lost-done', 'lost-undone');
    const first = await enforcer.apply({ put: [element], remove: [] });
    const afterFirst = await enforcer.observe([element.prefix]);
    const second = await enforcer.apply({ put: [], remove: [element.prefix] });
    const afterSecond = await enforcer.observe([element.prefix]);
    expect(first).toEqual(second);
    expect([afterFirst[0]!.access, afterSecond[0]!.access]).toEqual(['strict', 'strict']);
  });

  it('a renewal keeps the counters', async () => {
    const enforcer = new FakeEnforcer({ spec: SPEC, nowMs: () => 0 });
    await enforcer.install();
    const bot = { ...element, abusedPorts: [{ protocol: 'tcp' as const, port: 23 }] };
    await enforcer.apply({ put: [bot], remove: [] });
    enforcer.count(bot.prefix, 'tcp', 23, 7);
    await enforcer.apply({ put: [bot], remove: [] });
    expect(await enforcer.denyCounts()).toMatchObject({ value: [{ packets: 7 }] });
  });
});
