// A real sshd on loopback with its own host key and the configuration that is shipped, for the tests of remote gateways.
// Everything it makes is in the folder it is given; stop() ends what it started.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { SshTarget } from '../../src/adapters/enforcer/nftables/ssh.ts';

const TREE = new URL('../../', import.meta.url).pathname;
const SSHD = '/usr/sbin/sshd';
const TRIES = 5;

export interface SshServer {
  readonly ssh: Omit<SshTarget, 'kind'>;
  /** What sshd wrote so far. */
  log(): string;
  /** Ends the connections that are open, as a broken line would. */
  cut(): void;
  /** Another machine answers at this address: same port, new host key. */
  replaceHostKey(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSshServer(folder: string, helperSocket: string): Promise<SshServer> {
  // Debian's unit makes it; without the unit nobody has.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const [hostKey, identityFile, knownHostsFile] = [
    join(folder, 'host'),
    join(folder, 'engawa key'),
    join(folder, 'known'),
  ];
  makeKey(hostKey);
  makeKey(identityFile);
  writeKeys(folder, helperSocket, readFileSync(`${identityFile}.pub`, 'utf8'));
  let [child, words] = await listen(folder, hostKey);
  const port = Number(/port (\d+)/.exec(words())![1]);
  writeFileSync(knownHostsFile, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
  return {
    ssh: { host: '127.0.0.1', port, user: userInfo().username, identityFile, knownHostsFile },
    log: () => words(),
    cut: () => {
      for (const pid of childrenOf(child.pid!)) process.kill(pid, 'SIGKILL');
    },
    async replaceHostKey() {
      await end(child);
      const other = join(folder, 'other');
      makeKey(other);
      [child, words] = await listen(folder, other, port);
    },
    stop: () => end(child),
  };
}

function makeKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
}

/** The shipped files, with this tree for the program folder and us for their user. */
function writeKeys(folder: string, helperSocket: string, publicKey: string): void {
  const command = `${join(folder, 'pipe')}`;
  // The tree may be closed to others and its Node elsewhere: the same two words that bin/engawa-helper-pipe says.
  writeFileSync(
    command,
    `#!/bin/sh\nexec '${process.execPath}' '${TREE}src/helper/pipe.ts' --socket '${helperSocket}'\n`,
  );
  chmodSync(command, 0o755);
  const fill = (text: string) =>
    text
      .replaceAll('/opt/engawa/bin/engawa-helper-pipe', command)
      .replaceAll('/etc/engawa/authorized_keys', join(folder, 'authorized_keys'))
      .replace('from="192.0.2.80"', 'from="127.0.0.1"')
      .replace('ssh-ed25519 PUBLIC-KEY engawa\n', publicKey)
      .replace('Match User engawa-pipe', `Match User ${userInfo().username}`);
  const shipped = (name: string) => fill(readFileSync(join(TREE, 'deploy/ssh', name), 'utf8'));
  writeFileSync(join(folder, 'authorized_keys'), shipped('authorized_keys'));
  writeFileSync(join(folder, 'match.conf'), shipped('sshd-engawa.conf'));
}

async function listen(folder: string, hostKey: string, wanted?: number): Promise<[ChildProcess, () => string]> {
  for (let i = 0; i < TRIES; i++) {
    const port = wanted ?? (await freePort());
    const config = join(folder, 'sshd_config');
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${hostKey}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin forced-commands-only',
      'PasswordAuthentication no',
      'Subsystem sftp internal-sftp',
      `Include ${join(folder, 'match.conf')}`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'], env: {} });
    let said = '';
    child.stderr.setEncoding('utf8');
    const isListening = await new Promise<boolean>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`sshd does not listen: ${said}`)), 15_000);
      child.stderr.on('data', (text: string) => {
        said += text;
        if (said.includes('Server listening')) done(true);
      });
      child.once('exit', () => done(false));
      function done(value: boolean): void {
        clearTimeout(timer);
        resolve(value);
      }
    });
    if (isListening) return [child, () => said];
    if (!said.includes('already in use')) throw new Error(`sshd ended: ${said}`);
  }
  throw new Error('no free port for sshd');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Ends sshd and the sessions it has. */
async function end(child: ChildProcess): Promise<void> {
  const sessions = childrenOf(child.pid!);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill('SIGKILL')) await gone;
  for (const pid of sessions) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    const listed = execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8', stdio: 'pipe' });
    return listed.trim().split(/\s+/).map(Number);
  } catch {
    return []; // none: ps says so with its exit code
  }
}
