// RADIUS packets as octets (RFC 2865 §3, §5): header and attributes, bounded and total. Knows no attribute's meaning
// (attributes.ts) and no secret (authenticator.ts). What it does not know it keeps.
import { err, ok, type Result } from '../../core/kernel/result.ts';

export const CODE = {
  accessRequest: 1,
  accessAccept: 2,
  accessReject: 3,
  accountingRequest: 4,
  accountingResponse: 5,
  accessChallenge: 11,
  statusServer: 12,
  disconnectRequest: 40,
  disconnectAck: 41,
  disconnectNak: 42,
  coaRequest: 43,
  coaAck: 44,
  coaNak: 45,
} as const;

export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface Packet {
  readonly code: number;
  readonly identifier: number;
  readonly authenticator: Uint8Array;
  readonly attributes: readonly Attribute[];
  /** The packet's own octets, padding cut off: authenticators are computed over these. */
  readonly bytes: Uint8Array;
}

export type DecodeError =
  | { readonly kind: 'too-short'; readonly octets: number }
  | { readonly kind: 'length-field'; readonly length: number; readonly octets: number }
  | { readonly kind: 'attribute-length'; readonly type: number; readonly length: number; readonly at: number }
  | { readonly kind: 'too-many-attributes' };

const HEADER = 20;
const MAX_LENGTH = 4096;
/** RFC 2865 names no number; a real record has 20 to 60. */
const MAX_ATTRIBUTES = 512;

/** Never throws, whatever the octets. Octets beyond the length field are padding and ignored (RFC 2865 §3). */
export function decodePacket(datagram: Uint8Array): Result<Packet, DecodeError> {
  if (datagram.length < HEADER) return err({ kind: 'too-short', octets: datagram.length });
  const length = (datagram[2]! << 8) | datagram[3]!;
  if (length < HEADER || length > MAX_LENGTH || length > datagram.length)
    return err({ kind: 'length-field', length, octets: datagram.length });
  // A plain view: Buffer.slice() shares memory where Uint8Array.slice() copies, and copies are written to further on.
  const bytes = new Uint8Array(datagram.buffer, datagram.byteOffset, length);
  const attributes: Attribute[] = [];
  for (let at = HEADER; at < length; ) {
    const type = bytes[at]!;
    const size = bytes[at + 1] ?? 0;
    if (size < 2 || at + size > length) return err({ kind: 'attribute-length', type, length: size, at });
    if (attributes.length === MAX_ATTRIBUTES) return err({ kind: 'too-many-attributes' });
    attributes.push({ type, value: bytes.subarray(at + 2, at + size) });
    at += size;
  }
  return ok({
    code: bytes[0]!,
    identifier: bytes[1]!,
    authenticator: bytes.subarray(4, HEADER),
    attributes,
    bytes,
  });
}

/**
 * A packet with an all-zero authenticator, to be signed. Throws on an attribute over 253 octets or a packet over 4096:
 * those are bugs of the caller, never the network's doing.
 */
export function encodePacket(packet: {
  readonly code: number;
  readonly identifier: number;
  readonly attributes: readonly Attribute[];
}): Uint8Array {
  const length = packet.attributes.reduce((sum, one) => sum + 2 + one.value.length, HEADER);
  if (length > MAX_LENGTH) throw new Error(`a RADIUS packet of ${length} octets`);
  const bytes = new Uint8Array(length);
  bytes[0] = packet.code;
  bytes[1] = packet.identifier;
  bytes[2] = length >> 8;
  bytes[3] = length & 255;
  let at = HEADER;
  for (const { type, value } of packet.attributes) {
    if (value.length > 253) throw new Error(`attribute ${type} of ${value.length} octets`);
    bytes[at] = type;
    bytes[at + 1] = value.length + 2;
    bytes.set(value, at + 2);
    at += value.length + 2;
  }
  return bytes;
}

/** Offset of the first attribute of this type inside `bytes` of a decoded packet; -1 when there is none. `from`: where one begins. */
export function offsetOf(bytes: Uint8Array, type: number, from = HEADER): number {
  for (let at = from; at + 1 < bytes.length; at += bytes[at + 1]!) {
    if (bytes[at] === type) return at;
    if (bytes[at + 1]! < 2) return -1;
  }
  return -1;
}
