// radclient of FreeRADIUS as an independent writer and reader of packets, on loopback.
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export const SECRET = 'engawa-test';

export type Kind = 'auth' | 'acct' | 'coa' | 'disconnect' | 'status';

/** Bound to loopback, on a port of the kernel's choice. */
export async function loopbackSocket(): Promise<{ readonly socket: Socket; readonly port: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: (socket.address() as AddressInfo).port };
}

export interface Said {
  readonly code: number;
  readonly output: string;
}

export interface RadclientOptions {
  readonly secret?: string;
  /** Its first argument to -t: how long it waits for an answer. */
  readonly seconds?: number;
}

/** Once, without another try; code 0 = answered, with an authenticator that radclient believed. */
export async function radclient(
  kind: Kind,
  port: number,
  attributes: readonly string[],
  options: RadclientOptions = {},
): Promise<Said> {
  const args = ['-x', '-r', '1', '-t', String(options.seconds ?? 2)];
  const child = spawn('radclient', [...args, `127.0.0.1:${port}`, kind, options.secret ?? SECRET], { timeout: 20_000 });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  child.stdin.end(`${attributes.join('\n')}\n`);
  const [code] = await once(child, 'close');
  return { code: code as number, output };
}

/** The packet that radclient makes of these attributes. */
export async function packetOf(kind: Kind, attributes: readonly string[]): Promise<Buffer> {
  const { socket, port } = await loopbackSocket();
  const packets: Buffer[] = [];
  socket.on('message', (packet) => packets.push(packet));
  try {
    const { output } = await radclient(kind, port, attributes, { seconds: 0.2 });
    if (packets[0] === undefined) throw new Error(`radclient sent nothing: ${output}`);
    return packets[0];
  } finally {
    socket.close();
  }
}

/** The answer to the last of these, all sent from one socket in order; who answers an earlier one breaks the test. */
export async function answerTo(port: number, ...packets: readonly Uint8Array[]): Promise<Buffer> {
  const { socket } = await loopbackSocket();
  try {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
    for (const packet of packets) socket.send(packet, port, '127.0.0.1');
    const [octets] = (await answer) as [Buffer];
    if (octets[1] !== packets.at(-1)![1]) throw new Error(`an answer to the request with identifier ${octets[1]}`);
    return octets;
  } finally {
    socket.close();
  }
}
