// Vendor-Specific (RFC 2865 §5.26) and the extended attributes 241 to 244 (RFC 6929 §2.1): who is inside, and how long. Meaning
// and values are others' business. Written one sub-attribute to an attribute: some equipment reads only the first.
import { uint32, VENDOR_SPECIFIC } from './attributes.ts';
import type { Attribute } from './codec.ts';
import { widthsOf } from './dictionary.ts';

const MOST = 253;

export interface SubAttribute {
  readonly vendor: number;
  readonly type: number;
  readonly value: Uint8Array;
}

/** How many octets of value fit into one attribute. */
export function roomFor(vendor: number | undefined): number {
  if (vendor === undefined) return MOST;
  const { type, length } = widthsOf(vendor);
  return MOST - 4 - type - length;
}

/** The value has to fit: roomFor. */
export function vendorAttribute({ vendor, type, value }: SubAttribute): Attribute {
  const widths = widthsOf(vendor);
  const header = 4 + widths.type + widths.length;
  const octets = new Uint8Array(header + value.length);
  put(octets, 0, 4, vendor);
  put(octets, 4, widths.type, type);
  put(octets, 4 + widths.type, widths.length, header - 4 + value.length);
  octets.set(value, header);
  return { type: VENDOR_SPECIFIC, value: octets };
}

/** undefined = lengths that do not add up: not in the vendor's format, or not in one we know. */
export function subAttributes(octets: Uint8Array): readonly SubAttribute[] | undefined {
  if (octets.length < 4) return undefined;
  const vendor = uint32(octets);
  const widths = widthsOf(vendor);
  const header = widths.type + widths.length;
  const found: SubAttribute[] = [];
  for (let at = 4; at < octets.length; ) {
    if (at + header > octets.length) return undefined;
    const size = widths.length === 0 ? octets.length - at : get(octets, at + widths.type, widths.length);
    if (size < header || at + size > octets.length) return undefined;
    found.push({ vendor, type: get(octets, at, widths.type), value: octets.subarray(at + header, at + size) });
    at += size;
  }
  return found;
}

function put(octets: Uint8Array, at: number, width: number, value: number): void {
  for (let i = 0; i < width; i++) octets[at + i] = value / 256 ** (width - 1 - i);
}

function get(octets: Uint8Array, at: number, width: number): number {
  return octets.subarray(at, at + width).reduce((value, octet) => value * 256 + octet, 0);
}
