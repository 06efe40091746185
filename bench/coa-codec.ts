// CoA in process: a dialect's attributes encoded, signed, and the signed answer decoded and verified. Beside it, in the same run,
// the bare digests of the same octets: what remains is what our code costs.
import { createHmac, hash } from 'node:crypto';
import type { NamedAttribute } from '../src/core/dialect/dialect.ts';
import { replyFault, signReply } from '../src/protocols/radius/authenticator.ts';
import { decodePacket, encodePacket } from '../src/protocols/radius/codec.ts';
import { buildDynamicRequest, readDynamicReply } from '../src/protocols/radius/dynamic.ts';
import { encodeNamed } from '../src/protocols/radius/named.ts';
import { report } from './lib/report.ts';

const SECRET = Buffer.from('engawa-bench-secret');
const ROUNDS = 40_000;
const TIMES = 5;
const CHANGE: readonly NamedAttribute[] = [
  { name: 'Acct-Session-Id', value: '0000A1B2C3' },
  { name: 'NAS-Identifier', value: 'bng1.example.net' },
  { name: 'ERX-Service-Activate', tag: 1, value: 'garden-v4(192.0.2.1)' },
  { name: 'ERX-Service-Activate', tag: 2, value: 'garden-v6(2001:db8::1)' },
];

const sample = request(1);
const answer = replyTo(sample);

const whole = best(() => {
  const bytes = request(1);
  const reply = decodePacket(answer);
  if (!reply.ok || readDynamicReply(reply.value)?.kind !== 'ack') throw new Error('no answer');
  if (replyFault(reply.value, sample.subarray(4, 20), SECRET) !== undefined) throw new Error('own answer refused');
  return bytes.length;
});
const encode = best(() => request(1).length);
const bare = best(() => digests(sample) + digests(answer));

report('coa-codec', [
  {
    what: 'encode, sign, verify',
    value: whole,
    unit: '/s',
    baseline: { what: 'the digests alone', value: bare },
    ratio: whole / bare,
    goal: '≥ 50,000/s',
  },
  { what: 'encode, sign', value: encode, unit: '/s' },
]);

function request(identifier: number): Uint8Array {
  const encoded = encodeNamed(CHANGE);
  if (!encoded.ok) throw new Error(encoded.error.text);
  const eventTimestampSeconds = 1_795_000_000;
  return buildDynamicRequest({
    code: 43,
    identifier,
    attributes: encoded.value,
    secret: SECRET,
    eventTimestampSeconds,
  });
}

function replyTo(octets: Uint8Array): Uint8Array {
  const attributes = [{ type: 80, value: new Uint8Array(16) }];
  return signReply(encodePacket({ code: 44, identifier: 1, attributes }), octets.subarray(4, 20), SECRET);
}

/** One HMAC and one MD5 over these octets, as every signing and every verifying takes. */
function digests(octets: Uint8Array): number {
  return createHmac('md5', SECRET).update(octets).digest().length + hash('md5', octets, 'buffer').length;
}

/** Per second, the best of several turns: the machine has other things to do. */
function best(work: () => number): number {
  const rates = Array.from({ length: TIMES }, () => {
    const start = performance.now();
    let sum = 0;
    for (let i = 0; i < ROUNDS; i++) sum += work();
    if (sum === 0) throw new Error('nothing was done');
    return (ROUNDS * 1000) / (performance.now() - start);
  });
  return Math.max(...rates);
}
