// The sockets of the portal: HTTPS with the operator's certificate; plain HTTP for tests of pages alone. HTTP/1.1 only.
import { createServer as createHttp, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { HouseholdOf } from '../../core/net/household.ts';
import { parsePeer } from '../../core/net/ip.ts';
import { type Bounds, type Place, Places } from '../../core/net/places.ts';

const LIMITS: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 5_000,
  insecureHTTPParser: false,
  requireHostHeader: true,
};

export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export function createHttpPortal(app: RequestListener): Server {
  return bounded(createHttp(LIMITS, app));
}

/** Browsers open six; a household has many devices. Strangers by the check code never take the places of customers. */
const PLACES: Bounds = { total: 4_000, perHousehold: 32, strangers: 1_000 };
/** Sockets on their way out beside those that have a place. */
const SPARE = 256;

export function createHttpsPortal(
  app: RequestListener,
  certificate: Certificate,
  room: { readonly householdOf: HouseholdOf; readonly places?: Bounds },
): HttpsServer {
  const server = createHttps(
    { ...LIMITS, ...certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], handshakeTimeout: 10_000 },
    app,
  );
  seat(server, new Places(room.places ?? PLACES), room.householdOf);
  return bounded(server);
}

/** A place for each connection from its first octet on: thousands of handshakes that never end shut nobody out. */
function seat(server: HttpsServer, places: Places, householdOf: HouseholdOf): void {
  // By both ends: the socket below TLS and the one above are not the same object.
  const seated = new Map<string, Place>();
  const ends = ({ remoteAddress, remotePort, localAddress }: Socket) =>
    `${remoteAddress} ${remotePort} ${localAddress}`;
  server.on('connection', (socket: Socket) => {
    const ip = parsePeer(socket.remoteAddress ?? '', socket.remotePort);
    const place = ip === undefined ? undefined : places.enter(householdOf(ip), () => socket.destroy());
    if (place === undefined) return void socket.destroy();
    const key = ends(socket);
    seated.set(key, place);
    socket.once('close', () => {
      places.leave(place);
      if (seated.get(key) === place) seated.delete(key);
    });
  });
  server.on('request', (request, response) => {
    const place = seated.get(ends(request.socket));
    place?.spoke();
    response.once('close', () => place?.rests());
  });
}

function bounded<S extends Server | HttpsServer>(server: S): S {
  server.maxConnections = PLACES.total + SPARE;
  server.maxRequestsPerSocket = 200;
  server.setTimeout(20_000);
  return server;
}
