// Follows one Kea server's lease file or forensic log, and hands on what it says as accounting records. The position is kept once the
// records are durable: after a restart nothing is missing, and what is read twice changes nothing.
import { setTimeout as pause } from 'node:timers/promises';
import type { Instant } from '../../../core/kernel/time.ts';
import type { SessionRecord } from '../../../core/line/accounting.ts';
import type { Log } from '../../../flow/ports.ts';
import type { LeaseFact } from '../../../protocols/kea/lease.ts';
import { readLeaseHeader, readLeaseRow } from '../../../protocols/kea/lease-csv.ts';
import { readLegalLine, type ZoneNames } from '../../../protocols/kea/legal-log.ts';
import { FileFollower, type FilePosition, type LinesRead } from '../../../protocols/line-file/follower.ts';
import { LeaseBook, type LeaseSource } from './lease-book.ts';

export interface KeaOptions extends LeaseSource {
  readonly file: string;
  readonly format: 'leases' | 'legal-log';
  readonly zones: ZoneNames;
  /** Durable when it resolves. */
  readonly record: (batch: readonly SessionRecord[]) => Promise<unknown>;
  readonly positions: {
    load(name: string): FilePosition | undefined;
    save(name: string, position: FilePosition): Promise<void>;
  };
  readonly clock: { now(): Instant };
  readonly log: Log;
  readonly pollMs?: number;
}

const POLL_MS = 1_000;
const EXPIRE_EVERY_MS = 10_000;
const BATCH_LIMIT = 1_000;

export class KeaWatch {
  readonly #options: KeaOptions;
  readonly #book: LeaseBook;
  readonly #refused = new Map<string, number>();
  readonly #stopping = new AbortController();
  #columns: ReadonlyMap<string, number> | undefined;
  #running: Promise<void> | undefined;
  #expiredAt = Number.NEGATIVE_INFINITY;
  /** The last look at the file found its end: what comes now was written since. */
  #isLive = false;
  #heardAt: Instant | undefined;

  constructor(options: KeaOptions) {
    this.#options = options;
    this.#book = new LeaseBook(options);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  counts(): Readonly<Record<string, number>> {
    return { ...this.#book.counts(), ...Object.fromEntries(this.#refused), leases: this.#book.size };
  }

  /** When a row was last read; undefined = none yet. */
  get heardAt(): Instant | undefined {
    return this.#heardAt;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { name, file, positions, log, pollMs = POLL_MS } = this.#options;
    let follower: FileFollower | undefined;
    while (!signal.aborted) {
      try {
        follower ??= await this.#begin(file, positions.load(name));
        const read = await follower.read();
        await this.#takeAll(read);
        if (!read.atEnd) continue;
        this.#isLive = true;
      } catch (cause) {
        // From the position that was kept, once more.
        log.error('KEA_NOT_READ', { source: name, text: String(cause).slice(0, 200) });
        await follower?.close().catch(() => {});
        follower = undefined;
        this.#isLive = false;
      }
      await pause(pollMs, undefined, { signal }).catch(() => {});
    }
    await follower?.close().catch(() => {});
  }

  /** Leases in force that are no news fill the book; a file compacted while nobody looked is read whole, and recorded. */
  async #begin(file: string, position: FilePosition | undefined): Promise<FileFollower> {
    if (this.#options.format === 'leases') {
      const known = position && (await FileFollower.before(file, position));
      // In the order in which Kea itself reads them.
      for (const suffix of ['.2', '.1'])
        await this.#seed(new FileFollower(`${file}${suffix}`, undefined), known === undefined, position?.inode);
      if (known !== undefined) await this.#seed(known, false);
    }
    return new FileFollower(file, position);
  }

  /** `except`: the file that is read from its position on afterwards. */
  async #seed(follower: FileFollower, isNews: boolean, except?: number): Promise<void> {
    this.#columns = undefined;
    try {
      for (;;) {
        const { lines, atEnd, position } = await follower.read();
        if (position !== undefined && position.inode === except) return;
        const records = lines.flatMap((line) => this.#recordsOf(line));
        if (isNews) await this.#record(records);
        if (atEnd) return;
      }
    } finally {
      await follower.close();
    }
  }

  async #takeAll(read: LinesRead): Promise<void> {
    const { name, positions, clock } = this.#options;
    const now = clock.now();
    const records = read.lines.flatMap((line) => this.#recordsOf(line));
    if (read.lines.length > 0) this.#heardAt = now;
    if (read.atEnd && now - this.#expiredAt >= EXPIRE_EVERY_MS) {
      this.#expiredAt = now;
      records.push(...this.#book.expired(now));
    }
    await this.#record(records);
    if (read.lines.length > 0 && read.position !== undefined) await positions.save(name, read.position);
  }

  /** Tried again until we stop: the book has moved on, and would not say it twice. */
  async #record(records: readonly SessionRecord[]): Promise<void> {
    const { name, log, pollMs = POLL_MS } = this.#options;
    for (let at = 0; at < records.length; ) {
      try {
        await this.#options.record(records.slice(at, at + BATCH_LIMIT));
        at += BATCH_LIMIT;
      } catch (cause) {
        if (this.#stopping.signal.aborted) throw cause;
        log.error('KEA_NOT_STORED', { source: name, records: records.length - at, text: String(cause).slice(0, 200) });
        await pause(pollMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      }
    }
  }

  #recordsOf(line: string): SessionRecord[] {
    const fact = this.#factOf(line);
    return fact === undefined ? [] : this.#book.take(fact, this.#isLive ? this.#options.clock.now() : undefined);
  }

  #factOf(line: string): LeaseFact | undefined {
    if (line === '') return undefined;
    if (this.#options.format === 'legal-log') return this.#use(readLegalLine(line, this.#options.zones));
    const header = readLeaseHeader(line);
    if (header !== undefined) {
      this.#columns = header;
      return undefined;
    }
    if (this.#columns !== undefined) return this.#use(readLeaseRow(line, this.#columns));
    return this.#use({ ok: false, error: 'header-missing' });
  }

  #use(read: { ok: true; value: LeaseFact } | { ok: false; error: string }): LeaseFact | undefined {
    if (read.ok) return read.value;
    this.#refused.set(read.error, (this.#refused.get(read.error) ?? 0) + 1);
    return undefined;
  }
}
