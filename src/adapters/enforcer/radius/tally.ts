// What a NAS client sent and heard, as numbers; and of what is no answer a line in the log, once a minute per kind: whoever
// forges answers must not fill it.
import type { RemoteInfo } from 'node:dgram';
import type { Log } from '../../../flow/ports.ts';
import { BAD_REPLIES, type BadReply } from './replies.ts';

const COUNTS = [
  'sent',
  'retransmitted',
  'ack',
  'nak',
  'timeout',
  'overflow',
  ...BAD_REPLIES,
  /** An answer after the answer, or after the request was given up. */
  'late',
  /** ICMP: nobody listens there. */
  'port-unreachable',
  /** A packet could not leave, or no port could be opened. */
  'socket-trouble',
] as const;
export type NasCount = (typeof COUNTS)[number];

const TELL_EVERY_MS = 60_000;

export class Tally {
  readonly #gateway: string;
  readonly #log: Log;
  readonly #monotonicMs: () => number;
  readonly #counts = new Map<NasCount, number>(COUNTS.map((name) => [name, 0]));
  readonly #toldMs = new Map<string, number>();

  constructor(options: { readonly name: string; readonly log: Log; readonly monotonicMs: () => number }) {
    this.#gateway = options.name;
    this.#log = options.log;
    this.#monotonicMs = options.monotonicMs;
  }

  get counts(): Readonly<Record<NasCount, number>> {
    return Object.fromEntries(this.#counts) as Record<NasCount, number>;
  }

  add(name: NasCount): void {
    this.#counts.set(name, this.#counts.get(name)! + 1);
  }

  badReply(kind: BadReply, { address }: RemoteInfo): void {
    this.add(kind);
    if (this.#isNews(kind)) this.#log.warn('RADIUS_BAD_REPLY', { gateway: this.#gateway, kind, from: address });
  }

  /** `code`: an errno word. A connected socket hears of a closed port: that is the NAS's trouble, not ours. */
  trouble(code: string): void {
    const isClosedPort = code === 'ECONNREFUSED';
    this.add(isClosedPort ? 'port-unreachable' : 'socket-trouble');
    if (!isClosedPort && this.#isNews(code)) this.#log.warn('RADIUS_SOCKET', { gateway: this.#gateway, reason: code });
  }

  #isNews(kind: string): boolean {
    const now = this.#monotonicMs();
    if (now - (this.#toldMs.get(kind) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return false;
    this.#toldMs.set(kind, now);
    return true;
  }
}
