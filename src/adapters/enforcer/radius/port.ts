// One local UDP port towards a NAS, with 256 identifiers: who holds which. When one may serve again is for ports.ts to say.
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
  /** Identifiers that had a holder, counted from the first. */
  #used = 0;
  #held = 0;
  #lastSentMs = Number.NEGATIVE_INFINITY;

  private constructor(options: PortOptions<H>, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
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

  /** One that never had a holder; undefined = all of them had. */
  fresh(): number | undefined {
    if (this.#used === IDENTIFIERS) return undefined;
    this.#used += 1;
    return (this.#options.firstIdentifier + this.#used - 1) % IDENTIFIERS;
  }

  hold(identifier: number, holder: H): void {
    this.#holders[identifier] = holder;
    this.#held += 1;
  }

  release(identifier: number): void {
    this.#holders[identifier] = undefined;
    this.#held -= 1;
  }

  holder(identifier: number): H | undefined {
    return this.#holders[identifier];
  }

  /** It has, or had, a holder. */
  knows(identifier: number): boolean {
    return (identifier - this.#options.firstIdentifier + IDENTIFIERS) % IDENTIFIERS < this.#used;
  }

  send(bytes: Uint8Array, nowMs: number): void {
    this.#lastSentMs = nowMs;
    const { isConnected, port, address, onTrouble } = this.#options;
    const sent = (error: Error | null) => {
      if (error !== null && error !== undefined) onTrouble(codeOf(error));
    };
    if (isConnected) this.#socket.send(bytes, sent);
    else this.#socket.send(bytes, port, address, sent);
  }

  /** Nobody holds an identifier, and none was used for so long. */
  isIdle(nowMs: number, restMs: number): boolean {
    return this.#held === 0 && nowMs - this.#lastSentMs > restMs;
  }

  close(): void {
    this.#socket.close();
  }
}

/** The errno word alone: whatever else an error says may hold an address. */
export function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
