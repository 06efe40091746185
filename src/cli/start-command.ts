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
      const { log } = running.engine.flow;
      const fault = await Promise.race([stopSignal(), unforeseen()]);
      if (fault === undefined) log.info('SERVICE_STOPPING');
      else log.error('SERVICE_FAILED', { text: fault.stack ?? fault.message });
      await running.stop();
      if (fault !== undefined) throw new CliFault(1, 'service-failed', `the service could not go on: ${fault.message}`);
    });
}

function reasons(cause: Error): string {
  const inner = cause.cause instanceof Error ? ` (${cause.cause.message})` : '';
  return cause.message + inner;
}

function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(undefined));
  });
}

/** A bug that nobody caught, a rejection nobody awaited: what was half done is unknown, so the service ends in order and
 *  is started again. */
function unforeseen(): Promise<Error> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (cause) => resolve(cause instanceof Error ? cause : new Error(String(cause))));
  });
}
