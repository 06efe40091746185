// Canonical JSON of a log entry: one value, one text, so that a hash over the text is a hash over the value. The form is
// RFC 8785 (keys sorted by UTF-16 code units, no white space, ECMAScript numbers and escapes); undefined members are left out.

export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue | undefined };

/** Throws for what JSON cannot say exactly: NaN, infinities, lone surrogates, nesting beyond 32. */
export function canonicalJson(value: CanonicalValue, depth = 0): string {
  if (depth > 32) throw new Error('canonical JSON: nested too deep');
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return stringText(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  return objectText(value as { readonly [key: string]: CanonicalValue | undefined }, depth);
}

function objectText(value: { readonly [key: string]: CanonicalValue | undefined }, depth: number): string {
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${stringText(key)}:${canonicalJson(member, depth + 1)}`);
  }
  return `{${members.join(',')}}`;
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`canonical JSON: ${value} is no JSON number`);
  return JSON.stringify(value); // RFC 8785 §3.2.2.3: the ECMAScript form; -0 becomes 0
}

function stringText(value: string): string {
  // RFC 8785 §3.2.2.2: a lone surrogate has no UTF-8 form.
  if (!value.isWellFormed()) throw new Error('canonical JSON: lone surrogate');
  return JSON.stringify(value);
}
