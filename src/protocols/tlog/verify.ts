// The stand-alone verifier of an audit export: log.jsonl, checkpoint and key.pub, nothing else; pages/ when it is there.
// Streams; holds one entry at a time. It proves the log against the key it was handed: compare key.pub with a copy
// obtained another way (or pass `key`), because whoever replaces all three files signs with a key of their own.
import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { type CanonicalValue, canonicalJson } from './canonical.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { MAX_ENTRY_BYTES, PRUNED, parsePrunedLine } from './entry.ts';
import { leafHash, MerkleFrontier } from './merkle.ts';
import { type NoteKey, parseNoteKey } from './note.ts';

/** A byte order mark is a byte like any other here: it must not vanish. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface VerifyOptions {
  /** A checkpoint note kept elsewhere: proves that nothing before it was rewritten since. */
  readonly earlier?: string;
  /** The expected content of key.pub, obtained another way. */
  readonly key?: string;
}

export interface Verified {
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** Entries deleted after their retention; the log itself records that they were. */
  readonly pruned: number;
  readonly pages: number;
}

export interface VerifyError {
  readonly file: string;
  /** Sequence of the first bad entry, where one can be named. */
  readonly sequence?: number;
  readonly reason: string;
}

type Check<T> = Result<T, VerifyError>;

/** Never throws for what the files contain; a missing or unreadable file is a failure with its reason. */
export async function verifyExport(directory: string, options: VerifyOptions = {}): Promise<Check<Verified>> {
  const key = await loadKey(directory, options.key);
  if (!key.ok) return key;
  const note = await readText(directory, 'checkpoint');
  if (!note.ok) return note;
  const signed = openAs('checkpoint', note.value, key.value);
  if (!signed.ok) return signed;
  const earlier = options.earlier === undefined ? undefined : openAs('earlier checkpoint', options.earlier, key.value);
  if (earlier !== undefined && !earlier.ok) return earlier;
  const walk = new LogWalk(signed.value, earlier?.value);
  const log = await walk.run(join(directory, 'log.jsonl'));
  if (!log.ok) return log;
  const pages = await checkPages(join(directory, 'pages'));
  if (!pages.ok) return pages;
  return ok({ ...log.value, pages: pages.value });
}

async function readText(directory: string, file: string): Promise<Check<string>> {
  try {
    return ok(UTF8.decode(await readFile(join(directory, file))));
  } catch (cause) {
    return err({ file, reason: `cannot be read: ${(cause as Error).message}` });
  }
}

async function loadKey(directory: string, expected: string | undefined): Promise<Check<NoteKey>> {
  const text = await readText(directory, 'key.pub');
  if (!text.ok) return text;
  if (expected !== undefined && expected.trim() !== text.value.trim())
    return err({ file: 'key.pub', reason: 'is not the expected key' });
  const key = text.value.endsWith('\n') ? parseNoteKey(text.value.slice(0, -1)) : undefined;
  return key === undefined ? err({ file: 'key.pub', reason: 'is not a key in C2SP note form' }) : ok(key);
}

function openAs(file: string, note: string, key: NoteKey): Check<Checkpoint> {
  const opened = openCheckpoint(note, key);
  return opened.ok ? opened : err({ file, reason: opened.error });
}

class BadEntry extends Error {}

/** One pass over the log: framing, canonical form, sequence, chain, tree. */
class LogWalk {
  readonly #signed: Checkpoint;
  readonly #earlier: Checkpoint | undefined;
  #tree = MerkleFrontier.empty();
  #lastHash = '';
  #pruned = 0;
  #pruneRecorded = true;
  #lines = 0;

  constructor(signed: Checkpoint, earlier: Checkpoint | undefined) {
    this.#signed = signed;
    this.#earlier = earlier;
  }

  async run(path: string): Promise<Check<Omit<Verified, 'pages'>>> {
    try {
      this.#compareEarlier();
      for await (const line of lines(path)) this.#take(line);
      this.#finish();
    } catch (cause) {
      const sequence = cause instanceof BadEntry && typeof cause.cause === 'number' ? cause.cause : undefined;
      return err({
        file: 'log.jsonl',
        reason: (cause as Error).message,
        ...(sequence === undefined ? {} : { sequence }),
      });
    }
    return ok({ size: this.#tree.size, root: this.#tree.root().toString('hex'), pruned: this.#pruned });
  }

  #take(line: Buffer): void {
    const sequence = this.#tree.size + 1;
    const value = parseCanonical(line, sequence);
    if (this.#lines++ === 0 && 'pruned' in value) this.#startPruned(value);
    else this.#takeEntry(line, value, sequence);
    this.#compareEarlier();
  }

  #takeEntry(line: Buffer, value: Record<string, unknown>, sequence: number): void {
    if (value['sequence'] !== sequence) throw bad(sequence, `expected entry ${sequence}, found ${value['sequence']}`);
    if (sequence > this.#signed.size) throw bad(sequence, 'more entries than the checkpoint signs');
    // The entry after a changed one is the first to disagree, so the one before it is the bad one.
    if (value['previousHash'] !== this.#lastHash)
      throw bad(Math.max(1, sequence - 1), `entry ${sequence} continues another entry than the one before it`);
    if (value['action'] === PRUNED && (value['detail'] as Record<string, unknown>)?.['size'] === this.#pruned)
      this.#pruneRecorded = true;
    const leaf = leafHash(line);
    this.#lastHash = leaf.toString('base64');
    this.#tree.append(leaf);
  }

  #startPruned(value: Record<string, unknown>): void {
    const start = parsePrunedLine(value);
    if (start === undefined) throw bad(1, 'the first line is no valid record of deleted entries');
    if (this.#earlier !== undefined && this.#earlier.size < start.frontier.size)
      throw bad(1, 'the earlier checkpoint lies before the deleted entries and can no longer be compared');
    this.#tree = start.frontier;
    this.#lastHash = start.lastHash;
    this.#pruned = start.frontier.size;
    this.#pruneRecorded = false;
  }

  #compareEarlier(): void {
    if (this.#earlier?.size === this.#tree.size && !this.#earlier.root.equals(this.#tree.root()))
      throw bad(this.#tree.size, 'the log was rewritten at or before the earlier checkpoint');
  }

  #finish(): void {
    const { size, root } = this.#signed;
    if (this.#tree.size < size) throw bad(this.#tree.size + 1, `ends before entry ${size} that the checkpoint signs`);
    if (this.#tree.size > size) throw bad(size + 1, 'more entries than the checkpoint signs');
    if (this.#earlier !== undefined && this.#earlier.size > size)
      throw bad(size + 1, `ends before entry ${this.#earlier.size} that the earlier checkpoint signs`);
    if (!this.#tree.root().equals(root)) throw bad(size, 'the root differs from the signed one');
    if (!this.#pruneRecorded) throw bad(this.#pruned, 'no entry records that the oldest entries were deleted');
  }
}

function bad(sequence: number, reason: string): BadEntry {
  return new BadEntry(reason, { cause: sequence });
}

function parseCanonical(line: Buffer, sequence: number): Record<string, unknown> {
  let value: unknown;
  let text: string;
  try {
    text = UTF8.decode(line);
    value = JSON.parse(text);
  } catch {
    throw bad(sequence, 'is not JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(sequence, 'is not an object');
  if (!isCanonical(value as CanonicalValue, text)) throw bad(sequence, 'is not in canonical form');
  return value as Record<string, unknown>;
}

function isCanonical(value: CanonicalValue, text: string): boolean {
  try {
    return canonicalJson(value) === text;
  } catch {
    return false;
  }
}

/** Lines without their newline; the last one must have one too: a cut tail is no shorter log. */
async function* lines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      yield data.subarray(0, end);
      data = data.subarray(end + 1);
    }
    if (data.length > MAX_ENTRY_BYTES) throw new Error('a line is longer than any entry');
    rest = data;
  }
  if (rest.length > 0) throw new Error('the last line has no end: the file was cut');
}

/** Kept pages are named by their SHA-256: a page that does not fit its name is not the page that was consented to. */
async function checkPages(directory: string): Promise<Check<number>> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch {
    return ok(0);
  }
  for (const name of names) {
    const bytes = await readFile(join(directory, name)).catch(() => undefined);
    if (bytes === undefined || `${hash('sha256', bytes)}.html` !== name)
      return err({ file: `pages/${name}`, reason: 'is not the page that its name stands for' });
  }
  return ok(names.length);
}
