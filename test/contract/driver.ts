// One conformance suite for everything that can hold a line in a garden, whatever it is told by: what the flow may rely on at the
// end, when answers are lost, orders cross, processes die and addresses change hands. `truth` asks the gateway itself.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatKey, type GardenKey } from '../../src/core/garden/key.ts';
import type { Enforcer, GardenElement } from '../../src/flow/ports.ts';

export type Truth = 'open' | 'leaky' | 'strict';

export interface DriverUnderTest {
  /** The one that lives now: another one after restart(). */
  readonly enforcer: Enforcer;
  /** Of home A and home B. */
  readonly places: readonly [A: Places, B: Places];
  /** Homes are up before the first test begins. */
  truth(prefix: GardenKey): Promise<Truth>;
  /** The answers to what comes next are lost; the orders may have been carried out. undefined = until healed. */
  loseAnswers(): void;
  heal(): void;
  /** The process that told it dies; another one begins with what is on disk. */
  restart(): Promise<void>;
  /** A's IPv4 address is B's now, and nobody said that A's session ended. */
  handOver(): Promise<void>;
  /** Brings whatever this gateway can prove by now: a record, a probe, nothing. */
  prove(): Promise<void>;
  stop(): Promise<void>;
}

export interface Places {
  /** May be a share of an address: then B has another share of it. */
  readonly v4: GardenKey;
  readonly v6: GardenKey;
}

export interface DriverTraits {
  readonly name: string;
  /** Does it restrict IPv6 at all? One that does not refuses it in words. */
  readonly ipv6: boolean;
  readonly leaky: boolean;
  /** Can it prove more than an acknowledgement? */
  readonly proves: boolean;
  readonly waitMs?: number;
}

export function describeDriver(traits: DriverTraits, create: () => Promise<DriverUnderTest>): void {
  const { name, ipv6, leaky: hasLeaky, proves, waitMs = 15_000 } = traits;
  describe(`a driver: ${name}`, () => {
    let t: DriverUnderTest;
    // A case that does not apply is no case here: a skip would look like something missing.
    const when = (applies: boolean) => (applies ? it : () => {});
    beforeEach(async () => {
      t = await create();
      await t.enforcer.install();
    });
    afterEach(() => t.stop());

    const own = ({ v4, v6 }: Places) => (ipv6 ? [v4, v6] : [v4]);
    const elements = (access: GardenElement['access'], prefixes: readonly GardenKey[]) =>
      prefixes.map((prefix) => ({ prefix, access, abusedPorts: [], timeoutSeconds: 1200 }));
    const put = (access: GardenElement['access'], ...prefixes: readonly GardenKey[]) =>
      t.enforcer.apply({ put: elements(access, prefixes), remove: [] });
    const remove = (...prefixes: readonly GardenKey[]) => t.enforcer.apply({ put: [], remove: prefixes });
    const truths = async (prefixes: readonly GardenKey[]) => Promise.all(prefixes.map((one) => t.truth(one)));
    const becomes = (prefixes: readonly GardenKey[], truth: Truth) =>
      expect.poll(() => truths(prefixes), { timeout: waitMs, interval: 20 }).toEqual(prefixes.map(() => truth));
    /** Never more than what is true (invariant 5): asked at every step. */
    const saysOnlyTheTruth = async (prefixes: readonly GardenKey[]) => {
      const said = await t.enforcer.observe(prefixes);
      for (const { prefix, access } of said) {
        if (access === 'unknown') continue;
        const truth = await t.truth(prefix);
        expect([formatKey(prefix), access === 'absent' ? 'open' : access]).toEqual([formatKey(prefix), truth]);
      }
    };

    it('puts a line into the garden on every family it covers, and out again', async () => {
      const line = own(t.places[0]);
      await put('strict', ...line);
      await becomes(line, 'strict');
      await saysOnlyTheTruth(line);
      await remove(...line);
      await becomes(line, 'open');
      await saysOnlyTheTruth(line);
    });

    when(!ipv6)('says that it does not cover IPv6, and takes nothing of such an order', async () => {
      const { v4, v6 } = t.places[0];
      expect(await put('strict', v4, v6)).toMatchObject({ ok: false, error: { kind: 'refused', code: 'family' } });
      expect(await t.truth(v4)).toBe('open');
    });

    it('is idempotent: the same order again and again changes nothing', async () => {
      const line = own(t.places[0]);
      for (let i = 0; i < 3; i++) await put('strict', ...line);
      await becomes(line, 'strict');
      await put('strict', ...line);
      await becomes(line, 'strict');
      for (let i = 0; i < 3; i++) await remove(...line);
      await becomes(line, 'open');
    });

    when(hasLeaky)('moves between strict and leaky, and the last wish wins, whatever crossed on the way', async () => {
      const line = own(t.places[0]);
      await put('strict', ...line);
      await becomes(line, 'strict');
      await put('leaky', ...line);
      await becomes(line, 'leaky');
      void put('strict', ...line);
      void remove(...line);
      void put('leaky', ...line);
      await becomes(line, 'leaky');
      void put('strict', ...line);
      void put('leaky', ...line);
      await remove(...line);
      await becomes(line, 'open');
      await saysOnlyTheTruth(line);
    });

    it('touches the neighbour never', async () => {
      const [a, b] = t.places;
      await put('strict', ...own(a));
      await becomes(own(a), 'strict');
      expect(await truths([b.v4, b.v6])).toEqual(['open', 'open']);
    });

    it('converges when answers are lost, into the garden and out of it', async () => {
      const line = own(t.places[0]);
      t.loseAnswers();
      await put('strict', ...line);
      await saysOnlyTheTruth(line);
      t.heal();
      await put('strict', ...line);
      await becomes(line, 'strict');
      t.loseAnswers();
      await remove(...line);
      t.heal();
      await remove(...line);
      await becomes(line, 'open');
    });

    it('a release ordered while the garden’s answer is lost ends in freedom', async () => {
      const line = own(t.places[0]);
      t.loseAnswers();
      await put('strict', ...line);
      await remove(...line);
      t.heal();
      await remove(...line);
      await becomes(line, 'open');
    });

    it('a process that died in the middle is followed by one that knows what may be there', async () => {
      const line = own(t.places[0]);
      await put('strict', ...line);
      await becomes(line, 'strict');
      await t.restart();
      const known = async () => {
        const back = await t.enforcer.readBack();
        return back.ok ? back.value.map(({ prefix }) => formatKey(prefix)).sort() : back.error;
      };
      await expect.poll(known, { timeout: 10_000 }).toEqual(line.map(formatKey).sort());
      await remove(...line);
      await becomes(line, 'open');
    });

    it('an address that changed hands: the new holder is free, and the old one does not keep it', async () => {
      const [a, b] = t.places;
      await put('strict', ...own(a));
      await becomes(own(a), 'strict');
      await t.handOver();
      await remove(...own(a));
      await becomes([a.v4], 'open');
      expect(await t.truth(b.v4)).toBe('open');
    });

    when(proves)('proves a garden and a release by something other than the acknowledgement', async () => {
      const line = own(t.places[0]);
      const states = async () => {
        await t.prove();
        return (await t.enforcer.observe(line)).map(({ access }) => access);
      };
      await put('strict', ...line);
      await becomes(line, 'strict');
      await expect.poll(states, { timeout: waitMs }).toEqual(line.map(() => 'strict'));
      await remove(...line);
      await becomes(line, 'open');
      await expect.poll(states, { timeout: waitMs }).toEqual(line.map(() => 'absent'));
    });

    when(!proves)('calls nothing proven that it cannot prove', async () => {
      const line = own(t.places[0]);
      await put('strict', ...line);
      await becomes(line, 'strict');
      await t.prove();
      expect((await t.enforcer.observe(line)).map(({ access }) => access)).toEqual(line.map(() => 'unknown'));
    });
  });
}
