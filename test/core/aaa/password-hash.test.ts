import { describe, expect, test } from 'vitest';
import { formatPasswordHash, parsePasswordHash } from '../../../src/core/aaa/password-hash.ts';

const SALT = 'U29kaXVtQ2hsb3JpZGU';
const HASH = 'A'.repeat(43);
const scrypt = `$scrypt$ln=14,r=8,p=1$${SALT}$${HASH}`;
const argon2id = `$argon2id$v=19$m=65536,t=2,p=1$${SALT}$${HASH}`;

describe('a stored password', () => {
  test('is read and written back as it was', () => {
    for (const text of [scrypt, argon2id]) expect(formatPasswordHash(parsePasswordHash(text)!)).toBe(text);
    expect(parsePasswordHash(scrypt)).toMatchObject({ kind: 'scrypt', cost: 16_384, blockSize: 8, parallelism: 1 });
    expect(parsePasswordHash(argon2id)).toMatchObject({ kind: 'argon2id', memoryKib: 65_536, passes: 2 });
    expect(new TextDecoder().decode(parsePasswordHash(scrypt)!.salt)).toBe('SodiumChloride');
  });

  test.each([
    ['a password in the clear', 'secret'],
    ['a cost that takes seconds', scrypt.replace('ln=14', 'ln=20')],
    ['a cost that protects nothing', scrypt.replace('ln=14', 'ln=4')],
    ['memory beyond what a login may take', argon2id.replace('65536', '999999')],
    ['passes without end', argon2id.replace('t=2', 't=99')],
    ['no parallelism', scrypt.replace('p=1', 'p=0')],
    ['another version of argon2', argon2id.replace('v=19', 'v=16')],
    ['another function', scrypt.replace('scrypt', 'bcrypt')],
    ['base64 of an impossible length', `${scrypt.slice(0, -2)}`],
    ['something behind it', `${scrypt} `],
    ['an empty hash', `$scrypt$ln=14,r=8,p=1$${SALT}$`],
  ])('%s is refused', (_what, text) => {
    expect(parsePasswordHash(text)).toBeUndefined();
  });
});
