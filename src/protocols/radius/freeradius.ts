// Attributes as FreeRADIUS 3 takes them from a database row or over HTTP: a name it knows and a text. The text is read once
// more there: backslashes begin an escape. What it cannot be told exactly is refused here, not shortened there.

import { isBesidePlan } from '../../core/dialect/beside-plan.ts';
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { asHex } from './attributes.ts';
import { attributeNamed } from './dictionary.ts';
import { valueFault } from './named.ts';
import { parseOctets } from './value.ts';

export interface ServerAttribute {
  readonly attribute: string;
  /** The attribute with its tag: `ERX-Service-Activate:1`. */
  readonly name: string;
  readonly values: readonly string[];
  /**
   * `replace`: instead of every value that the plan has for the attribute, whatever its tag. `:=` alone takes the place of one
   * value, and looks at no tag either: `!*` has to come first, and what follows for other tags is added.
   */
  readonly how: 'replace' | 'add';
}

/** Values of one attribute and tag together, in the order in which each first stands. */
export function serverAttributes(
  attributes: readonly NamedAttribute[],
): Result<readonly ServerAttribute[], { readonly index: number; readonly text: string }> {
  const found = new Map<string, ServerAttribute & { readonly values: string[] }>();
  const replaced = new Set<string>();
  for (const [index, one] of attributes.entries()) {
    const fault = serverFault(one);
    if (fault !== undefined) return err({ index, text: fault });
    const { name: attribute, tag } = one;
    const name = tag === undefined ? attribute : `${attribute}:${tag}`;
    const how = isBesidePlan(attribute) || replaced.has(attribute) ? 'add' : 'replace';
    replaced.add(attribute);
    const entry = found.get(name) ?? { attribute, name, values: [], how };
    entry.values.push(serverText(one));
    found.set(name, entry);
  }
  return ok([...found.values()]);
}

/** Why FreeRADIUS could not send this; undefined = it can. */
export function serverFault(attribute: NamedAttribute): string | undefined {
  if (attributeNamed(attribute.name) === undefined) return 'FreeRADIUS takes names of its dictionary only';
  if (attribute.value === '' || attribute.value === '0x') return 'FreeRADIUS sends no empty value';
  return valueFault(attribute);
}

/**
 * Octets of a text attribute as octal escapes: `0x…` would be taken for the text itself. A first character that could open a
 * quotation too: a value in quotes loses them, and one in backquotes is expanded. In octet attributes nothing is an escape.
 */
function serverText({ name, value }: NamedAttribute): string {
  if (attributeNamed(name)?.format === 'octets')
    return /^0x|["'`\\]/.test(value) ? asHex(parseOctets(value) ?? new TextEncoder().encode(value)) : value;
  const octets = attributeNamed(name)?.format === 'string' ? parseOctets(value) : undefined;
  if (octets !== undefined) return Array.from(octets, octal).join('');
  const text = value.replaceAll('\\', '\\\\');
  return /^["'`]/.test(text) ? octal(text.charCodeAt(0)) + text.slice(1) : text;
}

function octal(octet: number): string {
  return `\\${octet.toString(8).padStart(3, '0')}`;
}
