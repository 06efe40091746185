// Asks the operator's resolvers. Each question leaves from a socket of its own (kernel-chosen port, connected: only the asked
// resolver can answer), with a random id and random letter case (0x20); any doubt about an answer is settled over TCP.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { type Answer, parseAnswer } from '../../protocols/dns/answer.ts';
import { concat } from '../../protocols/dns/bytes.ts';
import { encodeName } from '../../protocols/dns/name.ts';
import { buildQuery, type Edns, put16, RCODE, SAFE_UDP_BYTES, u16 } from '../../protocols/dns/query.ts';
import type { Counters } from '../counters.ts';

export interface Server {
  readonly address: string;
  readonly port: number;
}

export interface Question {
  /** Canonical. */
  readonly name: string;
  readonly type: number;
  readonly checkingDisabled?: boolean;
  /** Present = ask with EDNS; the size is ours, only DO is the asker's. */
  readonly edns?: Pick<Edns, 'dnssecOk'>;
}

export interface Answered {
  readonly message: Uint8Array;
  readonly answer: Answer;
}

export type UpstreamError = 'busy' | 'silent' | 'not-a-name';

export interface UpstreamOptions {
  /** Asked in this order; the next one after silence, SERVFAIL or REFUSED. */
  readonly servers: readonly Server[];
  readonly counters: Counters;
  /** Per server and transport. Default 1,500. */
  readonly attemptMs?: number;
  /** Over all of them. Default 4,000. */
  readonly deadlineMs?: number;
  /** Questions on the way at once. Default 512. */
  readonly maxInFlight?: number;
}

export class Upstream {
  readonly #options: Required<UpstreamOptions>;
  readonly #inFlight = new Map<string, Promise<Result<Answered, UpstreamError>>>();

  constructor(options: UpstreamOptions) {
    this.#options = { attemptMs: 1500, deadlineMs: 4000, maxInFlight: 512, ...options };
  }

  /** The same question twice at the same time leaves once: it halves the load and starves birthday guesses (RFC 5452 §5). */
  ask(question: Question): Promise<Result<Answered, UpstreamError>> {
    const key = `${question.name} ${question.type} ${question.checkingDisabled === true} ${question.edns?.dnssecOk}`;
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    if (this.#inFlight.size >= this.#options.maxInFlight) {
      this.#options.counters.add('dns_upstream_busy');
      return Promise.resolve(err('busy'));
    }
    const asked = this.#ask(question)
      .catch(() => err('silent' as const)) // no socket to be had: as good as no answer
      .finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, asked);
    return asked;
  }

  async #ask(question: Question): Promise<Result<Answered, UpstreamError>> {
    const name = encodeName(question.name);
    if (name === undefined) return err('not-a-name');
    const { servers, attemptMs, counters } = this.#options;
    const giveUpAt = performance.now() + this.#options.deadlineMs;
    let failed: Answered | undefined;
    for (const server of servers) {
      for (const exchange of [overUdp, overTcp]) {
        const leftMs = Math.min(attemptMs, giveUpAt - performance.now());
        if (leftMs <= 0) break;
        const sent = compose(question, name);
        const outcome = await exchange(server, sent, leftMs);
        counters.add(`dns_upstream_${typeof outcome === 'string' ? outcome : 'answered'}`);
        if (outcome === 'doubtful') continue;
        if (outcome === 'silent') break;
        if (outcome.answer.rcode !== RCODE.SERVFAIL && outcome.answer.rcode !== RCODE.REFUSED) return ok(outcome);
        failed = outcome;
        break;
      }
    }
    return failed === undefined ? err('silent') : ok(failed);
  }
}

interface Sent {
  readonly message: Uint8Array;
  readonly id: number;
  readonly question: Uint8Array;
}

function compose(question: Question, name: Uint8Array): Sent {
  const chance = randomBytes(2 + name.length);
  const cased = name.map((octet, i) => (isLetter(name, i) && chance[2 + i]! & 1 ? octet & 0xdf : octet));
  const message = buildQuery({
    id: u16(chance, 0),
    name: cased,
    type: question.type,
    checkingDisabled: question.checkingDisabled === true,
    ...(question.edns && { edns: { udpBytes: SAFE_UDP_BYTES, dnssecOk: question.edns.dnssecOk } }),
  });
  return { message, id: u16(chance, 0), question: message.slice(12, 16 + name.length) };
}

/** Length octets are ≤ 63 and thus never letters. */
function isLetter(name: Uint8Array, i: number): boolean {
  return name[i]! >= 97 && name[i]! <= 122;
}

type Outcome = Answered | 'doubtful' | 'silent';

/** `doubtful`: truncated, or id right and letter case wrong (an old resolver, or a guess): TCP settles both. */
function judge(message: Uint8Array, sent: Sent): Outcome | 'ignored' {
  const answer = parseAnswer(message);
  if (!answer.ok || answer.value.id !== sent.id) return 'ignored';
  if (!Buffer.from(answer.value.question).equals(sent.question)) return 'doubtful';
  return answer.value.truncated ? 'doubtful' : { message, answer: answer.value };
}

function overUdp(server: Server, sent: Sent, ms: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
    let open = true;
    const finish = (outcome: Outcome) => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish('silent'), ms);
    socket.on('error', () => finish('silent'));
    socket.on('message', (message) => {
      const outcome = judge(message, sent);
      if (outcome !== 'ignored') finish(outcome);
    });
    // Without a route Node hands the error to this callback, not to the listener; sending then would throw.
    const connected = (fault?: Error) => {
      if (fault !== undefined && fault !== null) finish('silent');
      else if (open) socket.send(sent.message, (failed) => failed && finish('silent'));
    };
    socket.connect(server.port, server.address, connected);
  });
}

function overTcp(server: Server, sent: Sent, ms: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port: server.port });
    let held: Uint8Array = new Uint8Array(0);
    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish('silent'), ms);
    socket.on('error', () => finish('silent'));
    socket.on('close', () => finish('silent'));
    socket.on('connect', () => {
      const length = new Uint8Array(2);
      put16(length, 0, sent.message.length);
      socket.write(concat([length, sent.message]));
    });
    socket.on('data', (chunk) => {
      held = concat([held, chunk]);
      if (held.length < 2 || held.length < 2 + u16(held, 0)) return;
      const outcome = judge(held.slice(2, 2 + u16(held, 0)), sent);
      finish(typeof outcome === 'string' ? 'silent' : outcome);
    });
  });
}
