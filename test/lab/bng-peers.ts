// Who speaks with a simulated BNG in its tests: a client that sends CoA and Disconnect from one socket, and an accounting server
// that remembers what it was told and can be deaf for a while.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AccountingRequest, accountingResponse, readAccounting } from '../../src/protocols/radius/accounting.ts';
import { replyFault, requestFault } from '../../src/protocols/radius/authenticator.ts';
import { type Attribute, CODE, decodePacket, type Packet } from '../../src/protocols/radius/codec.ts';
import { buildDynamicRequest, readDynamicReply } from '../../src/protocols/radius/dynamic.ts';

export const SECRET = 'a-secret-between-two-boxes';

export interface Said {
  readonly kind: 'ack' | 'nak' | 'silence';
  readonly errorCause?: number;
  readonly attributes: readonly Attribute[];
  readonly bytes?: Uint8Array;
}

interface AskOptions {
  readonly code?: 40 | 43;
  readonly secret?: string;
  readonly messageAuthenticator?: boolean;
  readonly ageSeconds?: number | null;
  readonly identifier?: number;
  readonly waitMs?: number;
}

export class DasClient {
  readonly #port: number;
  readonly #socket: Socket = createSocket('udp4');
  readonly #answers = new Map<number, (packet: Packet) => void>();
  #identifier = 0;

  constructor(port: number) {
    this.#port = port;
    this.#socket.on('message', (datagram) => {
      const packet = decodePacket(datagram);
      if (packet.ok) this.#answers.get(packet.value.identifier)?.(packet.value);
    });
  }

  build(attributes: readonly Attribute[], options: AskOptions = {}): Uint8Array {
    const { code = CODE.coaRequest, secret = SECRET, messageAuthenticator = true, ageSeconds = 0 } = options;
    const stamp = Math.floor(Date.now() / 1000) - (ageSeconds ?? 0);
    return buildDynamicRequest({
      code,
      identifier: options.identifier ?? this.#identifier++ & 255,
      attributes,
      secret: Buffer.from(secret),
      messageAuthenticator,
      ...(ageSeconds === null ? {} : { eventTimestampSeconds: stamp }),
    });
  }

  ask(attributes: readonly Attribute[], options: AskOptions = {}): Promise<Said> {
    return this.send(this.build(attributes, options), options.waitMs);
  }

  /** These very octets, as often as it is called; an answer counts only when it is genuine. */
  send(bytes: Uint8Array, waitMs = 1000): Promise<Said> {
    const identifier = bytes[1]!;
    return new Promise((resolve) => {
      const end = (said: Said) => {
        clearTimeout(timer);
        this.#answers.delete(identifier);
        resolve(said);
      };
      const timer = setTimeout(() => end({ kind: 'silence', attributes: [] }), waitMs);
      this.#answers.set(identifier, (packet) => {
        const reply = readDynamicReply(packet);
        if (reply === undefined) return;
        if (replyFault(packet, bytes.subarray(4, 20), Buffer.from(SECRET)) !== undefined) return;
        end({ ...reply, bytes: packet.bytes });
      });
      this.#socket.send(bytes, this.#port, '127.0.0.1');
    });
  }

  /** Once more, with nobody waiting. */
  repeat(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#port, '127.0.0.1');
  }

  close(): void {
    this.#socket.close();
  }
}

/** Keeps genuine records in the order in which they came. */
export class AccountingPeer {
  readonly heard: AccountingRequest[] = [];
  readonly #socket = createSocket('udp4');
  isDeaf = false;
  /** Datagrams that came while it was deaf. */
  missed = 0;

  static async start(port = 0): Promise<AccountingPeer> {
    const peer = new AccountingPeer();
    peer.#socket.on('message', (datagram, from) => peer.#take(datagram, from));
    peer.#socket.bind(port, '127.0.0.1');
    await once(peer.#socket, 'listening');
    return peer;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  #take(datagram: Uint8Array, from: { readonly port: number; readonly address: string }): void {
    if (this.isDeaf) {
      this.missed++;
      return;
    }
    const packet = decodePacket(datagram);
    if (!packet.ok || requestFault(packet.value, Buffer.from(SECRET)) !== undefined) return;
    const record = readAccounting(packet.value);
    if (!record.ok) return;
    this.heard.push(record.value);
    this.#socket.send(accountingResponse(packet.value, Buffer.from(SECRET)), from.port, from.address);
  }

  statuses(): readonly string[] {
    return this.heard.map(({ status }) => status);
  }

  close(): void {
    this.#socket.close();
  }
}
