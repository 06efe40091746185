// `engawa start`: the service itself, until it is told to stop.
import type { Command } from 'commander';
import { serve } from '../serve.ts';
import { CliFault, type GlobalOptions, readConfig } from './context.ts';

export function startCommand(program: Command): void {
  program
    .command('start')
    .description('run the service until SIGTERM or SIGINT; gardens stay while it is down')
    .action(async (_options, command: Command) => {
      const config = readConfig(command.optsWithGlobals<GlobalOptions>());
      const running = await serve(config).catch((cause: Error) => {
        throw new CliFault(1, 'start-failed', `the service could not start: ${reasons(cause)}`);
      });
      await stopSignal();
      running.engine.flow.log.info('SERVICE_STOPPING');
      await running.stop();
    });
}

function reasons(cause: Error): string {
  const inner = cause.cause instanceof Error ? ` (${cause.cause.message})` : '';
  return cause.message + inner;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}
