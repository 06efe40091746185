// docs/oracle.md: what the last long run found, with its seed, so that anybody can have it again.
import { cpus } from 'node:os';
import { type Count, total, type Verdict } from './judge.ts';
import { MECHANISMS } from './truth.ts';

const BEGIN = '<!-- oracle:begin -->';
const END = '<!-- oracle:end -->';

export interface Made {
  readonly verdict: Verdict;
  readonly command: string;
  readonly seed: number;
  readonly worlds: number;
  readonly minutes: number;
  readonly date: string;
}

export function withResult(page: string, made: Made): string {
  const [head, rest] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (head < 0 || rest < head) throw new Error(`docs/oracle.md has lost its marks ${BEGIN} and ${END}`);
  return `${page.slice(0, head + BEGIN.length)}\n${resultText(made)}\n${page.slice(rest)}`;
}

export function resultText({ verdict, command, seed, worlds, minutes, date }: Made): string {
  const rows = MECHANISMS.map((one) => row(one, verdict.counts[one]));
  const all = total(verdict.counts);
  const { early, wrong } = verdict;
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} CPUs, Node ${process.versions.node}`;
  return `
\`${command}\`: ${number(all.asked)} reports in ${number(worlds)} worlds from seed ${seed}, on ${date}, ${minutes.toFixed(1)} min (${machine}).

**Wrong lines: ${wrong.length}.** Recall ${percent(all)} of the ${number(all.attributable)} reports that somebody who knew everything could have told.

| how the line is found | reports | unique | ambiguous | stale | none | impossible | could be told | recall |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
${[...rows, row('**all**', all)].join('\n')}

Asked at once, with what had arrived by then: ${number(early.asked)} reports, ${number(early.unique)} named; ${early.provisionallyWrong} of these were wrong, all of them
marked provisional (from the open tail of a session) and none of them named any more once the late records were there.
`.trim();
}

function row(name: string, count: Count): string {
  const { asked, unique, ambiguous, stale, none, impossible, attributable } = count;
  const cells = [asked, unique, ambiguous, stale, none, impossible, attributable].map(number);
  return `| ${[name, ...cells, percent(count)].join(' | ')} |`;
}

function percent({ recalled, attributable }: Count): string {
  return attributable === 0 ? '–' : `${((100 * recalled) / attributable).toFixed(1)} %`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
