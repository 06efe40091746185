// Anything in any order – dial-ins, reports, releases, protection, lost answers, restarts, hold – and in the end every
// gateway has exactly what the holders of this moment want; on the way nothing is put on an address of somebody else.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wantedOf } from '../../src/core/casefile/line-view.ts';
import { MINUTE } from '../../src/core/kernel/time.ts';
import { applyLines } from '../../src/flow/lines.ts';
import type { Enforcer } from '../../src/flow/ports.ts';
import { ip } from '../core/line/records.ts';
import type { Failure } from '../fakes/enforcer.ts';
import { runs } from '../runs.ts';
import { lineOf, type Process, policyOf, session, World } from './world.ts';

const KEYS = ['ann', 'bob', 'cid'];
const ADDRESSES = ['192.0.2.70', '192.0.2.71', '192.0.2.72'];

const deed = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('dial' as const), key: fc.nat(2), address: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('report' as const), address: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), key: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('protect' as const), key: fc.nat(2), on: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      how: fc.constantFrom<Failure>('unavailable', 'refused', 'lost-done', 'lost-undone'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'flush' as const, 'hold' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(1, 5, 11, 15, 130) }),
  },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly world = new World();
  readonly wrong: string[] = [];
  puts = 0;
  readonly #sessions = new Map<string, { readonly id: string; readonly address: string }>();
  #serial = 0;
  house!: Process;

  async open(): Promise<void> {
    this.house = await this.world.process({ enforcer: (enforcer) => this.#watched(enforcer) });
    await this.house.start();
  }

  /** Every put, against who holds the address at that moment and what that line wants. */
  #watched(enforcer: Enforcer): Enforcer {
    const apply: Enforcer['apply'] = async (change) => {
      const { house } = this;
      for (const { prefix, access } of change.put) {
        const holder = await house.bindings.holderNow('main', prefix.ip);
        const cases = holder === undefined ? [] : await house.store.openCasesOfLine(`line-${holder.accessKey}`, 1);
        this.puts++;
        if (wantedOf(cases) !== access)
          this.wrong.push(`${access} put on ${prefix.ip.bytes.join('.')} of ${holder?.accessKey}`);
      }
      return enforcer.apply(change);
    };
    return new Proxy(enforcer, {
      get: (target, name) => {
        if (name === 'apply') return apply;
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  async interims(): Promise<void> {
    for (const [key, { id, address }] of this.#sessions)
      await this.house.record(session('interim', key, this.world.now, [address], { sessionId: id }));
  }

  async do(one: Deed): Promise<void> {
    const { house, world } = this;
    const actor = { kind: 'staff', name: 'agent' } as const;
    switch (one.do) {
      case 'dial': {
        const [key, address] = [KEYS[one.key]!, ADDRESSES[one.address]!];
        const id = `s-${++this.#serial}`;
        for (const [other, held] of this.#sessions) if (held.address === address) this.#sessions.delete(other);
        this.#sessions.set(key, { id, address });
        return void (await house.record(session('start', key, world.now, [address], { sessionId: id })));
      }
      case 'report':
        // Seen a while after whoever holds the address began to: the report is unambiguous.
        world.pass(2 * MINUTE);
        await this.interims();
        return house.report({ ip: ip(ADDRESSES[one.address]!), observedAt: world.now });
      case 'release':
        for (const state of await house.store.openCasesOfLine(`line-${KEYS[one.key]}`, 1))
          await house.flow.casebook.order(state.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
        return;
      case 'protect': {
        const changed = [lineOf(KEYS[one.key]!, { protected: one.on })];
        return void (await applyLines(house.flow, { added: [], changed, newEpoch: [], removed: [] }, 'op'));
      }
      case 'fail':
        return house.enforcer.failNext(one.how);
      case 'restart':
        await house.crash();
        return this.open();
      case 'flush':
        world.kernel.flush();
        return house.flow.reconciler.check();
      case 'hold':
        if (house.flow.hold.current().on) return house.flow.hold.lift();
        return house.flow.hold.set({ by: 'op', at: world.now, reason: 'test' });
      case 'pass':
        world.pass(one.minutes * MINUTE);
        await this.interims();
        await house.flow.timekeeper.runDue();
        return house.flow.reconciler.check();
    }
  }

  async settleDown(): Promise<void> {
    await this.house.flow.hold.lift();
    this.world.pass(MINUTE);
    await this.interims();
    for (let i = 0; i < 3; i++) {
      await this.house.settle();
      await this.house.flow.reconciler.full();
      await this.house.flow.reconciler.check();
    }
  }
}

describe('convergence (invariants 2 and 4)', () => {
  it('holds whatever happens, in whatever order', async () => {
    let puts = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 25 }), async (deeds) => {
        const run = new Run();
        run.world.policy = policyOf({
          breaker: { windowMs: 1, share: 1, floor: 50, ceiling: 50, perSource: 50, perGateway: 50 },
        });
        try {
          await run.open();
          await run.house.lines(...KEYS.map((key) => lineOf(key)));
          for (const key of [0, 1, 2]) await run.do({ do: 'dial', key, address: key });
          for (const one of deeds) await run.do(one);
          await run.settleDown();
          puts += run.puts;
          expect(run.wrong).toEqual([]);
          for (const address of ADDRESSES) {
            const holder = await run.house.bindings.holderNow('main', ip(address));
            const line = holder === undefined ? undefined : (await run.house.store.line(`line-${holder.accessKey}`))!;
            const wanted = line === undefined ? 'open' : wantedOf(await run.house.store.openCasesOfLine(line.id, 1));
            const open = line === undefined ? [] : await run.house.bindings.openOf(line.accessKey);
            const proof = run.house.flow.gardener.proof(line?.id ?? '', wanted, open);
            // A session that nobody renewed for two interim intervals: its element has freed itself, and it is said.
            const isCovered = !proof.uncovered.some((one) => one.prefix === address);
            // Never acknowledged by any gateway, and what it rested on does not name the line any more: it does not begin.
            const mayBegin = line === undefined || (await run.house.flow.enforcement.mayTighten(line.id));
            const seen = await run.house.element(address);
            if (wanted === 'strict' && isCovered && seen === 'absent' && !mayBegin) {
              expect(proof.confirmed).toBe('unknown');
              continue;
            }
            expect(seen).toBe(wanted === 'strict' && isCovered ? 'strict' : 'absent');
            if (line === undefined) continue;
            expect(line.protected && wanted === 'strict').toBe(false);
            if (isCovered) expect(proof.confirmed).toBe(wanted);
          }
          expect(await run.house.store.auditTables()).toEqual([]);
        } finally {
          await run.world.end();
        }
      }),
      { numRuns: runs(25) },
    );
    // The stories do lead to gardens.
    expect(puts).toBeGreaterThan(runs(25));
  });
});
