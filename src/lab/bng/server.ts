// The dynamic authorization server of a simulated BNG (RFC 5176): who may speak, is it genuine, is it recent, was it said before.
// What a request asks for is judged and done elsewhere.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { parsePeer } from '../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../core/net/prefix.ts';
import { MESSAGE_AUTHENTICATOR, PROXY_STATE, uint32 } from '../../protocols/radius/attributes.ts';
import { requestFault, signReply } from '../../protocols/radius/authenticator.ts';
import { type Attribute, CODE, decodePacket, encodePacket, type Packet } from '../../protocols/radius/codec.ts';
import type { Counter } from './counts.ts';
import type { Personality } from './personality.ts';
import { integer } from './wire.ts';

const EVENT_TIMESTAMP = 55;
const ERROR_CAUSE = 101;
/** RFC 5176 §6.3 for the timestamp; RFC 5080 §2.2.2 keeps answers for as long. */
const WINDOW_S = 300;
const WINDOW_MS = WINDOW_S * 1000;
const MOST_REMEMBERED = 500_000;
const RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024;

export interface Answer {
  readonly isAck: boolean;
  readonly errorCause?: number;
  readonly attributes: readonly Attribute[];
}

/** Resources-Unavailable: the data plane did not take it. */
const FAILED: Answer = { isAck: false, errorCause: 506, attributes: [] };

export interface ServerOptions {
  readonly address: string;
  readonly port: number;
  readonly clients: readonly Prefix[];
  readonly secrets: readonly Uint8Array[];
  readonly personality: () => Personality;
  readonly chance: () => number;
  readonly count: Counter;
  /** ms, never back: how long a request is remembered. */
  readonly monotonic: () => number;
  /** undefined = no answer at all. */
  readonly act: (request: Packet) => Promise<Answer | undefined>;
}

interface Remembered {
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Absent while it is being worked on. */
  answer?: Uint8Array;
}

export class DynamicAuthorizationServer {
  readonly #options: ServerOptions;
  readonly #socket: Socket;
  /** By source address, source port and identifier; oldest first. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #delays = new Set<NodeJS.Timeout>();
  #isOpen = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    const type = options.address.includes(':') ? 'udp6' : 'udp4';
    this.#socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_OCTETS });
    this.#socket.on('message', (datagram, peer) => void this.#take(datagram, peer));
  }

  /** Resolves with the bound port. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(this.#options.port, this.#options.address, resolve);
    });
    this.#isOpen = true;
    this.#socket.removeAllListeners('error').on('error', () => undefined);
    return this.#socket.address().port;
  }

  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const timer of this.#delays) clearTimeout(timer);
    await new Promise<void>((done) => this.#socket.close(() => done()));
  }

  /** What a reboot forgets. */
  forget(): void {
    this.#remembered.clear();
  }

  async #take(datagram: Uint8Array, peer: RemoteInfo): Promise<void> {
    const { count, act, chance } = this.#options;
    count.add('received');
    if (this.#isLost(this.#options.personality().dropRequestsPercent, chance)) return count.add('droppedRequests');
    const genuine = this.#genuine(datagram, peer);
    if (genuine === undefined) return;
    const { packet, secret } = genuine;
    const key = `${peer.address} ${peer.port} ${packet.identifier}`;
    const known = this.#recall(key);
    if (known !== undefined && Buffer.compare(known.bytes, packet.bytes) === 0) {
      count.add('duplicates');
      if (known.answer !== undefined) this.#send(known.answer, peer);
      return;
    }
    if (known !== undefined) count.add('reusedIdentifiers');
    const entry = this.#remember(key, packet);
    await this.#work();
    if (!this.#isOpen) return;
    const answer = await act(packet).catch(() => FAILED);
    if (answer === undefined) return count.add('ignored');
    count.add(answer.isAck ? 'acks' : 'naks');
    entry.answer = this.#reply(packet, answer, secret);
    this.#send(entry.answer, peer);
  }

  /** What is not is dropped without a word, as RFC 5176 §3 asks. */
  #genuine(datagram: Uint8Array, peer: RemoteInfo): { packet: Packet; secret: Uint8Array } | undefined {
    const { clients, count, personality } = this.#options;
    const source = parsePeer(peer.address);
    if (source === undefined || !clients.some((one) => containsIp(one, source))) return drop(count, 'unknownSource');
    const decoded = decodePacket(datagram);
    if (!decoded.ok) return drop(count, 'malformed');
    const packet = decoded.value;
    if (packet.code !== CODE.coaRequest && packet.code !== CODE.disconnectRequest) return drop(count, 'malformed');
    const secrets = this.#secrets(personality());
    const faults = secrets.map((secret) => requestFault(packet, secret));
    const at = faults.indexOf(undefined);
    if (at < 0)
      return drop(count, faults.includes('message-authenticator') ? 'badMessageAuthenticator' : 'badAuthenticator');
    const has = (type: number) => packet.attributes.some((one) => one.type === type);
    if (personality().requiresMessageAuthenticator && !has(MESSAGE_AUTHENTICATOR))
      return drop(count, 'messageAuthenticatorMissing');
    if (personality().requiresEventTimestamp && !has(EVENT_TIMESTAMP)) return drop(count, 'eventTimestampMissing');
    if (personality().requiresEventTimestamp && !isRecent(packet)) return drop(count, 'stale');
    return { packet, secret: secrets[at]! };
  }

  #secrets(personality: Personality): readonly Uint8Array[] {
    const { secrets } = this.#options;
    return personality.secret === 'right' ? secrets : secrets.map((one) => Buffer.concat([one, Buffer.from('?')]));
  }

  #recall(key: string): Remembered | undefined {
    const now = this.#options.monotonic();
    for (const [oldest, { at }] of this.#remembered) {
      if (now - at < WINDOW_MS && this.#remembered.size < MOST_REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
    return this.#remembered.get(key);
  }

  #remember(key: string, { bytes }: Packet): Remembered {
    const entry: Remembered = { bytes: bytes.slice(), at: this.#options.monotonic() };
    this.#remembered.delete(key); // a Map keeps the place of a key it has
    this.#remembered.set(key, entry);
    return entry;
  }

  #reply(request: Packet, answer: Answer, secret: Uint8Array): Uint8Array {
    const { messageAuthenticatorInReply } = this.#options.personality();
    const isCoa = request.code === CODE.coaRequest;
    const ack = isCoa ? CODE.coaAck : CODE.disconnectAck;
    const nak = isCoa ? CODE.coaNak : CODE.disconnectNak;
    const attributes: Attribute[] = [
      ...(messageAuthenticatorInReply ? [{ type: MESSAGE_AUTHENTICATOR, value: new Uint8Array(16) }] : []),
      ...(answer.errorCause === undefined ? [] : [integer(ERROR_CAUSE, answer.errorCause)]),
      ...answer.attributes,
      ...request.attributes.filter(({ type }) => type === PROXY_STATE),
    ];
    const bytes = encodePacket({ code: answer.isAck ? ack : nak, identifier: request.identifier, attributes });
    return signReply(bytes, request.authenticator, secret);
  }

  #send(answer: Uint8Array, peer: RemoteInfo): void {
    const { personality, chance, count } = this.#options;
    if (this.#isLost(personality().dropAnswersPercent, chance)) count.add('droppedAnswers');
    else if (this.#isOpen) this.#socket.send(answer, peer.port, peer.address, () => undefined);
  }

  /** A slow one takes its time before it acts; repetitions meanwhile change nothing. */
  #work(): Promise<void> | undefined {
    const { answerDelayMs } = this.#options.personality();
    if (answerDelayMs === 0) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#delays.delete(timer);
        resolve();
      }, answerDelayMs);
      this.#delays.add(timer);
    });
  }

  #isLost(percent: number, chance: () => number): boolean {
    return percent > 0 && chance() * 100 < percent;
  }
}

function drop(count: Counter, name: Parameters<Counter['add']>[0]): undefined {
  count.add(name);
}

function isRecent({ attributes }: Packet): boolean {
  const stamp = attributes.find(({ type }) => type === EVENT_TIMESTAMP)?.value;
  return stamp?.length === 4 && Math.abs(uint32(stamp) - Date.now() / 1000) <= WINDOW_S;
}
