// The engineer's commands: status, hold, breaker, release-all, clock.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Json } from '../flow/ports.ts';
import { callOperation, type Input } from './call.ts';
import { CliFault, type GlobalOptions, readConfig } from './context.ts';
import { next, paint, progressLine, say, sayJson, table } from './print.ts';

type Row = Readonly<Record<string, Json>>;

async function order(command: Command, name: string, input: Input, print: (answer: Row) => void): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const line = progressLine();
  const answer = await callOperation(readConfig(options), {
    name,
    input,
    progress: (state) => line.show(`${name}: ${JSON.stringify(state)}`),
  });
  line.end();
  if (options.json === true) sayJson(answer);
  else print(answer);
}

export function engineerCommands(program: Command): void {
  program
    .command('status')
    .description('what stands now: hold, clock, breaker, gateways, cases, warnings')
    .action((_options, command: Command) => order(command, 'status', {}, printStatus));
  const hold = program
    .command('hold')
    .description("the engineer's stop: no new gardens, no repair, until it is lifted");
  hold
    .command('on')
    .requiredOption('--reason <text>', 'why, for the log')
    .action((options: { reason: string }, command: Command) =>
      order(command, 'hold.on', { reason: options.reason }, () => {
        say('Hold is ON. Nothing new is restricted and nothing is repaired. Releases still work.');
        next('engawa hold off, when the reason is gone');
      }),
    );
  hold.command('off').action((_options, command: Command) =>
    order(command, 'hold.off', {}, () => {
      say('Hold is off. Wanted and observed are being compared now.');
      next('engawa status');
    }),
  );
  breakerCommands(program);
  program
    .command('clock')
    .description('the clock new gardens depend on')
    .command('confirm')
    .description('say that the clock is right after a jump')
    .action((_options, command: Command) =>
      order(command, 'clock.confirm', {}, (answer) => say(`Clock: ${JSON.stringify(answer['clock'])}`)),
    );
  releaseAllCommand(program);
}

function breakerCommands(program: Command): void {
  const breaker = program
    .command('breaker')
    .description('the cap on new gardens; above it everything waits for a person');
  breaker.command('show').action((_options, command: Command) => order(command, 'breaker.show', {}, printBreaker));
  breaker
    .command('approve')
    .description('decide every held plan anew and let it through if it still holds')
    .action((_options, command: Command) =>
      order(command, 'breaker.approve', {}, (answer) => {
        say(
          `Decided anew: ${String(answer['acted'])} acted, ${String(answer['still-held'])} still held for other reasons, ${String(answer['no-longer'])} no longer due.`,
        );
        next('engawa case list');
      }),
    );
  breaker
    .command('discard')
    .description('close every held plan; nobody is restricted')
    .action((_options, command: Command) =>
      order(command, 'breaker.discard', {}, (answer) => say(`Discarded ${String(answer['discarded'])} held plans.`)),
    );
}

function releaseAllCommand(program: Command): void {
  program
    .command('release-all')
    .description(
      'the kill switch: hold, journal, then every chosen line out of the garden. Shows the list first; acts on a typed count.',
    )
    .option('--all', 'everybody')
    .option('--family <name>', 'lines with an open case of this family')
    .option('--line <id>', 'one line')
    .option('--reason <text>', 'why, for the log')
    .option('--confirm <count>', 'the count the preview showed')
    .action(
      async (
        options: { all?: boolean; family?: string; line?: string; reason?: string; confirm?: string },
        command: Command,
      ) => {
        const filter: Input = {
          ...(options.all === true ? { all: true } : {}),
          ...(options.family === undefined ? {} : { family: options.family }),
          ...(options.line === undefined ? {} : { line: options.line }),
        };
        const globals = command.optsWithGlobals<GlobalOptions>();
        const config = readConfig(globals);
        const preview = await callOperation(config, { name: 'release-all.preview', input: filter });
        const typed = options.confirm ?? (await askForCount(preview, globals.json === true));
        if (typed === undefined) {
          if (globals.json === true) sayJson({ ...preview, done: false });
          return;
        }
        if (!/^\d{1,9}$/.test(typed.trim()))
          throw new CliFault(2, 'count-invalid', `--confirm: expected the count of the preview, got «${typed}»`);
        if (options.reason === undefined)
          throw new CliFault(2, 'reason-missing', '--reason is missing: it goes into the journal and the log');
        const answer = await callOperation(config, {
          name: 'release-all.run',
          input: { ...filter, confirm: Number(typed), reason: options.reason },
        });
        if (globals.json === true) sayJson({ ...answer, done: true });
        else printReleaseAll(answer);
        if (answer['failure'] !== null)
          throw new CliFault(
            1,
            'gateway-failed',
            'the releases are in the journal, but the gateway did not answer: elements end by their own timeout; run this again',
          );
      },
    );
}

async function askForCount(preview: Row, json: boolean): Promise<string | undefined> {
  if (json) return undefined;
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
  if (preview['count'] === 0) return undefined;
  if (process.stdin.isTTY !== true) {
    next(`repeat the command with --reason TEXT --confirm ${String(preview['count'])}`);
    return undefined;
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const typed = await asking.question('Type the count to release them, or Enter to stop: ');
    return typed.trim() === '' ? undefined : typed;
  } finally {
    asking.close();
  }
}

function printReleaseAll(answer: Row): void {
  say(
    `Hold is ON. ${String(answer['journalled'])} releases are in the journal, ${String(answer['casesClosed'])} taken over into the cases.`,
  );
  if (answer['failure'] === null) say('The elements are out of the gateway.');
  next('engawa status; engawa hold off when repair may start again');
}

function printBreaker(answer: Row): void {
  const breaker = answer['breaker'] as Row;
  const held = answer['held'] as readonly Row[];
  say(
    `Breaker ${paint('bold', String(breaker['state']))}: ${String(breaker['newGardensInWindow'])} of ${String(breaker['cap'])} new gardens in ${Number(breaker['windowSeconds']) / 60} min.`,
  );
  for (const trip of breaker['trips'] as readonly Row[])
    say(`  tripped by ${String(trip['scope'])} ${String(trip['name'])} ${String(trip['agoSeconds'])} s ago`);
  say(`${held.length} plans are held.`);
  if (held.length === 0) return;
  table(
    ['check code', 'line', 'family', 'last seen', 'sources'],
    held
      .slice(0, 30)
      .map((one) => [
        String(one['checkCode']),
        String(one['line']),
        String(one['family']),
        String(one['lastObservedAt']),
        (one['sources'] as readonly string[]).join(', '),
      ]),
  );
  next('engawa breaker approve (each plan is decided anew), or engawa breaker discard');
}

function printStatus(answer: Row): void {
  const hold = answer['hold'] as Row;
  const clock = answer['clock'] as Row;
  const breaker = answer['breaker'] as Row;
  const policy = answer['policy'] as Row;
  const warnings = answer['warnings'] as readonly Row[];
  say(
    warnings.length === 0
      ? paint('green', 'All is well.')
      : paint('yellow', `${warnings.length} standing ${warnings.length === 1 ? 'warning' : 'warnings'}:`),
  );
  for (const one of warnings)
    say(
      `  [${String(one['severity'])}] ${String(one['text'])}${one['subject'] === '' ? '' : ` (${String(one['subject'])})`} → ${String(one['next'])}`,
    );
  say(`hold      ${hold['on'] === true ? `ON by ${String(hold['by'])}: ${String(hold['reason'])}` : 'off'}`);
  say(
    `clock     ${String(clock['state'])}${clock['jumped'] === true ? ', JUMPED: no new gardens until «engawa clock confirm»' : ''}`,
  );
  say(
    `breaker   ${String(breaker['state'])}, ${String(breaker['newGardensInWindow'])} of ${String(breaker['cap'])} new gardens in the window`,
  );
  say(`policy    ${String(policy['name'])} (${String(policy['version']).slice(0, 12)})`);
  say(`lines     ${String(answer['lines'])}`);
  const states = Object.entries(answer['openCases'] as Row).map(([state, count]) => `${String(count)} ${state}`);
  say(`cases     ${states.join(', ') || 'none open'}`);
  for (const one of answer['gateways'] as readonly Row[])
    say(
      `gateway   ${String(one['gateway'])}: ruleset ${String(one['skeleton'])}, last looked ${String(one['checkedAt'])}, drift then: ${String(one['missing'])} missing, ${String(one['extra'])} extra`,
    );
}
