// One row of a kept original, as a person reads it. For engineers, on demand: never logged, never in an answer to others.
import type { Evidence } from './ports.ts';

const MAX_BYTES = 32 * 1024 * 1024;
const MAX_CHARS = 2000;

/** undefined = past its retention, too large to look into here, a form without rows (an archive) or a list that is broken. */
export async function evidenceRow(
  evidence: Pick<Evidence, 'read'>,
  place: { readonly hash: string; readonly line: number },
): Promise<string | undefined> {
  const bytes = await evidence.read(place.hash);
  if (bytes === undefined || bytes.length > MAX_BYTES) return undefined;
  const text = textOf(bytes);
  if (text === undefined) return undefined;
  const row = memberOf(text, place.line) ?? (isList(text) ? undefined : lineOf(text, place.line));
  return row?.trim().slice(0, MAX_CHARS);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function lineOf(text: string, line: number): string | undefined {
  let from = 0;
  for (let n = 1; n < line; n++) {
    from = text.indexOf('\n', from) + 1;
    if (from === 0) return undefined;
  }
  const to = text.indexOf('\n', from);
  return text.slice(from, to < 0 ? undefined : to);
}

/** A list, or a document that begins with one under `data`: its values are counted, not its lines. */
const LIST = /^\ufeff?\s*(?:\[|\{\s*"data"\s*:\s*\[)/;

function isList(text: string): boolean {
  return LIST.test(text.slice(0, 1000));
}

/** A delivery in one JSON document counts its reports. */
function memberOf(text: string, line: number): string | undefined {
  if (!/^\ufeff?\s*[{[]/.test(text)) return undefined;
  try {
    const found = JSON.parse(text.replace(/^\ufeff/, '')) as { reports?: unknown; data?: unknown } | unknown[];
    const members = Array.isArray(found) ? found : isList(text) ? found.data : found.reports;
    return Array.isArray(members) && line <= members.length ? JSON.stringify(members[line - 1]) : undefined;
  } catch {
    return undefined;
  }
}
