// Domain names on the wire and as text. Text is canonical: lower case, no trailing dot, root = ''; every octet outside
// [a-z0-9_-] is written \DDD, the dot inside a label too, so that a suffix test on text can never be fooled by a label.

/** RFC 1035 §3.1: 255 octets with all length octets and the root. */
const MAX_NAME = 255;
const MAX_LABEL = 63;

export interface WireName {
  readonly text: string;
  /** First octet behind the name at the place it was read. */
  readonly next: number;
  readonly compressed: boolean;
}

/**
 * Reads a name at `offset`. A pointer (RFC 1035 §4.1.4) must lead strictly before everything read so far: that alone rules out
 * loops and self-reference. undefined = malformed; never throws.
 */
export function readName(message: Uint8Array, offset: number): WireName | undefined {
  const labels: string[] = [];
  let at = offset;
  let floor = offset;
  let next = -1;
  let length = 1;
  while (true) {
    const octet = message[at];
    if (octet === undefined) return undefined;
    if (octet === 0) {
      return { text: labels.join('.'), next: next < 0 ? at + 1 : next, compressed: next >= 0 };
    }
    if (octet >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) return undefined;
      const target = ((octet & 0x3f) << 8) | low;
      if (target >= floor || target < 12) return undefined;
      if (next < 0) next = at + 2;
      floor = target;
      at = target;
    } else {
      if (octet > MAX_LABEL || at + 1 + octet > message.length) return undefined;
      length += octet + 1;
      if (length > MAX_NAME) return undefined;
      labels.push(labelText(message, at + 1, octet));
      at += octet + 1;
    }
  }
}

function labelText(message: Uint8Array, start: number, length: number): string {
  let text = '';
  for (let i = start; i < start + length; i++) {
    let c = message[i]!;
    if (c >= 65 && c <= 90) c += 32;
    const plain = (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 45 || c === 95;
    text += plain ? String.fromCharCode(c) : `\\${String(c).padStart(3, '0')}`;
  }
  return text;
}

/** Canonical or ordinary text (upper case and one trailing dot allowed) to wire form; undefined when it is not a name. */
export function encodeName(text: string): Uint8Array | undefined {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  if (bare === '') return text.length <= 1 ? new Uint8Array(1) : undefined;
  const wire: number[] = [];
  for (const label of bare.split('.')) {
    const octets = labelOctets(label);
    if (octets === undefined || octets.length === 0 || octets.length > MAX_LABEL) return undefined;
    wire.push(octets.length, ...octets);
    if (wire.length + 1 > MAX_NAME) return undefined;
  }
  wire.push(0);
  return Uint8Array.from(wire);
}

function labelOctets(label: string): number[] | undefined {
  const octets: number[] = [];
  for (let i = 0; i < label.length; i++) {
    const c = label.charCodeAt(i);
    if (c === 92) {
      const digits = label.slice(i + 1, i + 4);
      if (!/^[0-9]{3}$/.test(digits) || Number(digits) > 255) return undefined;
      octets.push(Number(digits));
      i += 3;
    } else {
      if (c > 126 || c < 33) return undefined;
      octets.push(c);
    }
  }
  return octets;
}

/** The canonical form of a configured name; undefined when it is not a host-like name. */
export function canonicalName(text: string): string | undefined {
  const wire = encodeName(text);
  return wire === undefined ? undefined : readName(wire, 0)?.text;
}

/** Is `name` the suffix itself or below it? Both canonical. */
export function isWithin(name: string, suffix: string): boolean {
  return name === suffix || name.endsWith(`.${suffix}`);
}
