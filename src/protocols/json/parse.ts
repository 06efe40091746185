// JSON (RFC 8259) from strangers: what JSON.parse accepts and a careful reader does not is refused before it is parsed –
// depth, duplicate keys, keys that name prototypes, numbers beyond a double, lone surrogates. Knows no schema.
import { err, ok, type Result } from '../../core/kernel/result.ts';

export interface JsonFault {
  readonly code:
    | 'json-invalid'
    | 'json-too-deep'
    | 'json-duplicate-key'
    | 'json-forbidden-key'
    | 'json-number'
    | 'json-surrogate';
  readonly text: string;
}

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const NUMBER = /-?[0-9][0-9.eE+-]*/y;

/** `maxDepth`: arrays and objects inside one another. Linear in the text; the stack does not grow with it. */
export function parseJson(text: string, maxDepth: number): Result<unknown, JsonFault> {
  const fault = scan(text, maxDepth);
  if (fault !== undefined) return err(fault);
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    return err({ code: 'json-invalid', text: 'not JSON' });
  }
}

/** Looks at tokens only; whether they stand in an order that makes sense is left to JSON.parse. */
function scan(text: string, maxDepth: number): JsonFault | undefined {
  // Keys seen per open object; undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '[') {
      if (open.length >= maxDepth) return { code: 'json-too-deep', text: `more than ${maxDepth} levels` };
      open.push(c === '{' ? new Set() : undefined);
    } else if (c === '}' || c === ']') open.pop();
    else if (c === '"') {
      const end = endOfString(text, i);
      if (end < 0) return { code: 'json-invalid', text: 'a string never ends' };
      const token = text.slice(i, end);
      i = end - 1;
      const fault = stringFault(token, isKey(text, i + 1) ? open.at(-1) : undefined);
      if (fault !== undefined) return fault;
    } else if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) {
      NUMBER.lastIndex = i;
      const token = NUMBER.exec(text)?.[0] ?? c;
      if (!Number.isFinite(Number(token))) return { code: 'json-number', text: 'a number beyond what can be kept' };
      i += token.length - 1;
    }
  }
  return undefined;
}

/** Index after the closing quote, -1 without one. A loop: a regular expression would need a stack as long as the string. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '"') return i + 1;
  }
  return -1;
}

function isKey(text: string, from: number): boolean {
  let i = from;
  while (text[i] === ' ' || text[i] === '\t' || text[i] === '\n' || text[i] === '\r') i++;
  return text[i] === ':';
}

function stringFault(token: string, keys: Set<string> | undefined): JsonFault | undefined {
  let value: string;
  try {
    value = JSON.parse(token) as string;
  } catch {
    return { code: 'json-invalid', text: 'a string with a bad escape or a control character' };
  }
  // RFC 8259 §8.2: what a lone surrogate means is unpredictable.
  if (!value.isWellFormed()) return { code: 'json-surrogate', text: 'a lone surrogate' };
  if (keys === undefined) return undefined;
  if (FORBIDDEN_KEYS.has(value)) return { code: 'json-forbidden-key', text: 'a key that names a prototype' };
  // RFC 8259 §4: with duplicate names every reader sees another document.
  if (keys.has(value))
    return { code: 'json-duplicate-key', text: `the key ${JSON.stringify(value.slice(0, 64))} stands twice` };
  keys.add(value);
  return undefined;
}
