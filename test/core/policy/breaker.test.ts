// G3: never more than the cap, in any sliding window, however time jumps and whoever asks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BreakerState,
  capOf,
  NEW_BREAKER,
  resetTrips,
  restoreBreaker,
  tryAdmit,
} from '../../../src/core/policy/breaker.ts';
import { DEFAULT_BREAKER as LIMITS } from '../../../src/core/policy/policy.ts';

const ask = { source: 's', gateway: 'g', atMonotonicMs: 0, lineCount: 1_000_000, limits: LIMITS };

/** Admits what it can; returns the instants of what was admitted, as the breaker saw them. */
function flood(requests: readonly (Partial<typeof ask> & { approved?: boolean })[], reset = false) {
  let state: BreakerState = NEW_BREAKER;
  const admitted: { at: number; source: string; gateway: string }[] = [];
  for (const one of requests) {
    const answer = tryAdmit(reset ? resetTrips(state) : state, { ...ask, ...one });
    state = answer.state;
    const last = state.admissions.at(-1);
    if (answer.admitted) admitted.push({ at: last!.atMonotonicMs, source: last!.source, gateway: last!.gateway });
  }
  return { admitted, state };
}

describe('the cap', () => {
  it('is max(3, min(50, ⌈0.1 % of lines⌉))', () => {
    expect([0, 1, 3000, 3001, 7000, 49_001, 1_000_000].map((lines) => capOf(lines, LIMITS))).toEqual([
      3, 3, 3, 4, 7, 50, 50,
    ]);
  });

  it('F16, F17: 100,000 lines in one flood: 50 whatever the number of sources, 20 of one source, 5 per gateway', () => {
    const many = (make: (i: number) => Partial<typeof ask>) => Array.from({ length: 100_000 }, (_, i) => make(i));
    expect(flood(many((i) => ({ source: `s${i % 50}`, gateway: `g${i}` }))).admitted).toHaveLength(50);
    expect(flood(many((i) => ({ gateway: `g${i}` }))).admitted).toHaveLength(20);
    expect(flood(many((i) => ({ source: `s${i}` }))).admitted).toHaveLength(5);
  });

  it('once hit it stays shut after the window, until a person looked', () => {
    const full = flood(Array.from({ length: 4 }, (_, i) => ({ gateway: `g${i}`, lineCount: 10 })));
    expect(full.state.trips).toMatchObject([{ scope: 'all' }]);
    const later = { ...ask, gateway: 'g9', lineCount: 10, atMonotonicMs: 3_600_000 };
    expect(tryAdmit(full.state, later)).toMatchObject({ admitted: false, tripped: false });
    expect(tryAdmit(resetTrips(full.state), later).admitted).toBe(true);
    expect(tryAdmit(resetTrips(full.state), { ...later, atMonotonicMs: 1 }).admitted, 'the window still counts').toBe(
      false,
    );
  });

  it('the window is as long as the policy says, to the millisecond', () => {
    const { state } = flood(Array.from({ length: 3 }, (_, i) => ({ gateway: `g${i}`, lineCount: 10 })));
    const at = (atMonotonicMs: number) =>
      tryAdmit(state, { ...ask, gateway: 'g9', lineCount: 10, atMonotonicMs }).admitted;
    expect([at(LIMITS.windowMs - 1), at(LIMITS.windowMs)]).toEqual([false, true]);
  });

  it('F16: a source over its cap is shut until a person looks, the others are not', () => {
    const { state } = flood(Array.from({ length: 21 }, (_, i) => ({ gateway: `g${i}` })));
    expect(state.trips).toMatchObject([{ scope: 'source', name: 's' }]);
    expect(tryAdmit(state, { ...ask, source: 'other', gateway: 'g99' }).admitted).toBe(true);
    expect(tryAdmit(state, { ...ask, gateway: 'g99' })).toMatchObject({ admitted: false, tripped: false });
  });

  it('what a person approved passes and is counted', () => {
    const { state } = flood(
      Array.from({ length: 30 }, (_, i) => ({ gateway: `g${i}`, source: `s${i}`, lineCount: 10, approved: true })),
    );
    expect(state.admissions).toHaveLength(30);
    expect(tryAdmit(state, { ...ask, gateway: 'new', source: 'new', lineCount: 10 }).admitted).toBe(false);
  });

  it('a restart makes no room', () => {
    const recent = Array.from({ length: 3 }, (_, i) => ({ source: 's', gateway: `g${i}`, ageMs: i * 1000 }));
    const state = restoreBreaker(recent, 500);
    expect(tryAdmit(state, { ...ask, gateway: 'g9', lineCount: 10, atMonotonicMs: 600 }).admitted).toBe(false);
    expect(tryAdmit(state, { ...ask, gateway: 'g9', lineCount: 10, atMonotonicMs: 600_001 }).admitted).toBe(true);
  });
});

it('no sliding window ever holds more than the caps, split over sources and gateways, with time jumping any way', () => {
  const request = fc.record({
    source: fc.integer({ min: 0, max: 49 }).map((i) => `s${i}`),
    gateway: fc.integer({ min: 0, max: 20 }).map((i) => `g${i}`),
    atMonotonicMs: fc.integer({ min: -2_000_000, max: 4_000_000 }),
    gapMs: fc.integer({ min: 0, max: 60_000 }),
    jump: fc.integer({ min: 0, max: 50 }),
    lineCount: fc.constantFrom(10, 5_000, 20_000, 1_000_000),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 200 }), fc.boolean(), (steps, reset) => {
      // Mostly forward in small steps, now and then a wild jump either way.
      let now = 0;
      const requests = steps.map((one) => {
        now = one.jump === 0 ? one.atMonotonicMs : now + one.gapMs;
        return { ...one, atMonotonicMs: now };
      });
      const { admitted } = flood(requests, reset);
      const cap = Math.max(...requests.map((one) => capOf(one.lineCount, LIMITS)), 0);
      for (const first of admitted) {
        const window = admitted.filter(({ at }) => at >= first.at && at < first.at + LIMITS.windowMs);
        expect(window.length).toBeLessThanOrEqual(cap);
        for (const key of ['source', 'gateway'] as const) {
          const groups = [...Map.groupBy(window, (one) => one[key]).values()];
          const most = Math.max(...groups.map((group) => group.length));
          expect(most).toBeLessThanOrEqual(key === 'source' ? LIMITS.perSource : LIMITS.perGateway);
        }
      }
    }),
    { numRuns: 100 },
  );
});
