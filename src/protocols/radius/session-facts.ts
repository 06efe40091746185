// What identifies a session to its NAS, or tells of its state: a closed list of attributes as text, bounded, out of one
// accounting request. A value that is not of its form is left out; nobody may send it back.

import type { SessionFacts } from '../../core/line/accounting.ts';
import { formatIp, ipFromBytes } from '../../core/net/ip.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import { asHex, asText, ipv6Prefix, uint32 } from './attributes.ts';
import type { Attribute } from './codec.ts';

/** A real session has ten to twenty; many of one kind may not push out the one that names the session. */
const MOST_VALUES = 64;
const MOST_OF_ONE = 16;

const FORMS = {
  text: (value: Uint8Array) => (value.length === 0 ? undefined : asText(value)),
  octets: asHex,
  integer: (value: Uint8Array) => (value.length === 4 ? String(uint32(value)) : undefined),
  ip: (value: Uint8Array) => {
    const ip = ipFromBytes(value);
    return ip && formatIp(ip);
  },
  prefix: (value: Uint8Array) => {
    const prefix = ipv6Prefix(value);
    return prefix && formatPrefix(prefix);
  },
  interfaceId: (value: Uint8Array) =>
    value.length === 8 ? asHex(value).slice(2).match(/..../g)!.join(':') : undefined,
} as const;

const FACTS: Readonly<Record<number, readonly [name: string, form: keyof typeof FORMS]>> = {
  1: ['User-Name', 'text'],
  4: ['NAS-IP-Address', 'ip'],
  5: ['NAS-Port', 'integer'],
  6: ['Service-Type', 'integer'],
  8: ['Framed-IP-Address', 'ip'],
  11: ['Filter-Id', 'text'],
  25: ['Class', 'octets'],
  30: ['Called-Station-Id', 'text'],
  31: ['Calling-Station-Id', 'text'],
  32: ['NAS-Identifier', 'text'],
  44: ['Acct-Session-Id', 'text'],
  50: ['Acct-Multi-Session-Id', 'text'],
  61: ['NAS-Port-Type', 'integer'],
  87: ['NAS-Port-Id', 'text'],
  89: ['Chargeable-User-Identity', 'octets'],
  95: ['NAS-IPv6-Address', 'ip'],
  96: ['Framed-Interface-Id', 'interfaceId'],
  97: ['Framed-IPv6-Prefix', 'prefix'],
  123: ['Delegated-IPv6-Prefix', 'prefix'],
  168: ['Framed-IPv6-Address', 'ip'],
};

export function sessionFacts(attributes: readonly Attribute[]): SessionFacts {
  const facts: Record<string, string[]> = {};
  let values = 0;
  for (const { type, value } of attributes) {
    const fact = FACTS[type];
    const text = fact === undefined ? undefined : FORMS[fact[1]](value);
    if (fact === undefined || text === undefined) continue;
    const held = facts[fact[0]];
    if (held === undefined) facts[fact[0]] = [text];
    else if (held.length < MOST_OF_ONE) held.push(text);
    else continue;
    if (++values === MOST_VALUES) break;
  }
  return facts;
}
