// Who may have written this packet: Request and Response Authenticator (RFC 2866 §3) and Message-Authenticator
// (RFC 3579 §3.2, for accounting RFC 5080 §2.2.2). Every comparison takes constant time.
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { MESSAGE_AUTHENTICATOR } from './attributes.ts';
import { offsetOf, type Packet } from './codec.ts';

export type AuthenticityError = 'request-authenticator' | 'message-authenticator';

const ZEROS = new Uint8Array(16);
const INPUT = Buffer.alloc(8192);
const DIGEST = Buffer.alloc(16);

/** undefined = genuine. For requests whose authenticator is a checksum: Accounting, CoA, Disconnect. */
export function requestFault(packet: Packet, secret: Uint8Array): AuthenticityError | undefined {
  if (!timingSafeEqual(md5(packet.bytes, ZEROS, secret), packet.authenticator)) return 'request-authenticator';
  const at = offsetOf(packet.bytes, MESSAGE_AUTHENTICATOR);
  if (at < 0) return undefined;
  if (packet.bytes[at + 1] !== 18) return 'message-authenticator';
  const copy = packet.bytes.slice();
  copy.fill(0, 4, 20);
  copy.fill(0, at + 2, at + 18);
  const given = packet.bytes.subarray(at + 2, at + 18);
  return timingSafeEqual(hmac(copy, secret), given) ? undefined : 'message-authenticator';
}

/** Fills in the Message-Authenticator (when the packet has a place for it), then the Request Authenticator. In place. */
export function signRequest(bytes: Uint8Array, secret: Uint8Array): Uint8Array {
  bytes.fill(0, 4, 20);
  fillMessageAuthenticator(bytes, secret);
  bytes.set(md5(bytes, ZEROS, secret), 4);
  return bytes;
}

/**
 * Response Authenticator = MD5(header with the *request's* authenticator, attributes, secret) (RFC 2866 §3). In place.
 * No RFC says over which authenticator the HMAC of an Accounting-Response runs. FreeRADIUS takes sixteen zero octets here
 * and drops anything else, so that is what we send; CoA and Access replies differ (RFC 5176 §3.4, RFC 3579 §3.2).
 */
export function signAccountingResponse(
  bytes: Uint8Array,
  requestAuthenticator: Uint8Array,
  secret: Uint8Array,
): Uint8Array {
  bytes.fill(0, 4, 20);
  fillMessageAuthenticator(bytes, secret);
  bytes.set(md5(bytes, requestAuthenticator, secret), 4);
  return bytes;
}

function fillMessageAuthenticator(bytes: Uint8Array, secret: Uint8Array): void {
  const at = offsetOf(bytes, MESSAGE_AUTHENTICATOR);
  if (at >= 0) bytes.set(hmac(bytes, secret), at + 2);
}

/** Of the packet with this authenticator in its place, then the secret. The result is overwritten by the next call. */
function md5(packet: Uint8Array, authenticator: Uint8Array, secret: Uint8Array): Uint8Array {
  const { length } = packet;
  const input = length + secret.length <= INPUT.length ? INPUT : Buffer.alloc(length + secret.length);
  input.set(packet);
  input.set(authenticator, 4);
  input.set(secret, length);
  // As text into a place of our own: a Buffer per digest costs more than the digest (measured).
  DIGEST.write(hash('md5', input.subarray(0, length + secret.length), 'binary'), 'binary');
  return DIGEST;
}

function hmac(bytes: Uint8Array, secret: Uint8Array): Uint8Array {
  return createHmac('md5', secret).update(bytes).digest();
}
