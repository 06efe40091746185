// A NAS that keeps every rule and a book of every breach, on a thread of its own: only genuine requests with a Message-Authenticator
// and a fresh time are answered, a repetition is answered from memory, and an order carried out twice or an identifier used for
// two requests within the window is counted. Simulated: it changes nothing but its book.
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { requestFault, signReply } from '../../src/protocols/radius/authenticator.ts';
import { decodePacket, encodePacket, type Packet } from '../../src/protocols/radius/codec.ts';

export interface StrictNasOptions {
  readonly secret: string;
  /** Default 1. */
  readonly count?: number;
  /** The first of them answers so late; default at once. */
  readonly firstDelayMs?: number;
  /** Of a hundred requests, and of a hundred answers. */
  readonly lossPercent?: number;
  /** For so long it remembers an identifier, and so old a request may be. Default 300,000. */
  readonly windowMs?: number;
}

export interface StrictCounts {
  /** Orders carried out, by Acct-Session-Id. */
  readonly effects: number;
  readonly doubledEffects: number;
  readonly reusedIdentifiers: number;
  readonly repeated: number;
  readonly dropped: number;
  readonly ports: number;
}

export interface StrictNases {
  readonly ports: readonly number[];
  /** Of all of them together. */
  counts(): Promise<StrictCounts>;
  stop(): Promise<void>;
}

export async function startStrictNases(options: StrictNasOptions): Promise<StrictNases> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { strictNas: options } });
  const ask = async (what: string) => {
    worker.postMessage(what);
    return (await once(worker, 'message'))[0];
  };
  const [ports] = await once(worker, 'message');
  return {
    ports,
    counts: () => ask('counts'),
    stop: async () => void (await worker.terminate()),
  };
}

class StrictNas {
  readonly #options: StrictNasOptions;
  readonly #secret: Uint8Array;
  readonly #delayMs: number;
  readonly #windowMs: number;
  /** By port and identifier of the client: what was asked, and the answer. */
  readonly #memory = new Map<string, { authenticator: string; answer: Uint8Array; atMs: number }>();
  readonly #done = new Set<string>();
  readonly #ports = new Set<number>();
  readonly counts = { effects: 0, doubledEffects: 0, reusedIdentifiers: 0, repeated: 0, dropped: 0 };

  constructor(options: StrictNasOptions, delayMs: number) {
    this.#options = options;
    this.#secret = Buffer.from(options.secret);
    this.#delayMs = delayMs;
    this.#windowMs = options.windowMs ?? 300_000;
  }

  get ports(): number {
    return this.#ports.size;
  }

  async listen(): Promise<number> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 }).bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (datagram, peer) => {
      const answer = this.#isLost() ? undefined : this.#answer(datagram, peer);
      if (answer === undefined || this.#isLost()) return;
      const send = () => socket.send(answer, peer.port, peer.address);
      if (this.#delayMs === 0) send();
      else setTimeout(send, this.#delayMs);
    });
    return socket.address().port;
  }

  #isLost(): boolean {
    return Math.random() * 100 < (this.#options.lossPercent ?? 0);
  }

  #answer(datagram: Uint8Array, peer: RemoteInfo): Uint8Array | undefined {
    const packet = decodePacket(datagram);
    if (!packet.ok || !this.#isGood(packet.value)) {
      this.counts.dropped += 1;
      return undefined;
    }
    this.#ports.add(peer.port);
    const place = `${peer.port} ${packet.value.identifier}`;
    const authenticator = Buffer.from(packet.value.authenticator).toString('hex');
    const before = this.#memory.get(place);
    const now = performance.now();
    if (before?.authenticator === authenticator) {
      this.counts.repeated += 1;
      before.atMs = now;
      return before.answer;
    }
    if (before !== undefined && now - before.atMs <= this.#windowMs) this.counts.reusedIdentifiers += 1;
    const answer = this.#carryOut(packet.value);
    this.#memory.set(place, { authenticator, answer, atMs: now });
    return answer;
  }

  #isGood(packet: Packet): boolean {
    const stamp = packet.attributes.find(({ type }) => type === 55)?.value;
    if (requestFault(packet, this.#secret, { requireMessageAuthenticator: true }) !== undefined) return false;
    if (stamp === undefined) return false;
    return Math.abs(Buffer.from(stamp).readUInt32BE() - Date.now() / 1000) <= this.#windowMs / 1000;
  }

  #carryOut(packet: Packet): Uint8Array {
    const session = Buffer.from(packet.attributes.find(({ type }) => type === 44)!.value).toString();
    this.counts[this.#done.has(session) ? 'doubledEffects' : 'effects'] += 1;
    this.#done.add(session);
    const attributes = [{ type: 80, value: new Uint8Array(16) }];
    const bytes = encodePacket({ code: packet.code + 1, identifier: packet.identifier, attributes });
    return signReply(bytes, packet.authenticator, this.#secret);
  }
}

async function serve(options: StrictNasOptions): Promise<void> {
  const { count = 1, firstDelayMs = 0 } = options;
  const nases = Array.from({ length: count }, (_, i) => new StrictNas(options, i === 0 ? firstDelayMs : 0));
  const ports = [];
  for (const one of nases) ports.push(await one.listen());
  parentPort!.on('message', () => {
    const sum: Record<string, number> = { ports: 0 };
    for (const one of nases) {
      sum['ports']! += one.ports;
      for (const [name, value] of Object.entries(one.counts)) sum[name] = (sum[name] ?? 0) + value;
    }
    parentPort!.postMessage(sum);
  });
  parentPort!.postMessage(ports);
}

if (!isMainThread && workerData?.strictNas !== undefined) await serve(workerData.strictNas);
