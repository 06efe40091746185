// Starts the two processes as systemd would: each its own user, the helper with CAP_NET_ADMIN and nothing else, the service
// with nothing. Where users cannot be changed (a user namespace with one user), it says so instead of pretending.
import type { ChildProcess } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { request } from 'node:http';
import { join, relative } from 'node:path';
import type { LabNetwork } from './network.ts';
import { mustRun, type RunResult, run } from './network-process.ts';
import type { LabSite, LabUsers } from './site.ts';

const ROOT = realpathSync(join(import.meta.dirname, '../..'));
const LAB_USERS: LabUsers = { main: 64_232, helper: 64_231, group: 64_230 };
const START_MS = 30_000;
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** May this process become other users? In a user namespace that maps one user alone it may not. */
export async function findUsers(): Promise<LabUsers | undefined> {
  const { code } = await run([
    'setpriv',
    `--reuid=${LAB_USERS.main}`,
    `--regid=${LAB_USERS.group}`,
    '--clear-groups',
    'true',
  ]);
  return code === 0 ? LAB_USERS : undefined;
}

export interface LabProcess {
  readonly child: ChildProcess;
  /** Last words on standard error and output. */
  words(): string;
}

export class Launcher {
  readonly #network: LabNetwork;
  readonly #site: LabSite;
  readonly #users: LabUsers | undefined;
  helper: LabProcess | undefined;
  main: LabProcess | undefined;
  /** How far the lab's clock is ahead of this machine's: what is started later starts in the same time. */
  aheadMs = 0;

  constructor(network: LabNetwork, site: LabSite, users: LabUsers | undefined) {
    this.#network = network;
    this.#site = site;
    this.#users = users;
  }

  async startHelper(): Promise<void> {
    await mustRun([
      process.execPath,
      join(ROOT, 'src/main.ts'),
      '--config',
      this.#site.configFile,
      'gateway',
      'spec',
      '--out',
      this.#site.specFile,
    ]);
    if (this.#users !== undefined)
      await mustRun(['chown', `${this.#users.helper}:${this.#users.group}`, this.#site.specFile]);
    this.helper = this.#start('helper', [
      'src/helper/main.ts',
      '--socket',
      this.#site.helperSocket,
      '--spec',
      this.#site.specFile,
    ]);
    await this.#until(this.helper, () => this.helper!.words().includes('"ready"'));
  }

  async startMain(): Promise<void> {
    this.main = this.#start('main', ['src/main.ts', '--config', this.#site.configFile, 'start']);
    await this.#until(this.main, () => this.main!.words().includes('SERVICE_STARTED'));
  }

  /** As a power cut does it. */
  async kill(which: 'helper' | 'main'): Promise<void> {
    const process_ = this[which];
    this[which] = undefined;
    if (process_ === undefined || process_.child.exitCode !== null) return;
    const gone = new Promise((resolve) => process_.child.once('exit', resolve));
    process_.child.kill('SIGKILL');
    await gone;
  }

  async stop(which: 'helper' | 'main'): Promise<void> {
    const process_ = this[which];
    this[which] = undefined;
    if (process_ === undefined || process_.child.exitCode !== null) return;
    const gone = new Promise((resolve) => process_.child.once('exit', resolve));
    process_.child.kill('SIGTERM');
    const timer = setTimeout(() => process_.child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  }

  #start(which: 'helper' | 'main', args: readonly string[]): LabProcess {
    const argv = this.#inTree(this.#privileges(which), args);
    const env = { PATH, ...(which === 'main' ? this.#labTime() : {}) };
    const child = this.#network.spawn(this.#network.bng, argv, { env, cwd: '/' });
    let words = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        words = (words + text).slice(-200_000);
      });
    }
    return { child, words: () => words };
  }

  /** The namespace has a mount table of its own: the tree appears below /run for these processes alone, readable whatever
   *  the permissions of the folders above it are. */
  #inTree(privileges: readonly string[], args: readonly string[]): readonly string[] {
    const mount = `/run/engawa-lab-tree`;
    const inTree = (path: string) => join(mount, relative(ROOT, path));
    const node = process.execPath.startsWith(ROOT) ? inTree(realpathSync(process.execPath)) : process.execPath;
    const bind = 'mkdir -p "$1" && mount --bind "$0" "$1" && shift && exec "$@"';
    return ['sh', '-c', bind, ROOT, mount, ...privileges, node, inTree(join(ROOT, args[0]!)), ...args.slice(1)];
  }

  #labTime(): NodeJS.ProcessEnv {
    return { ENGAWA_LAB: '1', ENGAWA_LAB_AHEAD_MS: String(this.aheadMs) };
  }

  /** The command line as the engineer types it on the gateway, as root. */
  engawa(...args: readonly string[]): Promise<RunResult> {
    const argv = this.#inTree([], ['src/main.ts', '--config', this.#site.configFile, ...args]);
    const env = { PATH, ...this.#labTime() };
    return this.#network.exec(this.#network.bng, argv, { env, cwd: '/', timeoutMs: START_MS });
  }

  #privileges(which: 'helper' | 'main'): readonly string[] {
    const capabilities = which === 'helper' ? '-all,+net_admin' : '-all';
    const sets = [`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`, `--bounding-set=${capabilities}`];
    // One user alone: the bounding set still keeps each process to its capabilities.
    if (this.#users === undefined) return ['setpriv', '--no-new-privs', ...sets];
    return [
      'setpriv',
      `--reuid=${this.#users[which]}`,
      `--regid=${this.#users.group}`,
      '--clear-groups',
      '--no-new-privs',
      ...sets,
    ];
  }

  async #until(process_: LabProcess, isReady: () => boolean): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!isReady()) {
      if (process_.child.exitCode !== null || performance.now() > deadline)
        throw new Error(`a process of ours did not start:\n${process_.words().slice(-3000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** CapEff of a running process, as the kernel tells it. */
  capabilities(which: 'helper' | 'main'): string {
    const pid = this[which]?.child.pid;
    return /CapEff:\s*([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'unknown';
  }
}

/** An order over the control socket, as `engawa …` gives it. */
export function orderOver(
  socketPath: string,
  name: string,
  input: Readonly<Record<string, unknown>> = {},
  body?: Uint8Array,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const headers = { 'engawa-by': 'lab', 'engawa-input': Buffer.from(JSON.stringify(input)).toString('base64url') };
    const asked = request({ socketPath, path: `/v1/${name}`, method: 'POST', headers, timeout: 60_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const last = text.trim().split('\n').at(-1) ?? '';
        const said = (last === '' ? {} : JSON.parse(last)) as {
          done?: Record<string, unknown>;
          refused?: { code: string; text: string };
        };
        if (said.done !== undefined) resolve(said.done);
        else
          reject(
            new Error(
              said.refused === undefined ? `no answer to ${name}` : `${said.refused.code}: ${said.refused.text}`,
            ),
          );
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`${name}: no answer in time`)));
    asked.on('error', reject);
    asked.end(body);
  });
}
