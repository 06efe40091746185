// What the peers of the tests share: a free port, a folder of their own, a program that runs until it is ended. Each test
// ends what it started; nothing here knows what a program is for.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chownSync, mkdtempSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Of a user that a Debian package made. */
export function accountOf(user: string): Account {
  const number = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** Only this account can enter it. The caller removes it. */
export function ownFolder(prefix: string, owner: Account): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  chownSync(folder, owner.uid, owner.gid);
  return folder;
}

/** A key and a certificate for localhost that stands for itself, PEM, in this folder. */
export function makeCertificate(folder: string, owner: Account): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=peer', '-addext', 'subjectAltName=DNS:localhost'];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...args, ...subject, '-keyout', key, '-out', cert], { ...owner, stdio: 'pipe', cwd: '/' });
  return { cert, key };
}

/** Free at this moment, on both loopback addresses as far as can be told from one. */
export async function freePort(kind: 'tcp' | 'udp'): Promise<number> {
  if (kind === 'udp') {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>((done) => socket.close(done));
    return port;
  }
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export class Daemon {
  readonly #child: ChildProcess;
  #output = '';
  #ended: string | undefined;

  /** Ends with us, however we end: with an account it runs as that from its start, for changing it later would undo this. */
  constructor(program: string, args: readonly string[], account?: Account) {
    const as = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups'];
    this.#child = spawn('/usr/bin/setpriv', [...as, '--pdeathsig=KILL', '--', program, ...args], {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (text: Buffer) => {
        this.#output = (this.#output + text.toString()).slice(-4_000_000);
      });
    this.#child.once('error', (error) => {
      this.#ended = error.message;
    });
    this.#child.once('exit', (code, signal) => {
      this.#ended = `exit ${code ?? signal}`;
    });
  }

  get output(): string {
    return this.#output;
  }

  /** Polls, for most daemons have no better way to say that they are there. Rejects when the program ends before. */
  async until(isThere: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await isThere())) {
      if (this.#ended !== undefined) throw new Error(`${this.#ended}\n${this.#output.slice(-4000)}`);
      if (performance.now() > deadline) throw new Error(`not there in ${withinMs} ms\n${this.#output.slice(-4000)}`);
      await new Promise((next) => setTimeout(next, 20));
    }
  }

  /** Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#ended !== undefined) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(late);
  }
}
