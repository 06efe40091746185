// What stands outside in the lab: web sites with and without TLS, a stream server, the emergency peer, a honeypot, a
// darknet and the operator's resolver.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer, type Server } from 'node:net';
import type { ProbeAnswer } from './probe-sites.ts';
import { type ToyRecord, ToyResolver } from './resolver.ts';

type Tell = (event: Readonly<Record<string, boolean | number | string>>) => void;
interface Place {
  readonly address: string;
  readonly port: number;
}

async function open(server: Server | ReturnType<typeof createHttp>, { address, port }: Place): Promise<null> {
  server.listen({ host: address, port });
  await once(server, 'listening');
  return null;
}

function page(body: string) {
  return (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(`<!doctype html><title>${body}</title><h1>${body}</h1>`);
  };
}

const resolvers: ToyResolver[] = [];

function probeSite(answers: ReadonlyMap<string, ProbeAnswer>) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const answer = answers.get(`http://${request.headers.host}${request.url}`);
    response.writeHead(answer?.status ?? 404, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      ...(answer?.status === 302 ? { location: 'http://www.site.example/' } : {}),
    });
    response.end(answer?.body);
  };
}

export const INTERNET_ABILITIES = {
  'serve.http': async ({ body, ...place }: Place & { readonly body: string }) => open(createHttp(page(body)), place),
  'serve.https': async ({
    body,
    cert,
    key,
    ...place
  }: Place & { readonly body: string; readonly cert: string; readonly key: string }) =>
    open(createHttps({ cert: readFileSync(cert), key: readFileSync(key) }, page(body)) as unknown as Server, place),
  /** Answers with the address and port that the question came from. */
  'serve.mirror': async (place: Place) =>
    open(
      createHttp(({ socket }, response) => {
        response.writeHead(200, {
          'content-type': 'application/json',
          'cache-control': 'no-store',
          connection: 'close',
        });
        response.end(
          JSON.stringify({ address: socket.remoteAddress?.replace(/^::ffff:/, ''), port: socket.remotePort }),
        );
      }),
      place,
    ),
  /** What devices ask to find out whether they are online; unknown questions get 404. */
  'serve.probes': async ({ answers, ...place }: Place & { readonly answers: readonly ProbeAnswer[] }) =>
    open(createHttp(probeSite(new Map(answers.map((one) => [one.url, one])))), place),
  /** Echoes what it is sent, as long as the stream lives. */
  'serve.echo': async (place: Place) =>
    open(
      createServer((socket) => {
        socket.on('error', () => undefined);
        socket.pipe(socket);
      }),
      place,
    ),
  'serve.udp': async ({ address, port }: Place) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (text, peer) => socket.send(text, peer.port, peer.address, () => undefined));
    socket.bind(port, address);
    await once(socket, 'listening');
    return null;
  },
  /** Takes a login like any badly kept device, and tells who tried: address, port, time, user and password. */
  'serve.honeypot': async (place: Place, tell: Tell) =>
    open(
      createServer((socket) => {
        const [peer, port] = [socket.remoteAddress ?? '', socket.remotePort ?? 0];
        let typed = '';
        socket.setTimeout(3000, () => socket.destroy());
        socket.on('error', () => undefined);
        socket.write('login: ');
        socket.on('data', (bytes) => {
          typed = (typed + bytes.toString('latin1')).slice(0, 200);
          const [user, password] = typed.split('\r\n');
          if (password === undefined || password === '') return;
          tell({
            honeypot: true,
            peer: peer.replace(/^::ffff:/, ''),
            port,
            at: Date.now(),
            user: user ?? '',
            password,
            destinationPort: place.port,
          });
          socket.destroy();
        });
      }),
      place,
    ),
  'serve.resolver': async ({
    records,
    addresses,
    port,
  }: {
    readonly records: readonly ToyRecord[];
    readonly addresses: readonly string[];
    readonly port: number;
  }) => {
    for (const address of addresses) {
      const resolver = new ToyResolver(records);
      await resolver.start(address, port);
      resolvers.push(resolver);
    }
    return null;
  },
  /** Every name that any resolver here was ever asked for, at most once each. */
  'resolver.asked': async () => [...new Set(resolvers.flatMap(({ asked }) => asked.map(({ name }) => name)))],
};
