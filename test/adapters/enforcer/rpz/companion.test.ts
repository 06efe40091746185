// A gateway with a companion: whose word counts, what the companion is told, and what brings the two in step again.
import { beforeEach, describe, expect, it } from 'vitest';
import { AccompaniedEnforcer } from '../../../../src/adapters/enforcer/rpz/companion.ts';
import type { GardenElement } from '../../../../src/flow/ports.ts';
import { FakeEnforcer } from '../../../fakes/enforcer.ts';
import { prefix, SPEC } from '../../../helper/lab-gateway.ts';

const A = prefix('192.0.2.5');
const B = prefix('192.0.2.6');
const strict = (p: typeof A): GardenElement => ({ prefix: p, access: 'strict', abusedPorts: [], timeoutSeconds: 600 });

let main: FakeEnforcer;
let companion: FakeEnforcer;
let both: AccompaniedEnforcer;
const troubles: (string | undefined)[] = [];

beforeEach(async () => {
  troubles.length = 0;
  main = new FakeEnforcer({ spec: SPEC, nowMs: () => 0 });
  companion = new FakeEnforcer({ spec: SPEC, nowMs: () => 0 });
  both = new AccompaniedEnforcer(main, companion, { onTrouble: (text) => troubles.push(text) });
  await both.install();
  await settled();
});

/** The companion is not waited for: a turn or two of the loop later it has been told. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const accessOf = async (one: FakeEnforcer, ...prefixes: (typeof A)[]) =>
  (await one.observe(prefixes)).map((state) => state.access);

describe('a gateway and its resolver', () => {
  it('both are told, the gateway alone is asked', async () => {
    expect((await both.apply({ put: [strict(A)], remove: [] })).ok).toBe(true);
    await settled();
    expect(await accessOf(companion, A)).toEqual(['strict']);
    await companion.releaseAll();
    expect(await both.observe([A])).toMatchObject([{ access: 'strict' }]);
    await both.apply({ put: [], remove: [A] });
    expect(await both.observe([A])).toMatchObject([{ access: 'absent' }]);
  });

  it('a garden that the gateway refused is none at the resolver, a release reaches it all the same', async () => {
    await companion.apply({ put: [strict(B)], remove: [] });
    const outside = strict(prefix('198.51.100.1'));
    expect((await both.apply({ put: [strict(A), outside], remove: [B] })).ok).toBe(false);
    await settled();
    expect(await accessOf(companion, A, B)).toEqual(['absent', 'absent']);
  });

  it('an answer of the gateway that got lost is followed: it may have been done', async () => {
    main.failNext('lost-done');
    expect((await both.apply({ put: [strict(A)], remove: [] })).ok).toBe(false);
    await settled();
    expect(await accessOf(companion, A)).toEqual(['strict']);
  });

  it('a resolver that does not follow is told of once, and changes no answer', async () => {
    companion.failNext('lost-undone', 'lost-undone');
    for (let i = 0; i < 2; i++) expect((await both.apply({ put: [strict(A)], remove: [] })).ok).toBe(true);
    await settled();
    expect(troubles).toEqual(['the resolver did not answer']);
    await both.apply({ put: [strict(A)], remove: [] });
    await settled();
    expect(troubles).toEqual(['the resolver did not answer', undefined]);
  });

  it('what is read back from the gateway brings the resolver in step, both ways', async () => {
    await main.apply({ put: [strict(A)], remove: [] });
    await companion.apply({ put: [strict(B)], remove: [] });
    expect((await both.readBack()).ok).toBe(true);
    await settled();
    await settled();
    expect(await accessOf(companion, A, B)).toEqual(['strict', 'absent']);
  });

  it('a release during a read-back is newer than what it said', async () => {
    await both.apply({ put: [strict(A)], remove: [] });
    await settled();
    await companion.releaseAll();
    const reading = both.readBack();
    await both.apply({ put: [], remove: [A] });
    await reading;
    await settled();
    await settled();
    expect(await accessOf(companion, A)).toEqual(['absent']);
  });

  it('passes on whether the gateway answers later', () => {
    expect(both.onWord).toBeUndefined();
  });
});
