// The engineer's commands: status, hold, breaker, clock; release-all has a file of its own.
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Json } from '../flow/ports.ts';
import { holdByFile } from '../last-resort.ts';
import { callOperation, type Input } from './call.ts';
import { CliFault, type GlobalOptions, readConfig, stateFolderOf, whoAmI } from './context.ts';
import { groupOf } from './group.ts';
import { actAsOwnerOf } from './own-helper.ts';
import { next, paint, progressLine, say, sayJson, table } from './print.ts';
import { releaseAllCommand } from './release-all-command.ts';

type Row = Readonly<Record<string, Json>>;

type Print = (answer: Row) => void;

async function order(command: Command, name: string, input: Input, print: Print): Promise<void> {
  await answerTo(command, { name, input, print });
}

async function answerTo(
  command: Command,
  { name, input, print }: { readonly name: string; readonly input: Input; readonly print: Print },
): Promise<Row> {
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
  return answer;
}

/** `done`: a status that was told, of a service that is not there, ends with exit code 1. */
export function engineerCommands(program: Command, done: (exitCode: number) => void): void {
  program
    .command('status')
    .description('what stands now: hold, clock, breaker, gateways, cases, warnings')
    .action(async (_options, command: Command) => {
      const answer = await answerTo(command, { name: 'status', input: {}, print: printStatus });
      if (answer['service'] === 'down') done(1);
    });
  const hold = program
    .command('hold')
    .description("the engineer's stop: no new gardens, no repair, until it is lifted");
  hold
    .command('on')
    .requiredOption('--reason <text>', 'why, for the log')
    .action((options: { reason: string }, command: Command) =>
      holdOn(command.optsWithGlobals<GlobalOptions>(), options.reason),
    );
  hold.command('off').action((_options, command: Command) =>
    order(command, 'hold.off', {}, () => {
      say('Hold is off. Wanted and observed are being compared now.');
      next('engawa status');
    }),
  );
  breakerCommands(program);
  groupOf(program, 'clock', 'the clock new gardens depend on, and those of the sources')
    .command('confirm')
    .description('say that the clock is right after a jump')
    .action((_options, command: Command) =>
      order(command, 'clock.confirm', {}, (answer) => say(`Clock: ${JSON.stringify(answer['clock'])}`)),
    );
  releaseAllCommand(program);
}

/** The file first, by this very process: it works with service, store and configuration broken. Then the record. */
async function holdOn(options: GlobalOptions, reason: string): Promise<void> {
  const folder = stateFolderOf(options);
  const fault = await holdNow(folder, reason);
  let answer: Row | undefined;
  let silence = '';
  try {
    answer = await callOperation(readConfig(options), { name: 'hold.on', input: { reason } });
  } catch (cause) {
    silence = (cause as Error).message;
  }
  if (fault !== undefined && answer === undefined)
    throw new CliFault(
      1,
      'hold-not-set',
      `hold is NOT on. ${fault}; ${silence}\nNext: as root: touch ${join(folder, 'hold')}; if that fails too: systemctl stop engawa`,
    );
  const by = whoAmI();
  if (options.json === true)
    return sayJson(answer ?? { hold: { on: true, by, reason, at: null }, recorded: false, failure: silence });
  say('Hold is ON. Nothing new is restricted and nothing is repaired. Releases still work.');
  if (fault !== undefined && answer?.['written'] === false)
    say(`No file could be written (${fault}): it is on in the running service alone, and a restart forgets it.`);
  if (answer?.['recorded'] !== true) say(`It is not on record yet${silence === '' ? '' : `: ${silence}`}`);
  next('engawa hold off, when the reason is gone');
}

async function holdNow(stateFolder: string, reason: string): Promise<string | undefined> {
  const by = whoAmI();
  const becomeRootAgain = actAsOwnerOf(stateFolder);
  try {
    return await holdByFile(stateFolder, { by, reason });
  } finally {
    becomeRootAgain();
  }
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
  const [hold, clock, breaker] = [answer['hold'] as Row, answer['clock'] as Row, answer['breaker'] as Row];
  const policy = answer['policy'] as Row | null;
  printService(String(answer['service']));
  printWarnings(answer['warnings'] as readonly Row[], answer['service'] === 'running');
  say(`hold      ${hold['on'] === true ? `ON by ${String(hold['by'])}: ${String(hold['reason'])}` : 'off'}`);
  say(
    `clock     ${String(clock['state'])}${clock['jumped'] === true ? ', JUMPED: nothing begins or ends until «engawa clock confirm»' : ''}`,
  );
  say(
    `breaker   ${String(breaker['state'])}, ${String(breaker['newGardensInWindow'])} of ${String(breaker['cap'])} new gardens in the window`,
  );
  say(
    policy === null
      ? 'policy    NONE: nothing is decided'
      : `policy    ${String(policy['name'])} (${String(policy['version']).slice(0, 12)})`,
  );
  say(`lines     ${String(answer['lines'])}`);
  const states = Object.entries(answer['openCases'] as Row).map(([state, count]) => `${String(count)} ${state}`);
  say(`cases     ${states.join(', ') || 'none open'}`);
  say(`support   ${String(answer['waitForSupport'])} cases wait for support`);
  for (const one of answer['gateways'] as readonly Row[])
    say(
      `gateway   ${String(one['gateway'])}: ruleset ${String(one['skeleton'])}, last looked ${String(one['checkedAt'])}, drift then: ${String(one['missing'])} missing, ${String(one['extra'])} extra`,
    );
}

function printService(service: string): void {
  if (service === 'down') say(paint('red', 'The service is not running.'));
  if (service === 'starting')
    say(paint('yellow', 'The service is starting: it takes status, hold and release orders.'));
}

function printWarnings(warnings: readonly Row[], isRunning: boolean): void {
  if (warnings.length > 0)
    say(paint('yellow', `${warnings.length} standing ${warnings.length === 1 ? 'warning' : 'warnings'}:`));
  else if (isRunning) say(paint('green', 'All is well.'));
  for (const one of warnings)
    say(
      `  [${String(one['severity'])}] ${String(one['text'])}${one['subject'] === '' ? '' : ` (${String(one['subject'])})`} → ${String(one['next'])}`,
    );
}
