// Answers TCP 443 of strict lines: one ClientHello in, one fatal alert out. The alert is what makes browsers look for a portal
// (reset and silence do not). Never a certificate, never a name: counters only.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { HouseholdOf } from '../../core/net/household.ts';
import { type Bounds, type Place, Places } from '../../core/net/places.ts';
import { accessDeniedAlert, MAX_RECORD_BYTES, recogniseClientHello } from '../../protocols/tls/client-hello.ts';
import type { Counters } from '../counters.ts';
import { peerOf } from '../peers.ts';

export interface TlsRefuserOptions {
  readonly mode: 'alert' | 'reset';
  readonly householdOf: HouseholdOf;
  readonly listen?: readonly string[];
  /** 0 = any free port (tests). */
  readonly port: number;
  readonly counters: Counters;
  /** For a whole ClientHello. Default 5,000. */
  readonly helloMs?: number;
  /** For the client to read the alert and go. Default 1,000. */
  readonly lingerMs?: number;
  readonly places?: Bounds;
}

/** A household behind one address has many devices, a scanning bot many sockets. */
const PLACES = { total: 4096, perHousehold: 64 };
/** Sockets on their way out beside those that have a place: whom to refuse is decided by places alone. */
const SPARE = 256;

export class TlsRefuser {
  readonly #o: TlsRefuserOptions;
  readonly #places: Places;
  readonly #servers: Server[] = [];
  readonly #open = new Set<Socket>();
  #port = 0;

  constructor(options: TlsRefuserOptions) {
    this.#o = options;
    this.#places = new Places(options.places ?? PLACES);
  }

  /** Throws when it cannot listen. Returns the port. */
  async start(): Promise<number> {
    this.#port = this.#o.port;
    try {
      for (const address of this.#o.listen ?? ['0.0.0.0', '::']) await this.#listen(address);
    } catch (cause) {
      await this.stop();
      throw new Error('the TLS refuser cannot listen', { cause });
    }
    return this.#port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await Promise.all(this.#servers.splice(0).map((one) => new Promise<void>((done) => one.close(() => done()))));
  }

  async #listen(address: string): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#onConnection(socket));
    server.maxConnections = (this.#o.places ?? PLACES).total + SPARE;
    server.listen({ port: this.#port, host: address, ipv6Only: address.includes(':'), backlog: 1024 });
    await once(server, 'listening');
    server.on('error', () => this.#o.counters.add('tls_socket_error'));
    this.#servers.push(server);
    this.#port = (server.address() as { port: number }).port;
  }

  #onConnection(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const ip = peerOf(socket.remoteAddress, socket.remotePort);
    if (this.#o.mode === 'reset') {
      this.#o.counters.add('tls_reset');
      socket.resetAndDestroy();
      return;
    }
    const leaveNow = () => this.#close(socket, 'tls_pushed_out');
    const place = ip === undefined ? undefined : this.#places.enter(this.#o.householdOf(ip), leaveNow);
    if (place === undefined) {
      this.#o.counters.add('tls_no_place');
      socket.resetAndDestroy();
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#places.leave(place);
    });
    this.#refuse(socket, place);
  }

  #refuse(socket: Socket, place: Place): void {
    const parts: Uint8Array[] = [];
    let size = 0;
    let said = false;
    const deadline = setTimeout(() => this.#close(socket, 'tls_slow'), this.#o.helloMs ?? 5000);
    socket.once('close', () => clearTimeout(deadline));
    socket.on('end', () => (said ? socket.destroy() : this.#close(socket, 'tls_left')));
    socket.on('data', (chunk: Uint8Array) => {
      size += chunk.length;
      if (said) {
        if (size > 4 * MAX_RECORD_BYTES) socket.destroy(); // drained only so that our alert is not lost to a reset
        return;
      }
      parts.push(chunk); // bounded: a record beyond 2^14 octets is told by its header, a shorter one ends here
      const first = recogniseClientHello(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      if (first.kind === 'incomplete') return;
      if (first.kind === 'other') return this.#close(socket, 'tls_not_tls');
      said = true;
      place.spoke();
      clearTimeout(deadline);
      this.#o.counters.add('tls_alert');
      socket.end(accessDeniedAlert(first.version));
      const linger = setTimeout(() => socket.destroy(), this.#o.lingerMs ?? 1000);
      socket.once('close', () => clearTimeout(linger));
    });
  }

  #close(socket: Socket, counter: string): void {
    this.#o.counters.add(counter);
    socket.destroy();
  }
}
