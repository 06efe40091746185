// `engawa release-all`: shows first, acts on a typed count, and goes on with whatever of ours still works.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Config } from '../config/load.ts';
import type { Json } from '../flow/ports.ts';
import { sweep } from '../last-resort.ts';
import { asTheService, callOperation, type Input } from './call.ts';
import { CliFault, type GlobalOptions, readConfig, whoAmI } from './context.ts';
import { next, paint, say, sayJson, table } from './print.ts';

type Row = Readonly<Record<string, Json>>;
type Options = { all?: boolean; family?: string; line?: string; reason?: string; confirm?: string };

/** Nobody who could say who is in the garden: with `--all` the gateway is emptied without a list. */
const BLIND: ReadonlySet<string> = new Set(['state-not-opened', 'service-silent', 'service-failed', 'unexpected']);

export function releaseAllCommand(program: Command): void {
  program
    .command('release-all')
    .description(
      'the kill switch: hold, journal, then every chosen line out of the garden. Shows the list first; acts on a typed count.',
    )
    .option('--all', 'everybody')
    .option('--family <name>', 'lines with an open case of this family')
    .option('--line <id>', 'one line')
    .option('--reason <text>', 'why, for the log')
    .option('--confirm <count>', 'the count the preview showed; «all» when nobody could be counted')
    .action(async (options: Options, command: Command) =>
      releaseAll(options, command.optsWithGlobals<GlobalOptions>()),
    );
}

async function releaseAll(options: Options, globals: GlobalOptions): Promise<void> {
  const filter: Input = {
    ...(options.all === true ? { all: true } : {}),
    ...(options.family === undefined ? {} : { family: options.family }),
    ...(options.line === undefined ? {} : { line: options.line }),
  };
  const config = readConfig(globals);
  const isJson = globals.json === true;
  const mayBeBlind = options.all === true && options.family === undefined && options.line === undefined;
  const preview: Row = await callOperation(config, { name: 'release-all.preview', input: filter }).catch((cause) => ({
    filter: 'all',
    count: null,
    lines: [],
    unreadable: blindReason(cause, mayBeBlind),
  }));
  const typed = (options.confirm ?? (await askForCount(preview, isJson)))?.trim();
  if (typed === undefined) {
    if (isJson) sayJson({ ...preview, done: false });
    return;
  }
  if (!/^(?:\d{1,9}|all)$/.test(typed))
    throw new CliFault(2, 'count-invalid', `--confirm: expected the count of the preview, got «${typed}»`);
  const { reason } = options;
  if (reason === undefined)
    throw new CliFault(2, 'reason-missing', '--reason is missing: it goes into the journal and the log');
  const confirm = typed === 'all' ? typed : Number(typed);
  const answer: Row = await callOperation(config, {
    name: 'release-all.run',
    input: { ...filter, confirm, reason },
  }).catch((cause) => runBlind(config, { reason, confirm, why: blindReason(cause, mayBeBlind) }));
  if (isJson) sayJson({ ...answer, done: true });
  else printReleaseAll(answer);
  throwWhatFailed(answer);
}

/** Throws the cause again where a list is needed, or where the refusal is not about a store or a service. */
function blindReason(cause: unknown, mayBeBlind: boolean): string {
  if (mayBeBlind && cause instanceof CliFault && BLIND.has(cause.code)) return cause.message;
  throw cause;
}

async function runBlind(
  config: Config,
  order: { readonly reason: string; readonly confirm: number | 'all'; readonly why: string },
): Promise<Row> {
  const by = whoAmI();
  const swept = await asTheService(config, true, (usable) => sweep(usable, { by, reason: order.reason }));
  return {
    hold: 'on',
    journalled: swept.journalled,
    casesClosed: null,
    elementsRemoved: null,
    failure: swept.removed.ok ? null : swept.removed.error.kind,
    faults: [...swept.faults],
    recorded: false,
    unreadable: order.why,
  };
}

async function askForCount(preview: Row, json: boolean): Promise<string | undefined> {
  if (json) return undefined;
  const count = preview['count'] === null ? 'all' : String(preview['count']);
  if (preview['count'] === null) {
    say(`Nobody can be listed: ${String(preview['unreadable'])}`);
    say(`${paint('bold', 'Everybody')} would be released: the gateway is emptied whole. Nothing is done yet.`);
  } else printPreview(preview);
  if (preview['count'] === 0) return undefined;
  if (process.stdin.isTTY !== true) {
    next(`repeat the command with --reason TEXT --confirm ${count}`);
    return undefined;
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const typed = await asking.question(
      `Type ${count === 'all' ? '«all»' : 'the count'} to release them, or Enter to stop: `,
    );
    return typed.trim() === '' ? undefined : typed;
  } finally {
    asking.close();
  }
}

function printPreview(preview: Row): void {
  const lines = preview['lines'] as readonly Row[];
  say(
    `${paint('bold', String(preview['count']))} lines would be released (filter: ${String(preview['filter'])}). Nothing is done yet.`,
  );
  if (lines.length > 0)
    table(
      ['line', 'access', 'families'],
      lines
        .slice(0, 20)
        .map((one) => [
          String(one['lineId']),
          String(one['access']),
          (one['families'] as readonly string[]).join(', '),
        ]),
    );
  if (Number(preview['count']) > 20) say(`… and ${Number(preview['count']) - 20} more`);
}

function printReleaseAll(answer: Row): void {
  for (const line of outcomeOf(answer)) say(line);
  next('engawa status; engawa hold off when repair may start again');
}

/** What is done and what is not, in the order in which it matters at night. */
export function outcomeOf(answer: Row): readonly string[] {
  const faults = answer['faults'] as readonly string[];
  const lines = [
    answer['failure'] === null
      ? 'The elements are out of the gateway.'
      : `The gateway did NOT take it (${String(answer['failure'])}): elements end by their own timeout.`,
    faults.some((one) => one.startsWith('hold')) ? 'Hold could NOT be written.' : 'Hold is ON.',
  ];
  if (faults.some((one) => one.startsWith('the journal'))) lines.push('The releases are NOT in the journal.');
  else
    lines.push(
      `${String(answer['journalled'])} ${answer['journalled'] === 1 ? 'entry is' : 'entries are'} in the journal.`,
    );
  lines.push(
    answer['casesClosed'] === null
      ? 'The store did not take them yet: they are taken in before hold is lifted.'
      : `${String(answer['casesClosed'])} are taken over into the cases.`,
  );
  return lines;
}

function throwWhatFailed(answer: Row): void {
  const faults = answer['faults'] as readonly string[];
  if (faults.length > 0)
    throw new CliFault(
      1,
      'release-not-durable',
      `${faults.join('; ')}. What is not in the journal comes back when hold is lifted. Next: mend the disk, then run this again before engawa hold off`,
    );
  if (answer['failure'] !== null)
    throw new CliFault(
      1,
      'gateway-failed',
      'the releases are in the journal, but the gateway did not answer: elements end by their own timeout; run this again',
    );
}
