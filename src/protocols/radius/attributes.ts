// The attributes accounting needs, by number and form. A value that is not of its form is
// told as such, and accounting.ts decides what that costs; unknown ones are kept as octets and never looked into.
import { type Ip, ipFromBytes } from '../../core/net/ip.ts';
import { maskIp, type Prefix } from '../../core/net/prefix.ts';
import type { Attribute } from './codec.ts';

export const MESSAGE_AUTHENTICATOR = 80;
export const PROXY_STATE = 33;
export const VENDOR_SPECIFIC = 26;
/** Broadband Forum, once ADSL Forum (RFC 4679). */
const BBF = 3561;

type Form = 'text' | 'octets' | 'integer' | 'ipv4' | 'ipv6' | 'ipv6-prefix';
/** Where a value goes in an AccountingRequest; the first one counts, but of addresses and prefixes all do. */
export type Field =
  | 'status'
  | 'sessionId'
  | 'userName'
  | 'callingStationId'
  | 'agentCircuitId'
  | 'agentRemoteId'
  | 'class'
  | 'nasIdentifier'
  | 'nasPortId'
  | 'nasIp'
  | 'nasIpv6'
  | 'framedIp'
  | 'framedIpv6Prefixes'
  | 'delegatedIpv6Prefixes'
  | 'framedIpv6Addresses'
  | 'delaySeconds'
  | 'sessionSeconds'
  | 'eventTimestampSeconds'
  | 'terminateCause';

interface Known {
  readonly name: string;
  readonly form: Form;
  readonly field?: Field;
}

export const ATTRIBUTES: Readonly<Record<number, Known>> = {
  1: { name: 'User-Name', form: 'text', field: 'userName' },
  4: { name: 'NAS-IP-Address', form: 'ipv4', field: 'nasIp' },
  8: { name: 'Framed-IP-Address', form: 'ipv4', field: 'framedIp' },
  25: { name: 'Class', form: 'octets', field: 'class' },
  31: { name: 'Calling-Station-Id', form: 'text', field: 'callingStationId' },
  32: { name: 'NAS-Identifier', form: 'text', field: 'nasIdentifier' },
  33: { name: 'Proxy-State', form: 'octets' },
  40: { name: 'Acct-Status-Type', form: 'integer', field: 'status' },
  41: { name: 'Acct-Delay-Time', form: 'integer', field: 'delaySeconds' },
  44: { name: 'Acct-Session-Id', form: 'text', field: 'sessionId' },
  46: { name: 'Acct-Session-Time', form: 'integer', field: 'sessionSeconds' },
  49: { name: 'Acct-Terminate-Cause', form: 'integer', field: 'terminateCause' },
  50: { name: 'Acct-Multi-Session-Id', form: 'text' },
  55: { name: 'Event-Timestamp', form: 'integer', field: 'eventTimestampSeconds' },
  80: { name: 'Message-Authenticator', form: 'octets' },
  87: { name: 'NAS-Port-Id', form: 'text', field: 'nasPortId' },
  95: { name: 'NAS-IPv6-Address', form: 'ipv6', field: 'nasIpv6' },
  97: { name: 'Framed-IPv6-Prefix', form: 'ipv6-prefix', field: 'framedIpv6Prefixes' },
  123: { name: 'Delegated-IPv6-Prefix', form: 'ipv6-prefix', field: 'delegatedIpv6Prefixes' },
  168: { name: 'Framed-IPv6-Address', form: 'ipv6', field: 'framedIpv6Addresses' },
};

export const BBF_ATTRIBUTES: Readonly<Record<number, Known>> = {
  1: { name: 'Agent-Circuit-Id', form: 'text', field: 'agentCircuitId' },
  2: { name: 'Agent-Remote-Id', form: 'text', field: 'agentRemoteId' },
};

export type AttributeValue = string | number | Ip | Prefix | Uint8Array;

export interface Read {
  /** undefined = known, and of no use to accounting. */
  readonly field: Field | undefined;
  readonly value: AttributeValue;
}

/** undefined = a known attribute whose value cannot be what its form says. */
export function readAttribute(attribute: Attribute): Read | 'unknown' | undefined {
  const known = ATTRIBUTES[attribute.type];
  if (known === undefined) return 'unknown';
  const value = READ[known.form](attribute.value);
  return value === undefined ? undefined : { field: known.field, value };
}

/** The sub-attributes of one Vendor-Specific attribute (RFC 2865 §5.26) of a vendor we know; others are left alone. */
export function readVendor(value: Uint8Array): readonly Read[] | undefined {
  if (value.length < 4) return undefined;
  if (uint32(value) !== BBF) return [];
  const found: Read[] = [];
  for (let at = 4; at < value.length; ) {
    const size = value[at + 1] ?? 0;
    if (size < 2 || at + size > value.length) return undefined;
    const known = BBF_ATTRIBUTES[value[at]!];
    if (known !== undefined) found.push({ field: known.field, value: text(value.subarray(at + 2, at + size)) });
    at += size;
  }
  return found;
}

const READ: Readonly<Record<Form, (value: Uint8Array) => AttributeValue | undefined>> = {
  text,
  octets: (value) => value,
  integer: (value) => (value.length === 4 ? uint32(value) : undefined),
  ipv4: (value) => (value.length === 4 ? ipFromBytes(value) : undefined),
  ipv6: (value) => (value.length === 16 ? ipFromBytes(value) : undefined),
  'ipv6-prefix': ipv6Prefix,
};

/** Reserved octet, length, then as many octets as needed (RFC 3162 §2.3): trimmed forms are legal. Host bits are cut. */
export function ipv6Prefix(value: Uint8Array): Prefix | undefined {
  const length = value[1];
  if (value.length < 2 || value.length > 18 || length === undefined || length > 128) return undefined;
  if ((value.length - 2) * 8 < length) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(value.subarray(2));
  return { ip: maskIp({ family: 6, bytes }, length), length };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Printable UTF-8 as it stands; anything else as `0x…`, so that two different values never look the same. */
function text(value: Uint8Array): string {
  if (isPlain(value)) return String.fromCharCode.apply(null, value as unknown as number[]);
  try {
    const decoded = UTF8.decode(value);
    if (!/[\x00-\x1f\x7f]/.test(decoded) && !decoded.startsWith('0x')) return decoded;
  } catch {
    // not UTF-8: octets it is
  }
  return asHex(value);
}

/** Printable ASCII that does not look like our own `0x…`: what nearly every NAS sends. */
function isPlain(value: Uint8Array): boolean {
  for (const octet of value) if (octet < 0x20 || octet > 0x7e) return false;
  return !(value[0] === 0x30 && value[1] === 0x78);
}

export function asHex(value: Uint8Array): string {
  return `0x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
}

export function asText(value: Uint8Array): string {
  return text(value);
}

export function uint32(value: Uint8Array): number {
  return ((value[0]! << 24) | (value[1]! << 16) | (value[2]! << 8) | value[3]!) >>> 0;
}
