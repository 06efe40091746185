// The garden's DNS front: its sockets, their limits, and the proof that it lives. What is answered: answerer.ts.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import type { Peer } from '../../core/net/ip.ts';
import { type Place, Places } from '../../core/net/places.ts';
import { parsePrefix } from '../../core/net/prefix.ts';
import { parseQuery } from '../../protocols/dns/query.ts';
import { buildFault, fitInto, udpLimit } from '../../protocols/dns/reply.ts';
import { peerOf } from '../peers.ts';
import { Answerer, type AnswererOptions } from './answerer.ts';
import { Liveness } from './liveness.ts';
import { serveTcp } from './tcp.ts';

export interface DnsFrontOptions extends AnswererOptions {
  /** Local addresses; a redirect arrives at the gateway's own. Default: everything, both families. */
  readonly listen?: readonly string[];
  /** 0 = any free port (tests). */
  readonly port: number;
  /** Asked through the front's own socket every 20 s; must need an upstream round trip. */
  readonly livenessName: string;
  readonly livenessMs?: number;
}

const MAX_IN_FLIGHT = { total: 2000, perHousehold: 64 };
const MAX_TCP = { total: 256, perHousehold: 8 };
/** A question is small; what is longer is not one. */
const MAX_QUERY_BYTES = 1232;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export class DnsFront {
  readonly #o: DnsFrontOptions;
  readonly #answerer: Answerer;
  readonly #inFlight = new Places(MAX_IN_FLIGHT);
  readonly #tcpPlaces = new Places(MAX_TCP);
  readonly #udp: Socket[] = [];
  readonly #tcp: Server[] = [];
  readonly #tcpOpen = new Set<TcpSocket>();
  #liveness: Liveness | undefined;
  #port = 0;

  constructor(options: DnsFrontOptions) {
    this.#o = options;
    // The liveness question comes from a listening address: that one is ours, whatever the configuration says.
    const own = (options.listen ?? []).flatMap((address) => parsePrefix(address) ?? []);
    this.#answerer = new Answerer({ ...options, infrastructure: [...options.infrastructure, ...own] });
  }

  /** Listens on UDP and TCP of the same port everywhere. Throws when it cannot. Returns the port. */
  async start(): Promise<number> {
    // Any port that is free for UDP may be taken for TCP: then another one.
    for (let left = this.#o.port === 0 ? 5 : 0; ; left--) {
      this.#port = this.#o.port;
      try {
        for (const address of this.#addresses()) await this.#listen(address);
        return this.#port;
      } catch (cause) {
        await this.stop();
        if (left === 0) throw new Error('the DNS front cannot listen', { cause });
      }
    }
  }

  /** Until this is called – or when its questions go unanswered for 60 s – DNS of strict lines is not steered. */
  startLiveness(): void {
    if (this.#port === 0) throw new Error('start the DNS front before its liveness');
    this.#liveness ??= new Liveness({
      address: this.#probeAddress(),
      port: this.#port,
      name: this.#o.livenessName,
      everyMs: this.#o.livenessMs ?? 20_000,
      allowList: this.#o.allowList,
      log: this.#o.log,
      counters: this.#o.counters,
    });
    this.#liveness.start();
  }

  /** When the last question of our own was answered and the kernel took the renewal; monotonic. */
  get aliveAtMs(): number | undefined {
    return this.#liveness?.aliveAtMs;
  }

  /** First thing of a planned stop, while everything still answers: port 53 passes unsteered until the next front lives. */
  async unsteer(): Promise<void> {
    const done = (await this.#liveness?.unsteer()) ?? true;
    this.#o.counters.add(done ? 'dns_unsteered' : 'dns_not_unsteered');
    if (!done) this.#o.log.warn('DNS_FRONT_NOT_ALIVE', { unsteered: false });
  }

  async stop(): Promise<void> {
    if (this.#liveness !== undefined) await this.unsteer();
    this.#liveness = undefined;
    for (const socket of this.#tcpOpen) socket.destroy();
    const closing = [...this.#udp.splice(0), ...this.#tcp.splice(0)];
    await Promise.all(closing.map((one) => new Promise<void>((done) => one.close(() => done()))));
  }

  #addresses(): readonly string[] {
    return this.#o.listen ?? ['0.0.0.0', '::'];
  }

  #probeAddress(): string {
    const first = this.#addresses()[0]!;
    return first === '0.0.0.0' ? '127.0.0.1' : first === '::' ? '::1' : first;
  }

  async #listen(address: string): Promise<void> {
    const six = address.includes(':');
    const udp = createSocket(six ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    udp.on('message', (bytes, peer) => this.#onDatagram(udp, bytes, peer));
    udp.bind(this.#port, address);
    await once(udp, 'listening');
    udp.on('error', () => this.#o.counters.add('dns_socket_error'));
    this.#udp.push(udp);
    trySetReceiveBuffer(udp);
    this.#port = udp.address().port;
    const tcp = createServer((socket) => this.#onConnection(socket));
    tcp.maxConnections = MAX_TCP.total + 64; // whom to refuse is decided by places alone
    tcp.listen({ port: this.#port, host: address, ipv6Only: six });
    await once(tcp, 'listening');
    tcp.on('error', () => this.#o.counters.add('dns_socket_error'));
    this.#tcp.push(tcp);
  }

  #onDatagram(socket: Socket, bytes: Uint8Array, peer: RemoteInfo): void {
    const ip = peerOf(peer.address, peer.port);
    if (ip === undefined || bytes.length > MAX_QUERY_BYTES) {
      this.#o.counters.add('dns_dropped');
      return;
    }
    void this.#handle(bytes, ip, 'udp').then((reply) => {
      if (reply !== undefined && this.#udp.includes(socket))
        socket.send(reply, peer.port, peer.address, () => undefined);
    });
  }

  #onConnection(socket: TcpSocket): void {
    const ip = peerOf(socket.remoteAddress, socket.remotePort);
    const place = ip === undefined ? undefined : this.#tcpPlaces.enter(this.#o.householdOf(ip), () => socket.destroy());
    if (ip === undefined || place === undefined) {
      this.#o.counters.add('dns_tcp_refused');
      socket.destroy();
      return;
    }
    this.#tcpOpen.add(socket);
    socket.once('close', () => {
      this.#tcpOpen.delete(socket);
      this.#tcpPlaces.leave(place);
    });
    serveTcp(socket, (bytes) => {
      place.spoke();
      return this.#handle(bytes, ip, 'tcp');
    });
  }

  /** undefined = say nothing: not a query, or no place left (the asker tries again). */
  async #handle(bytes: Uint8Array, peer: Peer, transport: 'udp' | 'tcp'): Promise<Uint8Array | undefined> {
    const parsed = parseQuery(bytes);
    if (!parsed.ok) {
      this.#o.counters.add('dns_malformed');
      return parsed.error.kind === 'silent' ? undefined : buildFault(parsed.error);
    }
    const limit = transport === 'tcp' ? 65_535 : udpLimit(parsed.value);
    let place: Place | undefined;
    try {
      const answer = this.#answerer.answer(parsed.value, peer);
      if (typeof answer !== 'function') return fitInto(parsed.value, answer, limit);
      place = this.#inFlight.enter(this.#o.householdOf(peer));
      if (place !== undefined) return fitInto(parsed.value, await answer(), limit);
      this.#o.counters.add('dns_dropped');
      return undefined;
    } catch {
      this.#o.counters.add('dns_failed'); // a bug or a broken port: this question goes unanswered, the next may not
      return undefined;
    } finally {
      if (place !== undefined) this.#inFlight.leave(place);
    }
  }
}

/** A burst waits in the kernel instead of being lost; a system that allows less gives less. */
function trySetReceiveBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // the default buffer serves as well
  }
}
