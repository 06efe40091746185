// `engawa ingest`, `engawa lines import`, `engawa policy …`: what comes in by hand.

import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { formatFault } from '../config/faults.ts';
import { load } from '../config/load.ts';
import { loadPolicy } from '../config/policy.ts';
import type { OpenedFeed } from '../core/report/feed.ts';
import type { RefusedRow } from '../core/report/report.ts';
import { readerOf } from '../feed-formats.ts';
import type { Json } from '../flow/ports.ts';
import { policyFacts } from '../start-check.ts';
import { unfolded } from '../unfolded.ts';
import { callOperation } from './call.ts';
import { CliFault, configPath, type GlobalOptions, readConfig } from './context.ts';
import { dryRunFamilies } from './dry-run-families.ts';
import { dryRunFeed } from './dry-run-feed.ts';
import { feedCheckCommand } from './feed-check.ts';
import { groupOf } from './group.ts';
import { next, paint, progressLine, say, sayJson, table } from './print.ts';

type Row = Readonly<Record<string, Json>>;

function readInput(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CliFault(2, 'file-unreadable', `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}`);
  }
}

export function feedCommands(program: Command, done: (exitCode: number) => void): void {
  ingestCommand(program, done);
  feedCheckCommand(groupOf(program, 'feeds', 'what comes in: feeds, how they are fetched, how good they are'), done);
  linesCommand(program);
  policyCommands(program);
}

interface IngestOptions {
  readonly source?: string;
  readonly dryRun?: boolean;
  readonly parked?: boolean;
  readonly replay?: string;
  readonly as?: string;
}

function ingestCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command('ingest')
    .argument('[file]', 'feed file, named as its source named it')
    .option('--source <name>', 'the configured feed it belongs to')
    .option('--dry-run', 'read and count only; needs no store and no service')
    .option('--parked', 'list files that could not be read')
    .option('--replay <hash>', 'take in a parked file again')
    .option('--as <name>', 'with --replay: under this file name')
    .description('take in a feed file; a bad row is refused with line and reason and never stops the file')
    .action(async (file: string | undefined, options: IngestOptions, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      if (options.parked === true) return listParked(globals);
      if (options.replay !== undefined)
        return takeIn(globals, 'ingest.replay', {
          hash: options.replay,
          ...(options.as === undefined ? {} : { name: options.as }),
        });
      if (file === undefined) throw new CliFault(2, 'file-missing', 'name the file to take in');
      if (options.source === undefined)
        throw new CliFault(2, 'source-missing', '--source is missing: the configured feed this file belongs to');
      if (options.dryRun === true) return done(await dryRun(file, options.source, globals));
      return takeIn(globals, 'ingest', { source: options.source, name: basename(file) }, readInput(file));
    });
}

async function takeIn(globals: GlobalOptions, name: string, input: Record<string, Json>, body?: Buffer): Promise<void> {
  const line = progressLine();
  const answer = await callOperation(readConfig(globals), {
    name,
    input,
    ...(body === undefined ? {} : { body }),
    progress: (state) => line.show(`${String(state['rows'])} rows`),
  });
  line.end();
  if (globals.json === true) return sayJson(answer);
  printRows(answer);
  next('engawa case list');
}

function printRows(answer: Row): void {
  const rows = answer['rows'] as Row;
  say(
    `${String(answer['source'])} ${(answer['types'] as readonly string[]).join(', ')}: ${paint('bold', String(rows['total']))} rows – ${String(rows['accepted'])} accepted, ${String(rows['duplicate'])} known before, ${String(rows['refused'])} refused`,
  );
  for (const [outcome, count] of Object.entries(answer['outcomes'] as Row))
    say(`  ${outcome.padEnd(28)} ${String(count)}`);
  say(`  would act or acted on: ${String(answer['wouldAct'])}`);
  for (const remark of answer['remarks'] as readonly Row[])
    say(`  ${paint('yellow', String(remark['code']))}: ${String(remark['text'])}`);
  const refused = answer['refused'] as readonly Row[];
  if (refused.length === 0) return;
  say();
  table(
    ['line', 'refused because', ''],
    refused.slice(0, 20).map((row) => [String(row['line']), String(row['code']), String(row['text'])]),
  );
  if (refused.length > 20) say(`… and ${refused.length - 20} more (--json shows up to 1,000)`);
}

async function listParked(globals: GlobalOptions): Promise<void> {
  const answer = await callOperation(readConfig(globals), { name: 'ingest.parked' });
  if (globals.json === true) return sayJson(answer);
  const parked = answer['parked'] as readonly Row[];
  if (parked.length === 0) return say('No parked files.');
  table(
    ['hash', 'source', 'file', 'deleted on', 'reason'],
    parked.map((one) => [
      String(one['hash']).slice(0, 12),
      String(one['source']),
      String(one['name']),
      String(one['keptUntil']).slice(0, 10),
      String(one['reason']),
    ]),
  );
  next('engawa ingest --replay HASH, when the reason is mended');
}

/** Parses as an ingest would; attributes and decides nothing, so it needs no store. */
async function dryRun(file: string, source: string, globals: GlobalOptions): Promise<number> {
  const unpacked = await unfolded({ name: basename(file), bytes: readInput(file) });
  if (!unpacked.ok) throw new CliFault(1, unpacked.error.code, `${file}: ${unpacked.error.text}`);
  const { name: fileName, bytes } = unpacked.value;
  const familyOf = dryRunFamilies(globals);
  const evidenceHash = hash('sha256', bytes, 'hex');
  const feed = await readerOf(dryRunFeed(source, globals))({
    source,
    fileName,
    bytes: [bytes],
    evidenceHash,
    receivedAt: Date.now(),
    familyOf,
  });
  if (!feed.ok) throw new CliFault(1, feed.error.code, `${file}: ${feed.error.text}. It would be parked.`);
  const answer = await count(source, feed.value);
  if (globals.json === true) sayJson(answer);
  else {
    say(paint('yellow', 'Dry run: nothing was stored, no line was looked up.'));
    printRows(answer as Row);
    next(`engawa ingest ${file} --source ${source}`);
  }
  return 0;
}

async function count(source: string, { types, remarks, items }: OpenedFeed): Promise<Record<string, Json>> {
  const seen = new Set<string>();
  const outcomes: Record<string, number> = {};
  const refused: RefusedRow[] = [];
  let [total, accepted, duplicate, refusedTotal, wouldAct] = [0, 0, 0, 0, 0];
  const line = progressLine();
  for await (const row of items) {
    total++;
    if (total % 1000 === 0) line.show(`${total} rows`);
    if ('code' in row) {
      refusedTotal++;
      if (refused.length < 1000) refused.push(row);
      continue;
    }
    if (seen.has(row.id)) {
      duplicate++;
      continue;
    }
    seen.add(row.id);
    accepted++;
    const key = `${row.class}${row.mayAct ? '' : ' (never acts)'}`;
    outcomes[key] = (outcomes[key] ?? 0) + 1;
    if (row.mayAct) wouldAct++;
  }
  line.end();
  return {
    source,
    types: [...types],
    remarks: remarks.map((remark) => ({ ...remark })),
    rows: { total, accepted, duplicate, refused: refusedTotal },
    outcomes,
    wouldAct,
    refused: refused.map((row) => ({ ...row })),
  };
}

function linesCommand(program: Command): void {
  program
    .command('lines')
    .description("the operator's lines")
    .command('import')
    .argument('<csv>', 'lines file; absent lines stay as they are')
    .option('--dry-run', 'show the difference, change nothing')
    .option('--replace', 'lines absent from the file end their contract')
    .option('--max-removed <count>', 'with --replace: at most so many')
    .action(
      async (file: string, options: { dryRun?: boolean; replace?: boolean; maxRemoved?: string }, command: Command) => {
        const globals = command.optsWithGlobals<GlobalOptions>();
        if (options.maxRemoved !== undefined && !/^\d{1,9}$/.test(options.maxRemoved))
          throw new CliFault(2, 'count-invalid', `--max-removed: expected a whole number, got «${options.maxRemoved}»`);
        const input = {
          dryRun: options.dryRun === true,
          replace: options.replace === true,
          ...(options.maxRemoved === undefined ? {} : { maxRemoved: Number(options.maxRemoved) }),
        };
        const answer = await callOperation(readConfig(globals), { name: 'lines.import', input, body: readInput(file) });
        if (globals.json === true) return sayJson(answer);
        say(
          `${answer['dryRun'] === true ? paint('yellow', 'Dry run, nothing changed: ') : ''}${String(answer['added'])} added, ${String(answer['changed'])} changed, ${String(answer['newEpoch'])} new customers, ${String(answer['removed'])} ended, ${String(answer['unchanged'])} unchanged`,
        );
        for (const row of answer['sample'] as readonly string[]) say(`  ${row}`);
        if (answer['dryRun'] === true) next(`engawa lines import ${file}`);
        else say(`Cases closed because of it: ${String(answer['casesClosed'])}`);
      },
    );
}

function policyCommands(program: Command): void {
  const policy = program.command('policy').description('the policy: a versioned file');
  policy
    .command('validate')
    .argument('<file>', 'policy YAML')
    .description('check a policy file; changes nothing, needs no service')
    .action((file: string, _options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      // Families and sources are the configuration's: without one that loads, only the file itself is checked.
      const config = load(configPath(globals));
      const facts = config.ok ? policyFacts(config.value) : {};
      const loaded = loadPolicy(readInput(file).toString('utf8'), file, facts);
      if (!loaded.ok)
        throw new CliFault(
          1,
          'policy-invalid',
          `${file} is not valid:\n${loaded.error.map((fault) => `  ${formatFault(fault)}`).join('\n')}`,
        );
      if (globals.json === true)
        return sayJson({
          valid: true,
          version: loaded.value.version,
          rules: loaded.value.rules.length,
          namesChecked: config.ok,
        });
      say(
        `${paint('green', 'Valid')}: ${loaded.value.rules.length} rules, version ${loaded.value.version.slice(0, 12)}`,
      );
      if (!config.ok) say('Names of sources and families were not checked: no configuration that loads is at hand.');
      next(`engawa policy activate ${file}`);
    });
  policy
    .command('activate')
    .argument('<file>', 'policy YAML')
    .description('make it the policy for new cases; open cases keep theirs')
    .action(async (file: string, _options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(globals), {
        name: 'policy.activate',
        input: { name: resolve(file) },
        body: readInput(file),
      });
      if (globals.json === true) return sayJson(answer);
      say(
        answer['changed'] === true
          ? `Active now: version ${String(answer['version']).slice(0, 12)}. Open cases keep theirs.`
          : 'This version was active already; nothing changed.',
      );
      next('engawa policy show');
    });
  policy
    .command('show')
    .description('the active policy and its history')
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(globals), { name: 'policy.show' });
      if (globals.json === true) return sayJson(answer);
      say(`${paint('bold', String(answer['name']))} version ${String(answer['active']).slice(0, 12)}`);
      table(
        ['rule', 'ladder'],
        (answer['rules'] as readonly Row[]).map((rule) => [
          String(rule['id']),
          (rule['ladder'] as readonly string[]).join(' → '),
        ]),
      );
      say();
      table(
        ['version', 'file', 'by'],
        (answer['history'] as readonly Row[]).map((one) => [
          String(one['version']).slice(0, 12),
          String(one['name']),
          String(one['by']),
        ]),
      );
    });
}
