// Prefixes as 16 octets, so that both families sort and compare in one shape: IPv4 as ::ffff:a.b.c.d.
import { maskIp, type Prefix } from '../../../core/net/prefix.ts';

export interface PrefixKey {
  readonly ip: Uint8Array;
  /** In the 128 bits of `ip`: an IPv4 /32 is 128. */
  readonly length: number;
}

export function keyOf(prefix: Prefix): PrefixKey {
  if (prefix.ip.family === 6) return { ip: prefix.ip.bytes, length: prefix.length };
  return { ip: mapped(prefix.ip.bytes), length: prefix.length + 96 };
}

/** Keeps `ip`: rows come out of the database with octets of their own. */
export function prefixOfKey(ip: Uint8Array, length: number): Prefix {
  if (isMapped(ip)) return { ip: { family: 4, bytes: ip.subarray(12) }, length: length - 96 };
  return { ip: { family: 6, bytes: ip }, length };
}

/** The key of the prefix of this length that contains `ip`; undefined when the length is of the other family. */
export function containingKey(prefix: Prefix, length: number): PrefixKey | undefined {
  if (prefix.ip.family === 4) {
    if (length < 96) return undefined;
    return { ip: mapped(length === 128 ? prefix.ip.bytes : maskIp(prefix.ip, length - 96).bytes), length };
  }
  return { ip: length === 128 ? prefix.ip.bytes : maskIp(prefix.ip, length).bytes, length };
}

/** Last address inside the key's prefix. */
export function lastOf(key: PrefixKey): Uint8Array {
  return key.ip.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, key.length - 8 * i))));
}

function mapped(v4: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[10] = 255;
  bytes[11] = 255;
  bytes.set(v4, 12);
  return bytes;
}

function isMapped(ip: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return ip[10] === 255 && ip[11] === 255;
}
