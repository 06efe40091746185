// IntelMQ's queue in Redis, as its own bots read it: the message in work lies in `QUEUE-internal` until it is acknowledged, so a
// reader that dies finds it there. One message in work at a time; what follows may be looked at where it lies.
import { Redis } from 'ioredis';

export interface RedisServer {
  readonly host?: string;
  readonly port?: number;
  /** Unix socket, instead of host and port. */
  readonly path?: string;
  readonly database?: number;
  readonly user?: string;
  readonly password?: string;
  /** TLS, verified; `ca` (PEM) instead of the system's authorities. */
  readonly tls?: { readonly ca?: string };
}

const CONNECT_MS = 10_000;
const COMMAND_MS = 10_000;
/** IntelMQ's default for its pipelines. */
const DATABASE = 2;

export class IntelmqQueue {
  readonly #redis: Redis;
  readonly #source: string;
  readonly #internal: string;
  /** Redis before 6.2 does not know LMOVE. */
  #isOld = false;
  #trouble: Error | undefined;

  constructor(server: RedisServer, queue: string) {
    this.#redis = new Redis(optionsOf(server));
    // Commands say «closed» where the connection said why; without a listener the process would end.
    this.#redis.on('error', (error: Error) => {
      this.#trouble = error;
    });
    this.#source = queue;
    this.#internal = `${queue}-internal`;
  }

  async connect(): Promise<void> {
    await this.#redis.connect();
  }

  /** What the connection itself complained of, when it did. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  get isOpen(): boolean {
    return this.#redis.status === 'ready';
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** What was in work when somebody died. */
  async inWork(): Promise<Buffer | undefined> {
    return (await this.#redis.lindexBuffer(this.#internal, -1)) ?? undefined;
  }

  /** The next messages, oldest first, left where they are. */
  async ahead(count: number): Promise<readonly Buffer[]> {
    return (await this.#redis.lrangeBuffer(this.#source, -count, -1)).reverse();
  }

  /** The oldest message comes into work; undefined when there is none. Asked often, not waited for (BLMOVE): a message that
   *  moved before it was stored would be another reader's to drop. */
  async move(): Promise<Buffer | undefined> {
    if (!this.#isOld)
      try {
        return (await this.#redis.lmoveBuffer(this.#source, this.#internal, 'RIGHT', 'LEFT')) ?? undefined;
      } catch (cause) {
        if (!/unknown command/i.test(String(cause))) throw cause;
        this.#isOld = true;
      }
    return (await this.#redis.rpoplpushBuffer(this.#source, this.#internal)) ?? undefined;
  }

  /** What is in work is done. */
  async acknowledge(): Promise<void> {
    await this.#redis.rpop(this.#internal);
  }
}

function optionsOf({ host, port, path, database, user, password, tls }: RedisServer) {
  return {
    ...(path === undefined ? { host: host ?? '127.0.0.1', port: port ?? 6379 } : { path }),
    db: database ?? DATABASE,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...tls, ...(host === undefined ? {} : { servername: host }) } }),
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    // A connection that broke is opened by the next turn; a command never waits for one, and is never sent twice.
    retryStrategy: () => null,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: true,
  };
}
