// Worlds in which a wrong line was named once: they are asked again by every run of the tests.
import { appendFileSync, readFileSync } from 'node:fs';
import type { Task } from './worker.ts';

const FILE = new URL('./seeds.txt', import.meta.url);

/** `SEED REPORTS # why`, one a line. */
export function keptSeeds(): readonly Task[] {
  return readFileSync(FILE, 'utf8')
    .split('\n')
    .filter((line) => /^[0-9]/.test(line))
    .map((line) => {
      const [seed, reports] = line.split(' ');
      return { seed: Number(seed), reports: Number(reports) };
    });
}

export function keepSeed({ seed, reports }: Task, why: string): void {
  if (keptSeeds().some((one) => one.seed === seed && one.reports === reports)) return;
  appendFileSync(FILE, `${seed} ${reports} # ${why.replaceAll('\n', ' ')}\n`);
}
