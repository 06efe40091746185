// An access key as FreeRADIUS' rlm_sql writes it into its queries (3.2 with the package's queries.conf: sql_user_name is
// %{User-Name}, safe_characters as it comes): otherwise a row for o'brien would never be found.
import { parseOctets } from '../../../protocols/radius/value.ts';

const SAFE = /^[@a-zA-Z0-9.\-_: /]$/;
const NAMED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Pure. Keys that are no text stand as `0x…` everywhere in Engawa; rlm_sql sees their octets. */
export function sqlUserName(accessKey: string): string {
  const octets = parseOctets(accessKey) ?? new TextEncoder().encode(accessKey);
  return Array.from(printed(octets), quoted).join('');
}

/** As FreeRADIUS prints a string: escapes for what is no printable text. */
function printed(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; ) {
    const character = characterAt(octets, at);
    text += character === undefined ? octal(octets[at]!) : (NAMED[character] ?? printable(character));
    at += character === undefined ? 1 : Buffer.byteLength(character);
  }
  return text;
}

/** undefined = the octets there begin no UTF-8 character. */
function characterAt(octets: Uint8Array, at: number): string | undefined {
  for (let length = 1; length <= 4; length++) {
    const text = Buffer.from(octets.subarray(at, at + length)).toString('utf8');
    if (!text.includes('\ufffd') && text !== '') return text;
  }
  return undefined;
}

function printable(character: string): string {
  return character < ' ' || character === '\x7f' ? octal(character.charCodeAt(0)) : character;
}

function octal(octet: number): string {
  return `\\${octet.toString(8).padStart(3, '0')}`;
}

/** What is not safe as `=XX`; characters of several octets are let through. */
function quoted(character: string): string {
  if (SAFE.test(character) || character.codePointAt(0)! > 0x7f) return character;
  return `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
