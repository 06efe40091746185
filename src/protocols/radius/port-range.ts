// IP-Port-Range (RFC 8045 §3.1.2), attribute 241.6 in the extended space of RFC 6929: ports of a shared address that a session was
// given, or gave back. Other attributes of that space are not read here.
import { type Ip, ipFromBytes } from '../../core/net/ip.ts';
import type { PortRange } from '../../core/net/transport.ts';
import { uint32 } from './attributes.ts';

export const EXTENDED_1 = 241;
const IP_PORT_RANGE = 6;

/** TLVs of RFC 8045 §3.2 by their numbers; the others (transport type, local id…) do not change whose ports they are. */
const [EXTERNAL_IPV4, ALLOC, RANGE_START, RANGE_END] = [3, 8, 9, 10];
const [ALLOCATION, DEALLOCATION] = [1, 2];

export interface IpPortRange {
  /** As seen from outside; left out: the session's own address. */
  readonly address?: Ip;
  readonly ports: PortRange;
  readonly isReleased: boolean;
}

/** `value`: of an attribute of type 241. 'other' = not this attribute; undefined = it is, and cannot be right. */
export function readPortRange(value: Uint8Array): IpPortRange | 'other' | undefined {
  if (value[0] !== IP_PORT_RANGE) return 'other';
  const tlvs = readTlvs(value.subarray(1));
  if (tlvs === undefined) return undefined;
  const [low, high, alloc] = [RANGE_START, RANGE_END, ALLOC].map((type) => number(tlvs.get(type!)));
  if (alloc !== ALLOCATION && alloc !== DEALLOCATION) return undefined;
  if (low === undefined || high === undefined || low > high || high > 65_535) return undefined;
  const range = { ports: { low, high }, isReleased: alloc === DEALLOCATION };
  const external = tlvs.get(EXTERNAL_IPV4!);
  if (external === undefined) return range;
  const address = external.length === 4 ? ipFromBytes(external) : undefined;
  return address && { ...range, address };
}

/** The first of each type. */
function readTlvs(octets: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at < octets.length; ) {
    const [type, size = 0] = [octets[at]!, octets[at + 1]];
    if (size < 3 || at + size > octets.length) return undefined;
    if (!found.has(type)) found.set(type, octets.subarray(at + 2, at + size));
    at += size;
  }
  return found;
}

/** Right-justified in four octets, whatever it counts (RFC 8045 §3.2). */
function number(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? uint32(value) : undefined;
}
