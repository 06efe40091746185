// `engawa case …`: find, show, explain, release, dispute, note.
import type { Command } from 'commander';
import { formatInstant } from '../core/kernel/civil.ts';
import type { Json } from '../flow/ports.ts';
import { callOperation, type Input } from './call.ts';
import { type GlobalOptions, readConfig } from './context.ts';
import { next, paint, say, sayJson, table } from './print.ts';

type Row = Readonly<Record<string, Json>>;

const FIND = 'check code, case id, line, customer number, phone, or ADDRESS@TIME (RFC 3339, with zone)';

export function caseCommands(program: Command): void {
  const cases = program
    .command('case')
    .description('the cases of lines: one line + one threat family, from first report to close');
  cases
    .command('list')
    .description('open cases, newest first, or all of one state')
    .option('--state <state>', 'watching, noticed, held, quarantined, on-probation, closed')
    .option('--turn <who>', 'whose turn it is: support, subscriber, engineer, timer, nobody')
    .action(
      run(
        'case.list',
        (options) => ({
          ...(options['state'] === undefined ? {} : { state: options['state'] }),
          ...(options['turn'] === undefined ? {} : { turn: options['turn'] }),
        }),
        printList,
      ),
    );
  cases
    .command('show')
    .argument('<find>', FIND)
    .description('one case: state, proof of the gateway, timeline')
    .action(runFind('case.show', printCase));
  cases
    .command('why')
    .argument('<find>', FIND)
    .description('why this line: reports, evidence, matched rule, policy version')
    .action(runFind('case.why', printWhy));
  cases
    .command('release')
    .argument('<find>', FIND)
    .requiredOption('--reason <text>', 'why, for the log')
    .option('--to <access>', 'open (default), or leaky for a probation', 'open')
    .description('release the line now; never refused while the case is open')
    .action(runFind('case.release', printReleased, (options) => ({ reason: options['reason']!, to: options['to']! })));
  cases
    .command('wrong-line')
    .argument('<find>', FIND)
    .requiredOption('--reason <text>', 'how it came about, kept as a note')
    .option('--apology <text>', 'the words to the household; left out: the ones in its language')
    .description('it was never this line: free it, apologise, and list what else rested on the same evidence')
    .action(
      runFind('case.wrong-line', printWrongLine, (options) => ({
        reason: options['reason']!,
        ...(options['apology'] === undefined ? {} : { apology: options['apology'] }),
      })),
    );
  cases
    .command('dispute')
    .argument('<find>', FIND)
    .requiredOption('--reason <text>', 'what the household says, kept as a note')
    .description('the household contests the finding: no further step by itself, support takes over')
    .action(
      runFind(
        'case.dispute',
        () => {
          say('Disputed: the access stays as it is, further reports wait for a person.');
          next('engawa case why CODE, engawa case release CODE when they are right');
        },
        (options) => ({ reason: options['reason']! }),
      ),
    );
  cases
    .command('note')
    .argument('<find>', FIND)
    .argument('<text>', 'the note')
    .description('add a note; its words stay in the case, never in the audit log')
    .action(async (find: string, text: string, _options, command: Command) => {
      await order(command, 'case.note', { find, text }, () => say('Noted.'));
    });
}

type Options = Readonly<Record<string, string>>;
type Print = (answer: Row) => void;

function run(name: string, input: (options: Options) => Input, print: Print) {
  return async (options: Options, command: Command) => order(command, name, input(options), print);
}

function runFind(name: string, print: Print, input: (options: Options) => Input = () => ({})) {
  return async (find: string, options: Options, command: Command) =>
    order(command, name, { find, ...input(options) }, print);
}

async function order(command: Command, name: string, input: Input, print: Print): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const answer = await callOperation(readConfig(options), { name, input });
  if (options.json === true) sayJson(answer);
  else print(answer);
}

function printList(answer: Row): void {
  const cases = answer['cases'] as readonly Row[];
  if (cases.length === 0) {
    say('No cases.');
    next('engawa case list --state closed shows those that ended');
    return;
  }
  table(
    ['check code', 'line', 'family', 'state', 'access', 'last seen', 'turn'],
    cases.map((one) =>
      ['checkCode', 'line', 'family', 'state', 'access', 'lastObservedAt', 'turn'].map((key) => String(one[key])),
    ),
  );
  if (answer['more'] === true) say(`… the newest ${cases.length}; narrow it with --turn or --state`);
  next('engawa case show CODE');
}

function headline(one: Row): void {
  say(
    `${paint('bold', `Case ${String(one['checkCode'])}`)}  line ${String(one['line'])}  family ${String(one['family'])}`,
  );
  say(
    `  state ${paint('bold', String(one['state']))}, wants ${String(one['access'])}; next turn: ${String(one['turn'])}`,
  );
  for (const [label, key] of DATES) if (one[key] !== null) say(`  ${label.padEnd(18)} ${String(one[key])}`);
  const hold = one['hold'] as Row | null;
  if (hold !== null) say(`  held               ${String(hold['reason'])} (would want ${String(hold['wantedAccess'])})`);
  if (one['disputed'] === true) say('  disputed           further reports wait for a person');
  if (one['closeReason'] !== null) say(`  closed because     ${String(one['closeReason'])}`);
}

const DATES: readonly (readonly [string, string])[] = [
  ['opened', 'openedAt'],
  ['last observed', 'lastObservedAt'],
  ['quarantined', 'quarantinedAt'],
  ['released', 'releasedAt'],
  ['probation ends', 'probationEndsAt'],
  ['expires', 'expiresAt'],
  ['closed', 'closedAt'],
];

function printProof(proof: Row | null): void {
  if (proof === null) return;
  say(
    `  the gateways prove ${paint('bold', String(proof['confirmed']))}${proof['partial'] === true ? ' – PARTIAL: not every address is covered' : ''}`,
  );
  for (const element of proof['elements'] as readonly Row[]) {
    const why = typeof element['failure'] === 'string' ? ` (${element['failure']})` : '';
    say(
      `    ${String(element['gateway'])}  ${String(element['prefix'])}  ${String(element['access'])}  ${String(element['phase'])}${why}`,
    );
  }
  for (const gap of proof['uncovered'] as readonly Row[])
    say(`    not covered: ${String(gap['prefix'])} (${String(gap['reason'])})`);
}

function printCase(answer: Row): void {
  const one = answer['case'] as Row;
  headline(one);
  printProof(answer['proof'] as Row | null);
  const standing = answer['selfRelease'] as Row | null;
  if (standing !== null && one['state'] !== 'closed')
    say(
      `  self-release       ${standing['allowed'] === true ? 'allowed now' : `not now: ${String(standing['reason'])}`}`,
    );
  say();
  table(
    ['at', 'who', 'what', ''],
    (answer['events'] as readonly Row[]).map((event) => [
      String(event['at']),
      String(event['actor']),
      String(event['type']),
      short(event['detail'] as Row),
    ]),
  );
  next(`engawa case why ${String(one['checkCode'])}`);
}

function short(detail: Row): string {
  const text = Object.entries(detail)
    .filter(([key]) => !LEFT_OUT.has(key))
    .map(([key, value]) => `${key}=${shown(key, value)}`)
    .join(' ');
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}

const LEFT_OUT = new Set(['type', 'by', 'lineId', 'caseId', 'pageHash', 'requestId', 'policyVersion', 'checkCode']);

/** Instants as people read them, long ids by their beginning. */
function shown(key: string, value: Json): string {
  if (typeof value === 'number' && key.endsWith('At')) return formatInstant(value);
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[0-9a-f]{32,}$/.test(value) ? value.slice(0, 12) : value;
}

function printWhy(answer: Row): void {
  const one = answer['case'] as Row;
  const policy = answer['policy'] as Row;
  headline(one);
  say();
  say(
    `Rule ${paint('bold', String(policy['rule']))} of policy «${String(policy['name'])}» (${String(policy['version']).slice(0, 12)})`,
  );
  say(`Legal basis: ${String(policy['legalBasis'])}`);
  for (const report of answer['reports'] as readonly Row[]) {
    const evidence = report['evidence'] as Row;
    say();
    say(
      `${String(report['observedAt'])}  ${String(report['source'])} ${String(report['type'])} (${String(report['class'])})`,
    );
    say(`  address ${String(report['address'])}${report['port'] === null ? '' : ` port ${String(report['port'])}`}`);
    say(
      `  attributed: ${String(report['attribution'])} (${String(report['attributionReason'])}); decided: ${String(report['decision'])} (${String(report['reason'])})`,
    );
    say(`  evidence ${String(evidence['hash']).slice(0, 12)} line ${String(evidence['line'])}`);
    if (evidence['row'] !== null) say(`  row      ${String(evidence['row'])}`);
  }
}

function printReleased(answer: Row): void {
  const one = answer['case'] as Row;
  say(`Released: case ${String(one['checkCode'])} is ${String(one['state'])}.`);
  printProof(answer['proof'] as Row | null);
}

function printWrongLine(answer: Row): void {
  const one = answer['case'] as Row;
  say(
    `${paint('green', 'Freed')}: case ${String(one['checkCode'])} of line ${String(one['line'])} is closed as wrong line.`,
  );
  printProof(answer['proof'] as Row | null);
  const apology = answer['apology'] as Row;
  say(`Apology kept as ${String(apology['hash']).slice(0, 12)}; it goes out to the household if it had been told:`);
  for (const row of String(apology['text']).trim().split('\n')) say(`  ${row}`);
  const others = answer['others'] as readonly Row[];
  say();
  if (others.length === 0) {
    say('Nothing else rested on the same bindings, rules or translations.');
    next('engawa who ADDRESS PORT --at TIME shows what is known now');
    return;
  }
  say(
    paint(
      'bold',
      `${others.length}${answer['more'] === true ? ' and more' : ''} other decisions rested on the same evidence:`,
    ),
  );
  table(
    ['line', 'case', 'open', 'decided', 'report'],
    others.map((row) => [
      String(row['lineId']),
      String(row['caseId'] ?? '–'),
      row['isOpen'] === true ? 'yes' : '',
      String(row['decision']),
      String(row['reportId']).slice(0, 12),
    ]),
  );
  next('engawa case why CASE for each open one; engawa case wrong-line CASE when it is the same mistake');
}
