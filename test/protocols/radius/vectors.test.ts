import { describe, expect, it } from 'vitest';
import { replyFault, requestFault } from '../../../src/protocols/radius/authenticator.ts';
import { decodePacket, encodePacket } from '../../../src/protocols/radius/codec.ts';
import { describeVector, type Vector, vectorsOf } from './tools/vectors.ts';

const FILES = ['rfc.txt', 'dynamic.txt', 'access.txt', 'malformed.txt'];
const signed = FILES.flatMap(vectorsOf).filter(({ expected }) =>
  expected.some((line) => line.startsWith('= Message-Authenticator')),
);

describe('RADIUS packets of others', () => {
  for (const file of FILES)
    it.each(vectorsOf(file))(`reads «$title» of ${file} as the vector says`, (vector) => {
      expect(describeVector(vector)).toEqual(vector.expected);
    });

  it('finds every single turned bit of a packet with Message-Authenticator, in requests and in replies', () => {
    expect(signed.length).toBeGreaterThan(15);
    for (const vector of signed)
      for (let bit = 0; bit < vector.octets.length * 8; bit++)
        expect(isGenuine(vector, turned(vector.octets, bit)), `${vector.title}, bit ${bit}`).toBe(false);
  });

  it('N01: an answer without the Message-Authenticator that was demanded, with another secret or to another request is none', () => {
    const [plain] = vectorsOf('dynamic.txt').filter((one) => one.title.startsWith('CoA-NAK with a cause'));
    const packet = decoded(plain!.octets);
    const [answers, secret] = [plain!.answers!, Buffer.from(plain!.secret)];
    expect(replyFault(packet, answers, secret)).toBeUndefined();
    expect(replyFault(packet, answers, secret, { requireMessageAuthenticator: true })).toBe(
      'message-authenticator-missing',
    );
    expect(replyFault(packet, answers, Buffer.from('another-secret'))).toBe('response-authenticator');
    expect(replyFault(packet, turned(answers, 0), secret)).toBe('response-authenticator');
  });

  it('N11: four thousand attributes are refused, by their octets or by their number', () => {
    const attributes = Array.from({ length: 2038 }, () => ({ type: 1, value: new Uint8Array(0) }));
    const most = encodePacket({ code: 43, identifier: 1, attributes });
    expect(decodePacket(most)).toMatchObject({ ok: false, error: { kind: 'too-many-attributes' } });
    const beyond = new Uint8Array(20 + 2 * 4000);
    beyond.set([43, 1, beyond.length >> 8, beyond.length & 255]);
    expect(decodePacket(beyond)).toMatchObject({ ok: false, error: { kind: 'length-field' } });
  });
});

function decoded(octets: Uint8Array) {
  const packet = decodePacket(octets);
  if (!packet.ok) throw new Error(packet.error.kind);
  return packet.value;
}

function isGenuine({ answers, secret }: Vector, octets: Uint8Array): boolean {
  const packet = decodePacket(octets);
  if (!packet.ok) return false;
  const [key, demands] = [Buffer.from(secret), { requireMessageAuthenticator: true }];
  const fault =
    answers === undefined ? requestFault(packet.value, key, demands) : replyFault(packet.value, answers, key, demands);
  return fault === undefined;
}

function turned(octets: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(octets);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
