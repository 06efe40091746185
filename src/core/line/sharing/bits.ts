// Addresses as numbers: IPv4 as 32 bits, the upper half of an IPv6 address as 64. Arithmetic alone.
import type { Ip } from '../../net/ip.ts';
import { type Prefix, prefixOf } from '../../net/prefix.ts';

export function ip4Number(ip: Ip): number {
  const [a, b, c, d] = ip.bytes;
  return ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
}

export function ip4FromNumber(value: number): Ip {
  return { family: 4, bytes: Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255) };
}

/** The network part of an IPv4 address, as a number. */
export function masked4(value: number, length: number): number {
  return length === 0 ? 0 : (value & (0xffff_ffff << (32 - length))) >>> 0;
}

/** How many addresses an IPv4 prefix has. */
export function size4(prefix: Prefix): number {
  return 2 ** (32 - prefix.length);
}

export function upperHalf(ip: Ip): bigint {
  return bigOf(ip.bytes.subarray(0, 8));
}

export function bigOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** `bits` is read as a number of `length` bits from the top of the address. */
export function prefix6(bits: bigint, length: number): Prefix {
  const bytes = new Uint8Array(16);
  let rest = bits << BigInt(128 - length);
  for (let i = 15; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return prefixOf({ family: 6, bytes }, length);
}
