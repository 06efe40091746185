// CSV records (RFC 4180, quotes, CRLF or LF; other separators on request) from text chunks, in constant memory. Written here because a reader that
// stops at the first broken record loses the rest of a feed file: this one says what is wrong with a record and goes on.
// It never looks for a row inside an open quote, so a hostile cell cannot forge one. Names no columns, trims nothing.

export type CsvFault = 'row-too-long' | 'too-many-columns' | 'quote-misplaced' | 'quote-open';

/** `line` is the 1-based line on which the record starts. A fault concerns this record alone. */
export type CsvRecord =
  | { readonly line: number; readonly cells: readonly string[]; readonly fault?: undefined }
  | { readonly line: number; readonly fault: CsvFault };

export interface CsvLimits {
  readonly maxRecordChars: number;
  readonly maxColumns: number;
}

/** What a file may have instead of RFC 4180. */
export interface CsvDialect {
  /** One character; default a comma. */
  readonly separator?: string;
  /** A record that begins with it is one cell: the whole line, whatever is in it. */
  readonly comment?: string;
  /** false: a quote is a character like any other. */
  readonly quotes?: boolean;
}

export const CSV_LIMITS: CsvLimits = { maxRecordChars: 256 * 1024, maxColumns: 1000 };

const PIECE = 256 * 1024;
const [LF, CR, QUOTE] = [10, 13, 34];
/** No character has this code. */
const NONE = -1;
type State = 'start' | 'plain' | 'comment' | 'quoted' | 'closed' | 'closed-cr';

export class CsvReader {
  readonly #limits: CsvLimits;
  readonly #separator: number;
  readonly #comment: number;
  readonly #quote: number;
  #state: State = 'start';
  #cells: string[] = [];
  #cell = '';
  #chars = 0;
  #fault: CsvFault | undefined;
  #line = 1;
  #recordLine = 1;
  #records: CsvRecord[] = [];

  constructor(limits: CsvLimits = CSV_LIMITS, { separator = ',', comment, quotes = true }: CsvDialect = {}) {
    this.#limits = limits;
    this.#separator = separator.charCodeAt(0);
    this.#comment = comment?.charCodeAt(0) ?? NONE;
    this.#quote = quotes ? QUOTE : NONE;
  }

  /** Records completed by this chunk. */
  push(chunk: string): readonly CsvRecord[] {
    const [quote, separator] = [this.#quote, this.#separator];
    let from = 0; // start of the part of the current cell that lies in this chunk
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk.charCodeAt(i);
      if (this.#state === 'quoted') {
        if (c === LF) this.#line++;
        if (c !== quote) continue;
        this.#take(chunk, from, i);
        this.#state = 'closed';
        from = i + 1;
      } else if (c === separator && this.#state !== 'comment') {
        this.#take(chunk, from, i);
        this.#endCell();
        from = i + 1;
      } else if (c === LF) {
        this.#take(chunk, from, i);
        this.#endRecord();
        from = i + 1;
      } else if (this.#state === 'start') {
        if (c === this.#comment && this.#cells.length === 0) this.#state = 'comment';
        else this.#state = c === quote ? 'quoted' : 'plain';
        if (c === quote) from = i + 1;
      } else if (this.#state === 'comment') {
        // Whatever it is, it belongs to the comment.
      } else if (this.#state === 'closed' && c === quote) {
        // RFC 4180 §2.7: two quotes are one; the second belongs to the cell.
        this.#state = 'quoted';
        from = i;
      } else if (c === quote) {
        this.#fault ??= 'quote-misplaced';
        this.#state = 'plain';
      } else if (this.#state === 'closed' && c === CR) {
        this.#state = 'closed-cr';
        from = i + 1;
      } else if (this.#state !== 'plain') {
        this.#fault ??= 'quote-misplaced'; // something between a closing quote and the comma
        this.#state = 'plain';
      }
    }
    this.#take(chunk, from, chunk.length);
    return this.#drain();
  }

  /** The last record, when the file does not end with a line break. */
  end(): readonly CsvRecord[] {
    if (this.#state === 'quoted') this.#fault = 'quote-open';
    if (this.#state !== 'start' || this.#cells.length > 0 || this.#cell !== '') this.#endRecord();
    return this.#drain();
  }

  #take(chunk: string, from: number, to: number): void {
    if (to <= from) return;
    this.#chars += to - from;
    if (this.#chars > this.#limits.maxRecordChars) this.#fault ??= 'row-too-long';
    // A faulty record is counted, not kept.
    this.#cell = this.#fault === undefined ? this.#cell + chunk.slice(from, to) : '';
  }

  #endCell(): void {
    if (this.#cells.length >= this.#limits.maxColumns) this.#fault ??= 'too-many-columns';
    if (this.#fault === undefined) this.#cells.push(this.#cell);
    this.#cell = '';
    this.#state = 'start';
  }

  #endRecord(): void {
    // The CR of CRLF; inside quotes it would be data.
    if ((this.#state === 'plain' || this.#state === 'comment') && this.#cell.endsWith('\r'))
      this.#cell = this.#cell.slice(0, -1);
    const blank = this.#cells.length === 0 && this.#cell === '' && !this.#state.startsWith('closed');
    this.#endCell();
    const line = this.#recordLine;
    if (this.#fault !== undefined) this.#records.push({ line, fault: this.#fault });
    else if (!blank) this.#records.push({ line, cells: this.#cells });
    this.#cells = [];
    this.#fault = undefined;
    this.#chars = 0;
    this.#line++;
    this.#recordLine = this.#line;
  }

  #drain(): readonly CsvRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }
}

/** UTF-8 with or without a byte order mark; bytes that are no UTF-8 become U+FFFD, which no address or time contains. */
export async function* csvRecords(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: CsvLimits = CSV_LIMITS,
  dialect: CsvDialect = {},
): AsyncGenerator<CsvRecord, void, undefined> {
  const decoder = new TextDecoder('utf-8');
  const reader = new CsvReader(limits, dialect);
  for await (const chunk of bytes) {
    // A whole file in one piece must not become all its records at once.
    for (let at = 0; at < chunk.length; at += PIECE)
      yield* reader.push(decoder.decode(chunk.subarray(at, at + PIECE), { stream: true }));
  }
  yield* reader.push(decoder.decode());
  yield* reader.end();
}
