// What a computer in a home can do: connect, hold a stream, make a call, be infected. Every attempt has a deadline.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { resolve4, resolve6 } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

type Tell = (event: Readonly<Record<string, boolean | number | string>>) => void;
interface Target {
  readonly address: string;
  readonly port: number;
}

export type TcpOutcome = 'open' | 'refused' | 'unreachable' | 'silent';

/** Refused = a reset came back; unreachable = an ICMP answer; silent = nothing within the deadline. */
function knock({ address, port }: Target, timeoutMs: number): Promise<{ outcome: TcpOutcome; ms: number }> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (outcome: TcpOutcome) => {
      socket.destroy();
      resolve({ outcome, ms: Math.round(performance.now() - begun) });
    };
    socket.setTimeout(timeoutMs, () => end('silent'));
    socket.once('connect', () => end('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      end(
        error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET'
          ? 'refused'
          : error.code === 'ETIMEDOUT'
            ? 'silent'
            : 'unreachable',
      );
    });
  });
}

/** One question from a socket that stays open, so that its source port stays the same. */
function askFrom(
  socket: UdpSocket,
  { address, port }: Target,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<string | null> {
  return new Promise((resolve) => {
    const end = (answer: string | null) => {
      clearTimeout(timer);
      socket.off('message', onMessage);
      resolve(answer);
    };
    const onMessage = (answer: Buffer) => end(answer.toString('hex'));
    const timer = setTimeout(() => end(null), timeoutMs);
    socket.on('message', onMessage);
    socket.send(bytes, port, address, (error) => {
      if (error !== null) end(null);
    });
  });
}

function ask({ address, port }: Target, text: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const end = (answer: string | null) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    socket.once('message', (answer) => end(answer.toString('utf8')));
    socket.on('error', () => end(null));
    socket.send(text, port, address);
  });
}

/** A call: a packet every 50 ms, each answered; the longest silence is what the caller would have heard. */
class Call {
  readonly #socket;
  readonly #timer: NodeJS.Timeout;
  #lastHeardAt = performance.now();
  #longestGapMs = 0;
  #heard = 0;

  constructor({ address, port }: Target) {
    this.#socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', () => {
      this.#note();
      this.#heard++;
      this.#lastHeardAt = performance.now();
    });
    this.#timer = setInterval(() => this.#socket.send('voice', port, address), 50);
  }

  #note(): void {
    this.#longestGapMs = Math.max(this.#longestGapMs, Math.round(performance.now() - this.#lastHeardAt));
  }

  state(): { heard: number; longestGapMs: number } {
    this.#note();
    return { heard: this.#heard, longestGapMs: this.#longestGapMs };
  }

  hangUp(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}

/** A stream that was open before: sends a line every 100 ms and notices its own death. */
class Stream {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #endedBy: string | null = null;
  #echoed = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#echoed += bytes.length;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(error.code ?? 'error'));
    socket.on('close', () => this.#end('closed'));
    this.#timer = setInterval(() => socket.write('still here\n'), 100);
  }

  #end(reason: string): void {
    this.#endedBy ??= reason;
    clearInterval(this.#timer);
  }

  state(): { endedBy: string | null; echoed: number } {
    return { endedBy: this.#endedBy, echoed: this.#echoed };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

/** A scanner: really connects out, again and again, and tries to log in where somebody answers. */
class Bot {
  readonly #timers: NodeJS.Timeout[];
  #knocks = 0;
  #answered = 0;

  constructor(targets: readonly Target[], perSecond: number) {
    this.#timers = targets.map((target) => setInterval(() => this.#attack(target), 1000 / perSecond));
  }

  #attack({ address, port }: Target): void {
    this.#knocks++;
    const socket = connect({ host: address, port, timeout: 1000 });
    socket.on('connect', () => {
      this.#answered++;
      socket.end('root\r\nxc3511\r\n');
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
  }

  state(): { knocks: number; answered: number } {
    return { knocks: this.#knocks, answered: this.#answered };
  }

  unplug(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

let call: Call | undefined;
let bot: Bot | undefined;
const streams = new Map<string, Stream>();
const udpSockets = new Map<string, UdpSocket>();

export const HOST_ABILITIES = {
  tcp: async (args: Target & { readonly timeoutMs?: number }) => knock(args, args.timeoutMs ?? 3000),
  udp: async (args: Target & { readonly text?: string; readonly timeoutMs?: number }) =>
    ask(args, args.text ?? 'hello', args.timeoutMs ?? 1500),
  /** A UDP socket with a source port of its choice; it is connected to nobody. */
  'udp.open': async ({
    key,
    family,
    localPort,
  }: {
    readonly key: string;
    readonly family: 4 | 6;
    readonly localPort: number;
  }) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.on('error', () => undefined);
    socket.bind(localPort);
    await once(socket, 'listening');
    udpSockets.set(key, socket);
    return null;
  },
  /** Bytes out, bytes in, both as hex; null = no answer in time. */
  'udp.ask': async ({
    key,
    hex,
    timeoutMs,
    ...target
  }: Target & { readonly key: string; readonly hex: string; readonly timeoutMs?: number }) =>
    askFrom(udpSockets.get(key)!, target, Buffer.from(hex, 'hex'), timeoutMs ?? 1500),
  resolve: async ({ name }: { readonly name: string }) => {
    const found = await Promise.allSettled([resolve4(name), resolve6(name)]);
    return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  },
  'call.start': async (args: Target) => {
    call = new Call(args);
    return null;
  },
  'call.state': async () => call?.state() ?? null,
  'call.end': async () => {
    const state = call?.state() ?? null;
    call?.hangUp();
    call = undefined;
    return state;
  },
  'stream.open': async ({ key, address, port }: Target & { readonly key: string }) => {
    const socket = connect({ host: address, port, timeout: 5000 });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.once('timeout', () => reject(new Error('the stream did not open')));
    });
    socket.setTimeout(0);
    streams.set(key, new Stream(socket));
    return null;
  },
  'stream.state': async ({ key }: { readonly key: string }) => streams.get(key)?.state() ?? null,
  'stream.close': async ({ key }: { readonly key: string }) => {
    streams.get(key)?.close();
    streams.delete(key);
    return null;
  },
  'bot.start': async (
    { targets, perSecond }: { readonly targets: readonly Target[]; readonly perSecond: number },
    _tell: Tell,
  ) => {
    bot = new Bot(targets, perSecond);
    return null;
  },
  'bot.state': async () => bot?.state() ?? null,
  'bot.unplug': async () => {
    bot?.unplug();
    return bot?.state() ?? null;
  },
};
