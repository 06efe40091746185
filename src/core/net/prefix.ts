// Address prefixes: what a line holds and what a gateway element names. Host bits must be zero.
import { formatIp, type Ip, parseIp, sameIp } from './ip.ts';

export interface Prefix {
  readonly ip: Ip;
  /** 0–32 or 0–128 bits. */
  readonly length: number;
}

/** `a.b.c.d`, `a.b.c.d/n` or the IPv6 forms; undefined for anything else, for set host bits too. Never throws. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (ip === undefined) return undefined;
  const bits = ip.family === 4 ? 32 : 128;
  if (slash < 0) return { ip, length: bits };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  if (length > bits) return undefined;
  const prefix = { ip, length };
  return hasHostBits(prefix) ? undefined : prefix;
}

function hasHostBits(prefix: Prefix): boolean {
  return !sameIp(maskIp(prefix.ip, prefix.length), prefix.ip);
}

/** The network address of `ip` at `length` bits. */
export function maskIp(ip: Ip, length: number): Ip {
  const bytes = ip.bytes.slice();
  const whole = length >> 3;
  if (whole < bytes.length) bytes[whole]! &= 0xff << (8 - (length & 7));
  bytes.fill(0, whole + 1);
  return { family: ip.family, bytes };
}

export function prefixOf(ip: Ip, length: number = ip.family === 4 ? 32 : 128): Prefix {
  return { ip: maskIp(ip, length), length };
}

/** Canonical text. Host prefixes (/32, /128) are written as the bare address. */
export function formatPrefix(prefix: Prefix): string {
  const bits = prefix.ip.family === 4 ? 32 : 128;
  return prefix.length === bits ? formatIp(prefix.ip) : `${formatIp(prefix.ip)}/${prefix.length}`;
}

export function containsIp(prefix: Prefix, ip: Ip): boolean {
  return prefix.ip.family === ip.family && samePart(prefix.ip.bytes, ip.bytes, prefix.length);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.ip.family === b.ip.family && samePart(a.ip.bytes, b.ip.bytes, Math.min(a.length, b.length));
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && overlaps(a, b);
}

function samePart(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((a[whole]! ^ b[whole]!) & (0xff << (8 - rest))) === 0;
}

/** What one line may hold (design.md, «Lines, bindings, gateway elements»): IPv4 /29–/32, IPv6 /48–/64 or one /128. */
export function isLinePrefix(prefix: Prefix): boolean {
  if (prefix.ip.family === 4) return prefix.length >= 29;
  return (prefix.length >= 48 && prefix.length <= 64) || prefix.length === 128;
}
