// The values of a JSON file one after the other, in constant memory: one a line, pretty-printed over many lines, the elements of
// one array, or of `{"data": [ … ]}`. A value that is broken costs itself: in a file of lines the next `{` at the start of a line
// begins anew. Finds where values begin and end; what is inside is judged by the careful parser.
import { err, type Result } from '../../core/kernel/result.ts';
import { parseJson } from '../json/parse.ts';
import type { RowFault } from './fields.ts';

/** `line`: 1-based line on which the value begins; in a list its place there, since a list may be one line. */
export interface JsonItem {
  readonly line: number;
  readonly value: Result<unknown, RowFault>;
}

const DEFAULT_MAX_CHARS = 256 * 1024;
const MAX_DEPTH = 16;
const PIECE = 256 * 1024;
const WRAPPER = /^[ \t\r\n]*\{[ \t\r\n]*"data"[ \t\r\n]*:[ \t\r\n]*\[/;
const WRAPPER_CHARS = 64;
const [LF, CR, TAB, SPACE, QUOTE, BACKSLASH, COMMA] = [10, 13, 9, 32, 34, 92, 44];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [123, 125, 91, 93];

export class JsonValues {
  readonly #maxChars: number;
  /** undefined = nothing but blanks so far. */
  #inArray: boolean | undefined;
  #ended = false;
  /** The list stands in an object, whose other members may follow. */
  #isWrapped = false;
  #isTrailed = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #text = '';
  #tooLong = false;
  #started = false;
  #line = 1;
  #startLine = 1;
  /** Values of the list so far. */
  #count = 0;
  #atLineStart = true;
  #head = '';
  #items: JsonItem[] = [];

  constructor(maxChars = DEFAULT_MAX_CHARS) {
    this.#maxChars = maxChars;
  }

  /** Values completed by this chunk. */
  push(chunk: string): readonly JsonItem[] {
    if (this.#inArray === undefined) {
      // The first characters decide what kind of file it is.
      this.#head += chunk;
      if (this.#head.trimStart().length < WRAPPER_CHARS && this.#head.length < PIECE) return [];
      this.#begin();
    } else this.#scan(chunk);
    return this.#drain();
  }

  end(): readonly JsonItem[] {
    if (this.#inArray === undefined) this.#begin();
    if (this.#inArray === true && !this.#ended && this.#head !== '')
      this.#items.push({
        line: this.#started ? this.#startLine : this.#count + 1,
        value: err({ code: 'json-cut', text: 'the list never ends: the file is cut' }),
      });
    else if (this.#started) this.#finish();
    if (this.#isTrailed)
      this.#items.push({
        line: this.#count + 1,
        value: err({ code: 'json-trailing', text: 'something follows the list: it was not read' }),
      });
    return this.#drain();
  }

  #begin(): void {
    const wrapper = WRAPPER.exec(this.#head)?.[0];
    const text = this.#head;
    const first = text.trimStart()[0];
    this.#isWrapped = wrapper !== undefined;
    this.#inArray = this.#isWrapped || first === '[';
    const from = wrapper?.length ?? (first === '[' ? text.indexOf('[') + 1 : 0);
    for (const c of text.slice(0, from)) if (c === '\n') this.#line++;
    this.#head = first ?? '';
    this.#scan(text.slice(from));
  }

  #scan(chunk: string): void {
    let from = 0;
    let i = 0;
    for (; i < chunk.length && !this.#ended; i++) {
      const c = chunk.charCodeAt(i);
      const isFresh = this.#atLineStart;
      this.#atLineStart = c === LF;
      if (!this.#started) {
        if (this.#begins(c)) from = i;
      } else if (isFresh && c === OPEN_BRACE && this.#depth > 0 && !this.#inArray) {
        // In a file of lines an object begins at the start of a line: the one before was never closed.
        this.#take(chunk, from, i);
        this.#finish();
        this.#start();
        from = i;
      }
      const end = this.#started ? this.#endAfter(c) : 'inside';
      if (c === LF) this.#line++;
      if (end === 'inside') continue;
      this.#take(chunk, from, end === 'with' ? i + 1 : i);
      this.#finish();
      from = i + 1;
    }
    if (this.#started) this.#take(chunk, from, chunk.length);
    if (this.#ended) this.#scanRest(chunk, i);
  }

  /** Behind a list nothing is read; of lines behind it that look like values somebody must hear. */
  #scanRest(chunk: string, from: number): void {
    for (let i = from; i < chunk.length && !this.#isTrailed; i++) {
      const c = chunk.charCodeAt(i);
      const isBlank = c === LF || c === CR || c === TAB || c === SPACE;
      this.#isTrailed = this.#isWrapped ? this.#atLineStart && c === OPEN_BRACE : !isBlank;
      this.#atLineStart = c === LF;
    }
  }

  #begins(c: number): boolean {
    if (c === LF || c === CR || c === TAB || c === SPACE || (this.#inArray && c === COMMA)) return false;
    this.#ended = this.#inArray === true && c === CLOSE_BRACKET;
    if (!this.#ended) this.#start();
    return !this.#ended;
  }

  /** Does the value end with this character, or did it end before it? */
  #endAfter(c: number): 'inside' | 'with' | 'before' {
    if (this.#inString) return this.#inArray || c !== LF ? this.#insideString(c) : this.#brokenString();
    if (c === QUOTE) this.#inString = true;
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) this.#depth++;
    else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      if (this.#depth > 0) return --this.#depth === 0 ? 'with' : 'inside';
      this.#ended = this.#inArray === true;
      return this.#ended ? 'before' : 'with';
    } else if (this.#depth === 0 && (c === LF || (this.#inArray && c === COMMA))) return 'before';
    return 'inside';
  }

  #insideString(c: number): 'inside' {
    if (this.#escaped) this.#escaped = false;
    else if (c === BACKSLASH) this.#escaped = true;
    else if (c === QUOTE) this.#inString = false;
    return 'inside';
  }

  /** A line break inside a string is no JSON (RFC 8259 §7): in a file of lines it ends the broken value. */
  #brokenString(): 'before' {
    this.#inString = false;
    return 'before';
  }

  #start(): void {
    this.#started = true;
    this.#startLine = this.#inArray === true ? ++this.#count : this.#line;
    this.#text = '';
    this.#tooLong = false;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  #take(chunk: string, from: number, to: number): void {
    // A value that is too long is counted, not kept.
    if (this.#text.length + to - from > this.#maxChars) {
      this.#tooLong = true;
      this.#text = '';
    }
    if (!this.#tooLong && to > from) this.#text += chunk.slice(from, to);
  }

  #finish(): void {
    const text = this.#text.trim();
    this.#started = false;
    this.#text = '';
    const line = this.#startLine;
    if (this.#tooLong)
      this.#items.push({
        line,
        value: err({ code: 'row-too-long', text: `the value is longer than ${this.#maxChars} characters` }),
      });
    else if (text !== '') this.#items.push({ line, value: parseJson(text, MAX_DEPTH) });
  }

  #drain(): readonly JsonItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}

/** UTF-8 with or without a byte order mark. */
export async function* jsonValues(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxChars = DEFAULT_MAX_CHARS,
): AsyncGenerator<JsonItem, void, undefined> {
  const decoder = new TextDecoder('utf-8');
  const reader = new JsonValues(maxChars);
  for await (const chunk of bytes)
    for (let at = 0; at < chunk.length; at += PIECE)
      yield* reader.push(decoder.decode(chunk.subarray(at, at + PIECE), { stream: true }));
  yield* reader.push(decoder.decode());
  yield* reader.end();
}
