// Attributes as people and dialects speak of them, name and text, and as they travel. Strict on the way out: what cannot be
// written exactly is refused with a reason. Total on the way in: what has no name or is not of its form is shown as octets.
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { asHex, MESSAGE_AUTHENTICATOR, PROXY_STATE, VENDOR_SPECIFIC } from './attributes.ts';
import type { Attribute } from './codec.ts';
import { type AttributeDefinition, attributeNamed, attributeOf, widthsOf } from './dictionary.ts';
import { ROOM } from './dynamic.ts';
import { decodeValue, encodeValue, parseOctets, takes } from './value.ts';
import { roomFor, subAttributes, vendorAttribute } from './vendor.ts';

/** RFC 4849 §2: rules follow each other with a NUL between, cut wherever an attribute is full. */
const NAS_FILTER_RULE = 92;
const NUL = Uint8Array.of(0);

/** Type of the extended attribute, then a type of its own (RFC 6929 §2.1). Those with fragments (§2.2) are left whole. */
const EXTENDED: ReadonlySet<number> = new Set([241, 242, 243, 244]);

interface Encoded {
  readonly type: number;
  readonly vendor?: number;
  readonly concat?: boolean;
  readonly value: Uint8Array;
}

/** Why this cannot be sent; undefined = it can. */
export function valueFault(attribute: NamedAttribute): string | undefined {
  const encoded = encodeOne(attribute);
  return encoded.ok ? undefined : encoded.error;
}

export function encodeNamed(
  attributes: readonly NamedAttribute[],
): Result<readonly Attribute[], { readonly index: number; readonly text: string }> {
  const encoded: Encoded[] = [];
  for (const [index, attribute] of attributes.entries()) {
    const one = encodeOne(attribute);
    if (!one.ok) return err({ index, text: one.error });
    const { type, concat } = one.value;
    const before = concat === true ? encoded.findIndex((other) => other.concat === true && other.type === type) : -1;
    if (before < 0) encoded.push(one.value);
    else encoded[before] = joined(encoded[before]!, one.value);
  }
  const all = encoded.flatMap(written);
  const size = all.reduce((sum, one) => sum + 2 + one.value.length, 0);
  if (size <= ROOM) return ok(all);
  return err({
    index: attributes.length - 1,
    text: `${size} octets with all before it; a packet has room for ${ROOM}`,
  });
}

function joined(first: Encoded, second: Encoded): Encoded {
  const between = first.type === NAS_FILTER_RULE ? NUL : [];
  return { ...first, value: Uint8Array.of(...first.value, ...between, ...second.value) };
}

function written({ type, vendor, value }: Encoded): Attribute[] {
  if (vendor !== undefined) return [vendorAttribute({ vendor, type, value })];
  const room = roomFor(undefined);
  const parts = Math.max(1, Math.ceil(value.length / room));
  return Array.from({ length: parts }, (_, i) => ({ type, value: value.subarray(i * room, (i + 1) * room) }));
}

function encodeOne(attribute: NamedAttribute): Result<Encoded, string> {
  const definition = attributeNamed(attribute.name);
  const encoded = definition === undefined ? encodeRaw(attribute) : encodeKnown(definition, attribute);
  if (!encoded.ok) return encoded;
  const { vendor, concat, value } = encoded.value;
  const room = concat === true ? ROOM : roomFor(vendor);
  if (value.length > room) return err(`${value.length} octets; ${attribute.name} has room for ${room}`);
  return encoded;
}

function refusal(type: number, vendor: number | undefined): string | undefined {
  if (attributeOf(type, vendor)?.encrypted === true)
    return 'is hidden with the secret and a random Request Authenticator; a CoA has none, anybody could read it';
  if (vendor !== undefined) return undefined;
  if (type === MESSAGE_AUTHENTICATOR) return 'is added to every packet that needs it';
  if (type === PROXY_STATE) return 'is for proxies between us and the gateway';
  return undefined;
}

function encodeKnown(definition: AttributeDefinition, { value: text, tag }: NamedAttribute): Result<Encoded, string> {
  const { type, vendor, concat, tagged, format } = definition;
  const fault = refusal(type, vendor) ?? tagFault(definition, tag);
  if (fault !== undefined) return err(fault);
  const plain = encodeValue(definition, text);
  if (plain === undefined) return err(`takes ${takes(definition)}`);
  const value = tagged === true ? withTag(plain, tag, format) : ok(plain);
  if (!value.ok) return value;
  return ok({
    type,
    ...(vendor === undefined ? {} : { vendor }),
    ...(concat === true ? { concat } : {}),
    value: value.value,
  });
}

/** RFC 2868 §3.1: in place of an integer's highest octet, always; before a string, when there is one. */
function withTag(
  value: Uint8Array,
  tag: number | undefined,
  format: AttributeDefinition['format'],
): Result<Uint8Array, string> {
  if (format === 'integer')
    return value[0] === 0
      ? ok(Uint8Array.of(tag ?? 0, ...value.subarray(1)))
      : err('takes a number of 24 bits: the highest octet is the tag');
  if (tag !== undefined) return ok(Uint8Array.of(tag, ...value));
  return isTag(value[0]) ? err('begins with an octet that would be read as a tag: give it a tag') : ok(value);
}

function tagFault({ tagged }: AttributeDefinition, tag: number | undefined): string | undefined {
  if (tag === undefined) return undefined;
  if (tagged !== true) return 'takes no tag';
  return Number.isInteger(tag) && isTag(tag) ? undefined : 'takes a tag from 0 to 31';
}

/** RFC 2868 §3.1: at most 0x1f; a higher octet is the first one of a string. */
function isTag(octet: number | undefined): boolean {
  return octet !== undefined && octet >= 0 && octet <= 0x1f;
}

/** `Attr-NUMBER`, `Attr-26.VENDOR.NUMBER`, `Attr-241.NUMBER`, for what the dictionary does not have. */
function encodeRaw({ name, value: text, tag }: NamedAttribute): Result<Encoded, string> {
  const numbers = /^Attr-(\d{1,3})(?:\.(\d{1,10}))?(?:\.(\d{1,10}))?$/.exec(name)?.slice(1);
  const [type, second, third] = numbers?.map((one) => (one === undefined ? undefined : Number(one))) ?? [];
  if (type === undefined || type > 255) return err('no attribute of this name; a number goes as Attr-26.VENDOR.NUMBER');
  if (tag !== undefined) return err('takes no tag: it would be the first octet of the value');
  const value = parseOctets(text);
  if (value === undefined) return err('takes octets as 0x…');
  const refused = type === VENDOR_SPECIFIC ? refusal(third ?? 0, second) : refusal(type, undefined);
  if (refused !== undefined) return err(refused);
  if (second === undefined) return ok({ type, value });
  if (type === VENDOR_SPECIFIC && third !== undefined) {
    const fits = second < 2 ** 32 && third < 256 ** widthsOf(second).type;
    return fits ? ok({ type: third, vendor: second, value }) : err('no such number of a vendor or of its attribute');
  }
  if (!EXTENDED.has(type) || third !== undefined || second > 255) return err('no such number of an attribute');
  return ok({ type, value: Uint8Array.of(second, ...value) });
}

/** Everything that is there, in order; long values in place of their first part. */
export function decodeNamed(attributes: readonly Attribute[]): readonly NamedAttribute[] {
  const joinedOnes = new Set<number>();
  return attributes.flatMap(({ type, value }) => {
    if (type === VENDOR_SPECIFIC) return decodeVendor(value);
    const definition = attributeOf(type);
    if (definition?.concat !== true) return [known(definition, value) ?? rawOne(type, value)];
    if (joinedOnes.has(type)) return [];
    joinedOnes.add(type);
    return decodeLong(definition, Buffer.concat(attributes.filter((one) => one.type === type).map((one) => one.value)));
  });
}

function rawOne(type: number, value: Uint8Array): NamedAttribute {
  if (!EXTENDED.has(type) || value.length === 0) return { name: `Attr-${type}`, value: asHex(value) };
  return { name: `Attr-${type}.${value[0]}`, value: asHex(value.subarray(1)) };
}

function decodeVendor(octets: Uint8Array): readonly NamedAttribute[] {
  const found = subAttributes(octets) ?? [];
  if (found.length === 0) return [rawOne(VENDOR_SPECIFIC, octets)];
  return found.map(
    ({ vendor, type, value }) =>
      known(attributeOf(type, vendor), value) ?? {
        name: `Attr-${VENDOR_SPECIFIC}.${vendor}.${type}`,
        value: asHex(value),
      },
  );
}

/** undefined = not in the dictionary, or not of the form it says. */
function known(definition: AttributeDefinition | undefined, octets: Uint8Array): NamedAttribute | undefined {
  if (definition === undefined) return undefined;
  const { name, tagged, encrypted, format } = definition;
  if (encrypted === true) return { name, value: asHex(octets) };
  if (tagged !== true) return withValue(name, undefined, decodeValue(definition, octets));
  const tag = isTag(octets[0]) ? octets[0] : undefined;
  if (format !== 'integer')
    return withValue(name, tag, decodeValue(definition, octets.subarray(tag === undefined ? 0 : 1)));
  if (tag === undefined) return undefined;
  // An integer's tag octet is always there: zero says that it is not used.
  return withValue(name, tag === 0 ? undefined : tag, decodeValue(definition, Uint8Array.of(0, ...octets.subarray(1))));
}

function withValue(name: string, tag: number | undefined, value: string | undefined): NamedAttribute | undefined {
  if (value === undefined) return undefined;
  return tag === undefined ? { name, value } : { name, tag, value };
}

function decodeLong(definition: AttributeDefinition, octets: Uint8Array): readonly NamedAttribute[] {
  const { name } = definition;
  if (definition.type !== NAS_FILTER_RULE) return [{ name, value: asHex(octets) }];
  const rules = splitAtNul(octets);
  // Nothing before, between or behind a NUL is not how rules come: shown as it stands, for some take it as «no rules».
  if (rules.some((rule) => rule.length === 0)) return [{ name, value: octets.length === 0 ? '' : asHex(octets) }];
  return rules.map((rule) => ({ name, value: decodeValue(definition, rule)! }));
}

function splitAtNul(octets: Uint8Array): Uint8Array[] {
  const rules: Uint8Array[] = [];
  for (let from = 0; from <= octets.length; ) {
    const nul = octets.indexOf(0, from);
    const to = nul < 0 ? octets.length : nul;
    rules.push(octets.subarray(from, to));
    from = to + 1;
  }
  return rules;
}
