// The text of an attribute with places for values: `{name}` of the gateway's configuration, `{session:Attribute-Name}` of the
// session. Filled once, in one pass: a value with braces in it is a value. Braces have no other meaning.
import { err, ok, type Result } from '../kernel/result.ts';

export type Placeholder =
  | { readonly of: 'configuration'; readonly name: string }
  | { readonly of: 'session'; readonly name: string };

type Part = string | Placeholder;

/** Where the values come from; undefined = there is none. */
export interface Source {
  value(name: string): string | undefined;
  /** As NamedAttribute has it: text, or octets as `0x…`. */
  session(attribute: string): string | undefined;
}

/** One value. RFC 2865 §5: 253 octets are what an attribute holds. */
const MOST_VALUE = 253;
/** The whole; more than a packet of 4096 octets has room for. */
const MOST_TEXT = 4096;

const PLACEHOLDER = /\{(?:session:([A-Za-z0-9][A-Za-z0-9.-]{0,63})|([a-z][a-zA-Z0-9-]{0,47}))\}/y;

/** The error is the piece of text that is no template. */
export function parseTemplate(text: string): Result<readonly Part[], string> {
  const parts: Part[] = [];
  let at = 0;
  while (at < text.length) {
    const brace = text.slice(at).search(/[{}]/);
    if (brace !== 0) {
      const end = brace < 0 ? text.length : at + brace;
      parts.push(text.slice(at, end));
      at = end;
      continue;
    }
    PLACEHOLDER.lastIndex = at;
    const found = PLACEHOLDER.exec(text);
    if (found === null) return err(text.slice(at, at + 24));
    const [whole, attribute, name] = found;
    parts.push(attribute === undefined ? { of: 'configuration', name: name! } : { of: 'session', name: attribute });
    at += whole.length;
  }
  return ok(parts);
}

export function placeholdersOf(text: string): readonly Placeholder[] {
  const parsed = parseTemplate(text);
  return parsed.ok ? parsed.value.filter((part) => typeof part !== 'string') : [];
}

/** The error lists what has no value, or none that may stand here. */
export function fill(text: string, source: Source): Result<string, readonly Placeholder[]> {
  const parsed = parseTemplate(text);
  if (!parsed.ok) return err([]);
  const missing: Placeholder[] = [];
  const isAlone = parsed.value.length === 1;
  const filled = parsed.value.map((part) => {
    if (typeof part === 'string') return part;
    const value = part.of === 'session' ? source.session(part.name) : source.value(part.name);
    if (value !== undefined && fits(value, isAlone)) return value;
    missing.push(part);
    return '';
  });
  const whole = filled.join('');
  return missing.length > 0 || whole.length > MOST_TEXT ? err(missing) : ok(whole);
}

/** Octets go only as the whole: inside a text their digits would be something else. */
function fits(value: string, isAlone: boolean): boolean {
  if (value.startsWith('0x'))
    return isAlone && /^0x(?:[0-9a-fA-F]{2})+$/.test(value) && value.length <= 2 + 2 * MOST_VALUE;
  return value !== '' && !/[\x00-\x1f\x7f]/.test(value) && octetsOf(value) <= MOST_VALUE;
}

function octetsOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Text of a session as NamedAttribute has it. */
export function asNamedValue(text: string): string {
  if (!text.startsWith('0x') && !/[\x00-\x1f\x7f]/.test(text)) return text;
  return `0x${Array.from(new TextEncoder().encode(text), (octet) => octet.toString(16).padStart(2, '0')).join('')}`;
}
