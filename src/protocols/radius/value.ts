// One value as text and as octets, by its format: strict both ways, and what one side wrote the other reads back. Text that
// begins with `0x` is octets, always.
import { formatIp, type Ip, ipFromBytes, parseIp } from '../../core/net/ip.ts';
import { formatPrefix, parsePrefix } from '../../core/net/prefix.ts';
import { asHex, asText, ipv6Prefix } from './attributes.ts';
import { type AttributeDefinition, numberOf, wordOf } from './dictionary.ts';
import type { AttributeFormat } from './dictionary-data.ts';

interface Form {
  /** What is asked for, in words: «takes …». */
  readonly takes: string;
  /** undefined = not of this form. */
  readonly encode: (text: string) => Uint8Array | undefined;
  readonly decode: (octets: Uint8Array) => string | undefined;
}

const FORMS: Readonly<Record<AttributeFormat, Form>> = {
  string: { takes: 'text without control characters, or octets as 0x…', encode: textOrOctets, decode: asText },
  octets: { takes: 'octets as 0x…, or text without control characters', encode: textOrOctets, decode: asHex },
  integer: unsigned(4),
  date: { ...unsigned(4), takes: 'seconds since 1970' },
  short: unsigned(2),
  byte: unsigned(1),
  integer64: unsigned(8),
  ipaddr: {
    takes: 'an IPv4 address',
    encode: (text) => ofFamily(parseIp(text), 4),
    decode: (octets) => address(octets, 4),
  },
  ipv6addr: {
    takes: 'an IPv6 address',
    encode: (text) => ofFamily(parseIp(text), 6),
    decode: (octets) => address(octets, 16),
  },
  ipv6prefix: { takes: 'an IPv6 prefix without host bits', encode: encodePrefix, decode: decodePrefix },
  ifid: { takes: 'an interface id like 0:0:0:1', encode: encodeInterfaceId, decode: decodeInterfaceId },
};

/** undefined = not what the attribute takes; takes() says what that is. Tags and lengths are the caller's business. */
export function encodeValue(definition: AttributeDefinition, text: string): Uint8Array | undefined {
  const number = numberOf(definition.name, text);
  return FORMS[definition.format].encode(number === undefined ? text : String(number));
}

/** undefined = octets that are no value of this format. */
export function decodeValue(definition: AttributeDefinition, octets: Uint8Array): string | undefined {
  const text = FORMS[definition.format].decode(octets);
  return definition.format === 'integer' && text !== undefined ? (wordOf(definition.name, Number(text)) ?? text) : text;
}

export function takes(definition: AttributeDefinition): string {
  return FORMS[definition.format].takes;
}

/** `0x` and pairs of hexadecimal digits; `0x` alone is no octets. */
export function parseOctets(text: string): Uint8Array | undefined {
  return /^0x(?:[0-9a-fA-F]{2})*$/.test(text) ? fromHex(text.slice(2)) : undefined;
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function textOrOctets(text: string): Uint8Array | undefined {
  if (text.startsWith('0x')) return parseOctets(text);
  return /[\x00-\x1f\x7f]/.test(text) || !text.isWellFormed() ? undefined : new TextEncoder().encode(text);
}

function unsigned(width: number): Form {
  const most = (1n << BigInt(8 * width)) - 1n;
  return {
    takes: `a number from 0 to ${most}`,
    encode: (text) => {
      if (!/^(?:0|[1-9][0-9]{0,19})$/.test(text) || BigInt(text) > most) return undefined;
      return fromHex(
        BigInt(text)
          .toString(16)
          .padStart(2 * width, '0'),
      );
    },
    decode: (octets) => (octets.length === width ? String(BigInt(asHex(octets))) : undefined),
  };
}

function ofFamily(ip: Ip | undefined, family: 4 | 6): Uint8Array | undefined {
  return ip?.family === family ? ip.bytes : undefined;
}

function address(octets: Uint8Array, length: number): string | undefined {
  const ip = octets.length === length ? ipFromBytes(octets) : undefined;
  return ip && formatIp(ip);
}

/** All eighteen octets (RFC 3162 §2.3 allows fewer): some equipment takes no other. */
function encodePrefix(text: string): Uint8Array | undefined {
  const prefix = parsePrefix(text);
  return prefix?.ip.family === 6 ? Uint8Array.of(0, prefix.length, ...prefix.ip.bytes) : undefined;
}

function decodePrefix(octets: Uint8Array): string | undefined {
  const prefix = ipv6Prefix(octets);
  const text = prefix && formatPrefix(prefix);
  // An IPv4-mapped one could not be written again.
  return text !== undefined && parsePrefix(text) !== undefined ? text : undefined;
}

function encodeInterfaceId(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){3}$/.test(text)) return undefined;
  return fromHex(
    text
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join(''),
  );
}

function decodeInterfaceId(octets: Uint8Array): string | undefined {
  return octets.length === 8 ? asHex(octets).slice(2).match(/..../g)!.join(':') : undefined;
}
