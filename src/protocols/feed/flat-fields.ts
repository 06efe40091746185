// Lines of `Key: value` as X-ARF 0.2 (a YAML part without structure) and ARF (header fields, RFC 5322 §2.2) write them. Bounded,
// no YAML: what is nested is skipped, since no field we read may be. A key twice is a fault: every reader would see another.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { RowFault } from './fields.ts';

/** Keys in lower case, in the order of the text. */
export type FlatFields = ReadonlyMap<string, string>;

const [MAX_CHARS, MAX_LINES, MAX_VALUE] = [64 * 1024, 400, 2048];

export interface FlatRules {
  /** A line that begins with a blank goes on with the value before (header fields), or is nested and skipped (YAML). */
  readonly indented: 'continues' | 'skipped';
  /** Keys that may stand several times; the first one counts. */
  readonly repeatable?: ReadonlySet<string>;
}

export function parseFlatFields(text: string, rules: FlatRules): Result<FlatFields, RowFault> {
  const lines = text.length > MAX_CHARS ? [] : text.replace(/^\ufeff/, '').split(/\r?\n/);
  if (lines.length === 0 || lines.length > MAX_LINES)
    return err({ code: 'part-too-long', text: `the part is longer than 64 KiB or ${MAX_LINES} lines` });
  const fields = new Map<string, string>();
  let last: string | undefined;
  for (const line of lines) {
    if (line.trim() === '' || line.startsWith('#') || line === '---') continue;
    if (line === '...') break;
    if (/^[ \t-]/.test(line)) {
      if (rules.indented === 'continues' && last !== undefined)
        fields.set(last, `${fields.get(last)} ${line.trim()}`.slice(0, MAX_VALUE));
      continue;
    }
    const match = /^([A-Za-z][A-Za-z0-9_-]{0,63})[ \t]*:(?:[ \t]+(.*)|)$/.exec(line);
    if (match === null) return err({ code: 'part-broken', text: 'a line is not of the form «Key: value»' });
    const key = match[1]!.toLowerCase();
    if (fields.has(key)) {
      if (rules.repeatable?.has(key) !== true)
        return err({ code: 'part-broken', text: `the field ${match[1]} stands twice` });
      last = undefined;
      continue;
    }
    last = key;
    fields.set(key, unquoted((match[2] ?? '').trim()).slice(0, MAX_VALUE));
  }
  return ok(fields);
}

function unquoted(value: string): string {
  const quote = value[0];
  const isQuoted = value.length >= 2 && (quote === '"' || quote === "'") && value.endsWith(quote);
  return isQuoted ? value.slice(1, -1) : value;
}

/** The whole of a small file as text; undefined = it is larger than that. */
export async function smallText(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8').decode(Buffer.concat(chunks));
}
