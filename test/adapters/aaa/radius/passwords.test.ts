import { describe, expect, test } from 'vitest';
import { hashPassword, Passwords } from '../../../../src/adapters/aaa/radius/passwords.ts';

const octets = (text: string) => new TextEncoder().encode(text);
/** RFC 7914 §12: scrypt("pleaseletmein", "SodiumChloride", 16384, 8, 1, 64). */
const RFC_7914 =
  '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw';
/** From the tests of the reference implementation of Argon2: "password", "somesalt", 2 passes, 64 MiB. */
const ARGON2_REFERENCE = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

describe('a password against its hash', () => {
  test('scrypt as RFC 7914 and argon2id as its reference have it', async () => {
    const passwords = new Passwords();
    expect(await passwords.fits('ann', RFC_7914, octets('pleaseletmein'))).toBe(true);
    expect(await passwords.fits('ann', RFC_7914, octets('pleaseletmeinn'))).toBe(false);
    expect(await passwords.fits('bob', ARGON2_REFERENCE, octets('password'))).toBe(true);
    expect(await passwords.fits('bob', ARGON2_REFERENCE, octets('Password'))).toBe(false);
    expect(await passwords.fits('eve', 'no hash at all', octets('x'))).toBe(false);
  });

  test('what hashPassword writes is what fits takes, with a salt of its own each time', async () => {
    const [one, other] = [await hashPassword('grün'), await hashPassword('grün')];
    expect(one).not.toBe(other);
    expect(await new Passwords().fits('ann', one, octets('grün'))).toBe(true);
  });

  test('the work is done once: after a reboot of a BNG everybody dials again', async () => {
    const passwords = new Passwords();
    await passwords.fits('ann', RFC_7914, octets('pleaseletmein'));
    await passwords.fits('ann', RFC_7914, octets('wrong'));
    const begun = performance.now();
    for (let i = 0; i < 200; i++) {
      expect(await passwords.fits('ann', RFC_7914, octets('pleaseletmein'))).toBe(true);
      expect(await passwords.fits('ann', RFC_7914, octets('wrong'))).toBe(false);
    }
    expect(performance.now() - begun).toBeLessThan(500);
    // A new password in the file is a new question; what fits one user fits no other.
    expect(await passwords.fits('ann', ARGON2_REFERENCE, octets('pleaseletmein'))).toBe(false);
    expect(await passwords.fits('bob', ARGON2_REFERENCE, octets('pleaseletmein'))).toBe(false);
  });

  test('guesses beyond what may wait are not tried; who was right before is not held up by them', async () => {
    const passwords = new Passwords();
    await passwords.fits('ann', RFC_7914, octets('pleaseletmein'));
    const cheap = RFC_7914.replace('ln=14', 'ln=10');
    const guesses = Array.from({ length: 100 }, (_, i) => passwords.fits('bob', cheap, octets(`guess-${i}`)));
    expect(await passwords.fits('ann', RFC_7914, octets('pleaseletmein'))).toBe(true);
    const found = await Promise.all(guesses);
    expect(found.filter((one) => one === undefined).length).toBe(100 - 2 - 64);
    expect(found.filter((one) => one === true)).toEqual([]);
  });
});
