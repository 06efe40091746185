// `engawa bindings import`: log files of translators and DHCP servers, handed in later.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Json } from '../flow/ports.ts';
import { callOperation } from './call.ts';
import { CliFault, type GlobalOptions, readConfig } from './context.ts';
import { next, paint, progressLine, say, sayJson, table } from './print.ts';

export function bindingCommands(program: Command): void {
  program
    .command('bindings')
    .description('who held which address or port')
    .command('import')
    .argument('<file>', 'log of a translator, lease file or forensic log of Kea')
    .requiredOption('--source <name>', 'the configured translator or DHCP server it is of')
    .option('--until <time>', 'when the file ends, for lines without a year (default: now)')
    .option('--complete', 'nothing is missing between its first record and its last: you vouch for it')
    .description('record the lines of a file as if they had been heard; may be repeated')
    .action(
      async (
        file: string,
        options: { readonly source: string; readonly until?: string; readonly complete?: boolean },
        command: Command,
      ) => {
        const globals = command.optsWithGlobals<GlobalOptions>();
        const line = progressLine();
        const answer = await callOperation(readConfig(globals), {
          name: 'bindings.import',
          input: {
            source: options.source,
            complete: options.complete === true,
            ...(options.until === undefined ? {} : { until: options.until }),
          },
          body: readInput(file),
          progress: (state) => line.show(`${String(state['lines'])} lines`),
        });
        line.end();
        if (globals.json === true) return sayJson(answer);
        print(answer);
      },
    );
}

function readInput(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CliFault(2, 'file-unreadable', `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}`);
  }
}

function print(answer: Record<string, Json>): void {
  say(
    `${String(answer['source'])}: ${paint('bold', String(answer['lines']))} lines – ${String(answer['stored'])} records stored, ${String(answer['outside'])} older than the retention or in the future`,
  );
  const refused = Object.entries(answer['refused'] as Record<string, Json>);
  if (refused.length > 0)
    table(
      ['not used because', 'lines'],
      refused.map(([code, count]) => [code, String(count)]),
    );
  const span = answer['complete'] as { readonly fromAt: string; readonly toAt: string } | null;
  say(
    span === null
      ? 'What lies between two records stays uncertain where no repetition fills it; --complete vouches for a whole file.'
      : `It answers for ${span.fromAt} – ${span.toAt}.`,
  );
  next('engawa who ADDRESS PORT --at TIME');
}
