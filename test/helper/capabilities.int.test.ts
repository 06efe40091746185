// As the launcher starts it: an unprivileged user whose only capability is CAP_NET_ADMIN. Is that exact, and is it enough?
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import { encodeSpec } from '../../src/protocols/nftables/spec-json.ts';
import { prefix, SPEC } from './lab-gateway.ts';

const UID = 64_231; // nobody's
const CAP_NET_ADMIN = 12;

/** The arguments of setpriv for the helper: this capability in every set, and no way to more. */
const HELPER_ARGUMENTS = [
  `--reuid=${UID}`,
  `--regid=${UID}`,
  '--clear-groups',
  '--no-new-privs',
  '--inh-caps=-all,+net_admin',
  '--ambient-caps=-all,+net_admin',
  '--bounding-set=-all,+net_admin',
];
/** …and for the main process: none. */
const MAIN_ARGUMENTS = [
  `--reuid=${UID}`,
  `--regid=${UID}`,
  '--clear-groups',
  '--no-new-privs',
  '--inh-caps=-all',
  '--ambient-caps=-all',
  '--bounding-set=-all',
];

describe('the privileges of the two processes', () => {
  it('the helper holds net_admin and nothing else, and can load and change its table', async () => {
    const netns = `engcap${process.pid}`;
    const folder = mkdtempSync(join(tmpdir(), 'engcap-'));
    chmodSync(folder, 0o755);
    execFileSync('ip', ['netns', 'add', netns]);
    const program = copyForOthers(folder);
    const run = join(folder, 'run');
    mkdirSync(run, { mode: 0o750 });
    chownSync(run, UID, UID);
    const [socketPath, spec] = [join(run, 'helper.sock'), join(folder, 'gateway.json')];
    writeFileSync(spec, encodeSpec(SPEC), { mode: 0o644 });
    const node = [program.node, program.main, '--socket', socketPath, '--spec', spec];
    const child = spawn('ip', ['netns', 'exec', netns, 'setpriv', ...HELPER_ARGUMENTS, ...node], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    const client = new NftablesEnforcer({ gateway: 'bng1', socketPath });
    try {
      let journal = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        journal += text;
      });
      await expect.poll(() => journal, { timeout: 15_000 }).toContain('"ready"');
      expect(await client.install()).toEqual({ ok: true, value: 'installed' });
      const element = { prefix: prefix('192.0.2.5'), access: 'strict' as const, abusedPorts: [], timeoutSeconds: 60 };
      expect((await client.apply({ put: [element], remove: [] })).ok).toBe(true);
      expect(await client.observe([element.prefix])).toMatchObject([{ access: 'strict' }]);
      expect((await client.forgetSteered([element.prefix])).ok).toBe(true);
      const status = statusOf(child.pid!);
      const only = (1n << BigInt(CAP_NET_ADMIN)).toString(16).padStart(16, '0');
      expect(['CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb'].map((name) => status[name])).toEqual(
        Array(5).fill(only),
      );
      expect([status['Uid'], status['NoNewPrivs']]).toEqual([`${UID}\t${UID}\t${UID}\t${UID}`, '1']);
      expect(execFileSync('stat', ['-c', '%a %u', socketPath], { encoding: 'utf8' }).trim()).toBe(`660 ${UID}`);
    } finally {
      await client.close();
      child.kill('SIGKILL');
      execFileSync('ip', ['netns', 'del', netns]);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('a main process started with its arguments holds none at all', () => {
    const folder = mkdtempSync(join(tmpdir(), 'engcap-'));
    chmodSync(folder, 0o755);
    try {
      const { node } = copyForOthers(folder);
      const script = "process.stdout.write(require('fs').readFileSync('/proc/self/status','utf8'))";
      const text = execFileSync('setpriv', [...MAIN_ARGUMENTS, node, '-e', script], { encoding: 'utf8', cwd: '/' });
      const status = parseStatus(text);
      const none = '0'.repeat(16);
      expect(['CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb'].map((name) => status[name])).toEqual(
        Array(5).fill(none),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** The tree of this checkout may be closed to other users: what the helper needs, where they can read it. */
function copyForOthers(folder: string): { node: string; main: string } {
  const home = join(folder, 'program');
  for (const part of ['helper', 'protocols/nftables', 'core/kernel', 'core/net', 'core/garden']) {
    cpSync(join('src', part), join(home, 'src', part), { recursive: true });
  }
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  const node = join(home, 'node');
  try {
    execFileSync('setpriv', [...MAIN_ARGUMENTS, process.execPath, '--version'], { stdio: 'pipe', cwd: '/' });
    symlinkSync(process.execPath, node);
  } catch {
    cpSync(process.execPath, node);
  }
  return { node, main: join(home, 'src/helper/main.ts') };
}

function statusOf(pid: number): Record<string, string> {
  return parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

function parseStatus(text: string): Record<string, string> {
  return Object.fromEntries(text.split('\n').map((line) => line.split(':\t') as [string, string]));
}
