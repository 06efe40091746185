// `engawa feeds check FILE`: what a file is, before it is let in. Needs no service and no store; says in 80 columns what its rows
// would become, what would act, what would be refused and why, and whether its times can be believed.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { FeedConfig } from '../config/feeds.ts';
import { formatInstant } from '../core/kernel/civil.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../core/kernel/time.ts';
import { LIMITS } from '../core/policy/policy.ts';
import type { FeedFile, FileFault, OpenedFeed } from '../core/report/feed.ts';
import { type FeedCheck, FeedChecker } from '../core/report/feed-check.ts';
import { readerOf } from '../feed-formats.ts';
import { plainText } from '../telemetry/plain.ts';
import { unfolded } from '../unfolded.ts';
import { CliFault, type GlobalOptions } from './context.ts';
import { dryRunFamilies } from './dry-run-families.ts';
import { dryRunFeed } from './dry-run-feed.ts';
import { next, paint, say, sayJson, table } from './print.ts';

interface Options {
  readonly source: string;
  readonly beside?: readonly string[];
  readonly name?: string;
}

export function feedCheckCommand(feeds: Command, done: (exitCode: number) => void): void {
  feeds
    .command('check')
    .argument('<file>', 'feed file')
    .requiredOption('--source <name>', 'the configured feed it belongs to; without a configuration, a kind such as n6')
    .option('--beside <files...>', 'what came in the same mail')
    .option('--name <name>', 'the name it was delivered under, when the file has another one now')
    .description('explain a feed file before it is let in; stores nothing, needs no service')
    .action(async (file: string, options: Options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      done(await check(file, options, globals));
    });
}

/** Exit code: 0 = fit to be let in. */
async function check(path: string, options: Options, globals: GlobalOptions): Promise<number> {
  const feed = dryRunFeed(options.source, globals);
  const unpacked = await unfolded({ name: options.name ?? basename(path), bytes: input(path) });
  if (!unpacked.ok) throw new CliFault(1, unpacked.error.code, `${path}: ${unpacked.error.text}`);
  const { name: fileName, bytes } = unpacked.value;
  const now = Date.now();
  const file: FeedFile = {
    source: feed.name,
    fileName,
    bytes: [bytes],
    beside: (options.beside ?? []).map((one) => ({ fileName: basename(one), bytes: input(one) })),
    evidenceHash: hash('sha256', bytes, 'hex'),
    // Times from later than now are wanted here: how far ahead they are shows which zone was meant.
    receivedAt: now + DAY,
    familyOf: dryRunFamilies(globals),
  };
  const opened = await readerOf(feed)(file);
  if (!opened.ok) return parked(opened.error, file, globals);
  const checker = new FeedChecker(now, LIMITS.reportFreshMs);
  for await (const row of opened.value.items) checker.add(row);
  const found = checker.result();
  const reasons = reasonsAgainst(found);
  if (globals.json === true) sayJson(asJson(feed, file, { found, remarks: opened.value.remarks, reasons }));
  else print(feed, path, { found, remarks: opened.value.remarks, reasons, fileName: file.fileName });
  return reasons.length === 0 ? 0 : 1;
}

function input(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CliFault(2, 'file-unreadable', `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}`);
  }
}

function parked({ code, text }: FileFault, file: FeedFile, globals: GlobalOptions): number {
  if (globals.json === true)
    sayJson({
      source: file.source,
      file: file.fileName,
      fit: false,
      parked: { code, text },
      reasons: ['it would be parked'],
    });
  else {
    say(paint('bold', `${file.source} · ${plainText(file.fileName)}`));
    say(`${paint('red', 'It would be parked')}: ${code}`);
    for (const line of wrapped(plainText(text))) say(`  ${line}`);
  }
  return 1;
}

function reasonsAgainst({ reports, rows, doubts }: FeedCheck): readonly string[] {
  const grave = doubts.filter((one) => one.grave).map((one) => one.code);
  if (rows === 0) return ['it has no rows'];
  return reports === 0 ? ['no row becomes a report', ...grave] : grave;
}

interface Shown {
  readonly found: FeedCheck;
  readonly remarks: OpenedFeed['remarks'];
  readonly reasons: readonly string[];
}

function asJson(feed: FeedConfig, file: FeedFile, { found, remarks, reasons }: Shown) {
  const { span, refused, types, doubts, acts, ...counts } = found;
  return {
    source: feed.name,
    kind: feed.kind,
    file: file.fileName,
    fit: reasons.length === 0,
    reasons: [...reasons],
    ...counts,
    span:
      span === undefined
        ? null
        : { from: formatInstant(span.from), to: formatInstant(span.to), precisionSeconds: span.precisionMs / 1000 },
    acts: { ...acts },
    types: types.map((one) => ({ ...one })),
    refused: refused.map((one) => ({ ...one })),
    doubts: doubts.map((one) => ({ ...one })),
    remarks: remarks.map((one) => ({ ...one })),
  };
}

function print(feed: FeedConfig, path: string, shown: Shown & { readonly fileName: string }): void {
  const { found, remarks, reasons } = shown;
  say(paint('bold', `${feed.name} (${feed.kind}) · ${plainText(shown.fileName)}`));
  const refused = found.refused.reduce((sum, one) => sum + one.rows, 0);
  const repeated = found.repeated === 0 ? '' : ` · ${found.repeated} repeated`;
  say();
  fact('rows', `${found.rows}: ${found.reports} reports${repeated} · ${refused} refused`);
  fact('time', spanText(found));
  fact('zone', found.doubts.length === 0 ? 'nothing speaks against it' : paint('yellow', 'see the doubts below'));
  fact('acts', actsText(found));
  fact('port', `${found.withPort} of ${found.reports} reports have one; without, a shared address names nobody`);
  printTypes(found);
  printRefused(found);
  list('doubts about the times', found.doubts);
  list('remarks', remarks);
  say();
  if (reasons.length === 0) {
    say(`${paint('green', 'Fit to be let in.')} Lines, protection and policy are asked then.`);
    next(`engawa ingest ${path} --source ${feed.name}`);
  } else {
    say(`${paint('red', 'Not to be let in as it is')}: ${reasons.join(', ')}.`);
    next('ask the source, or correct the settings of the feed; then check again');
  }
}

function fact(name: string, text: string): void {
  for (const [i, line] of wrapped(text, WIDTH - 8).entries())
    say(`${paint('dim', (i === 0 ? name : '').padEnd(6))}  ${line}`);
}

function spanText({ span }: FeedCheck): string {
  if (span === undefined) return 'no row has a readable time';
  const short = (at: Instant) => formatInstant(at).slice(0, 19).replace('T', ' ');
  const worst = span.precisionMs;
  const [unit, ms] = worst >= HOUR ? ['h', HOUR] : worst >= MINUTE ? ['min', MINUTE] : ['s', SECOND];
  return `${short(span.from)} – ${short(span.to)} UTC, ±${Math.round(worst / Number(ms))} ${unit}${worst >= MINUTE ? ' at worst' : ''}`;
}

function actsText({ acts }: FeedCheck): string {
  const parts = [
    `${acts.alone} may act`,
    ...(acts.withSecondSource > 0 ? [`${acts.withSecondSource} with a second source`] : []),
    ...(acts.tooOld > 0 ? [`${acts.tooOld} too old (72 h)`] : []),
    `${acts.never} never`,
  ];
  return parts.join(' · ');
}

const SHOWN_TYPES = 15;

function printTypes({ types }: FeedCheck): void {
  if (types.length === 0) return;
  say();
  table(
    ['reports', 'may act', 'class', 'type'],
    types
      .slice(0, SHOWN_TYPES)
      .map((one) => [String(one.reports), one.mayAct ? 'yes' : 'never', one.class, fitted(one.type, 38)]),
  );
  more(types.length, SHOWN_TYPES);
}

function printRefused({ refused }: FeedCheck): void {
  if (refused.length === 0) return;
  say();
  say(paint('bold', 'refused'));
  for (const { code, rows, line, text } of refused.slice(0, SHOWN_TYPES)) {
    say(`  ${paint('yellow', code)}: ${rows === 1 ? `line ${line}` : `${rows} rows, the first is line ${line}`}`);
    for (const part of wrapped(plainText(text), WIDTH - 4)) say(`    ${part}`);
  }
  more(refused.length, SHOWN_TYPES);
}

function more(count: number, shown: number): void {
  if (count > shown) say(`… and ${count - shown} more (--json shows them)`);
}

function list(title: string, entries: readonly { readonly code: string; readonly text: string }[]): void {
  if (entries.length === 0) return;
  say();
  say(paint('bold', title));
  for (const { code, text } of entries) {
    say(`  ${paint('yellow', code)}`);
    for (const line of wrapped(plainText(text), WIDTH - 4)) say(`    ${line}`);
  }
}

const WIDTH = 80;

/** A word of the file itself: no control characters, no more than its column. */
function fitted(text: string, width: number): string {
  const plain = plainText(text);
  return plain.length > width ? `${plain.slice(0, width - 1)}…` : plain;
}

function wrapped(text: string, width = WIDTH - 2): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
