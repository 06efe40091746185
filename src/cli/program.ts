// The command line: names, options and help. Each command parses, calls, prints; what happens is the flow's.
import { Command, CommanderError } from 'commander';
import { aaaCommands } from './aaa-commands.ts';
import { attributionCommands } from './attribution-commands.ts';
import { auditCommands } from './audit-commands.ts';
import { bindingCommands } from './binding-commands.ts';
import { caseCommands } from './case-commands.ts';
import { collectCommands } from './collect-commands.ts';
import { CliFault, type GlobalOptions } from './context.ts';
import { engineerCommands } from './engineer-commands.ts';
import { feedCommands } from './feed-commands.ts';
import { gatewayCommands } from './gateway-commands.ts';
import { labCommands } from './lab-commands.ts';
import { sayJson } from './print.ts';
import { startCommand } from './start-command.ts';

/** Exit code: 0 done, 1 not done, 2 usage or configuration. */
export async function runCli(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('engawa')
    .description(
      'Walled-garden quarantine and captive portal for ISPs: report → line → decision → garden → plain words → proof → release.',
    )
    .option('--config <file>', 'configuration (default: $ENGAWA_CONFIG or /etc/engawa/engawa.yaml)')
    .option('--json', 'answer as one JSON document')
    .exitOverride()
    .showHelpAfterError('Next: engawa --help, or engawa COMMAND --help.')
    .configureOutput({ outputError: (text, write) => write(text) });
  const done = (code: number) => {
    exitCode = code;
  };
  startCommand(program);
  feedCommands(program, done);
  collectCommands(program);
  bindingCommands(program);
  caseCommands(program);
  engineerCommands(program, done);
  attributionCommands(program);
  auditCommands(program, done);
  gatewayCommands(program, done);
  aaaCommands(program);
  labCommands(program, done);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, program.opts<GlobalOptions>().json === true || args.includes('--json'));
  }
}

function explain(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const fault = error instanceof CliFault ? error : undefined;
  const text = error instanceof Error ? error.message : String(error);
  const code = fault?.code ?? 'unexpected';
  if (json) sayJson({ error: { code, text } });
  else process.stderr.write(`engawa: ${text}\n`);
  if (fault === undefined && process.env['ENGAWA_DEBUG'] !== undefined)
    process.stderr.write(`${(error as Error).stack}\n`);
  return fault?.exitCode ?? 1;
}
