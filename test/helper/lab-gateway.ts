// A namespace of our own with a helper in it, for the tests that need a real kernel. Everything it makes, stop() takes away.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewaySpec } from '../../src/core/garden/gateway.ts';
import type { GardenKey } from '../../src/core/garden/key.ts';
import { parseIp } from '../../src/core/net/ip.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import { encodeSpec } from '../../src/protocols/nftables/spec-json.ts';

export const ip = (text: string) => parseIp(text)!;
export const prefix = (text: string) => parsePrefix(text)!;

export const SPEC: GatewaySpec = {
  name: 'bng1',
  table: 'engawa',
  accessInterfaces: ['access0'],
  portal: { ip4: ip('203.0.113.10'), ip6: ip('2001:db8:ff::10') },
  sink: { ip4: ip('203.0.113.11'), ip6: ip('2001:db8:ff::11') },
  ports: { portalHttp: 8080, portalHttps: 8443, tlsRefuser: 8444, dnsFront: 5353 },
  tls443: 'alert',
  pools: [prefix('192.0.2.0/24'), prefix('198.18.0.0/15'), prefix('2001:db8:100::/40')],
  sharedPools: [{ prefix: prefix('192.0.2.192/28'), offset: 6, psidLength: 8 }],
  infrastructure: [prefix('192.0.2.1'), prefix('2001:db8:100::/56')],
  ipv6Lengths: [56, 64],
  lifelines: [
    {
      name: 'emergency',
      class: 'emergency',
      prefixes: [prefix('192.0.2.112'), prefix('203.0.113.112'), prefix('2001:db8:ff::112')],
      protocols: ['udp', 'tcp'],
      ports: [{ low: 5060, high: 5061 }],
      inbound: true,
      dnsNames: ['sip.example.net'],
    },
  ],
  packs: [
    {
      name: 'bank',
      purpose: 'banking',
      dnsNames: ['bank.example'],
      prefixes: [],
      protocols: ['tcp'],
      ports: [{ low: 443, high: 443 }],
    },
  ],
  ntpServers: [prefix('203.0.113.123')],
};

/** One household's ports of a shared address. */
export const share = (address: string, psid: number, shape = { offset: 6, psidLength: 8 }): GardenKey => ({
  ...prefix(address),
  portSet: { ...shape, psid },
});

export interface LabGateway {
  readonly netns: string;
  readonly folder: string;
  readonly socketPath: string;
  readonly specPath: string;
  helper(): ChildProcess;
  /** What the helper wrote to its journal so far. */
  journal(): string;
  /** Starts a helper unless one runs. */
  start(): Promise<void>;
  /** Ends this helper by SIGKILL, or as systemd does, and waits until it is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Where its helper saves the gardens. */
  readonly snapshot: string;
  /** The helper's other mode: what the machine runs at boot. */
  restore(): { readonly status: number | null; readonly said: Readonly<Record<string, unknown>> };
  /** What the next helper that is started will be configured with. */
  configure(spec: GatewaySpec): void;
  nft(...args: readonly string[]): string;
  stop(): Promise<void>;
}

let count = 0;

export function createLabGateway(spec: GatewaySpec = SPEC): LabGateway {
  const netns = `enghlp${process.pid}x${count++}`;
  const folder = mkdtempSync(join(tmpdir(), 'enghlp-'));
  const run = join(folder, 'run');
  const socketPath = join(run, 'helper.sock');
  const specPath = join(folder, 'gateway.json');
  const state = join(folder, 'state');
  const snapshot = join(state, 'gardens.nft');
  mkdirSync(state, { mode: 0o700 });
  mkdirSync(run, { mode: 0o750 });
  writeFileSync(specPath, encodeSpec(spec));
  execFileSync('ip', ['netns', 'add', netns]);
  let child: ChildProcess | undefined;
  let journal = '';

  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;

  async function start(): Promise<void> {
    if (isRunning()) return;
    const args = ['--socket', socketPath, '--spec', specPath, '--snapshot', snapshot];
    const command = [process.execPath, 'src/helper/main.ts', ...args];
    const started = spawn('ip', ['netns', 'exec', netns, ...command], { stdio: ['ignore', 'ignore', 'pipe'], env: {} });
    child = started;
    journal = '';
    started.stderr!.setEncoding('utf8');
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`helper not ready: ${journal}`)), 15_000);
      started.stderr!.on('data', (text: string) => {
        journal += text;
        if (!journal.includes('"ready"')) return;
        clearTimeout(timer);
        resolve();
      });
      started.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`helper ended with ${code}: ${journal}`));
      });
    });
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (child === undefined || !isRunning()) return;
    const gone = new Promise((resolve) => child!.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  function restore() {
    const args = ['src/helper/main.ts', '--restore', snapshot, '--spec', specPath];
    const argv = ['netns', 'exec', netns, process.execPath, ...args];
    const done = spawnSync('ip', argv, { encoding: 'utf8', env: {}, timeout: 30_000 });
    return { status: done.status, said: JSON.parse(done.stderr) as Record<string, unknown> };
  }

  return {
    netns,
    folder,
    socketPath,
    specPath,
    helper: () => child!,
    journal: () => journal,
    start,
    kill,
    snapshot,
    restore,
    configure: (next) => writeFileSync(specPath, encodeSpec(next)),
    nft: (...args) => execFileSync('ip', ['netns', 'exec', netns, 'nft', ...args], { encoding: 'utf8', stdio: 'pipe' }),
    async stop() {
      await kill();
      execFileSync('ip', ['netns', 'del', netns]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
