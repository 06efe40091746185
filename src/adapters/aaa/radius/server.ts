// A small RADIUS server (RFC 2865): PAP and CHAP against a list of users, for ISPs without one and for the lab. It proxies
// nothing, keeps no sessions and speaks no EAP. What is not genuine is dropped and counted, never answered.
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { parsePeer } from '../../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../../core/net/prefix.ts';
import type { LoginAccess } from '../../../flow/login-access.ts';
import { type AccessRequest, accessReply, readAccess, statusReply } from '../../../protocols/radius/access.ts';
import { type Attribute, CODE, decodePacket, type Packet } from '../../../protocols/radius/codec.ts';
import { Answered } from './answered.ts';
import { type AaaClient, accessKeyOf, secretOf } from './client.ts';
import { LoginDesk, type LoginDeskOptions, type Verdict } from './login-desk.ts';
import { Rate } from './rate.ts';

export interface AaaServerOptions extends LoginDeskOptions {
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly clients: readonly AaaClient[];
  readonly logins: Pick<LoginAccess, 'of' | 'isReady'>;
  readonly monotonic?: () => number;
  readonly limits?: Partial<AaaServerLimits>;
}

export interface AaaServerLimits {
  /** An Access-Reject leaves so long after its request, whatever it took: it tells nobody how far a guess came. */
  readonly rejectAfterMs: number;
  /** Until the wanted state is known nobody is answered, and the NAS asks again; so long after a start they come in all the same. */
  readonly patienceMs: number;
}

const LIMITS: AaaServerLimits = { rejectAfterMs: 1000, patienceMs: 15_000 };
const MOST_REJECTS_WAITING = 2000;
const TELL_EVERY_MS = 60_000;
const RECEIVE_BUFFER_OCTETS = 1024 * 1024;

/** Words for the metrics; each datagram adds to one. */
export const AAA_COUNTS = [
  'accepted',
  'quarantined',
  'rejected',
  'status',
  'repeated',
  'unknown-client',
  'not-genuine',
  'malformed',
  'over-rate',
  'overload',
  'not-known-yet',
] as const;
export type AaaCount = (typeof AAA_COUNTS)[number];

/** Answers go to addresses, and listeners are on addresses: no resolver is asked. */
const addressItself: NonNullable<SocketOptions['lookup']> = (host, options, done) =>
  isIP(host) === 0 ? lookup(host, options, done) : done(null, host, isIP(host));

interface Asked {
  readonly client: AaaClient;
  readonly secret: Uint8Array;
  readonly packet: Packet;
  /** Address, port and identifier: what tells a repetition (RFC 5080 §2.2.2). */
  readonly source: string;
  readonly send: (bytes: Uint8Array) => void;
  readonly at: number;
}

/** A datagram that is not answered. */
interface Dropped {
  readonly count: AaaCount;
  readonly client?: AaaClient;
  readonly reason?: string;
}

export class AaaServer {
  readonly #options: AaaServerOptions;
  readonly #limits: AaaServerLimits;
  readonly #now: () => number;
  readonly #desk: LoginDesk;
  /** Longest prefix first. */
  readonly #clients: readonly { readonly prefix: Prefix; readonly client: AaaClient }[];
  readonly #rates: ReadonlyMap<AaaClient, Rate>;
  readonly #counts = new Map<AaaCount, number>(AAA_COUNTS.map((name) => [name, 0]));
  readonly #told = new Map<string, number>();
  readonly #answered = new Answered();
  readonly #rejects = new Set<NodeJS.Timeout>();
  readonly #sockets: Socket[] = [];
  #startedAt = 0;
  #isStopped = false;

  constructor(options: AaaServerOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#now = options.monotonic ?? (() => performance.now());
    this.#desk = new LoginDesk(options);
    this.#clients = options.clients
      .flatMap((client) => client.from.map((prefix) => ({ prefix, client })))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    this.#rates = new Map(options.clients.map((client) => [client, new Rate(client.requestsPerSecond ?? 200)]));
  }

  /** Resolves with the bound addresses; rejects when one cannot be bound. */
  async start(): Promise<readonly { readonly address: string; readonly port: number }[]> {
    this.#startedAt = this.#now();
    const bound = [];
    for (const at of this.#options.listen) bound.push(await this.#bind(at));
    return bound;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#rejects) clearTimeout(timer);
    this.#rejects.clear();
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
    this.#sockets.length = 0;
  }

  counts(): Readonly<Record<AaaCount, number>> {
    return Object.fromEntries(this.#counts) as Record<AaaCount, number>;
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
        socket.on('error', (error) => this.#options.log.error('AAA_SOCKET', { text: error.message }));
        socket.on('message', (datagram, peer) => this.#take(socket, datagram, peer));
        this.#sockets.push(socket);
        resolve(socket.address());
      });
    });
  }

  #take(socket: Socket, datagram: Uint8Array, peer: RemoteInfo): void {
    if (this.#isStopped) return;
    const asked = this.#genuine(socket, datagram, peer);
    if ('count' in asked) this.#note(asked);
    else if (asked.packet.code === CODE.statusServer) this.#answerStatus(asked);
    else this.#answerLogin(asked);
  }

  #genuine(socket: Socket, datagram: Uint8Array, peer: RemoteInfo): Asked | Dropped {
    const address = parsePeer(peer.address);
    const client = address && this.#clients.find(({ prefix }) => containsIp(prefix, address))?.client;
    if (client === undefined) return { count: 'unknown-client' };
    const decoded = decodePacket(datagram);
    if (!decoded.ok) return { count: 'malformed', client, reason: decoded.error.kind };
    const packet = decoded.value;
    const secret = secretOf(packet, client);
    if (typeof secret === 'string') return { count: 'not-genuine', client, reason: secret };
    const at = this.#now();
    if (!this.#rates.get(client)!.take(at)) return { count: 'over-rate', client };
    const send = (bytes: Uint8Array) => {
      // A lost answer is asked for again; a closed socket has nobody to tell.
      if (!this.#isStopped) socket.send(bytes, peer.port, peer.address, () => {});
    };
    return { client, secret, packet, source: `${peer.address} ${peer.port} ${packet.identifier}`, send, at };
  }

  #answerStatus({ client, packet, secret, send }: Asked): void {
    const reply = statusReply(packet, secret);
    this.#note(reply === undefined ? { count: 'malformed', client, reason: 'too-long' } : { count: 'status' });
    if (reply !== undefined) send(reply);
  }

  #answerLogin(asked: Asked): void {
    const { client, packet, secret, source, at, send } = asked;
    const before = this.#answered.take(source, packet, at);
    const request = before === 'new' ? readAccess(packet, secret) : undefined;
    if (before instanceof Uint8Array) send(before);
    if (request === undefined) this.#note({ count: 'repeated' });
    else if (!request.ok) this.#note({ count: 'malformed', client, reason: request.error });
    else if (!this.#options.logins.isReady && at - this.#startedAt < this.#limits.patienceMs)
      this.#drop(asked, { count: 'not-known-yet' });
    else
      this.#decide(asked, request.value).catch((error: unknown) =>
        this.#drop(asked, { count: 'overload', client, reason: String(error).slice(0, 200) }),
      );
  }

  async #decide(asked: Asked, request: AccessRequest): Promise<void> {
    const { client, packet } = asked;
    const accessKey = accessKeyOf(packet, client.accessKey, request.userName);
    const verdict: Verdict = await this.#desk.decide({ request, accessKey, gateway: client.gateway });
    if (verdict.kind === 'overload') this.#drop(asked, { count: 'overload', client });
    else if (verdict.kind === 'rejected') this.#rejectLater(asked, verdict.reason);
    else {
      this.#note({ count: verdict.kind });
      this.#finish(asked, CODE.accessAccept, verdict.attributes);
    }
  }

  #rejectLater(asked: Asked, reason: string | undefined): void {
    const { client } = asked;
    if (this.#isStopped || this.#rejects.size >= MOST_REJECTS_WAITING) {
      this.#drop(asked, { count: 'overload', client });
      return;
    }
    this.#note({ count: 'rejected', ...(reason === undefined ? {} : { client, reason }) });
    const timer = setTimeout(
      () => {
        this.#rejects.delete(timer);
        this.#finish(asked, CODE.accessReject, []);
      },
      Math.max(1, asked.at + this.#limits.rejectAfterMs - this.#now()),
    );
    this.#rejects.add(timer);
  }

  #finish(asked: Asked, code: 2 | 3, attributes: readonly Attribute[]): void {
    const { client, packet, secret, source, send } = asked;
    const reply = accessReply({ code, request: packet, attributes, secret });
    if (reply === undefined) this.#tell(client, 'too-long');
    else {
      this.#answered.answer(source, packet, reply);
      send(reply);
    }
  }

  /** Not answered, and to be tried anew when the NAS repeats it. */
  #drop(asked: Asked, dropped: Dropped): void {
    this.#answered.drop(asked.source);
    this.#note(dropped);
  }

  #note({ count, client, reason }: Dropped): void {
    this.#counts.set(count, this.#counts.get(count)! + 1);
    if (client !== undefined) this.#tell(client, reason ?? count);
  }

  /** Once a minute per client and reason: a whole NAS may be wrong. Strangers are counted only, they would fill the log. */
  #tell(client: AaaClient, reason: string): void {
    const [key, now] = [`${client.name} ${reason}`, this.#now()];
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return;
    this.#told.set(key, now);
    this.#options.log.warn('AAA_REQUEST_TROUBLE', { client: client.name, reason });
  }
}
