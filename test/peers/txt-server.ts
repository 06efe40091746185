// A resolver that knows TXT records and nothing else, on a port of its own; it can be told to fail.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { parseQuery, RCODE } from '../../src/protocols/dns/query.ts';
import { buildReply } from '../../src/protocols/dns/reply.ts';

const TXT = 16;

export interface TxtServer {
  readonly at: string;
  readonly records: Map<string, string>;
  readonly asked: string[];
  state: 'up' | 'failing' | 'silent';
  stop(): void;
}

export async function startTxtServer(): Promise<TxtServer> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const server: TxtServer = {
    at: `127.0.0.1:${socket.address().port}`,
    records: new Map(),
    asked: [],
    state: 'up',
    stop: () => socket.close(),
  };
  socket.on('message', (message, peer) => {
    const query = parseQuery(message);
    if (!query.ok || server.state === 'silent') return;
    const { name } = query.value;
    server.asked.push(name);
    const record = server.records.get(name);
    const rcode = server.state === 'failing' ? RCODE.SERVFAIL : record === undefined ? RCODE.NXDOMAIN : RCODE.NOERROR;
    const answers = rcode === RCODE.NOERROR ? [{ type: TXT, ttlSeconds: 60, data: stringsOf(record!) }] : [];
    socket.send(buildReply(query.value, { rcode, answers }), peer.port, peer.address);
  });
  return server;
}

/** RFC 1035 §3.3.14: strings of at most 255 octets. */
function stringsOf(text: string): Uint8Array {
  const pieces = text.match(/.{1,200}/gs) ?? [''];
  return Buffer.concat(pieces.flatMap((piece) => [Buffer.from([piece.length]), Buffer.from(piece)]));
}
