// Attributes by name and by number. The tables are in dictionary-data.ts; what a value looks like is value.ts's.
import { ATTRIBUTE_ROWS, type AttributeFormat, VALUE_NAMES, VENDOR_WIDTHS } from './dictionary-data.ts';

export interface AttributeDefinition {
  /** As FreeRADIUS spells it. */
  readonly name: string;
  /** Private enterprise number of a vendor's attribute (RFC 2865 §5.26). */
  readonly vendor?: number;
  readonly type: number;
  readonly format: AttributeFormat;
  /** RFC 2868 §3.1. */
  readonly tagged?: boolean;
  /** Hidden with the secret and a random Request Authenticator, which a CoA has not. */
  readonly encrypted?: boolean;
  /** One value over as many attributes as it takes. */
  readonly concat?: boolean;
}

const DEFINITIONS: readonly AttributeDefinition[] = ATTRIBUTE_ROWS.map(([vendor, type, name, format, ...flags]) => ({
  name,
  ...(vendor === 0 ? {} : { vendor }),
  type,
  format,
  ...Object.fromEntries(flags.map((flag) => [flag, true])),
}));

const BY_NAME = new Map(DEFINITIONS.map((one) => [one.name, one]));
const BY_NUMBER = new Map(DEFINITIONS.map((one) => [`${one.vendor ?? 0}.${one.type}`, one]));
const NUMBERS = new Map(Object.entries(VALUE_NAMES).map(([name, values]) => [name, new Map(Object.entries(values))]));
const WORDS = new Map(
  Object.entries(VALUE_NAMES).map(([name, values]) => [
    name,
    new Map(Object.entries(values).map(([word, number]) => [number, word])),
  ]),
);
const WIDTHS = new Map(VENDOR_WIDTHS.map(([vendor, type, length]) => [vendor, { type, length }]));

export function attributeNamed(name: string): AttributeDefinition | undefined {
  return BY_NAME.get(name);
}

export function attributeOf(type: number, vendor = 0): AttributeDefinition | undefined {
  return BY_NUMBER.get(`${vendor}.${type}`);
}

/** The number a word stands for in this attribute: Service-Type Framed-User is 2. */
export function numberOf(attribute: string, word: string): number | undefined {
  return NUMBERS.get(attribute)?.get(word);
}

export function wordOf(attribute: string, number: number): string | undefined {
  return WORDS.get(attribute)?.get(number);
}

/** Every number with its word. */
export function wordsOf(attribute: string): Readonly<Record<number, string>> {
  return Object.fromEntries(WORDS.get(attribute) ?? []);
}

/** Octets that type and length of a sub-attribute take up. Length 0: the value goes to the end of the attribute. */
export function widthsOf(vendor: number): { readonly type: number; readonly length: number } {
  return WIDTHS.get(vendor) ?? { type: 1, length: 1 };
}
