// Access-Request and its answers as a small AAA server reads and writes them (RFC 2865): PAP and CHAP. Who may come in, and
// with which attributes, is decided elsewhere; whether a request without Message-Authenticator is read at all, by requestFault.
import { hash, timingSafeEqual } from 'node:crypto';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { MESSAGE_AUTHENTICATOR, PROXY_STATE } from './attributes.ts';
import { signReply } from './authenticator.ts';
import { type Attribute, CODE, encodePacket, type Packet } from './codec.ts';

const USER_NAME = 1;
const USER_PASSWORD = 2;
const CHAP_PASSWORD = 3;
const CHAP_CHALLENGE = 60;
const EAP_MESSAGE = 79;

export type Credentials =
  | { readonly kind: 'pap'; readonly password: Uint8Array }
  | {
      readonly kind: 'chap';
      readonly identifier: number;
      readonly response: Uint8Array;
      readonly challenge: Uint8Array;
    }
  /** Nothing to check: a request to authorize a line by its port, say. */
  | { readonly kind: 'none' }
  | { readonly kind: 'eap' };

export interface AccessRequest {
  readonly userName: Uint8Array;
  readonly credentials: Credentials;
}

export type AccessError = 'not-access' | 'user-name' | 'user-password' | 'chap' | 'two-credentials';

export function readAccess(packet: Packet, secret: Uint8Array): Result<AccessRequest, AccessError> {
  if (packet.code !== CODE.accessRequest) return err('not-access');
  const names = valuesOf(packet, USER_NAME);
  if (names.length !== 1 || names[0]!.length === 0) return err('user-name');
  const credentials = readCredentials(packet, secret);
  return credentials.ok ? ok({ userName: names[0]!, credentials: credentials.value }) : credentials;
}

/** One kind, once (RFC 2865 §4.1): of two passwords the wrong one could be the one that is checked. */
function readCredentials(packet: Packet, secret: Uint8Array): Result<Credentials, AccessError> {
  const passwords = valuesOf(packet, USER_PASSWORD);
  const responses = valuesOf(packet, CHAP_PASSWORD);
  const eap = valuesOf(packet, EAP_MESSAGE).length > 0 ? 1 : 0;
  if (passwords.length + responses.length + eap > 1) return err('two-credentials');
  if (eap === 1) return ok({ kind: 'eap' });
  if (passwords.length === 1) {
    const password = revealed(passwords[0]!, packet.authenticator, secret);
    return password === undefined ? err('user-password') : ok({ kind: 'pap', password });
  }
  if (responses.length === 1) return readChap(responses[0]!, packet);
  return ok({ kind: 'none' });
}

/** RFC 2865 §5.3. The challenge is the Request Authenticator where no CHAP-Challenge says otherwise. */
function readChap(value: Uint8Array, packet: Packet): Result<Credentials, AccessError> {
  const challenges = valuesOf(packet, CHAP_CHALLENGE);
  const challenge = challenges[0] ?? packet.authenticator;
  if (value.length !== 17 || challenges.length > 1 || challenge.length === 0) return err('chap');
  return ok({ kind: 'chap', identifier: value[0]!, response: value.subarray(1), challenge });
}

/** RFC 2865 §5.2: blocks of 16 octets, each hidden with the one before; what was added to fill the last is NUL. */
function revealed(value: Uint8Array, authenticator: Uint8Array, secret: Uint8Array): Uint8Array | undefined {
  if (value.length < 16 || value.length > 128 || value.length % 16 !== 0) return undefined;
  const plain = new Uint8Array(value.length);
  for (let at = 0; at < value.length; at += 16) {
    const before = at === 0 ? authenticator : value.subarray(at - 16, at);
    const mask = hash('md5', Buffer.concat([secret, before]), 'buffer');
    for (let i = 0; i < 16; i++) plain[at + i] = value[at + i]! ^ mask[i]!;
  }
  return plain.subarray(0, plain.findLastIndex((octet) => octet !== 0) + 1);
}

/** In constant time. An empty password fits nothing, and what is not PAP or CHAP has no password to fit. */
export function passwordFits(credentials: Credentials, password: Uint8Array): boolean {
  if (password.length === 0) return false;
  switch (credentials.kind) {
    case 'pap':
      // Digests, for the lengths may differ.
      return timingSafeEqual(hash('sha256', credentials.password, 'buffer'), hash('sha256', password, 'buffer'));
    case 'chap': {
      const { identifier, response, challenge } = credentials;
      const wanted = hash('md5', Buffer.concat([Uint8Array.of(identifier), password, challenge]), 'buffer');
      return timingSafeEqual(wanted, response);
    }
    case 'none':
    case 'eap':
      return false;
  }
}

/**
 * Message-Authenticator first, asked for or not: it keeps an attacker on the way from making another answer of this one
 * (CVE-2024-3596). Every Proxy-State is copied, in order (RFC 2865 §5.33). undefined = more than a packet holds, and the
 * request's Proxy-States can be the reason.
 */
export function accessReply(answer: {
  readonly code: typeof CODE.accessAccept | typeof CODE.accessReject;
  readonly request: Packet;
  readonly attributes: readonly Attribute[];
  readonly secret: Uint8Array;
}): Uint8Array | undefined {
  const { code, request } = answer;
  const attributes = [
    { type: MESSAGE_AUTHENTICATOR, value: new Uint8Array(16) },
    ...answer.attributes,
    ...request.attributes.filter((one) => one.type === PROXY_STATE),
  ];
  if (attributes.reduce((sum, one) => sum + 2 + one.value.length, 20) > 4096) return undefined;
  const bytes = encodePacket({ code, identifier: request.identifier, attributes });
  return signReply(bytes, request.authenticator, answer.secret);
}

/** RFC 5997 §3: an Access-Accept with nothing in it says that the server is there. */
export function statusReply(request: Packet, secret: Uint8Array): Uint8Array | undefined {
  return accessReply({ code: CODE.accessAccept, request, attributes: [], secret });
}

function valuesOf(packet: Packet, type: number): readonly Uint8Array[] {
  return packet.attributes.filter((one) => one.type === type).map((one) => one.value);
}
