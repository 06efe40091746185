// MAP-E (RFC 7597): which end-user IPv6 prefix stands behind a port of an IPv4 address, and back. No log is needed, only the rule
// that was valid then. Knows no lines: who held the prefix is another question.
import type { Ip } from '../../net/ip.ts';
import { overlaps, type Prefix, prefixOf } from '../../net/prefix.ts';
import { ip4FromNumber, ip4Number, prefix6, upperHalf } from './bits.ts';
import {
  type Holding,
  isWhole,
  MOST_PORT_SETS,
  type PortSetShape,
  portsOf,
  psidOf,
  type Share,
  shapeFault,
} from './port-set.ts';
import type { NoHolder, RuleFault, RuleHead } from './rule.ts';

/** Where the interface id of a CE carries IPv4 address and PSID: RFC 7597 §6, or one octet earlier as draft-03 had it. */
export type InterfaceIdLayout = 'rfc7597' | 'draft-03';

export interface MapERule extends RuleHead {
  readonly kind: 'map-e';
  /** Rule IPv6 prefix, length n. */
  readonly ipv6Prefix: Prefix;
  /** Rule IPv4 prefix, length r. A /32 beside a wider rule is an exception: the longest match decides. */
  readonly ipv4Prefix: Prefix;
  /** o: 0 = address and port set come from provisioning, not from the prefix. */
  readonly eaLength: number;
  /** a: RFC 7597 §5.1 uses 6, the pre-RFC layout 4. */
  readonly psidOffset: number;
  readonly layout: InterfaceIdLayout;
  /** With eaLength 0 and an IPv4 /32 alone: the PSID that was provisioned. Absent: the address is not shared. */
  readonly psid?: { readonly length: number; readonly value: number };
}

export function mapEFaults(rule: MapERule): readonly RuleFault[] {
  const faults: RuleFault[] = [];
  const fault = (field: string, expected: string) => faults.push({ field, expected });
  const end = rule.ipv6Prefix.length + rule.eaLength;
  if (rule.ipv6Prefix.ip.family !== 6) fault('ipv6Prefix', 'an IPv6 prefix');
  if (rule.ipv4Prefix.ip.family !== 4) fault('ipv4Prefix', 'an IPv4 prefix');
  if (!isWhole(rule.eaLength, 0, 48)) fault('eaLength', 'a number of EA bits from 0 to 48');
  else if (end > 64) fault('eaLength', `an end-user prefix of at most /64 (it would be /${end})`);
  if (rule.psid !== undefined && (rule.eaLength !== 0 || rule.ipv4Prefix.length !== 32))
    fault('psid', 'a provisioned PSID with eaLength 0 and an IPv4 /32 alone');
  if (rule.psid !== undefined && !isWhole(rule.psid.value, 0, 2 ** rule.psid.length - 1))
    fault('psid', `a PSID of ${rule.psid.length} bits`);
  const shape = shapeFault(shapeOf(rule));
  // One number, one fault.
  if (shape !== undefined && !faults.some((one) => one.field === 'eaLength')) faults.push(shape);
  return faults;
}

/** q = o − (32 − r), or 0 where the prefix carries a whole address or a prefix of several (RFC 7597 §5.2). */
export function shapeOf(rule: MapERule): PortSetShape {
  const psidLength = rule.psid?.length ?? Math.max(0, rule.eaLength - (32 - rule.ipv4Prefix.length));
  return { offset: rule.psidOffset, psidLength };
}

export function endUserLength(rule: MapERule): number {
  return rule.ipv6Prefix.length + rule.eaLength;
}

/** `port` may be absent where the address is not shared. The address must be one of the rule's. */
export function mapEHolder(rule: MapERule, ip: Ip, port: number | undefined): Holding | NoHolder {
  const shape = shapeOf(rule);
  const psid = psidOf(shape, port ?? 0);
  if (psid === undefined) return 'port-excluded';
  if (rule.psid !== undefined && psid !== rule.psid.value) return 'port-unassigned';
  return { prefix: endUserPrefix(rule, ip, psid), ports: portsOf(shape, psid) };
}

/** End-user prefix = rule prefix | EA bits; EA bits = IPv4 suffix | PSID (RFC 7597 §5.2). */
export function endUserPrefix(rule: MapERule, ip: Ip, psid: number): Prefix {
  const suffixBits = 32 - rule.ipv4Prefix.length;
  const suffix = BigInt(suffixBits === 0 ? 0 : ip4Number(ip) % 2 ** suffixBits);
  const ea =
    rule.eaLength < suffixBits
      ? suffix >> BigInt(suffixBits - rule.eaLength)
      : (suffix << BigInt(rule.eaLength - suffixBits)) | BigInt(rule.eaLength === 0 ? 0 : psid);
  const head = upperHalf(rule.ipv6Prefix.ip) >> BigInt(64 - rule.ipv6Prefix.length);
  return prefix6((head << BigInt(rule.eaLength)) | ea, endUserLength(rule));
}

/** The address from which the CE of that share sends (RFC 7597 §6); of a delegated IPv4 prefix its first address stands in it. */
export function ceAddress(rule: MapERule, ip: Ip, psid: number): Ip {
  const { ip: network } = endUserPrefix(rule, ip, psid);
  const bytes = network.bytes.slice();
  const at = rule.layout === 'rfc7597' ? 10 : 9;
  const carried = prefixOf(ip, Math.min(32, rule.ipv4Prefix.length + rule.eaLength));
  bytes.set(carried.ip.bytes, at);
  bytes[at + 4] = psid >> 8;
  bytes[at + 5] = psid & 255;
  return { family: 6, bytes };
}

/** Every share of an outside address that belongs to a holder of this prefix: inside of it, or around it. */
export function mapEPortSets(rule: MapERule, inside: Prefix): readonly Share[] {
  if (!overlaps(rule.ipv6Prefix, inside)) return [];
  const end = endUserLength(rule);
  const open = Math.max(0, end - Math.max(inside.length, rule.ipv6Prefix.length));
  if (2 ** open > MOST_PORT_SETS) return [];
  const source = inside.length >= rule.ipv6Prefix.length ? inside.ip : rule.ipv6Prefix.ip;
  const whole = rule.eaLength === 0 ? 0 : Number(BigInt.asUintN(rule.eaLength, upperHalf(source) >> BigInt(64 - end)));
  return Array.from({ length: 2 ** open }, (_, i) => shareOf(rule, whole + i));
}

function shareOf(rule: MapERule, ea: number): Share {
  const shape = shapeOf(rule);
  const suffixBits = 32 - rule.ipv4Prefix.length;
  const isPrefix = rule.eaLength < suffixBits;
  const psidBits = isPrefix || rule.eaLength === 0 ? 0 : rule.eaLength - suffixBits;
  const suffix = isPrefix ? ea * 2 ** (suffixBits - rule.eaLength) : Math.floor(ea / 2 ** psidBits);
  const outside = ip4FromNumber(ip4Number(rule.ipv4Prefix.ip) + suffix);
  const psid = rule.psid?.value ?? ea % 2 ** psidBits;
  return {
    outside: prefixOf(outside, isPrefix ? rule.ipv4Prefix.length + rule.eaLength : 32),
    ports: portsOf(shape, psid),
  };
}

export function isSharedByMapE(rule: MapERule): boolean {
  return shapeOf(rule).psidLength > 0;
}
