// One local UDP port towards a NAS and its 256 identifiers. A NAS tells a duplicate by source address, port and identifier
// (RFC 5080 §2.2.2): none is used again before its last transmission has left the NAS's memory.
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { isIP } from 'node:net';

const IDENTIFIERS = 256;

export interface PortOptions<H> {
  /** Of the NAS. */
  readonly address: string;
  readonly port: number;
  /** Of ours; undefined = the kernel chooses. */
  readonly source: string | undefined;
  /**
   * A connected socket hears ICMP, and nothing of others. An unconnected one hears also a NAS that answers from another of its
   * addresses: which is worth knowing, and no answer.
   */
  readonly isConnected: boolean;
  /** So long after its last transmission an identifier rests. */
  readonly restMs: number;
  readonly firstIdentifier: number;
  readonly onDatagram: (port: Port<H>, datagram: Uint8Array, peer: RemoteInfo) => void;
  /** ICMP, or a packet that could not leave: an errno word. */
  readonly onTrouble: (code: string) => void;
}

/** Only addresses are ever looked up: a resolver would only put each packet on a later turn. */
const addressItself: NonNullable<SocketOptions['lookup']> = (host, _options, done) => done(null, host, isIP(host));

export class Port<H> {
  readonly #options: PortOptions<H>;
  readonly #socket: Socket;
  readonly #holders = new Array<H | undefined>(IDENTIFIERS).fill(undefined);
  readonly #sentMs = new Float64Array(IDENTIFIERS).fill(Number.NEGATIVE_INFINITY);
  #next: number;
  #held = 0;
  #lastSentMs = Number.NEGATIVE_INFINITY;

  private constructor(options: PortOptions<H>, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.#next = options.firstIdentifier;
    socket.on('message', (datagram, peer) => options.onDatagram(this, datagram, peer));
    socket.on('error', (error) => options.onTrouble(codeOf(error)));
    socket.unref(); // a request that waits for its answer has a timer of its own
  }

  /** Rejects when the kernel has no such address of ours, no way to the NAS, or no port left. */
  static async open<H>(options: PortOptions<H>): Promise<Port<H>> {
    const type = options.address.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({ type, ipv6Only: type === 'udp6', lookup: addressItself });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(0, options.source, () => {
          if (options.isConnected)
            socket.connect(options.port, options.address, (error?: Error) => (error ? reject(error) : resolve()));
          else resolve();
        });
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.removeAllListeners('error');
    return new Port(options, socket);
  }

  /** When the next identifier may be used, in the clock's milliseconds; Infinity while a request holds it. */
  get readyAtMs(): number {
    if (this.#holders[this.#next] !== undefined) return Number.POSITIVE_INFINITY;
    return this.#sentMs[this.#next]! + this.#options.restMs;
  }

  /** To be held and sent only when it is ready. */
  get nextIdentifier(): number {
    return this.#next;
  }

  /** The next identifier is this one's until it is released. */
  hold(holder: H): void {
    this.#holders[this.#next] = holder;
    this.#next = (this.#next + 1) % IDENTIFIERS;
    this.#held += 1;
  }

  release(identifier: number): void {
    this.#holders[identifier] = undefined;
    this.#held -= 1;
  }

  holder(identifier: number): H | undefined {
    return this.#holders[identifier];
  }

  /** It was used, and whoever held it has gone. */
  knows(identifier: number): boolean {
    return this.#sentMs[identifier]! > Number.NEGATIVE_INFINITY;
  }

  send(bytes: Uint8Array, nowMs: number): void {
    this.#sentMs[bytes[1]!] = nowMs;
    this.#lastSentMs = nowMs;
    const { isConnected, port, address, onTrouble } = this.#options;
    const sent = (error: Error | null) => {
      if (error !== null && error !== undefined) onTrouble(codeOf(error));
    };
    if (isConnected) this.#socket.send(bytes, sent);
    else this.#socket.send(bytes, port, address, sent);
  }

  isIdle(nowMs: number): boolean {
    return this.#held === 0 && nowMs - this.#lastSentMs > this.#options.restMs;
  }

  close(): void {
    this.#socket.close();
  }
}

/** The errno word alone: whatever else an error says may hold an address. */
export function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
