// `engawa audit export|verify`. Verify needs nothing but the exported folder: no service, no store, no configuration.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { verifyExport } from '../protocols/tlog/verify.ts';
import { callOperation } from './call.ts';
import { CliFault, type GlobalOptions, readConfig } from './context.ts';
import { next, paint, say, sayJson } from './print.ts';

export function auditCommands(program: Command, done: (exitCode: number) => void): void {
  const audit = program.command('audit').description('the tamper-evident log of every state change');
  audit
    .command('export')
    .argument('<folder>', 'new or empty folder: log.jsonl, checkpoint, key.pub, pages/')
    .action(async (folder: string, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(options), {
        name: 'audit.export',
        input: { directory: resolve(folder) },
      });
      if (options.json === true) return sayJson(answer);
      say(`Exported ${String(answer['size'])} entries to ${resolve(folder)}.`);
      say(`Root ${String(answer['root'])}`);
      next(`engawa audit verify ${folder}`);
    });
  audit
    .command('check')
    .description('do tables and log agree? Finds a state that was changed behind the service')
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await callOperation(readConfig(globals), { name: 'audit.check' });
      const faults = answer['faults'] as readonly Readonly<Record<string, unknown>>[];
      done(faults.length === 0 ? 0 : 1);
      if (globals.json === true) return sayJson(answer);
      say(
        faults.length === 0
          ? `${paint('green', 'Agree')}: every state stands in the log.`
          : paint('red', `${faults.length} places do NOT agree:`),
      );
      for (const fault of faults.slice(0, 50)) say(`  ${JSON.stringify(fault)}`);
      next(
        faults.length === 0
          ? 'engawa audit export FOLDER'
          : 'engawa hold on; keep a copy of the state folder; find out who wrote to it',
      );
    });
  audit
    .command('verify')
    .argument('<folder>', 'an exported folder')
    .option('--since <checkpoint>', 'an earlier checkpoint file: proves that nothing before it was rewritten')
    .action(async (folder: string, options: { since?: string }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const answer = await verifyExport(
        resolve(folder),
        options.since === undefined ? {} : { earlier: readFileSync(resolve(options.since), 'utf8') },
      );
      done(answer.ok ? 0 : 1);
      if (globals.json === true) return sayJson(answer as never);
      if (answer.ok) {
        say(`${paint('green', 'Verified')}: ${answer.value.size} entries, every one as it was signed.`);
        say(`Root ${answer.value.root}; ${answer.value.pages} kept pages match their hashes.`);
        next('compare key.pub with the copy you were given another way');
      } else {
        throw new CliFault(
          1,
          'audit-not-verified',
          `NOT verified: ${answer.error.file}${answer.error.sequence === undefined ? '' : ` entry ${answer.error.sequence}`}: ${answer.error.reason}`,
        );
      }
    });
}
