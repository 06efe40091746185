// Lives in one namespace and does what it is told, one JSON command a line: opens, keeps and tries sockets of both families.
// It answers with what it saw; it judges nothing.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { AgentCommand } from './agent-commands.ts';

const tcp = new Map<string, Socket>();
const udp = new Map<string, UdpSocket>();
const listeners = new Map<string, UdpSocket>();
/** What listeners here were sent, newest last: `udp 203.0.113.81:9000 from 192.0.2.65:4711 text`. */
const heard: string[] = [];

const within = <T>(ms: number, late: T, work: (done: (value: T) => void) => void) =>
  new Promise<T>((resolve) => {
    const timer = setTimeout(() => resolve(late), ms);
    work((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });

async function perform(command: AgentCommand): Promise<unknown> {
  switch (command.do) {
    case 'tcp-listen':
      return tcpListen(command.host, command.port);
    case 'udp-listen':
      return udpListen(command.host, command.port);
    case 'tcp-open':
      return tcpOpen(command);
    case 'tcp-say':
      return tcpSay(command);
    case 'udp-ask':
      return udpAsk(command);
    case 'udp-push':
      return listeners.get(`${command.from.host}:${command.from.port}`)?.send('push', command.port, command.host);
    case 'udp-burst':
      return udpBurst(command);
    case 'flood':
      return flood(command);
    case 'heard':
      return heard.splice(0);
    case 'close':
      tcp.get(command.id)?.destroy();
      udp.get(command.id)?.close();
      udp.delete(command.id);
      return tcp.delete(command.id);
  }
}

function tcpListen(host: string, port: number) {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    heard.push(`tcp ${socket.localAddress}:${socket.localPort} from ${socket.remoteAddress} port ${socket.remotePort}`);
    socket.on('data', (data) => socket.write(data));
  });
  return within<string>(2000, 'timeout', (done) => {
    server.once('error', (error) => done(error.message));
    server.listen({ host, port, ipv6Only: host === '::' ? false : undefined }, () => done('listening'));
  });
}

function udpListen(host: string, port: number) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data, peer) => {
    heard.push(`udp ${host}:${port} from ${peer.address}:${peer.port} ${data.subarray(0, 40).toString()}`);
    socket.send(data, peer.port, peer.address);
  });
  listeners.set(`${host}:${port}`, socket);
  return within<string>(2000, 'timeout', (done) => {
    socket.once('error', (error) => done(error.message));
    socket.bind(port, host, () => done('listening'));
  });
}

type TcpOpen = Extract<AgentCommand, { do: 'tcp-open' }>;

function tcpOpen({ id, host, port, timeoutMs, localAddress, localPort }: TcpOpen) {
  return within<string>(timeoutMs ?? 1500, 'timeout', (done) => {
    const socket = connect({ host, port, localAddress, localPort });
    socket.once('connect', () => done('open'));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    if (id === undefined) socket.once('connect', () => socket.destroy());
    else tcp.set(id, socket);
  }).then((outcome) => {
    if (outcome === 'timeout' && id !== undefined) tcp.get(id)?.destroy();
    return outcome;
  });
}

/** `echo` when the text came back, else the error, `closed` or `timeout`. */
function tcpSay({ id, text, timeoutMs }: Extract<AgentCommand, { do: 'tcp-say' }>) {
  const socket = tcp.get(id);
  if (socket === undefined || socket.destroyed) return 'closed';
  return within<string>(timeoutMs ?? 1500, 'timeout', (done) => {
    let got = '';
    socket.on('data', (data) => {
      got += data;
      if (got.includes(text)) done('echo');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.once('close', () => done('closed'));
    socket.write(text);
  }).finally(() => socket.removeAllListeners('data'));
}

/** A connected socket, so that ICMP errors are seen. `id` keeps it, and with it the source port. */
function udpAsk({
  id,
  host,
  port,
  text,
  timeoutMs,
  localAddress,
  localPort,
}: Extract<AgentCommand, { do: 'udp-ask' }>) {
  const kept = id === undefined ? undefined : udp.get(id);
  const socket = kept ?? createSocket(host.includes(':') ? 'udp6' : 'udp4');
  if (id !== undefined) udp.set(id, socket);
  const content = text.length > 60 ? Buffer.alloc(text.length, text) : text;
  return within<string>(timeoutMs ?? 1200, 'timeout', (done) => {
    socket.removeAllListeners('error');
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.on('message', () => done('echo'));
    if (kept !== undefined) return void socket.send(content);
    socket.once('connect', () => socket.send(content));
    if (localPort === undefined && localAddress === undefined) return void socket.connect(port, host);
    socket.bind({ port: localPort ?? 0, ...(localAddress === undefined ? {} : { address: localAddress }) }, () =>
      socket.connect(port, host),
    );
  }).finally(() => {
    socket.removeAllListeners('message');
    if (id === undefined) socket.close();
  });
}

function udpBurst({ host, port, count, localAddress }: Extract<AgentCommand, { do: 'udp-burst' }>) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return within<string>(2000, 'timeout', (done) => {
    socket.on('error', (error) => done(error.message));
    socket.bind({ port: 0, ...(localAddress === undefined ? {} : { address: localAddress }) }, () => {
      let left = count;
      for (let i = 0; i < count; i++) socket.send('burst', port, host, () => --left === 0 && done('sent'));
    });
  }).finally(() => socket.close());
}

/** A bot: new connections at a steady rate, each given up after a moment. Answers with how many were tried. */
async function flood({ hosts, port, perSecond, forMs }: Extract<AgentCommand, { do: 'flood' }>) {
  let tried = 0;
  const startedAt = performance.now();
  while (performance.now() - startedAt < forMs) {
    const due = ((performance.now() - startedAt) / 1000) * perSecond;
    for (; tried < due; tried++) {
      const socket = connect({ host: hosts[tried % hosts.length]!, port });
      socket.on('error', () => socket.destroy());
      setTimeout(() => socket.destroy(), 700);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return tried;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { seq, ...command } = JSON.parse(line);
  perform(command).then(
    (answer) => process.stdout.write(`${JSON.stringify({ seq, answer })}\n`),
    (error) => process.stdout.write(`${JSON.stringify({ seq, answer: `fault: ${error.message}` })}\n`),
  );
}
process.exit(0);
