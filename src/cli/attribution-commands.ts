// `engawa who`, `engawa desk`, `engawa clock`, `engawa sharing`, `engawa feeds quality`: which line, how sure, and what is missing.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Json } from '../flow/ports.ts';
import { callOperation, type Input } from './call.ts';
import { CliFault, type GlobalOptions, readConfig } from './context.ts';
import { groupOf } from './group.ts';
import { next, paint, progressLine, say, sayJson, table } from './print.ts';

type Row = Readonly<Record<string, Json>>;
type Options = Readonly<Record<string, string | undefined>>;

export function attributionCommands(program: Command): void {
  whoCommand(program);
  deskCommands(program);
  clockCommands(program);
  sharingCommands(program);
  qualityCommands(program);
}

async function order(
  command: Command,
  name: string,
  input: Input,
  print: (answer: Row) => void,
  body?: Buffer,
): Promise<void> {
  const globals = command.optsWithGlobals<GlobalOptions>();
  const line = progressLine();
  const answer = await callOperation(readConfig(globals), {
    name,
    input,
    ...(body === undefined ? {} : { body }),
    progress: (state) => line.show(`${String(state['asked'] ?? '')} asked again`),
  });
  line.end();
  if (globals.json === true) sayJson(answer);
  else print(answer);
}

function given(options: Options, names: readonly string[]): Record<string, Json> {
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]!]])));
}

// ------------------------------------------------------------------ who

function whoCommand(program: Command): void {
  program
    .command('who')
    .argument('<address>', 'IPv4 or IPv6')
    .argument('[port]', 'source port on the line: without it a shared address names nobody')
    .requiredOption('--at <time>', 'RFC 3339 with Z or an offset, e.g. 2026-03-04T05:06:07Z')
    .option('--protocol <name>', 'tcp, udp or icmp')
    .description('who held this address (and port) then: the line, the evidence, and how sure it is')
    .action(async (address: string, port: string | undefined, options: Options, command: Command) => {
      if (port !== undefined && !/^[1-9]\d{0,4}$/.test(port))
        throw new CliFault(2, 'port-invalid', `port: expected 1–65535, got «${port}»`);
      const input = {
        address,
        ...(port === undefined ? {} : { port: Number(port) }),
        ...given(options, ['at', 'protocol']),
      };
      await order(command, 'who', input, printWho);
    });
}

/** What each kind means for the person who asks. */
const KINDS: Readonly<Record<string, string>> = {
  ambiguous: 'More than one answer is possible: nobody may be named.',
  stale: 'There was a holder, but the evidence is too old for this moment.',
  none: 'Nobody of ours is known to have held it.',
  'not-ours': 'This is no address of a line of ours.',
  impossible: 'Nobody can have had this.',
};

const REASONS: Readonly<Record<string, string>> = {
  covered: 'records of the line cover the whole window',
  'open-tail': 'the session was open at the last record before; a later record may still say otherwise',
  'shared-address': 'the address is shared, and somebody is recorded as holding all of it',
  'shared-address-without-port':
    'several lines share this address: without the source port nobody can be told apart (RFC 6302)',
  'shared-address-without-protocol':
    'the translator gives ports for each protocol apart: without it nobody can be told apart',
  'shared-address-icmp': 'ICMP has no port, and several lines share this address',
  'port-excluded': 'the rule gives this port to nobody',
  'port-reserved': 'the translator gives this port to nobody',
  'port-outside-blocks': 'no block of this address has this port',
  'no-translation': 'the address is shared, and no rule or log says who was behind this port',
  'inside-holder-unknown': 'what stood behind the port is known, but not whose line that was',
  'access-key-unknown': 'the holder’s access key is no line’s',
  'no-holder': 'no record names a holder at that time',
  'last-evidence-too-old': 'the last record of the holder lies too far back',
  'holder-changed-in-window': 'the holder changed inside the window',
  'holder-changed-meanwhile': 'it had another holder at the end of the span than at its beginning',
  'overlapping-holders': 'records name two holders at the same time',
  'holder-began-in-window': 'the holder began inside the window: before it nobody is known',
  'holder-ended-in-window': 'the holder ended inside the window',
  'nas-reset-in-window': 'the NAS restarted inside the window: its session may have ended before',
  'gap-in-window': 'there is a gap in the records inside the window',
  'previous-customer': 'the line had another customer then',
  'customer-changed-in-window': 'the line changed its customer inside the window',
  'contract-ended': 'the contract has ended',
  infrastructure: 'an address of our own network',
  'address-outside-our-ranges': 'outside of our address ranges',
  'observed-in-the-future': 'that moment has not come yet',
};

const STEPS: Readonly<Record<string, string>> = {
  'map-e': 'MAP-E rule',
  lw4o6: 'lw4o6 table',
  'deterministic-cgn': 'deterministic CGN rule',
  'translation-log': 'log of the translator',
};

function printWho(answer: Row): void {
  const line = answer['line'] as Row | null;
  const port = answer['port'] === null ? '' : ` port ${String(answer['port'])}`;
  const asked = `${String(answer['address'])}${port} at ${String(answer['at'])}`;
  if (line === null)
    say(`${paint('yellow', String(answer['kind']))}: ${asked}. ${KINDS[String(answer['kind'])] ?? ''}`);
  else say(`${paint('green', `Line ${String(line['id'])}`)} held ${asked}.`);
  say(`  because   ${REASONS[String(answer['reason'])] ?? ''} (${String(answer['reason'])})`);
  for (const step of answer['via'] as readonly Row[])
    say(`  behind it ${String(step['inside'])} – ${STEPS[String(step['kind'])]} ${String(step['id'])}`);
  const binding = answer['binding'] as Row | null;
  if (binding !== null) say(`  held by   ${bindingWords(binding)}`);
  if (line !== null)
    say(
      `  line      class ${String(line['class'])}${line['protected'] === true ? ', protected' : ''}, contract ${String(line['contract'])}`,
    );
  const window = answer['window'] as Row;
  say(`  window    ${String(window['from'])} – ${String(window['to'])} (± ${String(answer['deltaSeconds'])} s)`);
  const others = (answer['candidates'] as readonly Row[]).filter((one) => one['id'] !== line?.['id']);
  if (others.length > 0) say(`  in question: ${others.map((one) => String(one['id'])).join(', ')}`);
  if (line === null)
    next('engawa desk list shows what is missing; engawa sharing load, engawa bindings import supply it');
  else next(`engawa case show ${String(line['id'])}`);
}

function bindingWords(binding: Row): string {
  const nas = binding['nas'] === null ? '' : ` of ${String(binding['nas'])}`;
  const span = `${String(binding['from'] ?? 'ever')} – ${String(binding['evidenceUntil'] ?? 'now')}`;
  const end =
    binding['closedBy'] === null ? 'open' : `ended by ${String(binding['closedBy'])} ${String(binding['ended'] ?? '')}`;
  return `${String(binding['source'])}${nas}, ${String(binding['prefix'])}, evidence ${span}, ${end.trim()}`;
}

// ------------------------------------------------------------------ desk

const FILTERS = ['kind', 'code', 'source', 'since'] as const;

function deskCommands(program: Command): void {
  const desk = program.command('desk').description('reports that name no line for sure, and what is missing');
  const filtered = (command: Command) =>
    command
      .option('--kind <kind>', 'ambiguous, stale or none')
      .option('--code <code>', 'reason, e.g. no-translation')
      .option('--source <name>', 'of this feed')
      .option('--since <time>', 'observed since, RFC 3339');
  filtered(desk.command('list'))
    .description('newest first, with the reason, the lines in question, and what would be answered now')
    .option('--limit <count>', 'so many', '30')
    .action(async (options: Options, command: Command) => {
      const limit = countOf('limit', options['limit']!);
      await order(command, 'desk.list', { ...given(options, FILTERS), limit }, printDesk);
    });
  filtered(desk.command('rerun'))
    .description('ask again with what is known by now; what is unique then is decided like any report')
    .requiredOption('--reason <text>', 'which fact was supplied, for the log')
    .option('--limit <count>', 'at most so many', '100000')
    .action(async (options: Options, command: Command) => {
      const limit = countOf('limit', options['limit']!);
      const input = { ...given(options, FILTERS), reason: options['reason']!, limit };
      await order(command, 'desk.rerun', input, (answer) => {
        say(
          `${String(answer['asked'])} asked again: ${paint('bold', String(answer['resolved']))} name one line now and were decided, ${String(answer['stillOpen'])} stay on the desk.`,
        );
        next('engawa case list; engawa desk list');
      });
    });
}

function printDesk(answer: Row): void {
  const rows = answer['reports'] as readonly Row[];
  const counts = answer['counts'] as readonly Row[];
  if (counts.length === 0) {
    say('The desk is empty: every report names a line, or is not about one of ours.');
    return;
  }
  table(
    ['source', 'kind', 'reason', 'reports'],
    counts.slice(0, 20).map((one) => ['source', 'kind', 'reason', 'count'].map((key) => String(one[key]))),
  );
  say();
  table(
    ['observed', 'source', 'address', 'port', 'reason', 'asked now', 'in question'],
    rows.map((one) => {
      const now = one['now'] as Row;
      const lines = one['candidates'] as readonly string[];
      return [
        String(one['observedAt']),
        String(one['source']),
        String(one['address']),
        String(one['port'] ?? '–'),
        String(one['reason']),
        now['kind'] === 'unique' ? paint('green', 'unique') : String(now['kind']),
        lines.length === 0 ? '–' : lines.join(', '),
      ];
    }),
  );
  next('engawa who ADDRESS PORT --at TIME; supply the fact, then engawa desk rerun --reason TEXT');
}

// ------------------------------------------------------------------ clocks

function clockCommands(program: Command): void {
  const clock = groupOf(program, 'clock', 'the clock new gardens depend on, and those of the sources');
  clock
    .command('correct')
    .argument('<name>', 'the NAS, translator or feed, as bindings and feeds name it')
    .requiredOption('--of <what>', 'nas, translator or feed')
    .requiredOption('--offset <span>', 'what to add to its times: +90s, -1h, +500ms')
    .requiredOption('--from <time>', 'since when it was wrong, on its own clock (RFC 3339)')
    .requiredOption('--to <time>', 'until when')
    .requiredOption('--reason <text>', 'how that is known, for the log')
    .description('read what a source said as if its clock had been right; nothing stored is rewritten')
    .action(async (name: string, options: Options, command: Command) => {
      const input = { name, ...given(options, ['of', 'from', 'to', 'reason']), offsetMs: spanOf(options['offset']!) };
      await order(command, 'clock.correct', input, (answer) => {
        say(`Corrected (${String(answer['id'])}).`);
        next('engawa desk rerun --reason TEXT asks again what could not be attributed');
      });
    });
  clock
    .command('corrections')
    .description('which clocks a person has put right')
    .action(async (_options: Options, command: Command) => order(command, 'clock.corrections', {}, printCorrections));
  clock
    .command('take-back')
    .argument('<id>', 'of the correction')
    .description('read its times as they were told again')
    .action(async (id: string, _options: Options, command: Command) => {
      await order(command, 'clock.take-back', { id }, () => {
        say('Taken back.');
        next('engawa clock corrections');
      });
    });
}

function printCorrections(answer: Row): void {
  const rows = answer['corrections'] as readonly Row[];
  if (rows.length === 0) {
    say('No corrections.');
    return;
  }
  table(
    ['id', 'of', 'name', 'offset', 'from', 'to', 'by', 'reason'],
    rows.map((one) =>
      ['id', 'of', 'name', 'offsetMs', 'fromAt', 'toAt', 'by', 'reason'].map((key) =>
        key === 'offsetMs' ? `${Number(one[key]) / 1000} s` : String(one[key]),
      ),
    ),
  );
  next('engawa clock take-back ID');
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function spanOf(text: string): number {
  const match = /^([+-]?)(\d{1,9})(ms|s|m|h)$/.exec(text);
  if (match === null) throw new CliFault(2, 'offset-invalid', `--offset: expected e.g. +90s, -1h, got «${text}»`);
  return (match[1] === '-' ? -1 : 1) * Number(match[2]) * UNITS[match[3]!]!;
}

// ------------------------------------------------------------------ sharing rules

function sharingCommands(program: Command): void {
  const sharing = program
    .command('sharing')
    .description('rules by which lines share addresses: MAP-E, lw4o6, deterministic CGN');
  sharing
    .command('show')
    .description('the rules in force, and who loaded which')
    .action(async (_options: Options, command: Command) => order(command, 'sharing.show', {}, printSharing));
  sharing
    .command('load')
    .argument('<file>', 'sharing.yaml')
    .description('check a file and go by it from now on; old reports are judged by the rule of their time')
    .action(async (file: string, _options: Options, command: Command) => {
      const print = (answer: Row) => {
        const version = String(answer['version']).slice(0, 12);
        if (answer['changed'] === true) say(`In force: ${String(answer['rules'])} rules, version ${version}.`);
        else say(`Version ${version} was in force already; nothing changed.`);
        next('engawa desk rerun --reason TEXT');
      };
      await order(command, 'sharing.load', { name: basename(file) }, print, readInput(file));
    });
}

function printSharing(answer: Row): void {
  const rules = answer['rules'] as readonly Row[];
  if (rules.length === 0) say('No sharing rules: no address is shared by rule.');
  else {
    say(`Version ${String(answer['version']).slice(0, 12)}`);
    table(
      ['id', 'kind', 'realm', 'valid from', 'valid to'],
      rules.map((one) => ['id', 'kind', 'realm', 'validFrom', 'validTo'].map((key) => String(one[key] ?? '–'))),
    );
  }
  const history = answer['history'] as readonly Row[];
  if (history.length > 0) {
    say();
    table(
      ['loaded', 'file', 'version', 'by'],
      history.map((one) => [
        String(one['at']),
        String(one['name']),
        String(one['version']).slice(0, 12),
        String(one['by']),
      ]),
    );
  }
  next('engawa sharing load FILE');
}

function readInput(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CliFault(2, 'file-unreadable', `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}`);
  }
}

function countOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new CliFault(2, 'count-invalid', `--${name}: expected a number, got «${text}»`);
  return Number(text);
}

// ------------------------------------------------------------------ quality

function qualityCommands(program: Command): void {
  const feeds = groupOf(program, 'feeds', 'what comes in: feeds, how they are fetched, how good they are');
  feeds
    .command('quality')
    .description('per source and gateway over seven days: how much named no line, how often it was the wrong one')
    .action(async (_options: Options, command: Command) => order(command, 'feeds.quality', {}, printQuality));
  feeds
    .command('restore')
    .argument('<name>', 'a demoted source')
    .requiredOption('--reason <text>', 'what was mended, for the log')
    .description('let a demoted source act again; what was counted until now is forgotten')
    .action(async (name: string, options: Options, command: Command) => {
      await order(command, 'feeds.restore', { name, reason: options['reason']! }, () => {
        say(`${name} may act again.`);
        next('engawa feeds quality');
      });
    });
}

function printQuality(answer: Row): void {
  const rows = answer['sources'] as readonly Row[];
  if (rows.length === 0) {
    say('Nothing has come in since this was counted.');
    return;
  }
  const percent = (share: Json | undefined) => `${Math.round(100 * Number(share))} %`;
  table(
    ['source', 'reports', 'no line', 'cases', 'wrong line', 'last', ''],
    rows.map((one) => [
      String(one['name']),
      String(one['reports']),
      percent(one['unresolvedShare']),
      String(one['cases']),
      percent(one['wrongShare']),
      String(one['lastAt'] ?? '–'),
      standingOf(one),
    ]),
  );
  const demoted = rows.find((one) => one['demoted'] !== null);
  if (demoted !== undefined) next(`engawa feeds restore ${String(demoted['name'])} --reason TEXT, when it is mended`);
  else next('engawa desk list');
}

function standingOf(one: Row): string {
  const demoted = one['demoted'] as Row | null;
  if (demoted !== null) return paint('red', `DEMOTED since ${String(demoted['at'])} (${String(demoted['reason'])})`);
  return one['sudden'] === null ? '' : paint('yellow', `${String(one['sudden'])} × its usual day`);
}
