// `engawa lab`: the small internet of namespaces and the story told in it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { DRY_RADIUS_STORY, DRY_SHARED_STORY, DRY_STORY } from '../lab/dry-story.ts';
import { Forwarder } from '../lab/forwarder.ts';
import { Lab, type LabOptions as LabBuild } from '../lab/lab.ts';
import { Narrator } from '../lab/narrator.ts';
import { RadiusStory } from '../lab/radius-story.ts';
import { SHARED_HOMES, SharedStory } from '../lab/shared-story.ts';
import { Story } from '../lab/story.ts';
import { CliFault, type GlobalOptions } from './context.ts';
import { next, paint, say, sayJson } from './print.ts';

interface LabOptions {
  readonly once?: boolean;
  readonly keep?: boolean;
  readonly dryRun?: boolean;
  readonly bng?: string;
}

const KINDS = ['linux', 'radius', 'shared'] as const;
type Kind = (typeof KINDS)[number];

/** Each story with the lab it is told in. */
const STORIES = {
  linux: { dry: DRY_STORY, lab: {}, of: (lab, say) => new Story(lab, say) },
  radius: { dry: DRY_RADIUS_STORY, lab: { homes: 1, radiusHomes: 2 }, of: (lab, say) => new RadiusStory(lab, say) },
  shared: {
    dry: DRY_SHARED_STORY,
    lab: { homes: 0, sharedHomes: SHARED_HOMES },
    of: (lab, say) => new SharedStory(lab, say),
  },
} as const satisfies Record<
  Kind,
  {
    readonly dry: readonly string[];
    readonly lab: LabBuild;
    readonly of: (lab: Lab, say: Narrator) => { tell(): Promise<void> };
  }
>;

export function labCommands(program: Command, done: (exitCode: number) => void): void {
  program
    .command('lab')
    .option('--once', 'tell the story and end; exit 0 only if every fact was observed (default)')
    .option('--keep', 'stay up after the story and print addresses')
    .option(
      '--bng <kind>',
      'whose line the story is about: linux, radius = behind a second, simulated BNG, shared = homes that share addresses',
      'linux',
    )
    .option('--dry-run', 'tell the story without a kernel; nothing is observed')
    .description(
      'a small internet on this machine: homes, a gateway, a bot, a honeypot – and the first quarantine in it',
    )
    .action(async (options: LabOptions, command: Command) => {
      if (options.once === true && options.keep === true)
        throw new CliFault(2, 'options-contradict', '--once and --keep exclude each other');
      const kind = KINDS.find((one) => one === options.bng);
      if (kind === undefined)
        throw new CliFault(2, 'bng-unknown', `--bng is ${KINDS.join(' or ')}, not ${JSON.stringify(options.bng)}`);
      const json = command.optsWithGlobals<GlobalOptions>().json === true;
      if (options.dryRun === true) return tellDry(kind, json);
      if (process.getuid?.() !== 0) return done(runUnshared());
      done(await tellStory(kind, { keep: options.keep === true, json }));
    });
}

function tellDry(kind: Kind, json: boolean): void {
  const story = STORIES[kind].dry;
  if (json) {
    const notObserved = story.map((line) => line.replace(/^.*not observed: /, ''));
    sayJson({ dryRun: true, observed: 0, notObserved });
    return;
  }
  say(paint('yellow', 'Dry run: no kernel is touched. Nothing below was observed.'));
  for (const line of story) say(line);
  next('engawa lab --once, as root or where user namespaces are allowed');
}

/** Not root: one user namespace in which we are. */
function runUnshared(): number {
  const script = 'mount -t tmpfs tmpfs /run && exec "$@"';
  const again = [process.execPath, join(import.meta.dirname, '../main.ts'), ...process.argv.slice(2)];
  const result = spawnSync('unshare', ['-Urnm', 'sh', '-c', script, 'lab', ...again], { stdio: 'inherit' });
  if (result.error !== undefined || result.status === null)
    throw new CliFault(
      1,
      'not-root',
      'the lab needs root, or user namespaces (unshare -Urnm), and this machine allows neither. Next: sudo npm run lab, or engawa lab --dry-run',
    );
  return result.status;
}

async function tellStory(
  kind: Kind,
  { keep, json }: { readonly keep: boolean; readonly json: boolean },
): Promise<number> {
  const narrator = new Narrator(json ? () => {} : (text) => process.stdout.write(text));
  if (!json)
    say(`${paint('bold', 'Engawa lab')}: a small internet in network namespaces of this machine. Nothing leaves it.`);
  const lab = await Lab.build(STORIES[kind].lab);
  const stopEarly = () => void lab.destroy().finally(() => process.kill(process.pid, 'SIGKILL'));
  process.once('SIGINT', stopEarly);
  try {
    await lab.startEngawa();
    if (lab.second !== undefined) await lab.startSecond();
    await STORIES[kind].of(lab, narrator).tell();
    if (keep) await stayUp(lab);
  } catch (error) {
    narrator.fact('the story could be told to its end', false, error instanceof Error ? error.message : String(error));
    if (process.env['ENGAWA_DEBUG'] !== undefined) say(lab.launcher.main?.words().slice(-4000) ?? '');
  } finally {
    process.off('SIGINT', stopEarly);
    await lab.destroy();
  }
  return summarise(narrator, json);
}

function summarise(narrator: Narrator, json: boolean): number {
  const failed = narrator.failed();
  const observed = narrator.facts.length - failed.length;
  if (json) {
    sayJson({
      observed,
      failed: failed.map((fact) => ({ ...fact })),
      notObserved: [...narrator.notObserved],
      facts: narrator.facts.map((fact) => ({ ...fact })),
    });
    return failed.length === 0 ? 0 : 1;
  }
  say();
  say(
    failed.length === 0
      ? paint('green', `All ${observed} facts were observed.`)
      : paint('red', `${failed.length} of ${narrator.facts.length} facts were NOT observed:`),
  );
  for (const fact of failed) say(`  ${fact.chapter}: ${fact.text} (${fact.detail})`);
  for (const text of narrator.notObserved) say(`  not observed here: ${text}`);
  next(
    failed.length === 0
      ? 'engawa lab --keep to look around; docs/operating.md to run it for real'
      : 'ENGAWA_DEBUG=1 engawa lab --once',
  );
  return failed.length === 0 ? 0 : 1;
}

async function stayUp(lab: Lab): Promise<void> {
  const forwarder = await Forwarder.start(lab);
  say();
  say(`${paint('bold', 'The lab stays up.')} Stop it with Ctrl-C.`);
  say(`  portal as home 2 sees it   ${forwarder.url}`);
  say(`  configuration              ${lab.site.configFile}`);
  say(`  commands                   bin/engawa --config ${lab.site.configFile} status`);
  say(`  a shell in home 2          ip netns exec ${lab.network.homes[1]!.hostNamespace} sh`);
  say(`  the gateway's ruleset      ip netns exec ${lab.network.bng} nft list table inet ${lab.network.spec.table}`);
  await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()).once('SIGINT', () => resolve()));
  await forwarder.stop();
}
