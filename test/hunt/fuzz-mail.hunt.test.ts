// Long fuzzing of what strangers send packed – mails, archives, XML, signatures – through the real process: whatever comes, it
// answers with parts or a reason within its bounds, the process is there for the next one, and ours never throws.
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { ProcessUnpacker } from '../../src/adapters/unpacker/process/unpacker.ts';
import { dkimKey, signedMail } from '../peers/signed-mail.ts';
import { runs } from '../runs.ts';
import { zipFile } from '../unpack/zip-file.ts';

const unpacker = new ProcessUnpacker({ wallMs: 10_000 });
afterAll(() => unpacker.close());

const key = dkimKey('cert.example');
const zip = zipFile({ name: 'd/a.csv', content: 'a,b\n1,2\n'.repeat(50) }, { name: 'b', content: 'c', method: 0 });
const seeds = {
  mail: await signedMail({
    key,
    attachments: [
      { filename: 'a.csv', content: 'a,b' },
      { filename: 'a.csv.zip', content: zip },
    ],
  }),
  zip,
  xml: Buffer.from('<?xml version="1.0"?><!-- c --><a b="c"><![CDATA[d]]>&amp;<e>f</e></a>'),
};

const pieces = fc.constantFrom(
  ...[
    '\r\n',
    '\r\n\r\n',
    '--',
    ';',
    '"',
    '(',
    ')',
    '=?utf-8?b?',
    '?=',
    'Content-Type: multipart/mixed; boundary=x\r\n',
    '\r\n--x\r\n',
  ],
  ...[
    'DKIM-Signature: v=1; a=rsa-sha256; d=cert.example; s=s1; h=from; bh=; b=\r\n',
    'l=0; ',
    'PK\x03\x04',
    'PK\x01\x02',
    'PK\x05\x06',
  ],
  ...['<!DOCTYPE', '<', '>', '&', ']]>', '\0', '\xff\xfe', '\xff'.repeat(8), 'A'.repeat(5000), '('.repeat(3000)],
);
const change = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('set', 'cut', 'double', 'insert', 'move'),
  text: pieces,
  byte: fc.nat(255),
  length: fc.nat(400),
});

function mutated(
  seed: Buffer,
  changes: readonly { at: number; kind: string; text: string; byte: number; length: number }[],
) {
  let bytes = Buffer.from(seed);
  for (const one of changes) {
    const at = one.at % (bytes.length + 1);
    const [head, part, tail] = [
      bytes.subarray(0, at),
      bytes.subarray(at, at + one.length),
      bytes.subarray(at + one.length),
    ];
    if (one.kind === 'set' && at < bytes.length) bytes[at] = one.byte;
    if (one.kind === 'cut') bytes = Buffer.concat([head, tail]);
    if (one.kind === 'double') bytes = Buffer.concat([head, part, part, tail]);
    if (one.kind === 'insert') bytes = Buffer.concat([head, Buffer.from(one.text, 'latin1'), bytes.subarray(at)]);
    if (one.kind === 'move') bytes = Buffer.concat([part, head, tail]);
  }
  return bytes;
}

test.each(Object.entries(seeds))('whatever became of a %s is answered, twice the same', async (_, seed) => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
      const bytes = mutated(seed, changes);
      const at = { now: 1_772_600_000_000, keys: { [key.name]: [key.record] } };
      for (const ask of [
        () => unpacker.mail(bytes),
        () => unpacker.zip(bytes, 'mail'),
        () => unpacker.xml(bytes),
        () => unpacker.dkim(bytes, at),
      ]) {
        const [first, second] = [await ask(), await ask()];
        if (!first.ok) expect(first.error.code).toMatch(/^[a-z-]+$/);
        if (!first.ok) expect(['unpacker-fell', 'unpacker-broken']).not.toContain(first.error.code);
        expect(second).toEqual(first);
      }
    }),
    { numRuns: runs(300) },
  );
});
