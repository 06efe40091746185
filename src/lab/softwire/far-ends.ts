// Which softwire an IPv4 packet belongs to, told by each kind of operator's end: an AFTR knows the inside address of each B4, a BR
// computes it from address and port (RFC 7597). Both refuse what a home sends under somebody else's address.
import { formatIp, type Ip } from '../../core/net/ip.ts';
import { destinationOf, portOf, sourceOf } from './packet.ts';

export interface FarEnds {
  /** IPv6 address of the home's end for a packet towards it; undefined = nobody's. */
  towards(inner: Uint8Array): Uint8Array | undefined;
  /** May this packet come out of the softwire whose other end is `from`? */
  mayCome(inner: Uint8Array, from: Uint8Array): boolean;
}

/** A home's own end: everything goes to the operator, everything of the operator is let in. */
export function oneFarEnd(operator: Ip): FarEnds {
  return { towards: () => operator.bytes, mayCome: (_inner, from) => same(from, operator.bytes) };
}

/** RFC 6333 §6.6 knows a B4 by its IPv6 address; here each B4 has an inside address of its own as well, so that a gateway behind can tell them apart. */
export function aftrFarEnds(b4s: readonly { readonly inside: Ip; readonly b4: Ip }[]): FarEnds {
  const b4Of = new Map(b4s.map(({ inside, b4 }) => [formatIp(inside), b4.bytes]));
  const find = (ip4: Uint8Array) => b4Of.get(ip4.join('.'));
  return {
    towards: (inner) => find(destinationOf(inner)),
    mayCome: (inner, from) => same(from, find(sourceOf(inner))),
  };
}

/** One rule whose IPv4 prefix is one address: the EA bits are the PSID alone (RFC 7597 §5.2, p = 0). */
export interface OneAddressRule {
  readonly prefix6: Ip;
  readonly prefixLength: number;
  readonly address: Ip;
  readonly psidLength: number;
  readonly psidOffset: number;
}

export function brFarEnds(rule: OneAddressRule): FarEnds {
  const find = (ip4: Uint8Array, port: number | undefined) => {
    const psid = port === undefined || !same(ip4, rule.address.bytes) ? undefined : psidOfPort(rule, port);
    return psid === undefined ? undefined : ceAddress(rule, psid);
  };
  return {
    towards: (inner) => find(destinationOf(inner), portOf(inner, 'destination')),
    // RFC 7597 §8.1: the BR must check that source address and port agree with the softwire they came out of.
    mayCome: (inner, from) => same(from, find(sourceOf(inner), portOf(inner, 'source'))),
  };
}

/** RFC 7597 §5.1; undefined = a port below 2^(16−a), which nobody holds. */
export function psidOfPort({ psidLength, psidOffset }: OneAddressRule, port: number): number | undefined {
  const contiguous = 16 - psidOffset - psidLength;
  if (psidOffset > 0 && port >> (16 - psidOffset) === 0) return undefined;
  return (port >> contiguous) & (2 ** psidLength - 1);
}

/** The port set of a PSID, as ranges in ascending order. */
export function portRanges(
  { psidLength, psidOffset }: OneAddressRule,
  psid: number,
): readonly { low: number; high: number }[] {
  const contiguous = 16 - psidOffset - psidLength;
  const first = psidOffset > 0 ? 1 : 0;
  return Array.from({ length: 2 ** psidOffset - first }, (_, i) => {
    const low = ((i + first) << (16 - psidOffset)) | (psid << contiguous);
    return { low, high: low + 2 ** contiguous - 1 };
  });
}

/** RFC 7597 §6: end-user prefix, then 16 zero bits, the IPv4 address and the PSID as interface identifier. */
export function ceAddress({ prefix6, prefixLength, psidLength, address }: OneAddressRule, psid: number): Uint8Array {
  const bytes = prefix6.bytes.slice();
  for (let bit = 0; bit < psidLength; bit++) {
    if (((psid >> (psidLength - 1 - bit)) & 1) === 0) continue;
    const at = prefixLength + bit;
    bytes[at >> 3]! |= 0x80 >> (at & 7);
  }
  bytes.fill(0, 8, 10);
  bytes.set(address.bytes, 10);
  bytes.set([psid >> 8, psid & 255], 14);
  return bytes;
}

function same(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
