// PostgreSQL with FreeRADIUS' own tables: a cluster of its own in a folder of its own, as Debian's user, on loopback. Durable
// it is not: a test that kills it starts it again on the same files, nothing more.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Account, accountOf, Daemon, freePort, makeCertificate, ownFolder } from './daemon.ts';

const SCHEMA = '/etc/freeradius/3.0/mods-config/sql/main/postgresql';

export interface SqlPeer {
  readonly port: number;
  /** Its certificate stands for itself: the authority to trust, PEM. */
  readonly ca: string;
  /** As the administrator of the database `radius`: rows as text, columns parted by `|`. */
  sql(text: string): readonly string[];
  /** A file of statements, as the administrator. */
  run(file: string): void;
  /** Gone without a word to its clients. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<SqlPeer> {
  const account = accountOf('postgres');
  const folder = ownFolder('engawa-postgres-', account);
  const peer = new Postgres(folder, await freePort('tcp'), account);
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

/** Debian keeps the programs of each version in a folder of its own. */
function programs(): string {
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  return `/usr/lib/postgresql/${versions[0]}/bin`;
}

class Postgres implements SqlPeer {
  readonly port: number;
  readonly ca: string;
  readonly #folder: string;
  readonly #account: Account;
  readonly #bin = programs();
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
    const args = ['-D', join(this.#folder, 'data'), '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
    this.#execute('initdb', [...args, '--auth-local=trust', '--auth-host=scram-sha-256']);
  }

  async start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: this.#folder,
      fsync: 'off',
      ssl: 'on',
      ssl_cert_file: this.#certificate.cert,
      ssl_key_file: this.#certificate.key,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const data = join(this.#folder, 'data');
    this.#daemon = new Daemon(join(this.#bin, 'postgres'), ['-D', data, ...args], this.#account);
    await this.#daemon.until(() => this.#isReady());
  }

  /** The tables and the account of FreeRADIUS, from its package. */
  create(): void {
    this.#psql(['-d', 'postgres', '-c', 'CREATE DATABASE radius']);
    for (const file of ['schema.sql', 'setup.sql']) this.run(join(SCHEMA, file));
  }

  sql(text: string): readonly string[] {
    const output = this.#psql(['-d', 'radius', '-At', '-c', text]);
    return output.split('\n').filter((line) => line !== '');
  }

  run(file: string): void {
    // Read here: the package's files are for FreeRADIUS alone.
    this.#psql(['-d', 'radius', '-f', '-'], readFileSync(file, 'utf8'));
  }

  async kill(): Promise<void> {
    // SIGQUIT, not SIGKILL: its children go with it, and none is left behind.
    await this.#daemon?.stop('SIGQUIT');
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGINT');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #isReady(): boolean {
    try {
      this.#execute('pg_isready', ['-q', '-h', this.#folder, '-p', String(this.port)]);
      return true;
    } catch {
      return false;
    }
  }

  #psql(args: readonly string[], input = ''): string {
    const to = ['-X', '-q', '-h', this.#folder, '-p', String(this.port), '-U', 'postgres', '-v', 'ON_ERROR_STOP=1'];
    return this.#execute('psql', [...to, ...args], input);
  }

  #execute(program: string, args: readonly string[], input = ''): string {
    return execFileSync(join(this.#bin, program), args, {
      cwd: '/',
      ...this.#account,
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
      encoding: 'utf8',
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }
}
