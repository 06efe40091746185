// Takes IntelMQ's events from its Redis queue, at least once: a message leaves the queue only after it is durable here. Several
// are taken together by looking ahead; each then passes through `QUEUE-internal` by itself, as the protocol has it. What is
// taken twice after a crash is known by its rows.
import { formatInstant } from '../../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { Collector, CollectTurn } from '../../../flow/ports.ts';
import { IntelmqQueue, type RedisServer } from './queue.ts';

export interface RedisOptions extends RedisServer {
  /** `BOT-queue`. */
  readonly queue: string;
}

const AHEAD = 500;
const AHEAD_BYTES = 16 * 1024 * 1024;
/** Then the turn ends well, and the next one begins: what a turn did is told when it ends. */
const MESSAGES_PER_TURN = 20_000;

export class RedisCollector implements Collector {
  readonly way = 'redis';
  readonly everyMs = 250;
  readonly #options: RedisOptions;
  #queue: IntelmqQueue | undefined;

  constructor(options: RedisOptions) {
    this.#options = options;
  }

  async collect(turn: CollectTurn): Promise<Result<void, string>> {
    // A command under way ends with its connection; what it moved meanwhile is found in work the next time.
    const stop = () => this.#drop();
    turn.signal.addEventListener('abort', stop, { once: true });
    let isStoring = false;
    const take: CollectTurn['take'] = async (file) => {
      isStoring = true;
      const taken = await turn.take(file);
      isStoring = false;
      return taken;
    };
    try {
      await this.#drain(await this.#open(), { ...turn, take });
      return ok(undefined);
    } catch (cause) {
      const trouble = this.#queue?.trouble ?? cause;
      this.#drop();
      if (isStoring) throw cause; // the store's trouble, not the queue's
      return turn.signal.aborted ? ok(undefined) : err(`the queue: ${wordsOf(trouble)}`);
    } finally {
      turn.signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    this.#drop();
  }

  async #open(): Promise<IntelmqQueue> {
    if (this.#queue?.isOpen === true) return this.#queue;
    this.#drop();
    this.#queue = new IntelmqQueue(this.#options, this.#options.queue);
    await this.#queue.connect();
    return this.#queue;
  }

  #drop(): void {
    this.#queue?.close();
    this.#queue = undefined;
  }

  async #drain(queue: IntelmqQueue, turn: CollectTurn): Promise<void> {
    for (let done = 0; done < MESSAGES_PER_TURN && !turn.signal.aborted; ) {
      const inWork = await queue.inWork();
      const ahead = bounded(await queue.ahead(AHEAD));
      const messages = inWork === undefined ? ahead : [inWork, ...ahead];
      if (messages.length === 0) return;
      await this.#take(turn, messages);
      if (inWork !== undefined) await queue.acknowledge();
      for (const message of ahead) {
        const moved = await queue.move();
        // Somebody else reads here too: what is in work now was not looked at, and stays there until it was.
        if (moved === undefined || !moved.equals(message)) break;
        await queue.acknowledge();
      }
      done += messages.length;
    }
  }

  /** One message that spoils the whole must not take the others with it: then each is a file of its own. */
  async #take(turn: CollectTurn, messages: readonly Buffer[]): Promise<void> {
    const name = `${this.#options.queue}-${formatInstant(turn.now()).replace(/[^0-9TZ]/g, '')}`;
    const alone = messages.filter(isListLike);
    const plain = messages.filter((message) => !isListLike(message));
    if (plain.length > 0) {
      const taken = await turn.take({ name: `${name}.jsonl`, bytes: Buffer.concat(plain.flatMap(asLine)) });
      if (taken.state !== 'accepted' && plain.length > 1) alone.unshift(...plain);
    }
    for (const [i, message] of alone.entries())
      await turn.take({ name: `${name}-${i + 1}.jsonl`, bytes: Buffer.concat(asLine(message)) });
  }
}

/** At the beginning of a file it would make the file one list, and the messages behind it would not be read. */
function isListLike(message: Buffer): boolean {
  return /^\ufeff?\s*(?:\[|\{\s*"data"\s*:)/.test(message.toString('utf8'));
}

const LINE_END = Buffer.from('\n');

/** A line break inside JSON is a blank between its tokens: a message is one line, whoever printed it. */
function asLine(message: Buffer): readonly Buffer[] {
  return [message.map((byte) => (byte === 10 || byte === 13 ? 32 : byte)) as Buffer, LINE_END];
}

function bounded(messages: readonly Buffer[]): readonly Buffer[] {
  let bytes = 0;
  const fitting = messages.filter((message) => {
    bytes += message.length;
    return bytes <= AHEAD_BYTES;
  });
  return fitting.length > 0 ? fitting : messages.slice(0, 1);
}

/** Redis says nothing of passwords in its errors; addresses are the operator's own. */
function wordsOf(cause: unknown): string {
  const { code, message } = cause as { readonly code?: string; readonly message?: string };
  return `${code ?? ''} ${message ?? String(cause)}`.trim().slice(0, 200);
}
