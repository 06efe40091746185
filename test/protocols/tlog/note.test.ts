import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/protocols/tlog/canonical.ts';
import { openCheckpoint, signCheckpoint } from '../../../src/protocols/tlog/checkpoint.ts';
import { formatNoteKey, parseNoteKey, publicKeyOf } from '../../../src/protocols/tlog/note.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const key = { name: 'log.example/audit', publicKey: publicKeyOf(privateKey) };
const checkpoint = { size: 42, root: Buffer.alloc(32, 7) };

describe('checkpoint as a signed note', () => {
  test('has the three lines, an empty one and one signature line', () => {
    const lines = signCheckpoint(checkpoint, key, privateKey).split('\n');
    expect(lines.slice(0, 4)).toEqual(['log.example/audit', '42', checkpoint.root.toString('base64'), '']);
    expect(lines[4]).toMatch(/^— log\.example\/audit [A-Za-z0-9+/]{91}=$/);
    expect(lines.slice(5)).toEqual(['']);
  });

  test('opens with its key and with no other', () => {
    const note = signCheckpoint(checkpoint, key, privateKey);
    expect(openCheckpoint(note, key)).toEqual({ ok: true, value: checkpoint });
    const other = { name: key.name, publicKey: publicKeyOf(generateKeyPairSync('ed25519').privateKey) };
    expect(openCheckpoint(note, other)).toEqual({ ok: false, error: 'signed by another key' });
  });

  test('a known seed gives a known key line: the C2SP form does not drift', () => {
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]);
    const seeded = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const known = { name: 'example.com/foo', publicKey: publicKeyOf(seeded) };
    expect(known.publicKey.toString('hex')).toBe('8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c');
    expect(parseNoteKey(formatNoteKey(known))).toEqual(known);
  });

  test('no text makes the parsers throw, not even one that is nearly right', () => {
    const near = [signCheckpoint(checkpoint, key, privateKey), formatNoteKey(key)];
    const edit = fc.record({ of: fc.nat(1), at: fc.nat(160), insert: fc.string({ maxLength: 8 }), remove: fc.nat(8) });
    fc.assert(
      fc.property(edit, ({ of, at, insert, remove }) => {
        const text = near[of]!.slice(0, at) + insert + near[of]!.slice(at + remove);
        fc.pre(!near.includes(text));
        expect(openCheckpoint(text, key).ok).toBe(false);
        expect(parseNoteKey(text)).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });
});

describe('canonical JSON', () => {
  test('sorts keys by code units, drops undefined, writes numbers and escapes as RFC 8785 does', () => {
    expect(canonicalJson({ b: 1, a: [1e21, -0, 0.1], '€': undefined, ö: '\u001f"' })).toBe(
      '{"a":[1e+21,0,0.1],"b":1,"ö":"\\u001f\\""}',
    );
  });

  test('any JSON value survives, and its text does not depend on the order of keys', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string(), fc.boolean()), { maxKeys: 6 }),
        (value) => {
          const text = canonicalJson(value);
          expect(canonicalJson(JSON.parse(text))).toBe(text);
          expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(text);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('what JSON cannot say is refused', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow();
    expect(() => canonicalJson('\ud800')).toThrow();
  });
});
