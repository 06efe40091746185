// Randomness: ids that sort by time, and check codes that people can say over the phone.
import { randomBytes, randomInt } from 'node:crypto';
import { CROCKFORD } from '../../core/casefile/check-code.ts';
import type { Ids } from '../../flow/ports.ts';

/** 48 bits of UTC milliseconds + 80 random bits, in Crockford base32 (26 characters). */
export function timeOrderedId(now: number, random: Uint8Array): string {
  let value = BigInt(now);
  for (const byte of random) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
}

export const systemIds: Ids = {
  id: () => timeOrderedId(Date.now(), randomBytes(10)),
  checkCode: () => Array.from({ length: 8 }, () => CROCKFORD[randomInt(32)]).join(''),
};
