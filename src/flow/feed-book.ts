// What each configured feed has brought so far, however it came: enough to say that one fell silent or came empty (F24).
// A silent feed is a warning and nothing else: no absence of reports ever frees or convicts a line.
import type { Instant } from '../core/kernel/time.ts';
import type { Clock, Json, Store } from './ports.ts';

export interface FeedRecord {
  /** When it was first known to us: silence counts from here until its first file. */
  readonly sinceAt: Instant;
  readonly lastFileAt?: Instant;
  readonly lastFile?: string;
  readonly files: number;
  readonly parked: number;
  readonly rows: number;
  readonly refused: number;
  /** The newest file, when it had no row although earlier ones had. */
  readonly emptyFile?: string;
}

export interface FeedBookParts {
  readonly store: Pick<Store, 'setting' | 'commit'>;
  readonly clock: Pick<Clock, 'now'>;
}

type Came = { readonly parked: true } | { readonly parked: false; readonly rows: number; readonly refused: number };

const keyOf = (feed: string) => `feed.${feed}`;

export class FeedBook {
  readonly #parts: FeedBookParts;
  readonly #known = new Map<string, FeedRecord>();
  /** One writer at a time per book: two files of one feed may end together. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(parts: FeedBookParts) {
    this.#parts = parts;
  }

  /** Names of the configuration: what was never heard of is silent from now on. */
  async open(feeds: readonly string[]): Promise<void> {
    for (const feed of feeds)
      await this.#change(feed, (known) => known ?? { sinceAt: this.#parts.clock.now(), ...NOTHING_YET });
  }

  of(feed: string): FeedRecord | undefined {
    return this.#known.get(feed);
  }

  note(file: { readonly source: string; readonly name: string }, came: Came): Promise<void> {
    return this.#change(file.source, (known) =>
      after(known ?? { sinceAt: this.#parts.clock.now(), ...NOTHING_YET }, {
        file: file.name.slice(0, 255),
        at: this.#parts.clock.now(),
        came,
      }),
    );
  }

  /** How long it has brought nothing, when that is longer than it may. */
  silentMs(feed: string, allowedMs: number | undefined): number | undefined {
    const known = this.#known.get(feed);
    if (known === undefined || allowedMs === undefined) return undefined;
    const ms = this.#parts.clock.now() - (known.lastFileAt ?? known.sinceAt);
    return ms > allowedMs ? ms : undefined;
  }

  #change(feed: string, next: (known: FeedRecord | undefined) => FeedRecord): Promise<void> {
    const done = this.#writing.then(async () => {
      const known = this.#known.get(feed) ?? readRecord(await this.#parts.store.setting(keyOf(feed)));
      const record = next(known);
      this.#known.set(feed, record);
      if (record !== known) await this.#parts.store.commit({ settings: { [keyOf(feed)]: { ...record } as Json } });
    });
    this.#writing = done.catch(() => {});
    return done;
  }
}

const NOTHING_YET = { files: 0, parked: 0, rows: 0, refused: 0 } as const;

function after(
  known: FeedRecord,
  { file, at, came }: { readonly file: string; readonly at: Instant; readonly came: Came },
): FeedRecord {
  const { emptyFile: before, ...rest } = known;
  const next = { ...rest, lastFileAt: at, lastFile: file, files: known.files + 1 };
  // A parked file says nothing about rows: the doubt stays as it was.
  if (came.parked) return { ...next, parked: known.parked + 1, ...(before === undefined ? {} : { emptyFile: before }) };
  const isEmpty = came.rows === 0 && known.rows > 0;
  return {
    ...next,
    rows: known.rows + came.rows,
    refused: known.refused + came.refused,
    ...(isEmpty && { emptyFile: file }),
  };
}

/** Ours, but from a disk: what is no record is none. */
function readRecord(value: Json | undefined): FeedRecord | undefined {
  const found = value as Partial<FeedRecord> | undefined;
  const numbers = [found?.sinceAt, found?.files, found?.parked, found?.rows, found?.refused];
  return numbers.every((one) => Number.isSafeInteger(one)) ? (found as FeedRecord) : undefined;
}
