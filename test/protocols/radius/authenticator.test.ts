import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  replyFault,
  requestFault,
  signAccountingResponse,
  signRandomRequest,
  signReply,
  signRequest,
} from '../../../src/protocols/radius/authenticator.ts';
import { type Attribute, CODE, decodePacket, encodePacket } from '../../../src/protocols/radius/codec.ts';
import { runs } from '../../runs.ts';

const ZEROS = Buffer.alloc(16);
const QUESTION = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const SECRET = Buffer.from('engawa-test');
const PLACE: Attribute = { type: 80, value: new Uint8Array(16) };

describe('authenticators', () => {
  it('are the digests of RFC 2104 and RFC 1321 over what each kind of packet says, with a secret of any length', () => {
    const content = fc.record({
      secret: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.uint8Array({ minLength: 60, maxLength: 200 }),
      ),
      before: fc.uint8Array({ maxLength: 253 }),
      after: fc.uint8Array({ maxLength: 253 }),
    });
    fc.assert(
      fc.property(content, ({ secret, before, after }) => {
        const packet = (code: number) =>
          encodePacket({
            code,
            identifier: 9,
            attributes: [{ type: 11, value: before }, PLACE, { type: 11, value: after }],
          });
        const at = 20 + 2 + before.length + 2;
        const wanted = (code: number, inHmac: Buffer, inDigest: Buffer) => {
          const bytes = Buffer.from(packet(code));
          bytes.set(inHmac, 4);
          bytes.set(createHmac('md5', secret).update(bytes).digest(), at);
          bytes.set(inDigest, 4);
          bytes.set(createHash('md5').update(bytes).update(secret).digest(), 4);
          return bytes.toString('hex');
        };
        const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
        expect(hex(signRequest(packet(43), secret))).toBe(wanted(43, ZEROS, ZEROS));
        expect(hex(signReply(packet(44), QUESTION, secret))).toBe(wanted(44, QUESTION, QUESTION));
        expect(hex(signAccountingResponse(packet(5), QUESTION, secret))).toBe(wanted(5, ZEROS, QUESTION));
        const random = decoded(signRandomRequest(packet(1), QUESTION, secret));
        expect(hex(random.authenticator)).toBe(hex(QUESTION));
        expect(requestFault(random, secret, { requireMessageAuthenticator: true })).toBeUndefined();
      }),
      { numRuns: runs(100) },
    );
  });

  it('are filled in whatever stood there before, and are the same the second time', () => {
    const bytes = encodePacket({ code: 43, identifier: 9, attributes: [{ type: 80, value: Buffer.alloc(16, 7) }] });
    bytes.fill(9, 4, 20);
    const first = Buffer.from(signRequest(bytes, SECRET));
    expect(Buffer.from(signRequest(bytes, SECRET))).toEqual(first);
    expect(requestFault(decoded(bytes), SECRET)).toBeUndefined();
  });

  it('of an Access-Request without Message-Authenticator say nothing, unless one is demanded', () => {
    const bytes = encodePacket({ code: CODE.accessRequest, identifier: 9, attributes: [] });
    const packet = decoded(signRandomRequest(bytes, QUESTION, SECRET));
    expect(requestFault(packet, Buffer.from('another-secret'))).toBeUndefined();
    expect(requestFault(packet, SECRET, { requireMessageAuthenticator: true })).toBe('message-authenticator-missing');
  });

  it('over zeros are taken in answers to CoA, Disconnect and accounting, and in none to an Access-Request', () => {
    const answer = (code: number) =>
      decoded(signAccountingResponse(encodePacket({ code, identifier: 9, attributes: [PLACE] }), QUESTION, SECRET));
    for (const code of [5, 41, 42, 44, 45])
      expect(replyFault(answer(code), QUESTION, SECRET), String(code)).toBeUndefined();
    for (const code of [2, 3, 11]) expect(replyFault(answer(code), QUESTION, SECRET)).toBe('message-authenticator');
  });

  it('of two Message-Authenticators are a fault, though both be right', () => {
    const bytes = encodePacket({ code: 44, identifier: 9, attributes: [PLACE, PLACE] });
    expect(replyFault(decoded(signReply(bytes, QUESTION, SECRET)), QUESTION, SECRET)).toBe('message-authenticator');
  });
});

function decoded(bytes: Uint8Array) {
  const packet = decodePacket(bytes);
  if (!packet.ok) throw new Error(packet.error.kind);
  return packet.value;
}
