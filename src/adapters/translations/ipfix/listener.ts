// IPFIX from translators, over UDP and TCP (RFC 7011 §10). Each observation domain of each exporter is a stream of its own, with a
// count of records: one that does not follow is a gap. Over UDP the templates stay while the socket does (§8.4).
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Instant } from '../../../core/kernel/time.ts';
import type { TranslationEvent } from '../../../core/line/translation.ts';
import { formatIp, parsePeer } from '../../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../../core/net/prefix.ts';
import type { Log } from '../../../flow/ports.ts';
import { type IpfixMessage, messageLength, readMessage } from '../../../protocols/ipfix/message.ts';
import { natRecordOf } from '../../../protocols/ipfix/nat-event.ts';
import { Sequence, type SequenceWord } from '../../../protocols/ipfix/sequence.ts';
import { Templates } from '../../../protocols/ipfix/templates.ts';
import { bindDatagrams, bindServer } from '../bind.ts';
import type { TranslationRecorder } from '../recorder.ts';
import { TranslationStream } from '../stream.ts';

export interface IpfixTranslator {
  readonly name: string;
  readonly from: readonly Prefix[];
  readonly outsideRealm: string;
  readonly insideRealmOf: (vrf: string | undefined) => string;
  readonly clockAheadMs: number;
  readonly isOneToOne: boolean;
}

export interface IpfixOptions {
  readonly transport: 'udp' | 'tcp';
  readonly listen: { readonly address: string; readonly port: number };
  readonly translators: readonly IpfixTranslator[];
  readonly recorder: TranslationRecorder;
  readonly clock: { now(): Instant };
  readonly log: Log;
  readonly idleMs?: number;
}

const IDLE_MS = 30 * 60_000;
const MAX_CONNECTIONS = 64;
/** Exporters × observation domains that one translator may have. */
const MAX_STREAMS = 256;
const RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024;

/** One exporter's session (§8): a UDP address and port, or a connection. */
interface Session {
  readonly translator: IpfixTranslator;
  readonly peer: string;
  readonly templates: Templates;
  /** By observation domain. */
  readonly sequences: Map<number, Sequence>;
}

export class IpfixListener {
  readonly #options: IpfixOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #streams = new Map<string, TranslationStream>();
  readonly #counts = new Map<string, TranslationStream>();
  readonly #sockets = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #strangers = 0;

  constructor(options: IpfixOptions) {
    this.#options = options;
    for (const { name } of options.translators) this.#counts.set(name, new TranslationStream(name));
  }

  start(): Promise<{ readonly address: string; readonly port: number }> {
    return this.#options.transport === 'udp' ? this.#bindUdp() : this.#bindTcp();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((done) => (this.#udp === undefined ? done() : this.#udp.close(() => done()))),
      new Promise<void>((done) => (this.#tcp === undefined ? done() : this.#tcp.close(() => done()))),
    ]);
    for (const stream of this.#streams.values()) stream.gap();
  }

  counts(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    const each = [...this.#counts].map(([name, counter]) => [name, counter.counts()] as const);
    return { ...Object.fromEntries(each), ...(this.#strangers > 0 ? { strangers: { dropped: this.#strangers } } : {}) };
  }

  #bindUdp(): Promise<{ address: string; port: number }> {
    const { listen, log } = this.#options;
    const type = listen.address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_OCTETS });
    this.#udp = socket;
    socket.on('message', (datagram, peer) => {
      const session = this.#sessionOf(peer.address, peer.port);
      if (session !== undefined) this.#take(datagram, session, false);
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
    const session = this.#newSession(socket.remoteAddress);
    if (session === undefined || this.#sockets.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setTimeout(this.#options.idleMs ?? IDLE_MS, () => socket.destroy());
    let rest: Uint8Array = new Uint8Array();
    socket.on('data', (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let size = messageLength(rest); size !== undefined; size = messageLength(rest)) {
        if (size < 16) {
          // A stream that lost its beat cannot be read on.
          this.#counts.get(session.translator.name)!.count('length');
          socket.destroy();
          return;
        }
        if (rest.length < size) break;
        this.#take(rest.subarray(0, size), session, true);
        rest = rest.subarray(size);
      }
      rest = rest.slice();
      const stream = this.#fullStream(session);
      if (stream === undefined) return;
      socket.pause();
      this.#options.recorder.onDrain(() => socket.resume());
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      for (const domain of session.sequences.keys()) this.#streamOf(session, domain)?.gap();
    });
  }

  #fullStream(session: Session): TranslationStream | undefined {
    return [...session.sequences.keys()]
      .map((domain) => this.#streamOf(session, domain))
      .find((stream) => stream !== undefined && this.#options.recorder.isFull(stream));
  }

  #take(octets: Uint8Array, session: Session, mayWait: boolean): void {
    const { translator, templates } = session;
    const counter = this.#counts.get(translator.name)!;
    const message = readMessage(octets, templates);
    if (!message.ok) {
      counter.count(message.error);
      // Whose records it held is not known: nothing is claimed until the next message of each.
      for (const domain of session.sequences.keys()) {
        session.sequences.set(domain, new Sequence());
        this.#streamOf(session, domain)?.gap();
      }
      return;
    }
    const { domain, unknownSets } = message.value;
    const stream = this.#streamOf(session, domain);
    if (stream === undefined) {
      counter.count('too-many-domains');
      return;
    }
    const { events, refused } = this.#eventsOf(message.value, session, stream.source);
    counter.count('events', events.length);
    for (const code of refused) counter.count(code);
    counter.count('sets-without-template', unknownSets);
    const word = this.#follows(message.value, session, counter);
    if (word !== 'in-order' && word !== 'late') stream.gap();
    const { recorder } = this.#options;
    if (mayWait) recorder.push(stream, events);
    else if (!recorder.put(stream, events)) return;
    const isWhole = message.value.counted !== undefined && refused.every((code) => HARMLESS.has(code));
    if (!isWhole) stream.gap();
    else if (word !== 'late') stream.heard(message.value.exportAt - translator.clockAheadMs, this.#options.clock.now());
  }

  #follows(message: IpfixMessage, { sequences }: Session, counter: TranslationStream): SequenceWord {
    const sequence = sequences.get(message.domain) ?? new Sequence();
    sequences.set(message.domain, sequence);
    const lostBefore = sequence.lost;
    const word = sequence.take(message.sequence, message.counted);
    counter.count('records-lost', sequence.lost - lostBefore);
    if (word === 'late') counter.count('late');
    return word;
  }

  #eventsOf(
    message: IpfixMessage,
    { translator }: Session,
    source: string,
  ): { readonly events: readonly TranslationEvent[]; readonly refused: readonly string[] } {
    const events: TranslationEvent[] = [];
    const refused: string[] = [];
    for (const record of message.records) {
      const nat = natRecordOf(record, { exportAt: message.exportAt, isOneToOne: translator.isOneToOne });
      if (!nat.ok) {
        refused.push(nat.error);
        continue;
      }
      const { vrf, inside, at, ...said } = nat.value;
      events.push({
        ...said,
        source,
        at: at - translator.clockAheadMs,
        realm: translator.outsideRealm,
        inside: { realm: translator.insideRealmOf(vrf), ip: inside },
      });
    }
    return { events, refused };
  }

  #sessionOf(address: string, port: number): Session | undefined {
    const key = `${address} ${port}`;
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const session = this.#newSession(address);
    if (session === undefined) return undefined;
    if (this.#sessions.size >= MAX_STREAMS) this.#sessions.delete(this.#sessions.keys().next().value!);
    this.#sessions.set(key, session);
    return session;
  }

  #newSession(address: string | undefined): Session | undefined {
    const ip = parsePeer(address ?? '');
    const translator = ip && this.#options.translators.find((one) => one.from.some((prefix) => containsIp(prefix, ip)));
    if (translator === undefined || ip === undefined) {
      this.#strangers++;
      return undefined;
    }
    return { translator, peer: formatIp(ip), templates: new Templates(), sequences: new Map() };
  }

  /** `cgn1`, or `cgn1/192.0.2.1/7` where there are several exporters or an observation domain. */
  #streamOf({ translator, peer }: Session, domain: number): TranslationStream | undefined {
    const isOne =
      translator.from.length === 1 && translator.from[0]!.length === (translator.from[0]!.ip.family === 4 ? 32 : 128);
    const source = [translator.name, ...(isOne ? [] : [peer]), ...(domain === 0 ? [] : [String(domain)])].join('/');
    const known = this.#streams.get(source);
    if (known !== undefined) return known;
    if (this.#streams.size >= MAX_STREAMS) return undefined;
    const stream = new TranslationStream(source);
    this.#streams.set(source, stream);
    return stream;
  }
}

/** Records that say nothing about ports of ours, whole or in part. */
const HARMLESS: ReadonlySet<string> = new Set(['not-a-binding', 'other-protocol', 'address-binding']);
