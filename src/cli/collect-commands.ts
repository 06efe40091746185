// `engawa feeds list` and `collect`: how feeds reach us, and what they brought.
import type { Command } from 'commander';
import { MINUTE } from '../core/kernel/time.ts';
import type { Json } from '../flow/ports.ts';
import { callOperation } from './call.ts';
import { type GlobalOptions, readConfig } from './context.ts';
import { groupOf } from './group.ts';
import { next, paint, say, sayJson, table } from './print.ts';

type Row = Readonly<Record<string, Json>>;

export function collectCommands(program: Command): void {
  const feeds = groupOf(program, 'feeds', 'what comes in: feeds, how they are fetched, how good they are');
  feeds
    .command('list')
    .description('each feed: how it comes, its last file, what is wrong with it')
    .action(async (_options, command: Command) => listFeeds(command.optsWithGlobals<GlobalOptions>()));
  feeds
    .command('collect')
    .argument('<name>', 'a feed that is fetched')
    .description('fetch it now, whatever its schedule')
    .action(async (name: string, _options, command: Command) =>
      collectNow(name, command.optsWithGlobals<GlobalOptions>()),
    );
}

async function listFeeds(globals: GlobalOptions): Promise<void> {
  const answer = await callOperation(readConfig(globals), { name: 'feeds.list' });
  if (globals.json === true) return sayJson(answer);
  const feeds = answer['feeds'] as readonly Row[];
  if (feeds.length === 0) return say('No feeds are configured.');
  if (answer['isService'] !== true) say(paint('yellow', 'The service is not running: nothing is fetched.'));
  const shown = (value: Json | undefined) => (value === null || value === undefined ? '–' : String(value));
  table(
    ['feed', 'kind', 'comes', 'last file', '', 'rows', 'refused', 'parked', 'next', 'state'],
    feeds.map((one) => [
      ...[one['name'], one['kind'], one['way'], one['lastFileAt'], one['lastFile'], one['rows'], one['refused']].map(
        shown,
      ),
      ...[one['parked'], one['nextRunAt']].map(shown),
      stateOf(one),
    ]),
  );
}

/** The worst first, in words. */
function stateOf(feed: Row): string {
  const failures = Number(feed['failuresInARow']);
  if (typeof feed['error'] === 'string') return `failed ${failures} times: ${feed['error']}`;
  if (typeof feed['silentMs'] === 'number') return `silent for ${hours(feed['silentMs'])}`;
  if (typeof feed['emptyFile'] === 'string') return `suddenly empty: ${feed['emptyFile']}`;
  return feed['isRunning'] === true ? 'fetching' : 'ok';
}

function hours(ms: number): string {
  const minutes = Math.floor(ms / MINUTE);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}

async function collectNow(name: string, globals: GlobalOptions): Promise<void> {
  const answer = await callOperation(readConfig(globals), { name: 'feeds.collect', input: { name } });
  if (globals.json === true) return sayJson(answer);
  say(
    `${name}: ${String(answer['files'])} files, ${String(answer['rows'])} rows, ${String(answer['refused'])} refused, ${String(answer['parked'])} files parked`,
  );
  if (Number(answer['parked']) > 0) next('engawa ingest --parked');
}
