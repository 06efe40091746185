// One stream of records from a translator, and for which span it was heard without a gap. Times are the translator's own, as its
// configuration corrects them: a record that comes in order proves that everything before it has come.
import type { Instant } from '../../core/kernel/time.ts';
import type { CoverageSpan } from '../../core/line/translation.ts';

/** A record may be written so much after what it tells of, and be overtaken by a later one's. */
const SETTLE_MS = 5_000;

export class TranslationStream {
  /** As its events name it. */
  readonly source: string;
  readonly #counts = new Map<string, number>();
  #fromAt: Instant | undefined;
  #toAt = Number.NEGATIVE_INFINITY;
  /** The span grew since it was last handed out. */
  #isNews = false;
  #closed: CoverageSpan[] = [];

  constructor(source: string) {
    this.source = source;
  }

  count(name: string, by = 1): void {
    if (by > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Everything up to this moment has come, since the gap before; but of what is yet to come (a clock far ahead) nobody has heard. */
  heard(at: Instant, now: Instant): void {
    const until = Math.min(at, now) - SETTLE_MS;
    if (this.#fromAt === undefined) {
      this.#fromAt = at;
      this.#toAt = at;
    } else if (until > this.#toAt) {
      this.#toAt = until;
      this.#isNews = true;
    }
  }

  /** Something is missing, or may be: what was heard stays heard, and a new span begins with the next word. */
  gap(): void {
    const span = this.#span();
    if (span !== undefined && this.#isNews) this.#closed.push(span);
    // A stream that does nothing but break is worth no memory.
    if (this.#closed.length > MAX_CLOSED) this.#closed = this.#closed.slice(-MAX_CLOSED);
    this.#fromAt = undefined;
    this.#toAt = Number.NEGATIVE_INFINITY;
    this.#isNews = false;
  }

  /** What is new of it; all records of the stream must be on their way to the store by now. */
  takeSpans(): CoverageSpan[] {
    const span = this.#span();
    const spans = [...this.#closed, ...(span !== undefined && this.#isNews ? [span] : [])];
    this.#closed = [];
    this.#isNews = false;
    return spans;
  }

  get hasSpans(): boolean {
    return this.#isNews || this.#closed.length > 0;
  }

  #span(): CoverageSpan | undefined {
    const fromAt = this.#fromAt;
    return fromAt === undefined || this.#toAt <= fromAt ? undefined : { source: this.source, fromAt, toAt: this.#toAt };
  }
}

const MAX_CLOSED = 1_000;
