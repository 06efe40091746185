// Makes field values safe to read in a terminal: control and direction characters shown as escapes, long texts cut, deep
// values flattened, fields that could name a person or what they did replaced. Total: takes anything, never throws.

const [MAX_CHARS, MAX_ITEMS, MAX_DEPTH] = [500, 50, 4];
/** C0, DEL, C1, zero-width and bidirectional controls, line and paragraph separators, byte order mark. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
/** Normalised names (lower case, letters only). What we carried and whom it concerns is in no log (invariant 10). */
const PERSONAL = new Set(
  'email phone customer customerno customernumber firstname lastname authorization apikey token secret password url host qname query cookie'.split(
    ' ',
  ),
);

export function plainText(text: string): string {
  const cut = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}… (${text.length} characters)` : text;
  return cut.toWellFormed().replace(UNSAFE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

export function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return plainRecord(fields, 0);
}

function plainRecord(value: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .slice(0, MAX_ITEMS)
    .map(([name, one]): [string, unknown] => [plainText(name), isPersonal(name) ? '[removed]' : plain(one, depth + 1)]);
  return Object.fromEntries(entries);
}

function isPersonal(name: string): boolean {
  return PERSONAL.has(name.toLowerCase().replace(/[^a-z]/g, ''));
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return plainText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || depth > MAX_DEPTH) return plainText(String(value));
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((one) => plain(one, depth + 1));
  return plainRecord(value, depth);
}
