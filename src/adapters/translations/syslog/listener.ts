// Syslog from translators, over UDP and TCP (RFC 5426, RFC 6587). Only configured addresses are heard; the rest is counted. UDP loses
// lines without a trace, so it claims no span; a TCP connection has heard everything from its first record to its last.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Instant } from '../../../core/kernel/time.ts';
import { parsePeer } from '../../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../../core/net/prefix.ts';
import type { Log } from '../../../flow/ports.ts';
import { SyslogFrames } from '../../../protocols/syslog/framing.ts';
import { bindDatagrams, bindServer } from '../bind.ts';
import type { TranslationRecorder } from '../recorder.ts';
import { TranslationStream } from '../stream.ts';
import { eventsOfLine, type LineSource } from './lines.ts';

export interface SyslogTranslator extends LineSource {
  readonly name: string;
  readonly from: readonly Prefix[];
}

export interface SyslogOptions {
  readonly transport: 'udp' | 'tcp';
  readonly listen: { readonly address: string; readonly port: number };
  readonly translators: readonly SyslogTranslator[];
  readonly recorder: TranslationRecorder;
  readonly clock: { now(): Instant };
  readonly log: Log;
  readonly idleMs?: number;
}

const IDLE_MS = 10 * 60_000;
const MAX_CONNECTIONS = 64;
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;

interface Heard {
  readonly translator: SyslogTranslator;
  readonly stream: TranslationStream;
  connections: number;
}

export class SyslogListener {
  readonly #options: SyslogOptions;
  readonly #heard: readonly Heard[];
  readonly #sockets = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #strangers = 0;

  constructor(options: SyslogOptions) {
    this.#options = options;
    this.#heard = options.translators.map((translator) => ({
      translator,
      stream: new TranslationStream(translator.name),
      connections: 0,
    }));
  }

  /** Resolves with the bound address; rejects when it cannot be bound. */
  start(): Promise<{ readonly address: string; readonly port: number }> {
    return this.#options.transport === 'udp' ? this.#bindUdp() : this.#bindTcp();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((done) => (this.#udp === undefined ? done() : this.#udp.close(() => done()))),
      new Promise<void>((done) => (this.#tcp === undefined ? done() : this.#tcp.close(() => done()))),
    ]);
    for (const { stream } of this.#heard) stream.gap();
  }

  /** Translator by translator; `strangers` are addresses that nobody configured. */
  counts(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    const each = this.#heard.map(({ translator, stream }) => [translator.name, stream.counts()] as const);
    return { ...Object.fromEntries(each), ...(this.#strangers > 0 ? { strangers: { dropped: this.#strangers } } : {}) };
  }

  #of(address: string | undefined): Heard | undefined {
    const ip = parsePeer(address ?? '');
    const found = ip && this.#heard.find(({ translator }) => translator.from.some((prefix) => containsIp(prefix, ip)));
    if (found === undefined) this.#strangers++;
    return found;
  }

  #bindUdp(): Promise<{ address: string; port: number }> {
    const { listen, log, recorder } = this.#options;
    const type = listen.address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_OCTETS });
    this.#udp = socket;
    socket.on('message', (datagram, peer) => {
      const heard = this.#of(peer.address);
      if (heard === undefined) return;
      // Some boxes put several lines into one datagram.
      for (const line of datagram.toString('utf8').split('\n')) {
        const events = this.#read(line.replace(/[\r\0]+$/, ''), heard);
        if (events.length > 0) recorder.put(heard.stream, events);
      }
    });
    return bindDatagrams(socket, listen, log);
  }

  #bindTcp(): Promise<{ address: string; port: number }> {
    const { listen, log } = this.#options;
    const server = createServer({ keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => this.#accept(socket));
    this.#tcp = server;
    return bindServer(server, listen, log);
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const heard = this.#of(socket.remoteAddress);
    if (heard === undefined || heard.connections >= MAX_CONNECTIONS) {
      heard?.stream.count('connections-refused');
      socket.destroy();
      return;
    }
    const { stream } = heard;
    const frames = new SyslogFrames();
    // A second connection may carry what the first one seems to have heard: nothing is claimed while there are two.
    stream.gap();
    heard.connections++;
    this.#sockets.add(socket);
    socket.setTimeout(this.#options.idleMs ?? IDLE_MS, () => {
      stream.count('idle');
      socket.destroy();
    });
    socket.on('data', (chunk) => this.#takeChunk(chunk, { socket, frames, heard }));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      heard.connections--;
      stream.count('lines-cut', frames.openOctets > 0 ? 1 : 0);
      stream.gap();
    });
  }

  #takeChunk(
    chunk: Uint8Array,
    { socket, frames, heard }: { readonly socket: Socket; readonly frames: SyslogFrames; readonly heard: Heard },
  ): void {
    const { recorder } = this.#options;
    const dropped = frames.dropped;
    const events = frames.push(chunk).flatMap((line) => this.#read(line, heard));
    recorder.push(heard.stream, events);
    if (frames.dropped > dropped) {
      heard.stream.count('line-too-long', frames.dropped - dropped);
      heard.stream.gap();
    } else if (heard.connections === 1) for (const { at } of events) heard.stream.heard(at, this.#options.clock.now());
    if (!recorder.isFull(heard.stream)) return;
    // The sender waits, and loses nothing.
    socket.pause();
    recorder.onDrain(() => socket.resume());
  }

  #read(line: string, { translator, stream }: Heard) {
    if (line === '') return [];
    const heard = { source: stream.source, nearAt: this.#options.clock.now() };
    const { events, refused } = eventsOfLine(line, translator, heard);
    stream.count('events', events.length);
    for (const code of refused) stream.count(code);
    // A record that cannot be used may have been a release.
    if (refused.some((code) => code !== 'not-a-binding' && code !== 'other-protocol')) stream.gap();
    return events;
  }
}
