// Is this datagram the answer to that request: genuine, and of a code that fits. Everything else has a word, by which it is
// counted; waiting goes on.
import type { Result } from '../../../core/kernel/result.ts';
import { err, ok } from '../../../core/kernel/result.ts';
import { replyFault } from '../../../protocols/radius/authenticator.ts';
import { CODE, type Packet } from '../../../protocols/radius/codec.ts';
import { type DynamicReply, readDynamicReply } from '../../../protocols/radius/dynamic.ts';

/** What arrives where answers arrive and is none. */
export const BAD_REPLIES = [
  'foreign-source',
  'malformed',
  'unknown-identifier',
  'bad-authenticator',
  'message-authenticator-missing',
  'wrong-code',
] as const;
export type BadReply = (typeof BAD_REPLIES)[number];

const ANSWERS: Readonly<Record<number, readonly number[]>> = {
  [CODE.disconnectRequest]: [CODE.disconnectAck, CODE.disconnectNak],
  [CODE.coaRequest]: [CODE.coaAck, CODE.coaNak],
};

export function judgeReply(
  reply: Packet,
  request: { readonly bytes: Uint8Array; readonly secret: Uint8Array },
  requireMessageAuthenticator: boolean,
): Result<DynamicReply, BadReply> {
  const { bytes, secret } = request;
  const fault = replyFault(reply, bytes.subarray(4, 20), secret, { requireMessageAuthenticator });
  if (fault !== undefined) return err(fault === 'message-authenticator-missing' ? fault : 'bad-authenticator');
  const read = readDynamicReply(reply);
  if (read === undefined || !ANSWERS[bytes[0]!]!.includes(reply.code)) return err('wrong-code');
  return ok(read);
}
