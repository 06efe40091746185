// Recognises the first record of a TLS client and writes the alert that refuses it. Deliberately blind: the server name inside the
// ClientHello is never decoded (telecommunications secrecy), and there is no certificate anywhere near.

/** RFC 8446 §5.1: a plaintext record carries at most 2^14 octets behind its five-octet header. */
export const MAX_RECORD_BYTES = 5 + 16_384;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;

export type FirstRecord =
  | { readonly kind: 'incomplete' }
  /** `version`: the minor number to answer with: what the client's hello names, at most TLS 1.2's 3. */
  | { readonly kind: 'client-hello'; readonly version: number }
  | { readonly kind: 'other' };

/** Total over any octets. `client-hello` once the whole first record is there: an earlier goodbye would become a reset. */
export function recogniseClientHello(bytes: Uint8Array): FirstRecord {
  const [type, major, minor, , , handshake] = bytes;
  if (type === undefined) return { kind: 'incomplete' };
  if (type !== HANDSHAKE || (major !== undefined && major !== 3)) return { kind: 'other' };
  if (minor !== undefined && minor > 4) return { kind: 'other' };
  if (bytes.length < 5) return { kind: 'incomplete' };
  const length = (bytes[3]! << 8) | bytes[4]!;
  // Handshake header and legacy_version are six octets; a real hello has many more.
  if (length < 6 || length > 16_384) return { kind: 'other' };
  if (handshake !== undefined && handshake !== CLIENT_HELLO) return { kind: 'other' };
  if (bytes.length < 5 + length) return { kind: 'incomplete' };
  if (bytes[9] !== 3) return { kind: 'other' };
  return { kind: 'client-hello', version: Math.min(3, Math.max(1, bytes[10]!)) };
}

/** RFC 8446 §6: level fatal (2), access_denied (49): «decided not to proceed with negotiation». */
export function accessDeniedAlert(version: number): Uint8Array {
  return Uint8Array.of(21, 3, version, 0, 2, 2, 49);
}
