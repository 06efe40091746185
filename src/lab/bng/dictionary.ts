// The attributes a simulated BNG knows, by number and form – a table of its own, so that a slip in the service's dictionary does not
// meet the same slip here. What it does not know it calls `?` and the number.
import type { NamedAttribute } from '../../core/dialect/dialect.ts';
import { formatIp, ipFromBytes } from '../../core/net/ip.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import { ipv6Prefix, uint32, VENDOR_SPECIFIC } from '../../protocols/radius/attributes.ts';
import type { Attribute } from '../../protocols/radius/codec.ts';

type Form = 'text' | 'tagged' | 'octets' | 'integer' | 'address' | 'prefix';
type Table = Readonly<Record<number, readonly [name: string, form: Form]>>;

/** RFC 2865, 2866, 2869, 3162, 4818, 4849, 5176. */
const PLAIN: Table = {
  1: ['User-Name', 'text'],
  4: ['NAS-IP-Address', 'address'],
  8: ['Framed-IP-Address', 'address'],
  11: ['Filter-Id', 'text'],
  24: ['State', 'octets'],
  25: ['Class', 'octets'],
  31: ['Calling-Station-Id', 'text'],
  32: ['NAS-Identifier', 'text'],
  33: ['Proxy-State', 'octets'],
  44: ['Acct-Session-Id', 'text'],
  55: ['Event-Timestamp', 'integer'],
  80: ['Message-Authenticator', 'octets'],
  87: ['NAS-Port-Id', 'text'],
  92: ['NAS-Filter-Rule', 'text'],
  95: ['NAS-IPv6-Address', 'address'],
  123: ['Delegated-IPv6-Prefix', 'prefix'],
};

/** Cisco 9, Redback 2352, ERX 4874, Nokia (Alcatel-Lucent) 6527, CoovaChilli 14559, Mikrotik 14988. */
const VENDORS: Readonly<Record<number, Table>> = {
  9: { 1: ['Cisco-AVPair', 'text'], 250: ['Cisco-Account-Info', 'text'] },
  2352: {
    4: ['Context-Name', 'text'],
    92: ['Forward-Policy', 'text'],
    107: ['HTTP-Redirect-Profile-Name', 'text'],
  },
  4874: {
    65: ['ERX-Service-Activate', 'tagged'],
    66: ['ERX-Service-Deactivate', 'text'],
    83: ['ERX-Service-Session', 'text'],
  },
  6527: { 134: ['Alc-Subscriber-Filter', 'text'] },
  14559: { 15: ['CoovaChilli-Session-State', 'integer'] },
  14988: { 11: ['Mikrotik-Mark-Id', 'text'], 19: ['Mikrotik-Address-List', 'text'] },
};

export function readNamed(attributes: readonly Attribute[]): readonly NamedAttribute[] {
  return attributes.flatMap(({ type, value }) =>
    type === VENDOR_SPECIFIC ? readVendor(value) : [readOne(PLAIN[type], String(type), value)],
  );
}

/** RFC 2865 §5.26: any number of attributes of one vendor. */
function readVendor(value: Uint8Array): readonly NamedAttribute[] {
  const vendor = value.length < 4 ? 0 : uint32(value);
  const found: NamedAttribute[] = [];
  for (let at = 4; at < value.length; ) {
    const size = value[at + 1] ?? 0;
    if (size < 2 || at + size > value.length) return [{ name: `?26.${vendor}`, value: '' }];
    const name = `26.${vendor}.${value[at]}`;
    found.push(readOne(VENDORS[vendor]?.[value[at]!], name, value.subarray(at + 2, at + size)));
    at += size;
  }
  return found.length > 0 ? found : [{ name: `?26.${vendor}`, value: '' }];
}

function readOne(known: Table[number] | undefined, number: string, octets: Uint8Array): NamedAttribute {
  const value = known === undefined ? undefined : READ[known[1]](octets);
  return known === undefined || value === undefined ? { name: `?${number}`, value: '' } : { name: known[0], value };
}

const asText = (octets: Uint8Array) => Buffer.from(octets).toString('utf8');

const READ: Readonly<Record<Form, (octets: Uint8Array) => string | undefined>> = {
  text: asText,
  // RFC 2868 §3: a first octet up to 31 is the tag.
  tagged: (octets) => asText((octets[0] ?? 255) <= 31 ? octets.subarray(1) : octets),
  octets: (octets) => `0x${Buffer.from(octets).toString('hex')}`,
  integer: (octets) => (octets.length === 4 ? String(uint32(octets)) : undefined),
  address: (octets) => {
    const ip = ipFromBytes(octets);
    return ip && formatIp(ip);
  },
  prefix: (octets) => {
    const prefix = ipv6Prefix(octets);
    return prefix && formatPrefix(prefix);
  },
};

/** The other way, for the few that a BNG sends itself: text and integers. */
export function writeNamed(named: readonly NamedAttribute[]): readonly Attribute[] {
  return named.map(({ name, value }) => {
    const [vendor, type, form] = placeOf(name);
    const body = form === 'integer' ? integerOctets(Number(value)) : Buffer.from(value, 'utf8');
    if (vendor === 0) return { type, value: body };
    const head = Buffer.alloc(6);
    head.writeUInt32BE(vendor);
    head.set([type, body.length + 2], 4);
    return { type: VENDOR_SPECIFIC, value: Buffer.concat([head, body]) };
  });
}

function placeOf(name: string): readonly [vendor: number, type: number, form: Form] {
  for (const [vendor, table] of [[0, PLAIN] as const, ...Object.entries(VENDORS)])
    for (const [type, [known, form]] of Object.entries(table))
      if (known === name) return [Number(vendor), Number(type), form];
  throw new Error(`the simulated BNG knows no ${name}`);
}

function integerOctets(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
