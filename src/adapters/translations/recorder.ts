// What streams have said goes to the store in batches, one durable write at a time, with the spans for which they were heard. A span
// never gets there before the records it speaks of. Bounded per stream; a write that fails is tried again until we stop.
import { setTimeout as pause } from 'node:timers/promises';
import type { TranslationEvent } from '../../core/line/translation.ts';
import type { Log, Translations } from '../../flow/ports.ts';
import type { TranslationStream } from './stream.ts';

export interface RecorderOptions {
  readonly record: Translations['record'];
  readonly log: Log;
  /** Tests shorten them. */
  readonly retryMs?: number;
  readonly spansEveryMs?: number;
}

const [EACH_LIMIT, ALL_LIMIT, BATCH_LIMIT] = [20_000, 200_000, 4_000];
const [RETRY_MS, SPANS_EVERY_MS] = [1_000, 30_000];

export class TranslationRecorder {
  readonly #options: RecorderOptions;
  readonly #queues = new Map<TranslationStream, TranslationEvent[]>();
  readonly #streams = new Set<TranslationStream>();
  readonly #drains = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #size = 0;
  #flushing: Promise<void> | undefined;
  #stopped = false;
  #gaveUp = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#flushSoon(), options.spansEveryMs ?? SPANS_EVERY_MS);
    this.#timer.unref();
  }

  /** Of a stream that cannot be held up (UDP). False: no room; it is counted, and is a gap. */
  put(stream: TranslationStream, events: readonly TranslationEvent[]): boolean {
    const waiting = this.#queues.get(stream)?.length ?? 0;
    if (waiting + events.length > EACH_LIMIT || this.#size + events.length > ALL_LIMIT || this.#stopped) {
      stream.count('dropped', events.length);
      stream.gap();
      return false;
    }
    this.push(stream, events);
    return true;
  }

  /** Of a stream that can: its reader asks `isFull` before it reads on. */
  push(stream: TranslationStream, events: readonly TranslationEvent[]): void {
    this.#streams.add(stream);
    if (events.length > 0) {
      const queue = this.#queues.get(stream);
      if (queue === undefined) this.#queues.set(stream, [...events]);
      else for (const event of events) queue.push(event);
      this.#size += events.length;
    }
    if (this.#size > 0) this.#flushSoon();
  }

  isFull(stream: TranslationStream): boolean {
    return (this.#queues.get(stream)?.length ?? 0) >= EACH_LIMIT || this.#size >= ALL_LIMIT;
  }

  /** Told once, after the next write. */
  onDrain(listener: () => void): void {
    this.#drains.add(listener);
  }

  /** True: everything that was taken is durable. False: we stopped while the store did not take it. */
  async settled(): Promise<boolean> {
    this.#flushSoon();
    while (this.#flushing !== undefined) await this.#flushing;
    return !this.#gaveUp;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await this.settled();
  }

  #flushSoon(): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
  }

  async #flush(): Promise<void> {
    // The loop hands out a few datagrams per turn: they share one write.
    await new Promise((next) => setImmediate(next));
    while (this.#size > 0 || [...this.#streams].some((stream) => stream.hasSpans)) {
      const events = this.#take();
      const heard = [...this.#streams]
        .filter((stream) => !this.#queues.has(stream))
        .flatMap((stream) => stream.takeSpans());
      if (events.length === 0 && heard.length === 0) return;
      if (!(await this.#write(events, heard))) {
        this.#gaveUp = true;
        return;
      }
      for (const drain of [...this.#drains]) {
        this.#drains.delete(drain);
        drain();
      }
    }
  }

  async #write(
    events: readonly TranslationEvent[],
    heard: Parameters<Translations['record']>[0]['heard'],
  ): Promise<boolean> {
    for (;;) {
      try {
        await this.#options.record({ events, heard });
        return true;
      } catch (cause) {
        this.#options.log.error('TRANSLATIONS_NOT_STORED', {
          records: events.length,
          text: String(cause).slice(0, 200),
        });
        if (this.#stopped) return false;
        await pause(this.#options.retryMs ?? RETRY_MS);
      }
    }
  }

  /** The same number from each stream that has so many. */
  #take(): TranslationEvent[] {
    const batch: TranslationEvent[] = [];
    while (batch.length < BATCH_LIMIT && this.#queues.size > 0) {
      const share = Math.max(1, Math.floor((BATCH_LIMIT - batch.length) / this.#queues.size));
      for (const [stream, queue] of this.#queues) {
        for (const event of queue.splice(0, Math.min(share, BATCH_LIMIT - batch.length))) batch.push(event);
        if (queue.length === 0) this.#queues.delete(stream);
      }
    }
    this.#size -= batch.length;
    return batch;
  }
}
