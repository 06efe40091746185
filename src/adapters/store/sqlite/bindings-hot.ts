// Which days of evidence are in memory: the newest ones, as many as fit. Read back from SQLite after a start, kept along with every
// commit, dropped with their day. Whoever asks for a day that is not here goes to SQLite; the answer is the same.
import { type HotClaim, HotDay, type HotStop } from './hot-day.ts';
import { HotLoader } from './hot-loader.ts';

/** What one write changed, told after its commit. */
export interface HotNote {
  readonly day: number;
  readonly claim?: HotClaim;
  readonly stop?: HotStop;
}

export interface HotStatus {
  readonly days: number;
  readonly claims: number;
  readonly bytes: number;
  /** Days that are being read or wait for it. */
  readonly waiting: number;
}

export interface HotOptions {
  /** Of the database, for the thread that reads. */
  readonly path: string;
  readonly mostBytes: number;
}

export class HotDays {
  readonly #options: HotOptions;
  readonly #days = new Map<number, HotDay>();
  /** Of the day that is being read: what was written since. */
  #meanwhile: { readonly day: number; readonly notes: HotNote[] } | undefined;
  #waiting: number[] = [];
  #warming: Promise<void> | undefined;
  #loader: HotLoader | undefined;
  #isClosed = false;

  constructor(options: HotOptions) {
    this.#options = options;
  }

  /** Undefined: ask SQLite. All of them or none: what a session did on one day matters on the next. */
  all(days: readonly number[]): readonly HotDay[] | undefined {
    if (this.#days.size === 0) return undefined;
    const found: HotDay[] = [];
    for (const day of days) {
      const hot = this.#days.get(day);
      if (hot === undefined) return undefined;
      found.push(hot);
    }
    return found;
  }

  /** Is anybody interested in what is written about this day? */
  wants(day: number): boolean {
    return this.#days.has(day) || this.#meanwhile?.day === day;
  }

  /** A day of which nothing was ever said: complete as it is. Its table is made by a transaction that may still fail, and is empty then. */
  begin(day: number): void {
    if (!this.#days.has(day) && this.#meanwhile?.day !== day && !this.#waiting.includes(day))
      this.#keep(new HotDay(day));
  }

  /** After the commit, before anybody is told of it. */
  apply(notes: readonly HotNote[]): void {
    for (const note of notes) {
      if (note.day === this.#meanwhile?.day) this.#meanwhile.notes.push(note);
      const hot = this.#days.get(note.day);
      if (hot !== undefined) put(hot, note);
    }
  }

  /** Resolves when the newest days are in memory, as many as fit. Called again it is the same; it never rejects. */
  warm(days: readonly number[]): Promise<void> {
    this.#waiting = [...days].sort((a, b) => a - b);
    this.#warming ??= this.#warmAll().finally(() => {
      this.#warming = undefined;
    });
    return this.#warming;
  }

  async #warmAll(): Promise<void> {
    if (this.#waiting.length === 0) return;
    this.#loader = new HotLoader(this.#options.path);
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const day = this.#waiting.pop()!;
        if (this.#days.has(day)) continue;
        this.#meanwhile = { day, notes: [] };
        const hot = await this.#loader.load(day);
        const { notes } = this.#meanwhile;
        this.#meanwhile = undefined;
        for (const note of notes) put(hot, note);
        if (!this.#keep(hot)) break; // older ones fit even less
      }
    } catch {
      // Not in memory is no fault: SQLite answers, and the status says how much is warm.
    } finally {
      this.#meanwhile = undefined;
      this.#waiting = [];
      await this.#loader.close();
    }
  }

  /** False: there is no room for it. The oldest day goes first. */
  #keep(hot: HotDay): boolean {
    this.#days.set(hot.day, hot);
    this.shrink();
    return this.#days.has(hot.day);
  }

  /** Days grow while they are written: called now and then. */
  shrink(): void {
    let bytes = this.#bytes();
    for (const day of [...this.#days.keys()].sort((a, b) => a - b)) {
      if (bytes <= this.#options.mostBytes) return;
      bytes -= this.#days.get(day)!.bytes;
      this.#days.delete(day);
    }
  }

  dropBefore(day: number): void {
    for (const one of this.#days.keys()) if (one < day) this.#days.delete(one);
    this.#waiting = this.#waiting.filter((one) => one >= day);
  }

  #bytes(): number {
    let bytes = 0;
    for (const one of this.#days.values()) bytes += one.bytes;
    return bytes;
  }

  status(): HotStatus {
    let claims = 0;
    for (const one of this.#days.values()) claims += one.claims;
    const waiting = this.#waiting.length + (this.#meanwhile === undefined ? 0 : 1);
    return { days: this.#days.size, claims, bytes: this.#bytes(), waiting };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#days.clear();
    await this.#loader?.close();
    await this.#warming;
  }
}

function put(hot: HotDay, { claim, stop }: HotNote): void {
  if (claim !== undefined) hot.put(claim);
  if (stop !== undefined) hot.putStop(stop);
}
