// MariaDB with FreeRADIUS' own tables: as postgres.ts, for the other kind.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Account, accountOf, Daemon, freePort, makeCertificate, ownFolder } from './daemon.ts';
import type { SqlPeer } from './postgres.ts';

const SCHEMA = '/etc/freeradius/3.0/mods-config/sql/main/mysql';

export async function startMariadb(): Promise<SqlPeer> {
  const account = accountOf('mysql');
  const folder = ownFolder('engawa-mariadb-', account);
  const peer = new Mariadb(folder, await freePort('tcp'), account);
  try {
    peer.initialise();
    await peer.start();
    peer.create();
    return peer;
  } catch (cause) {
    await peer.stop();
    throw cause;
  }
}

class Mariadb implements SqlPeer {
  readonly port: number;
  readonly ca: string;
  readonly #folder: string;
  readonly #account: Account;
  readonly #certificate: ReturnType<typeof makeCertificate>;
  #daemon: Daemon | undefined;

  constructor(folder: string, port: number, account: Account) {
    this.#folder = folder;
    this.port = port;
    this.#account = account;
    this.#certificate = makeCertificate(folder, account);
    this.ca = readFileSync(this.#certificate.cert, 'utf8');
  }

  initialise(): void {
    const args = ['--no-defaults', `--datadir=${this.#folder}/data`, '--auth-root-authentication-method=normal'];
    this.#execute('/usr/bin/mariadb-install-db', [...args, '--skip-test-db', '--skip-name-resolve']);
  }

  async start(): Promise<void> {
    const settings = {
      datadir: join(this.#folder, 'data'),
      socket: this.#socket(),
      'pid-file': join(this.#folder, 'pid'),
      'bind-address': '127.0.0.1',
      port: String(this.port),
      'ssl-cert': this.#certificate.cert,
      'ssl-key': this.#certificate.key,
      'innodb-flush-log-at-trx-commit': '0',
      'innodb-buffer-pool-size': '32M',
      'innodb-log-file-size': '8M',
    };
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    this.#daemon = new Daemon('/usr/sbin/mariadbd', ['--no-defaults', ...args], this.#account);
    await this.#daemon.until(() => this.#isReady(), 40_000);
  }

  /** The tables and the account of FreeRADIUS, from its package; over TCP it comes from an address, not from a name. */
  create(): void {
    this.#client([], 'CREATE DATABASE radius');
    this.run(join(SCHEMA, 'schema.sql'));
    this.#client(['radius'], readFileSync(join(SCHEMA, 'setup.sql'), 'utf8').replaceAll("'localhost'", "'127.0.0.1'"));
  }

  sql(text: string): readonly string[] {
    const output = this.#client(['radius', '--batch', '--skip-column-names', '--raw'], text);
    return output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replaceAll('\t', '|'));
  }

  run(file: string): void {
    this.#client(['radius'], readFileSync(file, 'utf8'));
  }

  async kill(): Promise<void> {
    await this.#daemon?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #socket(): string {
    return join(this.#folder, 'socket');
  }

  #isReady(): boolean {
    try {
      this.#client([], 'SELECT 1');
      return true;
    } catch {
      return false;
    }
  }

  #client(args: readonly string[], input: string): string {
    const to = ['--no-defaults', `--socket=${this.#socket()}`, '--user=root', '--default-character-set=utf8mb4'];
    return this.#execute('/usr/bin/mariadb', [...to, ...args], input);
  }

  #execute(program: string, args: readonly string[], input = ''): string {
    return execFileSync(program, args, {
      cwd: '/',
      ...this.#account,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      encoding: 'utf8',
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }
}
