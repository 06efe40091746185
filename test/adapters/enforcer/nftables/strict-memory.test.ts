import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StrictMemory } from '../../../../src/adapters/enforcer/nftables/strict-memory.ts';
import { ip, prefix } from '../../../helper/lab-gateway.ts';

const A = prefix('192.0.2.5');
const B = prefix('2001:db8:100:4200::/56');

function memory() {
  const clock = { nowMs: 0 };
  return { clock, strict: new StrictMemory(() => clock.nowMs) };
}

describe('the memory of who is strict', () => {
  it('finds an address inside its prefix, of whatever length is in use', () => {
    const { strict } = memory();
    strict.set(A, 60);
    strict.set(B, 60);
    expect(
      ['192.0.2.5', '2001:db8:100:42ff::1', '192.0.2.6', '2001:db8:100:4300::1'].map((a) => strict.has(ip(a))),
    ).toEqual([true, true, false, false]);
  });

  it('forgets with the element, unless it was renewed', () => {
    const { strict, clock } = memory();
    strict.set(A, 60);
    clock.nowMs = 59_000;
    strict.set(A, 60);
    clock.nowMs = 118_000;
    expect(strict.has(ip('192.0.2.5'))).toBe(true);
    clock.nowMs = 119_001;
    expect(strict.has(ip('192.0.2.5'))).toBe(false);
  });

  it('a read-back replaces it, except what was acted upon meanwhile', () => {
    const { strict } = memory();
    strict.set(A, 60);
    strict.beginReadBack();
    strict.remove(A);
    strict.set(B, 60);
    strict.endReadBack([{ prefix: A, access: 'strict' }]); // older than our acts
    expect([strict.has(ip('192.0.2.5')), strict.has(ip('2001:db8:100:4200::1'))]).toEqual([false, true]);
    strict.beginReadBack();
    strict.endReadBack([{ prefix: A, access: 'strict' }]);
    expect([strict.has(ip('192.0.2.5')), strict.has(ip('2001:db8:100:4200::1'))]).toEqual([true, false]);
  });

  it('a failed read-back and an unknown probe change nothing: an empty answer is not «nobody»', () => {
    const { strict } = memory();
    strict.set(A, 60);
    strict.beginReadBack();
    strict.endReadBack(undefined);
    strict.learn({ prefix: A, access: 'unknown' });
    expect(strict.has(ip('192.0.2.5'))).toBe(true);
  });

  it('agrees with a plain list after any sequence of acts', () => {
    const prefixes = [A, B, prefix('2001:db8:100:42ff::/64'), prefix('192.0.2.9')];
    const probes = ['192.0.2.5', '192.0.2.9', '2001:db8:100:42ff::1', '2001:db8:100:4200::1'].map(ip);
    const act = fc.tuple(fc.constantFrom('set', 'remove', 'strict', 'absent'), fc.nat(3));
    fc.assert(
      fc.property(fc.array(act, { maxLength: 20 }), (acts) => {
        const { strict } = memory();
        const plain = new Set<number>();
        for (const [what, i] of acts) {
          if (what === 'set') strict.set(prefixes[i]!, 60);
          else if (what === 'remove') strict.remove(prefixes[i]!);
          else strict.learn({ prefix: prefixes[i]!, access: what as 'strict' | 'absent' });
          if (what === 'set' || what === 'strict') plain.add(i);
          else plain.delete(i);
        }
        const expected = [plain.has(0), plain.has(3), plain.has(1) || plain.has(2), plain.has(1)];
        expect(probes.map((p) => strict.has(p))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });
});
