// How a translator tells its log: one datagram a line, or a TCP stream with octet counting (RFC 6587 §3.4.1) that stays open.
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

interface Server {
  readonly address: string;
  readonly port: number;
}

const CONNECT_MS = 5000;
const streams = new Map<string, Socket>();

/** undefined = nobody listens. */
async function streamTo({ address, port }: Server): Promise<Socket | undefined> {
  const key = `${address} ${port}`;
  const known = streams.get(key);
  if (known?.writable === true) return known;
  const socket = connect({ host: address, port, timeout: CONNECT_MS });
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('timeout', () => resolve(false));
    socket.on('error', () => resolve(false));
  });
  socket.setTimeout(0);
  if (isOpen) streams.set(key, socket);
  else socket.destroy();
  return isOpen ? socket : undefined;
}

export const SYSLOG_ABILITIES = {
  /** Nobody says whether it arrived. */
  'syslog.udp': async ({ server, line }: { readonly server: Server; readonly line: string }): Promise<null> => {
    const socket = createSocket('udp4');
    try {
      await new Promise((resolve) => socket.send(line, server.port, server.address, resolve));
    } finally {
      socket.close();
    }
    return null;
  },
  /** How many of the lines are on their way. */
  'syslog.tcp': async ({ server, lines }: { readonly server: Server; readonly lines: readonly string[] }) => {
    const stream = await streamTo(server);
    if (stream === undefined) return 0;
    stream.write(lines.map((line) => `${Buffer.byteLength(line)} ${line}`).join(''));
    return lines.length;
  },
};
