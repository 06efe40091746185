// A reader of JSON files made from a reader of one object: lines, lists and pretty-printed documents alike. A file that is not
// JSON at all is parked; a value that is broken is refused with its line.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { FeedFile, FeedReader, FileFault } from '../../core/report/feed.ts';
import type { RefusedRow, Report } from '../../core/report/report.ts';
import { type Fields, isFields, type RowFault } from './fields.ts';
import { jsonValues } from './json-values.ts';
import { itemOf, type Place } from './observation.ts';

/** One object may be several reports: one for each address it names. Never none. */
export type ReadObject = (value: Fields, place: Place, line: number) => readonly Result<Report, RowFault>[];

export function jsonFeed(read: ReadObject, options: { readonly maxChars?: number } = {}): FeedReader {
  return async (file) => {
    const opened = await beginsAsJson(file.bytes);
    if (!opened.ok) return opened;
    return ok({ types: [], remarks: [], items: items(read, file, jsonValues(opened.value, options.maxChars)) });
  };
}

async function* items(
  read: ReadObject,
  file: FeedFile,
  values: ReturnType<typeof jsonValues>,
): AsyncGenerator<Report | RefusedRow> {
  for await (const { line, value } of values) {
    if (!value.ok) yield itemOf(line, value);
    else if (!isFields(value.value)) yield { line, code: 'row-shape', text: 'expected a JSON object' };
    else for (const row of read(value.value, file, line)) yield itemOf(line, row);
  }
}

type Bytes = FeedFile['bytes'];
const BLANK = new Set([9, 10, 13, 32]);
const MARK = [0xef, 0xbb, 0xbf];

/** The same bytes, once the first that is no blank was seen to begin an object or a list. */
async function beginsAsJson(bytes: Bytes): Promise<Result<Bytes, FileFault>> {
  const chunks = chunksOf(bytes);
  const seen: Uint8Array[] = [];
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    seen.push(next.value);
    const first = firstCharacter(next.value, seen.length === 1);
    if (first === undefined) continue;
    if (first === 0x7b || first === 0x5b) return ok(rest(seen, chunks));
    await chunks.return();
    return err({ code: 'not-json', text: 'the file begins with neither { nor [: it is no JSON' });
  }
  return err({ code: 'file-empty', text: 'the file is empty' });
}

async function* chunksOf(bytes: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
  yield* bytes;
}

async function* rest(seen: readonly Uint8Array[], more: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* seen;
  yield* more;
}

function firstCharacter(chunk: Uint8Array, isStart: boolean): number | undefined {
  const from = isStart && MARK.every((byte, i) => chunk[i] === byte) ? MARK.length : 0;
  return chunk.subarray(from).find((byte) => !BLANK.has(byte));
}
