import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../runs.ts';
import { changes, mutate, seedsOf, TARGETS, tryOut } from './fuzz.ts';

describe.each(TARGETS.map((target) => [target.format, target] as const))('%s', (_format, target) => {
  const seeds = seedsOf(target);

  test('F10, F12: its vectors, and what earlier hunts found, are read alike twice', async () => {
    expect(seeds.length).toBeGreaterThan(0);
    for (const seed of seeds) expect(await tryOut(target, seed)).toBe(await tryOut(target, seed));
  });

  test('F10, F12: cut, flipped, repeated and spliced files throw nothing and let nothing unsound through', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), changes, async (which, list) => {
        await tryOut(target, mutate(seeds, which, list));
      }),
      { numRuns: runs(1000) },
    );
  });
});
