// Follows a log file that a collector writes. What the collector lost on its way is not to be seen in there, so no span is claimed. The
// position is kept once the records are durable.
import { setTimeout as pause } from 'node:timers/promises';
import type { Instant } from '../../../core/kernel/time.ts';
import type { Log } from '../../../flow/ports.ts';
import { FileFollower, type FilePosition } from '../../../protocols/line-file/follower.ts';
import type { TranslationRecorder } from '../recorder.ts';
import { TranslationStream } from '../stream.ts';
import { eventsOfLine, type LineSource } from './lines.ts';

export interface LogFileOptions extends LineSource {
  readonly name: string;
  readonly file: string;
  readonly recorder: TranslationRecorder;
  readonly positions: {
    load(name: string): FilePosition | undefined;
    save(name: string, position: FilePosition): Promise<void>;
  };
  readonly clock: { now(): Instant };
  readonly log: Log;
  readonly pollMs?: number;
}

const POLL_MS = 1_000;

export class LogFileWatch {
  readonly #options: LogFileOptions;
  readonly #stream: TranslationStream;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#stream = new TranslationStream(options.name);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Before the recorder: what was read goes there. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  counts(): Readonly<Record<string, number>> {
    return this.#stream.counts();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { name, file, positions, log, pollMs = POLL_MS } = this.#options;
    let follower: FileFollower | undefined;
    while (!signal.aborted) {
      try {
        follower ??= new FileFollower(file, positions.load(name));
        const { lines, position, atEnd, mayHaveLost } = await follower.read();
        this.#stream.count('may-have-lost', mayHaveLost ? 1 : 0);
        await this.#take(lines);
        if (lines.length > 0 && position !== undefined) await positions.save(name, position);
        if (!atEnd) continue;
      } catch (cause) {
        log.error('TRANSLATIONS_NOT_READ', { source: name, text: String(cause).slice(0, 200) });
        await follower?.close().catch(() => {});
        follower = undefined;
      }
      await pause(pollMs, undefined, { signal }).catch(() => {});
    }
    await follower?.close().catch(() => {});
  }

  async #take(lines: readonly string[]): Promise<void> {
    const { recorder, clock } = this.#options;
    const heard = { source: this.#stream.source, nearAt: clock.now() };
    for (const line of lines) {
      const { events, refused } = eventsOfLine(line.replace(/\r$/, ''), this.#options, heard);
      this.#stream.count('events', events.length);
      for (const code of refused) this.#stream.count(code);
      recorder.push(this.#stream, events);
    }
    if (!(await recorder.settled())) throw new Error('not stored');
  }
}
