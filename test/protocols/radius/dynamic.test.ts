import { describe, expect, it } from 'vitest';
import { replyFault, requestFault, signReply } from '../../../src/protocols/radius/authenticator.ts';
import { type Attribute, CODE, decodePacket, encodePacket } from '../../../src/protocols/radius/codec.ts';
import { buildDynamicRequest, ROOM, readDynamicReply } from '../../../src/protocols/radius/dynamic.ts';

const SECRET = Buffer.from('engawa-test');
const session: Attribute = { type: 44, value: Buffer.from('0000A1') };
const REQUEST = { code: 43, identifier: 7, attributes: [session], secret: SECRET } as const;

describe('a CoA or Disconnect request', () => {
  it('carries Message-Authenticator first and Event-Timestamp last, and is genuine', () => {
    for (const code of [CODE.coaRequest, CODE.disconnectRequest]) {
      const packet = decoded(buildDynamicRequest({ ...REQUEST, code, eventTimestampSeconds: 0xfffffffe }));
      expect(packet).toMatchObject({ code, identifier: 7 });
      expect(packet.attributes.map((one) => one.type)).toEqual([80, 44, 55]);
      expect([...packet.attributes[2]!.value]).toEqual([255, 255, 255, 254]);
      expect(requestFault(packet, SECRET, { requireMessageAuthenticator: true })).toBeUndefined();
      expect(requestFault(packet, Buffer.from('another-secret'))).toBe('request-authenticator');
    }
  });

  it('leaves Message-Authenticator out for a gateway that refuses it, and Event-Timestamp without a clock', () => {
    const packet = decoded(buildDynamicRequest({ ...REQUEST, messageAuthenticator: false }));
    expect(packet.attributes.map((one) => one.type)).toEqual([44]);
    expect(requestFault(packet, SECRET)).toBeUndefined();
    expect(requestFault(packet, SECRET, { requireMessageAuthenticator: true })).toBe('message-authenticator-missing');
  });

  it('holds as much as ROOM says, to the octet', () => {
    const full = Array.from({ length: 15 }, () => ({ type: 11, value: new Uint8Array(253) }));
    const rest = { type: 11, value: new Uint8Array(ROOM - 15 * 255 - 2) };
    const bytes = buildDynamicRequest({ ...REQUEST, attributes: [...full, rest], eventTimestampSeconds: 1 });
    expect(bytes).toHaveLength(4096);
  });

  it('is the same octets when it is built again from the same values', () => {
    const request = { ...REQUEST, eventTimestampSeconds: 1_795_000_000 };
    expect(buildDynamicRequest(request)).toEqual(buildDynamicRequest(request));
  });
});

describe('the answer to it', () => {
  it('is an ACK or a NAK by its code, with its cause, and with everything that came', () => {
    for (const [code, kind] of [
      [CODE.coaAck, 'ack'],
      [CODE.disconnectAck, 'ack'],
      [CODE.coaNak, 'nak'],
      [CODE.disconnectNak, 'nak'],
    ] as const) {
      const cause = { type: 101, value: Uint8Array.of(0, 0, 1, 0xf7) };
      const reply = readDynamicReply(answer(code, [session, cause]));
      expect(reply).toMatchObject({ kind, errorCause: 503 });
      expect(reply?.attributes.map((one) => one.type)).toEqual([44, 101]);
      expect(readDynamicReply(answer(code, []))).toEqual({ kind, attributes: [] });
    }
  });

  it('has no cause when that is not four octets, and the first one when there are two', () => {
    const cause = (...octets: number[]) => ({ type: 101, value: Uint8Array.from(octets) });
    expect(readDynamicReply(answer(45, [cause(1, 0xf7)]))).not.toHaveProperty('errorCause');
    expect(readDynamicReply(answer(45, [cause(), cause(0, 0, 1, 145), cause(0, 0, 1, 0xf7)]))?.errorCause).toBe(401);
  });

  it('is nothing when it answers something else', () => {
    for (const code of [0, 2, 3, 5, 40, 43, 255]) expect(readDynamicReply(answer(code, []))).toBeUndefined();
  });

  it('may carry a Message-Authenticator over the request’s authenticator, and then it counts', () => {
    const request = buildDynamicRequest({ ...REQUEST, eventTimestampSeconds: 1 });
    const authenticator = request.slice(4, 20);
    const attributes = [{ type: 80, value: new Uint8Array(16) }, session];
    const bytes = signReply(encodePacket({ code: 44, identifier: 7, attributes }), authenticator, SECRET);
    expect(replyFault(decoded(bytes), authenticator, SECRET, { requireMessageAuthenticator: true })).toBeUndefined();
    const spoilt = encodePacket({
      code: 44,
      identifier: 7,
      attributes: [{ type: 81, value: new Uint8Array(16) }, session],
    });
    signReply(spoilt, authenticator, SECRET);
    expect(replyFault(decoded(spoilt), authenticator, SECRET)).toBeUndefined();
    expect(replyFault(decoded(spoilt), authenticator, SECRET, { requireMessageAuthenticator: true })).toBe(
      'message-authenticator-missing',
    );
  });
});

function decoded(bytes: Uint8Array) {
  const packet = decodePacket(bytes);
  if (!packet.ok) throw new Error(packet.error.kind);
  return packet.value;
}

function answer(code: number, attributes: readonly Attribute[]) {
  return decoded(encodePacket({ code, identifier: 7, attributes }));
}
