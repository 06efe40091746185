// The table at the end of `npm run bench`: reads the output of the benches and shows every figure with its baseline, ratio and
// the load of the machine when it was taken. Judges nothing. Usage: bench-summary.ts FILE
import { readFileSync } from 'node:fs';
import { type Figure, RESULT_MARK, readable } from '../bench/lib/report.ts';

interface Result {
  readonly bench: string;
  readonly load: number;
  readonly figures: readonly Figure[];
}

const results = readFileSync(process.argv[2]!, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith(RESULT_MARK))
  .map((line) => JSON.parse(line.slice(RESULT_MARK.length)) as Result);
const rows = results.flatMap(({ bench, load, figures }) =>
  figures.map(({ what, value, unit, baseline, ratio, goal }) => [
    bench,
    what,
    `${readable(value)} ${unit}`,
    baseline === undefined ? '' : `${readable(baseline.value)} (${baseline.what})`,
    ratio === undefined ? '' : ratio.toFixed(2),
    goal ?? '',
    String(load),
  ]),
);
const table = [['bench', 'figure', 'value', 'baseline', 'ratio', 'goal', 'load'], ...rows];
const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
for (const row of table)
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
