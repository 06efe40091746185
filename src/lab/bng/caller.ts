// The other half of a simulated BNG: it asks AAA and accounting servers. One socket per server, 256 identifiers on it, each free
// again when its answer came or nobody waits any more.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { decodePacket, type Packet } from '../../protocols/radius/codec.ts';

export interface Server {
  readonly address: string;
  readonly port: number;
  readonly secret: string;
  /** The BNG's own address; default: what the kernel takes. */
  readonly source?: string;
}

export interface Question {
  readonly build: (identifier: number) => Uint8Array;
  readonly isAnswer: (answer: Packet, question: Uint8Array) => boolean;
  /** The same octets go out once per entry; each waits so long for an answer. */
  readonly waitsMs: readonly number[];
}

interface Pending {
  readonly question: Uint8Array;
  readonly isAnswer: Question['isAnswer'];
  readonly resolve: (answer: Packet | undefined) => void;
}

export class RadiusCaller {
  readonly #server: Server;
  readonly #socket: Socket;
  readonly #bound: Promise<void>;
  readonly #free = Array.from({ length: 256 }, (_, identifier) => identifier);
  readonly #waiting: ((identifier: number) => void)[] = [];
  readonly #pending = new Map<number, Pending>();
  #isOpen = true;

  constructor(server: Server) {
    this.#server = server;
    this.#socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', (datagram, peer) => this.#take(datagram, peer));
    this.#bound = new Promise((resolve) => this.#socket.bind(0, server.source, resolve));
  }

  get secret(): Uint8Array {
    return Buffer.from(this.#server.secret, 'utf8');
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** undefined = nobody answered. */
  async ask({ build, isAnswer, waitsMs }: Question): Promise<Packet | undefined> {
    await this.#bound;
    const identifier = await this.#identifier();
    const question = build(identifier);
    try {
      for (const waitMs of waitsMs) {
        const answer = await this.#once(identifier, { question, isAnswer, waitMs });
        if (answer !== undefined || !this.#isOpen) return answer;
      }
      return undefined;
    } finally {
      this.#release(identifier);
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const { resolve } of this.#pending.values()) resolve(undefined);
    for (const take of this.#waiting.splice(0)) take(0);
    await this.#bound;
    await new Promise<void>((done) => this.#socket.close(() => done()));
  }

  #once(
    identifier: number,
    { question, isAnswer, waitMs }: Omit<Pending, 'resolve'> & { readonly waitMs: number },
  ): Promise<Packet | undefined> {
    if (!this.#isOpen) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const end = (answer: Packet | undefined) => {
        clearTimeout(timer);
        this.#pending.delete(identifier);
        resolve(answer);
      };
      const timer = setTimeout(() => end(undefined), waitMs);
      this.#pending.set(identifier, { question, isAnswer, resolve: end });
      // Nobody there (ICMP) is the same as no answer.
      this.#socket.send(question, this.#server.port, this.#server.address, () => undefined);
    });
  }

  /** An answer from any other address or port is nobody's (RFC 2865 §3). */
  #take(datagram: Uint8Array, peer: RemoteInfo): void {
    const { address, port } = this.#server;
    if (peer.address !== address || peer.port !== port) return;
    const decoded = decodePacket(datagram);
    if (!decoded.ok) return;
    const pending = this.#pending.get(decoded.value.identifier);
    if (pending?.isAnswer(decoded.value, pending.question) === true) pending.resolve(decoded.value);
  }

  #identifier(): Promise<number> | number {
    const identifier = this.#free.shift();
    return identifier ?? new Promise((take) => this.#waiting.push(take));
  }

  #release(identifier: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(identifier);
    else next(identifier);
  }
}
