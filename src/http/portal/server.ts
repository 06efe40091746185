// The sockets of the portal: HTTPS with the operator's certificate, HTTP for tests and the lab's forwarder. HTTP/1.1 only.
import { createServer as createHttp, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';

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

export function createHttpsPortal(app: RequestListener, certificate: Certificate): HttpsServer {
  return bounded(
    createHttps(
      { ...LIMITS, ...certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], handshakeTimeout: 10_000 },
      app,
    ),
  );
}

function bounded<S extends Server | HttpsServer>(server: S): S {
  server.maxConnections = 4_000;
  server.maxRequestsPerSocket = 200;
  server.setTimeout(20_000);
  return server;
}
