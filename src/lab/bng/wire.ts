// Attributes by number, as octets: what a NAS fills its own packets with.
import { parseIp } from '../../core/net/ip.ts';
import { parsePrefix } from '../../core/net/prefix.ts';
import type { Attribute } from '../../protocols/radius/codec.ts';

export function integer(type: number, value: number): Attribute {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return { type, value: bytes };
}

export function text(type: number, value: string | undefined): readonly Attribute[] {
  return value === undefined ? [] : [{ type, value: Buffer.from(value, 'utf8') }];
}

export function address(type: number, value: string | undefined): readonly Attribute[] {
  const ip = value === undefined ? undefined : parseIp(value);
  return ip === undefined ? [] : [{ type, value: ip.bytes }];
}

/** RFC 4818 §2: reserved octet, prefix length, prefix. */
export function prefix6(type: number, value: string | undefined): readonly Attribute[] {
  const prefix = value === undefined ? undefined : parsePrefix(value);
  if (prefix === undefined) return [];
  return [{ type, value: Buffer.concat([Buffer.from([0, prefix.length]), prefix.ip.bytes]) }];
}
