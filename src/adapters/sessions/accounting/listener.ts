// RADIUS accounting over UDP: genuine records go to the bindings in batches, and an answer leaves only when its record is
// durable. What cannot be trusted is dropped and counted, never answered (RFC 2866 §3). Holds no state about sessions.
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { AccountingRecord } from '../../../core/line/accounting.ts';
import { parsePeer } from '../../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../../core/net/prefix.ts';
import type { Log } from '../../../flow/ports.ts';
import { accountingResponse, readAccounting } from '../../../protocols/radius/accounting.ts';
import { requestFault } from '../../../protocols/radius/authenticator.ts';
import { decodePacket, type Packet } from '../../../protocols/radius/codec.ts';
import { type AccountingClient, type Reading, readRecord } from './client.ts';

export interface AccountingOptions {
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly clients: readonly AccountingClient[];
  /** Durable when it resolves. */
  readonly record: (batch: readonly AccountingRecord[]) => Promise<unknown>;
  readonly reserved: readonly Prefix[];
  readonly clock: { now(): number };
  readonly log: Log;
}

/** Words for the metrics; each datagram adds to exactly one of the first six. */
export const COUNTS = [
  'stored',
  'ignored',
  'unknown-client',
  'bad-authenticator',
  'malformed',
  'overload',
  'not-stored',
  'prefix-refused',
  'attribute-odd',
] as const;
export type AccountingCount = (typeof COUNTS)[number];

interface Waiting {
  readonly record: AccountingRecord;
  readonly answer: () => void;
}

interface Genuine {
  readonly packet: Packet;
  readonly secret: Uint8Array;
  readonly reading: Reading;
}

const QUEUE_LIMIT = 20_000;
const BATCH_LIMIT = 2_000;
const PEERS_KEPT = 10_000;
const TELL_EVERY_MS = 60_000;
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;

/** Answers go to addresses, and listeners are on addresses: asking a resolver would only put each on a later turn. */
const addressItself: NonNullable<SocketOptions['lookup']> = (host, options, done) =>
  isIP(host) === 0 ? lookup(host, options, done) : done(null, host, isIP(host));

export class AccountingListener {
  readonly #options: AccountingOptions;
  /** Longest prefix first. */
  readonly #clients: readonly { readonly prefix: Prefix; readonly client: AccountingClient }[];
  /** Peers that were looked up before: known ones only, so that strangers cannot fill it. */
  readonly #byPeer = new Map<string, AccountingClient>();
  readonly #counts = new Map<AccountingCount, number>(COUNTS.map((name) => [name, 0]));
  /** When a client's trouble of one kind was last told. */
  readonly #told = new Map<string, number>();
  readonly #sockets: Socket[] = [];
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: AccountingOptions) {
    this.#options = options;
    this.#clients = options.clients
      .flatMap((client) => client.from.map((prefix) => ({ prefix, client })))
      .sort((a, b) => b.prefix.length - a.prefix.length);
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

  counts(): Readonly<Record<AccountingCount, number>> {
    return Object.fromEntries(this.#counts) as Record<AccountingCount, number>;
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
    const taken = this.#genuine(datagram, peer);
    if (typeof taken === 'string') {
      this.#count(taken);
      return;
    }
    const answer = () => this.#answer(socket, taken.packet, { secret: taken.secret, peer });
    for (const _ of taken.reading.refused) this.#count('prefix-refused');
    if (taken.reading.record === undefined) {
      // Nothing to keep. Unanswered, the NAS would repeat it for hours and think us dead.
      this.#count('ignored');
      answer();
    } else if (this.#waiting.length >= QUEUE_LIMIT) {
      this.#count('overload'); // the NAS repeats it
    } else {
      this.#waiting.push({ record: taken.reading.record, answer });
      this.#flushing ??= this.#flush();
    }
  }

  #genuine(datagram: Uint8Array, peer: RemoteInfo): Genuine | AccountingCount {
    const client = this.#byPeer.get(peer.address) ?? this.#clientOf(peer.address);
    if (client === undefined) return 'unknown-client';
    const packet = decodePacket(datagram);
    if (!packet.ok) return 'malformed';
    const secret = client.secrets.find((one) => requestFault(packet.value, one) === undefined);
    if (secret === undefined) return this.#tell(client, 'bad-authenticator');
    const request = readAccounting(packet.value);
    if (!request.ok) return this.#tell(client, 'malformed');
    const { odd = 0 } = request.value;
    if (odd > 0) this.#count(this.#tell(client, 'attribute-odd'), odd);
    const { attributes } = packet.value;
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

  #clientOf(peerAddress: string): AccountingClient | undefined {
    const address = parsePeer(peerAddress);
    if (address === undefined) return undefined;
    const client = this.#clients.find(({ prefix }) => containsIp(prefix, address))?.client;
    if (client === undefined) return undefined;
    if (this.#byPeer.size >= PEERS_KEPT) this.#byPeer.clear();
    this.#byPeer.set(peerAddress, client);
    return client;
  }

  /** One durable write at a time; what arrives meanwhile is the next batch. */
  async #flush(): Promise<void> {
    await new Promise((next) => setImmediate(next)); // gather what this turn of the loop brings
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_LIMIT);
      try {
        await this.#options.record(batch.map((one) => one.record));
        this.#count('stored', batch.length);
        for (const one of batch) one.answer();
      } catch (cause) {
        this.#count('not-stored', batch.length);
        this.#options.log.error('ACCOUNTING_NOT_STORED', { records: batch.length, text: String(cause).slice(0, 200) });
      }
    }
    this.#flushing = undefined;
  }

  #answer(socket: Socket, request: Packet, to: { readonly secret: Uint8Array; readonly peer: RemoteInfo }): void {
    socket.send(accountingResponse(request, to.secret), to.peer.port, to.peer.address, () => {
      // A lost answer is repeated by the NAS; a closed socket has nobody to tell.
    });
  }

  #count(name: AccountingCount, by = 1): void {
    this.#counts.set(name, this.#counts.get(name)! + by);
  }
}
