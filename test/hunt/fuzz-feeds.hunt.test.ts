// Long fuzzing of the feed readers, by time: ENGAWA_FUZZ_SECONDS each (20). An input that fails is kept in test/vectors/fuzz/<format>/ and is
// a test from then on; ENGAWA_FUZZ_KEEP=1 also keeps inputs that made a reader say something no earlier one did.

import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CORPORA, changes, mutate, seedsOf, TARGETS, type Target, tryOut } from '../protocols/feed/fuzz.ts';

const SECONDS = Number(process.env['ENGAWA_FUZZ_SECONDS'] ?? 20) || 20;
const KEEP = process.env['ENGAWA_FUZZ_KEEP'] === '1';
/** The longest a small file may take: a hang would be told as a failure, not as a slow day. */
const HANG_MS = 5000;
const KEPT_BYTES = 4096;

function keep({ format }: Target, bytes: Buffer): void {
  const folder = new URL(`${format}/`, CORPORA);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${hash('sha256', bytes, 'hex').slice(0, 16)}.bin`, folder), bytes);
}

test.each(TARGETS.map((target) => [target.format, target] as const))('%s', async (format, target) => {
  const seeds = seedsOf(target);
  const known = new Set<string>();
  for (const seed of seeds) known.add(await tryOut(target, seed));
  const until = performance.now() + SECONDS * 1000;
  const seed = Number(process.env['ENGAWA_FUZZ_SEED'] ?? Date.now()) | 0;
  let [tried, kept, slowest] = [0, 0, 0];
  while (performance.now() < until) {
    const samples = fc.sample(fc.tuple(fc.nat(), changes), { numRuns: 200, seed: seed + tried });
    for (const [which, list] of samples) {
      const bytes = mutate(seeds, which, list);
      const startedAt = performance.now();
      let said: string;
      try {
        said = await tryOut(target, bytes);
        slowest = Math.max(slowest, performance.now() - startedAt);
        expect(performance.now() - startedAt).toBeLessThan(HANG_MS);
      } catch (cause) {
        keep(target, bytes);
        throw new Error(`${format}: seed ${seed}, input ${tried} is kept in test/vectors/fuzz/${format}`, { cause });
      }
      tried++;
      if (known.has(said)) continue;
      known.add(said);
      if (!KEEP || bytes.length > KEPT_BYTES || kept >= 20) continue;
      keep(target, bytes);
      kept++;
    }
  }
  process.stdout.write(
    `${format}: ${tried} inputs, ${known.size} different answers, slowest ${slowest.toFixed(1)} ms, seed ${seed}\n`,
  );
  expect(tried).toBeGreaterThan(0);
});
