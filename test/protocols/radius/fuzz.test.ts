// Whatever comes from a network: no input may throw, and what is shown of a packet can be sent again. Inputs are the vectors and
// the corpus, mangled; the corpus holds one packet of each kind of outcome that mangling them ever reached.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessReply, passwordFits, readAccess } from '../../../src/protocols/radius/access.ts';
import { readAccounting } from '../../../src/protocols/radius/accounting.ts';
import { replyFault, requestFault } from '../../../src/protocols/radius/authenticator.ts';
import { decodePacket } from '../../../src/protocols/radius/codec.ts';
import { readDynamicReply } from '../../../src/protocols/radius/dynamic.ts';
import { decodeNamed, encodeNamed } from '../../../src/protocols/radius/named.ts';
import { runs } from '../../runs.ts';
import { vectorsOf } from './tools/vectors.ts';

const SECRET = Buffer.from('engawa-test');
const FOLDER = new URL('../../vectors/radius/corpus/', import.meta.url);
const corpus = readdirSync(FOLDER).flatMap((file) => hexLines(readFileSync(new URL(file, FOLDER), 'utf8')));
const seeds = [
  ...corpus,
  ...['accounting.txt', 'rfc.txt', 'dynamic.txt', 'access.txt', 'malformed.txt']
    .flatMap(vectorsOf)
    .map((one) => one.octets),
];

describe('octets from anywhere', () => {
  it('are read without a throw, and what is shown of them can be sent again: the corpus', () => {
    expect(corpus.length).toBeGreaterThan(50);
    for (const octets of seeds) readEverything(octets);
  });

  it('are read without a throw, and what is shown of them can be sent again: packets mangled', () => {
    fc.assert(fc.property(mangled(), readEverything), { numRuns: runs(3000) });
  });

  it('are read without a throw, and what is shown of them can be sent again: attributes of any content', () => {
    const attribute = fc.record({ type: fc.nat(255), value: fc.uint8Array({ maxLength: 253 }) });
    const vendor = fc
      .tuple(fc.constantFrom(9, 429, 2352, 3561, 4846, 4874, 6527, 8164, 14559), fc.uint8Array({ maxLength: 40 }))
      .map(([number, rest]) => ({ type: 26, value: Buffer.from([0, 0, number >> 8, number & 255, ...rest]) }));
    fc.assert(fc.property(fc.array(fc.oneof(attribute, vendor), { maxLength: 20 }), isShownInFull), {
      numRuns: runs(1000),
    });
  });
});

function readEverything(octets: Uint8Array): void {
  const decoded = decodePacket(octets);
  if (!decoded.ok) return;
  const packet = decoded.value;
  requestFault(packet, SECRET);
  replyFault(packet, new Uint8Array(16), SECRET, { requireMessageAuthenticator: true });
  readDynamicReply(packet);
  readAccounting(packet);
  const access = readAccess(packet, SECRET);
  if (access.ok) passwordFits(access.value.credentials, SECRET);
  accessReply({ code: 2, request: packet, attributes: packet.attributes, secret: SECRET });
  isShownInFull(packet.attributes);
}

/** Nothing is lost on the way: shown, encoded and shown again it is the same, unless encoding refuses it for a reason known. */
function isShownInFull(attributes: Parameters<typeof decodeNamed>[0]): void {
  const shown = decodeNamed(attributes);
  const encoded = encodeNamed(shown);
  if (encoded.ok) expect(decodeNamed(encoded.value)).toEqual(shown);
  else expect(encoded.error.text).toMatch(/a packet has room|hidden with the secret|added to every packet|for proxies/);
}

function mangled(): fc.Arbitrary<Uint8Array> {
  const change = fc.oneof(
    fc.record({ how: fc.constant('octet' as const), at: fc.nat(), to: fc.oneof(fc.nat(255), fc.nat(3)) }),
    fc.record({ how: fc.constant('cut' as const), at: fc.nat(), to: fc.nat(40) }),
    fc.record({ how: fc.constant('double' as const), at: fc.nat(), to: fc.nat(40) }),
  );
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 6 }), fc.boolean())
    .map(([seed, changes, honest]) => {
      const octets = changes.reduce(changed, Buffer.from(seed));
      // Otherwise most end at the length field.
      if (honest && octets.length >= 20 && octets.length <= 4096) octets.writeUInt16BE(octets.length, 2);
      return octets;
    });
}

function changed(octets: Buffer, change: { how: 'octet' | 'cut' | 'double'; at: number; to: number }): Buffer {
  const at = change.at % Math.max(1, octets.length);
  switch (change.how) {
    case 'octet':
      if (octets.length > 0) octets[at] = change.to;
      return octets;
    case 'cut':
      return Buffer.concat([octets.subarray(0, at), octets.subarray(at + change.to)]);
    case 'double':
      return Buffer.concat([octets.subarray(0, at + change.to), octets.subarray(at)]);
  }
}

function hexLines(text: string): Buffer[] {
  return text.split('\n').flatMap((line) => (/^(?:[0-9a-f]{2})+$/.test(line) ? [Buffer.from(line, 'hex')] : []));
}
