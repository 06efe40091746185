// N11, N01 at random: a genuine answer with anything changed is none.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeReply } from '../../../../src/adapters/enforcer/radius/replies.ts';
import { decodePacket } from '../../../../src/protocols/radius/codec.ts';
import { buildDynamicRequest } from '../../../../src/protocols/radius/dynamic.ts';
import { runs } from '../../../runs.ts';
import { errorCause, reply, SECRET } from './loopback-nas.ts';

const request = buildDynamicRequest({ code: 43, identifier: 7, attributes: [], secret: SECRET });
const packet = decodePacket(request);
if (!packet.ok) throw new Error('our own request cannot be decoded');
const genuine = reply({ packet: packet.value }, { code: 45, attributes: [errorCause(503)], isSigned: true });

function judged(datagram: Uint8Array): unknown {
  const read = decodePacket(datagram);
  return read.ok ? judgeReply(read.value, { bytes: request, secret: SECRET }, false) : read;
}

test('the genuine one is an answer, with octets behind it as well', () => {
  for (const padding of [0, 5])
    expect(judged(Buffer.concat([genuine, Buffer.alloc(padding)]))).toMatchObject({
      ok: true,
      value: { kind: 'nak', errorCause: 503 },
    });
});

test('with one bit turned, cut, or of random octets it is none', () => {
  const bit = fc.nat(genuine.length * 8 - 1).map((at) => {
    const turned = genuine.slice();
    turned[at >> 3]! ^= 1 << (at & 7);
    return turned;
  });
  const cut = fc.nat(genuine.length - 1).map((length) => genuine.slice(0, length));
  const random = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(fc.oneof(bit, cut, random), (datagram) => {
      expect(judged(datagram)).toMatchObject({ ok: false });
    }),
    { numRuns: runs(1000) },
  );
});
