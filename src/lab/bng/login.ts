// A simulated BNG asks its AAA server about a home that dials in: Access-Request with PAP (RFC 2865 §5.2) and Message-Authenticator
// (RFC 3579 §3.2), the same octets again until it is answered or given up.
import { createHash, randomBytes } from 'node:crypto';
import { MESSAGE_AUTHENTICATOR } from '../../protocols/radius/attributes.ts';
import { replyFault, signRandomRequest } from '../../protocols/radius/authenticator.ts';
import { type Attribute, CODE, encodePacket } from '../../protocols/radius/codec.ts';
import type { RadiusCaller } from './caller.ts';

const USER_PASSWORD = 2;
const ANSWERS: readonly number[] = [CODE.accessAccept, CODE.accessReject, CODE.accessChallenge];
export const WAITS_MS: readonly number[] = [1000, 2000, 3000];

export type LoginOutcome =
  | { readonly kind: 'accept'; readonly attributes: readonly Attribute[] }
  | { readonly kind: 'reject' }
  | { readonly kind: 'unanswered' };

export interface LoginOptions {
  readonly attributes: readonly Attribute[];
  readonly password: string;
  /** An answer without Message-Authenticator does not count (BlastRADIUS). */
  readonly requireMessageAuthenticator: boolean;
  /** One octet-identical transmission per entry. */
  readonly waitsMs: readonly number[];
}

export async function askLogin(caller: RadiusCaller, options: LoginOptions): Promise<LoginOutcome> {
  const { secret } = caller;
  const { requireMessageAuthenticator } = options;
  const answer = await caller.ask({
    build: (identifier) => accessRequest(identifier, options, secret),
    isAnswer: (packet, question) =>
      ANSWERS.includes(packet.code) &&
      replyFault(packet, question.subarray(4, 20), secret, { requireMessageAuthenticator }) === undefined,
    waitsMs: options.waitsMs,
  });
  if (answer === undefined) return { kind: 'unanswered' };
  return answer.code === CODE.accessAccept ? { kind: 'accept', attributes: answer.attributes } : { kind: 'reject' };
}

function accessRequest(identifier: number, options: LoginOptions, secret: Uint8Array): Uint8Array {
  const authenticator = randomBytes(16);
  const bytes = encodePacket({
    code: CODE.accessRequest,
    identifier,
    attributes: [
      { type: MESSAGE_AUTHENTICATOR, value: new Uint8Array(16) },
      ...options.attributes,
      { type: USER_PASSWORD, value: hidden(options.password, authenticator, secret) },
    ],
  });
  return signRandomRequest(bytes, authenticator, secret);
}

/** RFC 2865 §5.2: blocks of sixteen octets, each hidden by a digest over the one before. */
function hidden(password: string, authenticator: Uint8Array, secret: Uint8Array): Uint8Array {
  const plain = Buffer.from(password, 'utf8');
  const padded = Buffer.alloc(Math.max(16, Math.ceil(plain.length / 16) * 16));
  padded.set(plain);
  let before = authenticator;
  for (let at = 0; at < padded.length; at += 16) {
    const mask = createHash('md5').update(secret).update(before).digest();
    for (let i = 0; i < 16; i++) padded[at + i] = padded[at + i]! ^ mask[i]!;
    before = padded.subarray(at, at + 16);
  }
  return padded;
}
