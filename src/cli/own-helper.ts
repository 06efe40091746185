// What an order needs when it runs here because the service is down: a gateway helper, and the state's own user. Root alone
// may start a helper; it lives for one order, with its socket in a folder of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/load.ts';
import { encodeSpec } from '../protocols/nftables/spec-json.ts';
import { CliFault } from './context.ts';

export interface OwnHelper {
  /** The same configuration with our helper's socket in it. */
  readonly config: Config;
  stop(): Promise<void>;
}

const HELPER = join(import.meta.dirname, '../helper/main.ts');
/** Where deploy/systemd keeps it. */
const SNAPSHOT = '/var/lib/engawa-helper/gardens.nft';
const READY_MS = 15_000;
const KNOCK_MS = 1000;

/** undefined = the usual helper answers, or we are not root and can only wait for it. */
export async function helperFor(config: Config): Promise<OwnHelper | undefined> {
  const [gateway] = config.gateways;
  if (gateway === undefined || process.geteuid?.() !== 0 || (await answers(gateway.helperSocket))) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'engawa-helper-'));
  const group = ownerOf(config.stateFolder)?.gid ?? 0;
  const [socket, specFile] = [join(folder, 'helper.sock'), join(folder, 'gateway.json')];
  writeFileSync(specFile, encodeSpec(gateway.spec), { mode: 0o640 });
  chmodSync(folder, 0o750);
  for (const path of [folder, specFile]) chownSync(path, 0, group);
  // What the usual helper saved for the next boot is emptied with the kernel, not brought back by it.
  const saved = existsSync(SNAPSHOT) ? ['--snapshot', SNAPSHOT] : [];
  const child = spawn(process.execPath, [HELPER, '--socket', socket, '--spec', specFile, ...saved], {
    env: {},
    gid: group,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = () => end(child, folder);
  try {
    await ready(child);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { config: { ...config, gateways: config.gateways.map((one) => ({ ...one, helperSocket: socket })) }, stop };
}

/**
 * What is written now must stay readable for the service: as root we become the user whose folder it is.
 * The answer makes us root again.
 */
export function actAsOwnerOf(folder: string): () => void {
  const owner = ownerOf(folder);
  if (process.geteuid?.() !== 0 || owner === undefined || owner.uid === 0) return () => {};
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([owner.gid]);
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
  return () => {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  };
}

function ownerOf(folder: string): { readonly uid: number; readonly gid: number } | undefined {
  return existsSync(folder) ? statSync(folder) : undefined;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    const say = (found: boolean) => {
      probe.destroy();
      resolve(found);
    };
    probe.setTimeout(KNOCK_MS, () => say(false));
    probe.once('connect', () => say(true)).once('error', () => say(false));
  });
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = '';
    const fail = () =>
      reject(new CliFault(1, 'helper-not-started', `no helper answers and none could be started: ${words.trim()}`));
    const timer = setTimeout(fail, READY_MS);
    child.once('error', fail);
    child.once('exit', fail);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-1000);
      if (!words.includes('"ready"')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('exit', () => clearTimeout(timer));
  });
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  const isRunning = child.exitCode === null && child.signalCode === null;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (isRunning && child.kill('SIGTERM')) await gone;
  rmSync(folder, { recursive: true, force: true });
}
