// A Redis of the test's own, killed and started again at will: what it answered is in its append-only file (a kill is no power cut).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Daemon, freePort, makeCertificate } from './daemon.ts';

export interface RedisOptions {
  /** Commands that a server of this age does not have. */
  readonly without?: readonly string[];
  readonly password?: string;
  /** TLS alone, with a certificate for localhost. */
  readonly tls?: boolean;
}

export class RedisPeer {
  readonly folder = mkdtempSync(join(tmpdir(), 'engawa-redis-'));
  readonly socket = join(this.folder, 'socket');
  readonly ca: string | undefined;
  port = 0;
  readonly #options: RedisOptions;
  readonly #certificate: ReturnType<typeof makeCertificate> | undefined;
  #daemon: Daemon | undefined;
  #client: Redis | undefined;

  constructor(options: RedisOptions = {}) {
    this.#options = options;
    const { uid, gid } = { uid: process.getuid!(), gid: process.getgid!() };
    this.#certificate = options.tls === true ? makeCertificate(this.folder, { uid, gid }) : undefined;
    this.ca = this.#certificate?.cert;
  }

  async start(): Promise<this> {
    if (this.port === 0) this.port = await freePort('tcp');
    const { without = [], password, tls } = this.#options;
    const listen = tls === true ? ['--port', '0', '--tls-port', String(this.port)] : ['--port', String(this.port)];
    const keys = this.#certificate;
    this.#daemon = new Daemon('/usr/bin/redis-server', [
      ...['--bind', '127.0.0.1', ...listen, '--unixsocket', this.socket, '--dir', this.folder],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--daemonize', 'no'],
      ...(keys === undefined
        ? []
        : ['--tls-cert-file', keys.cert, '--tls-key-file', keys.key, '--tls-auth-clients', 'no']),
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...without.flatMap((command) => ['--rename-command', command, '']),
    ]);
    await this.#daemon.until(() => this.#answers());
    return this;
  }

  /** A client beside the one that is tested: producer, and witness. */
  get client(): Redis {
    if (this.#client === undefined) throw new Error('not started');
    return this.#client;
  }

  /** SIGKILL: connections break in the middle of whatever they were doing. */
  async kill(): Promise<void> {
    this.#client?.disconnect();
    await this.#daemon?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    const { password } = this.#options;
    const client = new Redis({
      path: this.socket,
      db: 2,
      lazyConnect: true,
      retryStrategy: () => null,
      ...(password === undefined ? {} : { password }),
    });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.ping();
      this.#client = client;
      return true;
    } catch {
      client.disconnect();
      return false;
    }
  }
}
