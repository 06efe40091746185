// Datagrams between this process and a namespace that is joined to nothing: carried over a pipe to a relay in there, octets
// unchanged, so that no interface appears in the machine's own network.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { inNamespace } from '../../src/lab/network-process.ts';
import type { FromRelay, ToRelay } from './relay.ts';

export interface Bridge {
  carryIn(port: number): Promise<{ readonly port: number }>;
  carryOut(port: number, to: { readonly address: string; readonly port: number }): Promise<void>;
}

/** `undo` gets the steps that take it down. */
export async function bridgeInto(namespace: string, undo: (() => unknown)[]): Promise<Bridge> {
  const script = new URL('relay.ts', import.meta.url).pathname;
  const [program, ...args] = inNamespace(namespace, [process.execPath, '--no-warnings', script]);
  const child = spawn(program!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
  undo.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.disconnect();
    await gone;
  });
  await once(child, 'message', { signal: AbortSignal.timeout(10_000) });
  return {
    carryIn: (port) => carryIn(child, port, undo),
    carryOut: (port, to) => carryOut(child, port, to, undo),
  };
}

const tell = (child: ChildProcess, message: ToRelay) => void child.send(message);

/** A port here that leads to that one in there. */
async function carryIn(child: ChildProcess, port: number, undo: (() => unknown)[]): Promise<{ port: number }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  undo.push(() => closed(socket));
  const peers = new Map<string, RemoteInfo>();
  socket.on('message', (bytes, peer) => {
    const from = `${peer.address} ${peer.port}`;
    peers.set(from, peer);
    tell(child, { kind: 'send', from, port, bytes });
  });
  child.on('message', (message: FromRelay) => {
    if (message.kind !== 'received') return;
    const peer = peers.get(message.for)!;
    socket.send(message.bytes, peer.port, peer.address);
  });
  return { port: socket.address().port };
}

/** What is sent to that port in there goes to `to`, and its answers back. */
async function carryOut(
  child: ChildProcess,
  port: number,
  to: { readonly address: string; readonly port: number },
  undo: (() => unknown)[],
): Promise<void> {
  const sockets = new Map<string, Socket>();
  undo.push(() => Promise.all([...sockets.values()].map(closed)));
  child.on('message', (message: FromRelay) => {
    if (message.kind !== 'heard') return;
    const { from } = message;
    let socket = sockets.get(from);
    if (socket === undefined) {
      socket = createSocket(to.address.includes(':') ? 'udp6' : 'udp4');
      socket.on('message', (bytes) => tell(child, { kind: 'answer', to: from, bytes }));
      socket.on('error', () => {});
      sockets.set(from, socket);
    }
    socket.send(message.bytes, to.port, to.address);
  });
  tell(child, { kind: 'listen', port });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((done) => socket.close(() => done()));
}
