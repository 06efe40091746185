// Runs inside a namespace: carries datagrams between it and the process that started it, octets unchanged. Each peer outside has a
// socket of its own inside, so that source ports stay distinct.
import { createSocket, type Socket } from 'node:dgram';

export type ToRelay =
  /** From the peer outside to the port inside. */
  | { readonly kind: 'send'; readonly from: string; readonly port: number; readonly bytes: Uint8Array }
  /** Listens on that port inside for what goes out. */
  | { readonly kind: 'listen'; readonly port: number }
  /** Back to one who sent to it. */
  | { readonly kind: 'answer'; readonly to: string; readonly bytes: Uint8Array };

export type FromRelay =
  | { readonly kind: 'ready' }
  /** An answer for the peer outside. */
  | { readonly kind: 'received'; readonly for: string; readonly bytes: Uint8Array }
  | { readonly kind: 'heard'; readonly from: string; readonly bytes: Uint8Array };

const LOOPBACK = '127.0.0.1';
const outside = new Map<string, Socket>();
let listener: Socket | undefined;
const tell = (message: FromRelay) => process.send!(message);

process.on('message', (message: ToRelay) => {
  if (message.kind === 'send') {
    let socket = outside.get(message.from);
    if (socket === undefined) {
      socket = createSocket('udp4');
      socket.on('message', (bytes) => tell({ kind: 'received', for: message.from, bytes }));
      socket.on('error', () => {});
      outside.set(message.from, socket);
    }
    socket.send(message.bytes, message.port, LOOPBACK);
  } else if (message.kind === 'listen') {
    listener = createSocket('udp4');
    listener.on('message', (bytes, peer) => tell({ kind: 'heard', from: String(peer.port), bytes }));
    listener.bind(message.port, LOOPBACK);
  } else listener?.send(message.bytes, Number(message.to), LOOPBACK);
});
process.on('disconnect', () => process.exit());
tell({ kind: 'ready' });
