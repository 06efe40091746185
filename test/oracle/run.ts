// npm run oracle -- [--reports N] [--seed S] [--threads T] [--reasons] [--no-page]: a million reports unless it says otherwise. Ends
// with 1 when a wrong line was named; such seeds are kept for the tests. The page docs/oracle.md is written by full runs.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { resultText, withResult } from './page.ts';
import { keepSeed } from './seeds.ts';
import { judgeWorlds } from './worlds.ts';

const PER_WORLD = 2000;
const PAGE = new URL('../../docs/oracle.md', import.meta.url);
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    reports: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
    threads: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    reasons: { type: 'boolean', default: false },
    'no-page': { type: 'boolean', default: false },
  },
});
const [wanted, seed, threads] = [values.reports, values.seed, values.threads].map(Number) as [number, number, number];
if (![wanted, seed, threads].every((one) => Number.isInteger(one) && one > 0)) {
  console.error('oracle: --reports, --seed and --threads are whole numbers above 0');
  process.exit(2);
}

const worlds = Math.ceil(wanted / PER_WORLD);
console.log(`oracle: ${worlds * PER_WORLD} reports in ${worlds} worlds, seed ${seed}, ${threads} threads`);
const start = performance.now();
let done = 0;
const verdict = await judgeWorlds({
  ...{ seed, worlds, threads, reports: PER_WORLD },
  onWorld: (world, one) => {
    done++;
    for (const { text, when } of one.wrong) console.log(`oracle: WRONG in world ${world} (${when}): ${text}`);
    if (done % 50 === 0) console.log(`oracle: ${done} of ${worlds} worlds, ${minutes().toFixed(1)} min`);
  },
});

function minutes(): number {
  return (performance.now() - start) / 60_000;
}

const made = {
  ...{ verdict, seed, worlds, minutes: minutes() },
  command: `npm run oracle -- --reports ${worlds * PER_WORLD} --seed ${seed}`,
  date: new Date().toISOString().slice(0, 10),
};
console.log(`\n${resultText(made)}`);
if (values.reasons)
  for (const [reason, count] of [...verdict.reasons].sort((a, b) => b[1] - a[1])) console.log(`${count} ${reason}`);
for (const { seed: world, reports, text } of verdict.wrong.slice(0, SHOWN)) keepSeed({ seed: world, reports }, text);
if (!values['no-page'] && worlds >= 500) writeFileSync(PAGE, withResult(readFileSync(PAGE, 'utf8'), made));
process.exitCode = verdict.wrong.length > 0 ? 1 : 0;
