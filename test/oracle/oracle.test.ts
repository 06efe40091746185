// The short form of `npm run oracle`: 20,000 reports about made-up networks on bad days, and every world that was named wrong once.
import { expect, test } from 'vitest';
import { judgeWorld, total, type Wrong } from './judge.ts';
import { keptSeeds } from './seeds.ts';
import { judgeWorlds } from './worlds.ts';

/** Two threads on a machine that others use, too. */
const PATIENCE_MS = 120_000;
const texts = (wrong: readonly Wrong[]) => wrong.map((one) => `world ${one.seed} (${one.when}): ${one.text}`);

test('20,000 reports: no wrong line, and most of those that can be told are', { timeout: PATIENCE_MS }, async () => {
  const { counts, wrong, early } = await judgeWorlds({ seed: 20_261_120, worlds: 10, reports: 2000, threads: 2 });
  expect(texts(wrong)).toEqual([]);
  const { asked, attributable, recalled } = total(counts);
  expect(asked).toBe(20_000);
  expect(early.asked).toBeGreaterThan(1000);
  // An attributor that never dares is no use: the share itself is read in docs/oracle.md, not chased.
  expect(recalled / attributable).toBeGreaterThan(0.4);
  for (const [mechanism, one] of Object.entries(counts)) expect(one.recalled, mechanism).toBeGreaterThan(0);
});

test('worlds that were named wrong once are not any more', { timeout: PATIENCE_MS }, async () => {
  const kept = keptSeeds();
  expect(kept.length).toBeGreaterThan(0);
  for (const { seed, reports } of kept) expect(texts((await judgeWorld(seed, reports)).wrong)).toEqual([]);
});
