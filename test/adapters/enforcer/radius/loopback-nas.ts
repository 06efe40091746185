// A NAS on loopback for the tests of the client: real datagrams, and answers that a test writes. It judges nothing by itself.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { NasClient, type NasClientOptions } from '../../../../src/adapters/enforcer/radius/nas-client.ts';
import { signReply } from '../../../../src/protocols/radius/authenticator.ts';
import { type Attribute, decodePacket, encodePacket, type Packet } from '../../../../src/protocols/radius/codec.ts';
import { FakeLog } from '../../../fakes/log.ts';

export const SECRET = Buffer.from('an engawa test secret');

export interface Heard {
  readonly packet: Packet;
  readonly from: RemoteInfo;
  /** Acct-Session-Id. */
  readonly session: string;
}

/** undefined = no answer. */
export type Answer = (heard: Heard, nas: LoopbackNas) => Uint8Array | undefined;

export class LoopbackNas {
  readonly socket: Socket;
  readonly heard: Heard[] = [];
  answer: Answer = (one) => reply(one);
  readonly #more = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (datagram, from) => this.#take(datagram, from));
  }

  static async start(address = '127.0.0.1', port = 0): Promise<LoopbackNas> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(port, address);
    await once(socket, 'listening');
    return new LoopbackNas(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  get sessions(): readonly string[] {
    return this.heard.map(({ session }) => session);
  }

  send(bytes: Uint8Array, to: RemoteInfo): void {
    this.socket.send(bytes, to.port, to.address);
  }

  /** The n-th datagram of all; waits for it. */
  async get(n: number): Promise<Heard> {
    const deadline = AbortSignal.timeout(5000);
    while (this.heard.length <= n)
      await new Promise<void>((resolve, reject) => {
        this.#more.add(resolve);
        deadline.addEventListener('abort', () => reject(new Error(`${this.heard.length} datagrams, not ${n + 1}`)));
      });
    return this.heard[n]!;
  }

  async stop(): Promise<void> {
    await new Promise<void>((done) => this.socket.close(() => done()));
  }

  #take(datagram: Uint8Array, from: RemoteInfo): void {
    const packet = decodePacket(datagram);
    if (!packet.ok) throw new Error('our own request cannot be decoded');
    const session = packet.value.attributes.find(({ type }) => type === 44)?.value ?? new Uint8Array();
    const heard = { packet: packet.value, from, session: Buffer.from(session).toString() };
    this.heard.push(heard);
    const answer = this.answer(heard, this);
    if (answer !== undefined) this.send(answer, from);
    for (const tell of this.#more) tell();
    this.#more.clear();
  }
}

export interface ReplyChange {
  readonly code?: number;
  readonly identifier?: number;
  readonly attributes?: readonly Attribute[];
  readonly secret?: Uint8Array;
  /** A place for a Message-Authenticator, to be filled. */
  readonly isSigned?: boolean;
}

/** The genuine answer: ACK, unless `change` says otherwise. */
export function reply({ packet }: Pick<Heard, 'packet'>, change: ReplyChange = {}): Uint8Array {
  const { code = packet.code + 1, identifier = packet.identifier, secret = SECRET, isSigned = false } = change;
  const attributes = [...(isSigned ? [{ type: 80, value: new Uint8Array(16) }] : []), ...(change.attributes ?? [])];
  return signReply(encodePacket({ code, identifier, attributes }), packet.authenticator, secret);
}

export function errorCause(value: number): Attribute {
  return { type: 101, value: Uint8Array.of(0, 0, value >> 8, value & 255) };
}

export const QUICK = { irtMs: 60, mrtMs: 100, mrc: 3, mrdMs: 300 };

export type ClientOptions = Partial<NasClientOptions> & { readonly log?: FakeLog };

export function clientOf(nas: Pick<LoopbackNas, 'port'>, options: ClientOptions = {}): NasClient & { log: FakeLog } {
  const log = options.log ?? new FakeLog();
  const client = new NasClient({
    name: 'bng2',
    address: '127.0.0.1',
    port: nas.port,
    secrets: [SECRET],
    packetsPerSecond: 20_000,
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log,
    ...options,
  });
  return Object.assign(client, { log });
}

/** A CoA for this session with a Filter-Id. */
export function change(session: string, more: { readonly urgent?: boolean; readonly signal?: AbortSignal } = {}) {
  const attributes = [
    { type: 44, value: Buffer.from(session) },
    { type: 11, value: Buffer.from('garden') },
  ];
  return { code: 43, attributes, session, urgent: false, ...more } as const;
}
