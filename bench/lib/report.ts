// How every benchmark says what it found: one line per figure for people, one line of JSON for the table at the end. A
// figure without the load of the machine, or without something measured beside it in the same run, says little.
import { loadavg } from 'node:os';

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The same work without our rules, in the same run. */
  readonly baseline?: { readonly what: string; readonly value: number };
  /** How many times the baseline; below 1 is slower when more is better. */
  readonly ratio?: number;
  /** What the project wants, in words. */
  readonly goal?: string;
}

export const RESULT_MARK = 'RESULT ';

export function report(
  bench: string,
  figures: readonly Figure[],
  detail: Readonly<Record<string, unknown>> = {},
): void {
  const load = Number(loadavg()[0]!.toFixed(1));
  for (const figure of figures) console.log(`  ${bench}: ${sentence(figure)}`);
  console.log(`${RESULT_MARK}${JSON.stringify({ bench, load, figures, ...detail })}`);
}

function sentence({ what, value, unit, baseline, ratio, goal }: Figure): string {
  const beside = baseline === undefined ? '' : `; ${baseline.what} ${readable(baseline.value)}`;
  const times = ratio === undefined ? '' : `; ratio ${ratio.toFixed(2)}`;
  return `${what} ${readable(value)} ${unit}${beside}${times}${goal === undefined ? '' : ` (goal ${goal})`}`;
}

export function readable(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

/** Sorted in place. */
export function percentile(values: number[], part: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;
}

/** Microseconds of CPU of the whole process per piece of work, all threads together. */
export function cpuPer(pieces: number, since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / pieces;
}
