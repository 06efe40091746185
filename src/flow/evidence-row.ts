// One row of a kept original, as a person reads it. For engineers, on demand: never logged, never in an answer to others.
import type { Evidence } from './ports.ts';

const MAX_BYTES = 32 * 1024 * 1024;
const MAX_CHARS = 2000;

/** undefined = past its retention, too large to look into here, or a form without rows (an archive). */
export async function evidenceRow(
  evidence: Pick<Evidence, 'read'>,
  place: { readonly hash: string; readonly line: number },
): Promise<string | undefined> {
  const bytes = await evidence.read(place.hash);
  if (bytes === undefined || bytes.length > MAX_BYTES) return undefined;
  const text = textOf(bytes);
  if (text === undefined) return undefined;
  return (memberOf(text, place.line) ?? lineOf(text, place.line))?.trim().slice(0, MAX_CHARS);
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

/** A delivery in one JSON document counts its reports. */
function memberOf(text: string, line: number): string | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    const found = JSON.parse(text) as { reports?: unknown } | unknown[];
    const reports = Array.isArray(found) ? found : found.reports;
    return Array.isArray(reports) && line <= reports.length ? JSON.stringify(reports[line - 1]) : undefined;
  } catch {
    return undefined;
  }
}
