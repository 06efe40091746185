// Everything a garden line sends to port 80 ends here, and so does the portal's own port 80: one fixed redirect to the portal, from
// memory. No store, no session, no cookie, no log; host and path of the request choose a counter and never an octet of the answer.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HouseholdOf } from '../../core/net/household.ts';
import type { Peer } from '../../core/net/ip.ts';
import { type Bounds, type Place, Places } from '../../core/net/places.ts';
import type { ProbeTable } from '../../protocols/capport/probes.ts';
import type { Counters } from '../counters.ts';
import { peerOf } from '../peers.ts';
import { authenticationRequired, BAD_REQUEST, lineIsFree, type StaticAnswer, toPortal } from './pages.ts';

export interface RedirectorOptions {
  /** The one place everybody is sent to, e.g. `https://portal.isp.example/`. */
  readonly portalUrl: string;
  /** Portal and API names: on port 80 they lead to the portal for free lines, too. */
  readonly ownNames: readonly string[];
  readonly probes: ProbeTable;
  /** From memory, never from a store: asked for every request. */
  readonly standing: (peer: Peer) => 'in-garden' | 'free' | 'unknown';
  /** A request for somebody else's name arrived here: a gateway steers this peer. */
  readonly onSteered?: (peer: Peer) => void;
  readonly householdOf: HouseholdOf;
  readonly listen?: readonly string[];
  /** 0 = any free port (tests). */
  readonly port: number;
  readonly counters: Counters;
  readonly places?: Bounds;
  /** For a whole request head. Default 5,000. */
  readonly headMs?: number;
}

/** Dozens of devices probe behind one address; a bot's silent sockets make room for them, and end in five seconds at most. */
const PLACES = { total: 4096, perHousehold: 64 };
/** Sockets on their way out beside those that have a place: whom to refuse is decided by places alone. */
const SPARE = 256;
/** A browser's cookies for the page it wanted come along: generous in octets, not in headers. */
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
const BAD_LINGER_MS = 500;

/** One connection: who, and whether our one answer is out. */
interface Visit {
  readonly ip: Peer;
  readonly place: Place;
  answered: boolean;
}

/** On the socket itself: a map keyed by sockets costs a tenth of an answer. */
const VISIT = Symbol('visit');
type Visited = Socket & { [VISIT]?: Visit };

export class Redirector {
  readonly #o: RedirectorOptions;
  readonly #places: Places;
  readonly #ownNames: ReadonlySet<string>;
  readonly #servers: Server[] = [];
  readonly #portal: StaticAnswer;
  readonly #required: StaticAnswer;
  readonly #free = lineIsFree();
  #port = 0;

  constructor(options: RedirectorOptions) {
    this.#o = options;
    this.#places = new Places(options.places ?? PLACES);
    this.#ownNames = new Set(options.ownNames.map((name) => name.toLowerCase()));
    this.#portal = toPortal(options.portalUrl);
    this.#required = authenticationRequired(options.portalUrl);
  }

  /** Throws when it cannot listen. Returns the port. */
  async start(): Promise<number> {
    this.#port = this.#o.port;
    try {
      for (const address of this.#o.listen ?? ['0.0.0.0', '::']) await this.#listen(address);
    } catch (cause) {
      await this.stop();
      throw new Error('the redirector cannot listen', { cause });
    }
    return this.#port;
  }

  async stop(): Promise<void> {
    const closing = this.#servers.splice(0).map((server) => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      return closed;
    });
    await Promise.all(closing);
  }

  async #listen(address: string): Promise<void> {
    const headMs = this.#o.headMs ?? 5000;
    const server = createServer({
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: headMs,
      requestTimeout: headMs,
      connectionsCheckingInterval: Math.min(1000, headMs),
      requireHostHeader: false, // old devices send none, and there is but one answer
      insecureHTTPParser: false,
      noDelay: true,
    });
    server.maxHeadersCount = MAX_HEADERS + 1;
    server.maxConnections = (this.#o.places ?? PLACES).total + SPARE;
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response);
    for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.on(event, handle);
    server.on('connection', (socket: Socket) => this.#onConnection(socket));
    server.on('clientError', (_error, socket) => this.#onBadRequest(socket as Socket));
    server.on('connect', (_request, socket) => this.#onBadRequest(socket as Socket));
    server.listen({ port: this.#port, host: address, ipv6Only: address.includes(':'), backlog: 1024 });
    await once(server, 'listening');
    server.on('error', () => this.#o.counters.add('http_socket_error'));
    this.#servers.push(server);
    this.#port = (server.address() as { port: number }).port;
  }

  #onConnection(socket: Visited): void {
    const ip = peerOf(socket.remoteAddress, socket.remotePort);
    const place = ip === undefined ? undefined : this.#places.enter(this.#o.householdOf(ip), () => socket.destroy());
    if (ip === undefined || place === undefined) {
      this.#o.counters.add('http_no_place');
      socket.destroy();
      return;
    }
    socket[VISIT] = { ip, place, answered: false };
    socket.on('close', () => this.#places.leave(place));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { rawHeaders } = request;
    const socket: Visited = request.socket;
    const visit = socket[VISIT];
    if (visit === undefined || visit.answered) return; // pipelined behind our goodbye
    if (rawHeaders.length > 2 * MAX_HEADERS) {
      this.#onBadRequest(socket);
      return;
    }
    visit.answered = true;
    visit.place.spoke();
    const answer = this.#choose(request, visit.ip);
    response.writeHead(answer.status, answer.headers as string[]);
    response.end(answer.body);
  }

  #choose(request: IncomingMessage, peer: Peer): StaticAnswer {
    const host = header(request.rawHeaders, 'host');
    if (this.#ownNames.has(bareHost(host))) return this.#count('own', this.#portal);
    this.#o.onSteered?.(peer);
    const family = this.#o.probes.family(host, request.url ?? '');
    if (family !== undefined) this.#o.counters.add(`http_probe_${family}`);
    if (this.#o.standing(peer) === 'free') return this.#count('free', this.#free);
    if (family === undefined && isProgram(request)) return this.#count('511', this.#required);
    return this.#count('redirect', this.#portal);
  }

  #count(kind: string, answer: StaticAnswer): StaticAnswer {
    this.#o.counters.add(`http_${kind}`);
    return answer;
  }

  /** 400 and the end. What still comes in is read for a moment, or the client would see a reset instead. */
  #onBadRequest(socket: Visited): void {
    const visit = socket[VISIT];
    if (visit !== undefined) visit.answered = true;
    if (socket.destroyed || socket.writableEnded) return;
    this.#o.counters.add('http_bad');
    socket.on('error', () => socket.destroy());
    socket.end(BAD_REQUEST);
    const linger = setTimeout(() => socket.destroy(), BAD_LINGER_MS);
    socket.once('close', () => clearTimeout(linger));
  }
}

/** First value of a header, '' when there is none. On raw headers: no object that a name like `__proto__` could touch. */
function header(rawHeaders: readonly string[], name: string): string {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const found = rawHeaders[i]!;
    if (found.length === name.length && found.toLowerCase() === name) return rawHeaders[i + 1]!;
  }
  return '';
}

function bareHost(host: string): string {
  if (host.length > 260) return '';
  return host
    .toLowerCase()
    .replace(/:[0-9]*$/, '')
    .replace(/\.$/, '');
}

/** No page load and no probe: another method, or one that asks for data and takes no page (RFC 6585 §6). */
function isProgram(request: IncomingMessage): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return true;
  const accept = header(request.rawHeaders, 'accept');
  return /\b(json|xml)\b/.test(accept) && !/text\/html|\*\/\*/.test(accept);
}
