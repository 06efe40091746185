// RADIUS accounting over UDP: genuine records go to the bindings in batches, and an answer leaves only when its record is
// durable. What cannot be trusted is dropped and counted, never answered (RFC 2866 §3). Holds no state about sessions.
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { AccountingRecord } from '../../../core/line/accounting.ts';
import type { Prefix } from '../../../core/net/prefix.ts';
import type { Log } from '../../../flow/ports.ts';
import { accountingResponse, readAccounting } from '../../../protocols/radius/accounting.ts';
import { MESSAGE_AUTHENTICATOR } from '../../../protocols/radius/attributes.ts';
import { requestFault } from '../../../protocols/radius/authenticator.ts';
import { decodePacket, type Packet } from '../../../protocols/radius/codec.ts';
import { type AccountingClient, type Reading, readRecord } from './client.ts';
import { ClientBook } from './client-book.ts';
import { type AccountingCount, type AccountingCounts, type ClientState, Counter } from './client-state.ts';
import { Inbox } from './inbox.ts';

export interface AccountingOptions {
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly clients: readonly AccountingClient[];
  /** Durable when it resolves. */
  readonly record: (batch: readonly AccountingRecord[]) => Promise<unknown>;
  readonly reserved: readonly Prefix[];
  readonly clock: { now(): number };
  readonly log: Log;
  /** For rates and «lately»; `performance.now` by default. */
  readonly monotonic?: () => number;
}

/** What is wrong with a client lately. */
export interface ClientTrouble {
  readonly kind: 'not-genuine' | 'over-rate';
  readonly client: string;
  readonly agoMs: number;
}

interface Waiting {
  readonly state: ClientState;
  readonly record: AccountingRecord;
  readonly answer: () => void;
}

interface Genuine {
  readonly packet: Packet;
  readonly secret: Uint8Array;
  readonly reading: Reading;
}

const QUEUE_LIMITS = { all: 20_000, each: 5_000 };
/** One transaction: about 20 ms of the event loop. */
const BATCH_LIMIT = 1_000;
const TELL_EVERY_MS = 60_000;
const LATELY_MS = 5 * 60_000;
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;

/** Answers go to addresses, and listeners are on addresses: asking a resolver would only put each on a later turn. */
const addressItself: NonNullable<SocketOptions['lookup']> = (host, options, done) =>
  isIP(host) === 0 ? lookup(host, options, done) : done(null, host, isIP(host));

export class AccountingListener {
  readonly #options: AccountingOptions;
  readonly #book: ClientBook;
  readonly #strangers = new Counter();
  /** When a client's trouble of one kind was last told. */
  readonly #told = new Map<string, number>();
  readonly #sockets: Socket[] = [];
  readonly #inbox = new Inbox<ClientState, Waiting>(QUEUE_LIMITS);
  #flushing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: AccountingOptions) {
    this.#options = options;
    this.#book = new ClientBook(options.clients, options.monotonic ?? (() => performance.now()));
  }

  /** Resolves with the bound addresses; rejects when one cannot be bound. */
  async start(): Promise<readonly { readonly address: string; readonly port: number }[]> {
    const bound = [];
    for (const at of this.#options.listen) bound.push(await this.#bind(at));
    return bound;
  }

  /** Takes nothing new, finishes what was taken, answers it, closes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.#flushing !== undefined) await this.#flushing;
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
    this.#sockets.length = 0;
  }

  counts(): AccountingCounts {
    const sum = new Counter();
    for (const counter of [this.#strangers, ...this.#book.clients.map((one) => one.counter)])
      for (const [name, count] of Object.entries(counter.all())) sum.add(name as AccountingCount, count);
    return sum.all();
  }

  /** The same, client by client: as many as are configured. */
  clientCounts(): readonly { readonly client: string; readonly counts: AccountingCounts }[] {
    return this.#book.clients.map(({ client, counter }) => ({ client: client.name, counts: counter.all() }));
  }

  standing(): readonly ClientTrouble[] {
    return this.#book.clients.flatMap((state) => {
      const trouble = (kind: ClientTrouble['kind'], ...names: readonly AccountingCount[]) => {
        const agoMs = Math.min(...names.map((name) => state.agoMs(name) ?? Number.POSITIVE_INFINITY));
        return agoMs > LATELY_MS ? [] : [{ kind, client: state.client.name, agoMs }];
      };
      return [
        ...trouble('not-genuine', 'bad-authenticator', 'no-message-authenticator'),
        ...trouble('over-rate', 'over-rate'),
      ];
    });
  }

  /** Clients with two secrets, and when the previous one was last of use: then it is not yet time to drop it. */
  rotations(): readonly { readonly client: string; readonly previousUsedAgoMs: number | undefined }[] {
    return this.#book.clients
      .filter(({ client }) => client.secrets.length > 1)
      .map((state) => ({ client: state.client.name, previousUsedAgoMs: state.agoMs('previous-secret') }));
  }

  #bind(at: { readonly address: string; readonly port: number }): Promise<{ address: string; port: number }> {
    const socket = createSocket({
      type: at.address.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: RECEIVE_BUFFER_OCTETS,
      lookup: addressItself,
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(at.port, at.address, () => {
        socket.off('error', reject);
        socket.on('error', (error) => this.#options.log.error('ACCOUNTING_SOCKET', { text: error.message }));
        socket.on('message', (datagram, peer) => this.#take(socket, datagram, peer));
        this.#sockets.push(socket);
        resolve(socket.address());
      });
    });
  }

  #take(socket: Socket, datagram: Uint8Array, peer: RemoteInfo): void {
    if (this.#stopped) return;
    const state = this.#book.at(peer.address);
    if (state === undefined) {
      this.#strangers.add('unknown-client', 1);
      return;
    }
    const taken = this.#genuine(datagram, state);
    if (typeof taken === 'string') {
      state.count(this.#tell(state.client, taken));
      return;
    }
    state.pass();
    const answer = () => this.#answer(socket, taken.packet, { secret: taken.secret, peer });
    if (taken.reading.refused.length > 0) state.count('prefix-refused', taken.reading.refused.length);
    if (taken.reading.record === undefined) {
      // Nothing to keep. Unanswered, the NAS would repeat it for hours and think us dead.
      state.count('ignored');
      answer();
    } else if (this.#inbox.put(state, { state, record: taken.reading.record, answer })) {
      this.#flushing ??= this.#flush();
    } else {
      state.count('overload'); // the NAS repeats it
    }
  }

  #genuine(datagram: Uint8Array, state: ClientState): Genuine | AccountingCount {
    const { client } = state;
    if (!state.mayPass()) return 'over-rate';
    const packet = decodePacket(datagram);
    if (!packet.ok) return 'malformed';
    const { attributes } = packet.value;
    const secret = client.secrets.find((one) => requestFault(packet.value, one) === undefined);
    if (secret === undefined) return 'bad-authenticator';
    if (client.messageAuthenticator === 'require' && !attributes.some((one) => one.type === MESSAGE_AUTHENTICATOR))
      return 'no-message-authenticator';
    if (secret !== client.secrets[0]) state.count('previous-secret');
    const request = readAccounting(packet.value);
    if (!request.ok) return 'malformed';
    const { odd = 0 } = request.value;
    if (odd > 0) state.count(this.#tell(client, 'attribute-odd'), odd);
    const at = { arrivedAt: this.#options.clock.now(), reserved: this.#options.reserved, attributes };
    const reading = readRecord(request.value, client, at);
    if (reading.unusable !== undefined && reading.unusable !== 'other-status')
      this.#tell(client, 'ignored', reading.unusable);
    return { packet: packet.value, secret, reading };
  }

  /** Once a minute per client and kind: a whole NAS may be wrong. Strangers are counted only, they would fill the log. */
  #tell(client: AccountingClient, kind: AccountingCount, reason: string = kind): AccountingCount {
    const [key, now] = [`${client.name} ${reason}`, this.#options.clock.now()];
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return kind;
    this.#told.set(key, now);
    this.#options.log.warn('ACCOUNTING_TROUBLE', { client: client.name, reason });
    return kind;
  }

  /** One durable write at a time; what arrives meanwhile is the next batch. */
  async #flush(): Promise<void> {
    while (this.#inbox.size > 0) {
      await this.#gather();
      const batch = this.#inbox.take(BATCH_LIMIT);
      try {
        await this.#options.record(batch.map((one) => one.record));
        for (const one of batch) {
          one.state.count('stored');
          one.answer();
        }
      } catch (cause) {
        for (const one of batch) one.state.count('not-stored');
        this.#options.log.error('ACCOUNTING_NOT_STORED', { records: batch.length, text: String(cause).slice(0, 200) });
      }
    }
    this.#flushing = undefined;
  }

  /** The loop hands out a few datagrams per turn: as long as each turn brings more, they share one fsync. */
  async #gather(): Promise<void> {
    for (let before = 0; before < this.#inbox.size && this.#inbox.size < BATCH_LIMIT; ) {
      before = this.#inbox.size;
      await new Promise((next) => setImmediate(next));
    }
  }

  #answer(socket: Socket, request: Packet, to: { readonly secret: Uint8Array; readonly peer: RemoteInfo }): void {
    socket.send(accountingResponse(request, to.secret), to.peer.port, to.peer.address, () => {
      // A lost answer is repeated by the NAS; a closed socket has nobody to tell.
    });
  }
}
