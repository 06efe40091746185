import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isPortSet,
  lowestPort,
  maskedPort,
  type PortSetShape,
  portSetAt,
  portSetOfMasked,
  portSetsIn,
  psidMask,
  rangesOf,
} from '../../../src/core/net/port-set.ts';
import { runs } from '../../runs.ts';

const shapes = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 1, max: 16 }))
  .filter(([offset, psidLength]) => offset + psidLength <= 16)
  .map(([offset, psidLength]): PortSetShape => ({ offset, psidLength }));

describe('the port set of one household', () => {
  it('RFC 7597 appendix A: PSID 0x34 of 8 bits behind 6 is 1232-1235, 2256-2259, … 64720-64723', () => {
    const set = { offset: 6, psidLength: 8, psid: 0x34 };
    const ranges = rangesOf(set);
    expect([ranges.length, ranges[0], ranges[1], ranges.at(-1)]).toEqual([
      63,
      { low: 1232, high: 1235 },
      { low: 2256, high: 2259 },
      { low: 64_720, high: 64_723 },
    ]);
    expect([psidMask(set), maskedPort(set), lowestPort(set)]).toEqual([0x3fc, 0xd0, 1024]);
    expect(portSetAt(set, 1234)).toEqual(set);
    expect(portSetAt(set, 1236)?.psid).toBe(0x35);
    expect(portSetAt(set, 208)).toBeUndefined();
  });

  it('each port above the lowest belongs to exactly one set, and its ranges say the same', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 65_535 }), (shape, port) => {
        const set = portSetAt(shape, port);
        expect(set === undefined).toBe(port < lowestPort(shape));
        if (set === undefined) return;
        expect(isPortSet(set)).toBe(true);
        expect(portSetOfMasked(shape, port & psidMask(shape))).toEqual(set);
        if (rangesOf(set).length < 300) {
          expect(rangesOf(set).some(({ low, high }) => low <= port && port <= high)).toBe(true);
          const other = { ...set, psid: set.psid ^ 1 };
          expect(rangesOf(other).some(({ low, high }) => low <= port && port <= high)).toBe(false);
        }
      }),
      { numRuns: runs(2000) },
    );
  });

  it('is found in its own ranges, in any order, and in nothing less', () => {
    const few = shapes.filter(({ offset }) => offset <= 6);
    fc.assert(
      fc.property(few, fc.nat(), fc.nat(), (shape, seed, gap) => {
        const set = { ...shape, psid: seed % (1 << shape.psidLength) };
        const ranges = rangesOf(set);
        expect(portSetsIn(shape, [...ranges].reverse())).toEqual({ sets: [set], isExact: true });
        const less = ranges.filter((_, i) => i !== gap % ranges.length);
        expect(portSetsIn(shape, less)).toEqual({ sets: [], isExact: less.length === 0 });
      }),
      { numRuns: runs(2000) },
    );
  });

  it('a block that is several sets is all of them; one that is not aligned is none, and said to be left over', () => {
    const shape = { offset: 0, psidLength: 6 };
    expect(portSetsIn(shape, [{ low: 1024, high: 3071 }])).toEqual({
      sets: [
        { ...shape, psid: 1 },
        { ...shape, psid: 2 },
      ],
      isExact: true,
    });
    expect(portSetsIn(shape, [{ low: 1000, high: 2047 }])).toEqual({ sets: [{ ...shape, psid: 1 }], isExact: false });
    expect(portSetsIn({ offset: 4, psidLength: 8 }, [{ low: 16, high: 31 }])).toEqual({ sets: [], isExact: false });
  });
});
