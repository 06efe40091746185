// Deterministic CGN (RFC 7422 §2): inside hosts in order, each with a block of ports of an outside address in order. Algorithm 0,
// sequential, is the one that can be computed; what lies past the last block is the dynamic pool, whose holder only a log names.
import type { Ip } from '../../net/ip.ts';
import { containsIp, overlaps, type Prefix, prefixOf } from '../../net/prefix.ts';
import type { PortRange } from '../../net/transport.ts';
import { bigOf, ip4FromNumber, ip4Number, prefix6, size4 } from './bits.ts';
import { type Holding, isWhole, MOST_PORT_SETS, type Share } from './port-set.ts';
import type { NoHolder, RuleFault, RuleHead } from './rule.ts';

/** Does a pool give out its first and last address? RFC 7422 §2.2 counts 14 hosts in a /28; other CGNs count 16. */
export type PoolHosts = 'usable' | 'all';

export interface DeterministicRule extends RuleHead {
  readonly kind: 'deterministic-cgn';
  /** I: IPv4 for NAT444, IPv6 for DS-Lite and NAT64. */
  readonly inside: Prefix;
  /** Bits of one subscriber's prefix: 32 for IPv4. */
  readonly insideLength: number;
  readonly insideHosts: PoolHosts;
  /** O, in the order in which the CGN uses them. */
  readonly outside: readonly Prefix[];
  readonly outsideHosts: PoolHosts;
  /** C: inside hosts per outside address. */
  readonly ratio: number;
  /** D: blocks' worth of ports left for the dynamic pool. */
  readonly dynamicFactor: number;
  /** R: ascending and apart. Port 0 is nobody's, whether it is named or not. */
  readonly reserved: readonly PortRange[];
}

export function deterministicFaults(rule: DeterministicRule): readonly RuleFault[] {
  const faults: RuleFault[] = [];
  const fault = (field: string, expected: string) => faults.push({ field, expected });
  const isV4 = rule.inside.ip.family === 4;
  if (rule.outside.length === 0 || rule.outside.some((one) => one.ip.family !== 4))
    fault('outside', 'IPv4 addresses or prefixes');
  if (rule.outside.some((one, i) => rule.outside.slice(i + 1).some((other) => overlaps(one, other))))
    fault('outside', 'outside prefixes that do not overlap');
  if (isV4 ? rule.insideLength !== 32 : !isWhole(rule.insideLength, rule.inside.length, 128))
    fault('insideLength', isV4 ? '32: a subscriber is one IPv4 address' : 'a length from that of inside to 128');
  if (!isWhole(rule.ratio, 1, 65_535)) fault('ratio', 'inside hosts per outside address, 1 to 65535');
  if (!isWhole(rule.dynamicFactor, 0, 65_535)) fault('dynamicFactor', 'a number from 0 to 65535');
  if (faults.length > 0) return faults;
  if (blockSize(rule) < 1) fault('ratio', 'at least one port for each host');
  if (insideCount(rule) > rule.ratio * outsideCount(rule))
    fault('ratio', `room for all ${insideCount(rule)} inside hosts on ${outsideCount(rule)} outside addresses`);
  return faults;
}

/** Ascending, joined, with port 0 among them. */
export function reservedPorts(ranges: readonly PortRange[]): readonly PortRange[] {
  const joined: { low: number; high: number }[] = [];
  for (const { low, high } of [{ low: 0, high: 0 }, ...ranges].sort((a, b) => a.low - b.low)) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last.high + 1) last.high = Math.max(last.high, high);
    else joined.push({ low, high });
  }
  return joined;
}

/** n = ⌊(65536 − |R|) / (C + D)⌋. */
export function blockSize(rule: DeterministicRule): number {
  const taken = rule.reserved.reduce((sum, { low, high }) => sum + high - low + 1, 0);
  return Math.floor((65_536 - taken) / (rule.ratio + rule.dynamicFactor));
}

/** `dynamic` = the log of the pool names the holder. `port` may be absent where the address is not shared. */
export function deterministicHolder(
  rule: DeterministicRule,
  ip: Ip,
  port: number | undefined,
): Holding | NoHolder | 'dynamic' {
  if (port !== undefined && isReserved(rule, port)) return 'port-reserved';
  const block = port === undefined ? 0 : Math.floor(rankOf(rule, port) / blockSize(rule));
  if (block >= rule.ratio) return 'dynamic';
  const host = outsideIndex(rule, ip)! * rule.ratio + block;
  if (host >= insideCount(rule)) return 'port-unassigned';
  return { prefix: insidePrefix(rule, host), ports: blockOf(rule, block) };
}

export function deterministicPortSets(rule: DeterministicRule, inside: Prefix): readonly Share[] {
  if (!overlaps(rule.inside, inside)) return [];
  const [first, last] = hostsIn(rule, inside);
  if (last - first >= MOST_PORT_SETS) return [];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({
    outside: prefixOf(outsideAt(rule, Math.floor((first + i) / rule.ratio))),
    ports: blockOf(rule, (first + i) % rule.ratio),
  }));
}

export function isOfDeterministic(rule: DeterministicRule, ip: Ip): boolean {
  return outsideIndex(rule, ip) !== undefined;
}

/** One host alone on its address, and no pool beside it: then the address is that host's. */
export function isSharedByDeterministic(rule: DeterministicRule): boolean {
  return rule.ratio + rule.dynamicFactor > 1;
}

function isReserved(rule: DeterministicRule, port: number): boolean {
  return rule.reserved.some(({ low, high }) => port >= low && port <= high);
}

/** RFC 7422 §2: reserved ports are taken from the list of candidates first, what is left is cut into blocks. */
function rankOf(rule: DeterministicRule, port: number): number {
  return rule.reserved.reduce(
    (rank, { low, high }) => (low < port ? rank - (Math.min(high, port) - low + 1) : rank),
    port,
  );
}

function blockOf(rule: DeterministicRule, block: number): readonly PortRange[] {
  const size = blockSize(rule);
  const ranges: PortRange[] = [];
  let [skip, left, low] = [block * size, size, 0];
  for (const gap of [...rule.reserved, { low: 65_536, high: 65_536 }]) {
    const free = gap.low - low;
    const taken = Math.min(left, Math.max(0, free - skip));
    if (taken > 0) ranges.push({ low: low + skip, high: low + skip + taken - 1 });
    left -= taken;
    skip = Math.max(0, skip - free);
    low = gap.high + 1;
    if (left === 0) break;
  }
  return ranges;
}

function edgeOf(hosts: PoolHosts, size: number): number {
  return hosts === 'usable' && size > 2 ? 1 : 0;
}

export function insideCount(rule: DeterministicRule): number {
  const size = 2 ** (rule.insideLength - rule.inside.length);
  return size - 2 * edgeOf(rule.insideHosts, size);
}

function insidePrefix(rule: DeterministicRule, host: number): Prefix {
  const place = host + edgeOf(rule.insideHosts, 2 ** (rule.insideLength - rule.inside.length));
  if (rule.inside.ip.family === 4) return prefixOf(ip4FromNumber(ip4Number(rule.inside.ip) + place));
  const network = bigOf(rule.inside.ip.bytes) >> BigInt(128 - rule.insideLength);
  return prefix6(network + BigInt(place), rule.insideLength);
}

/** Numbers of the first and the last host that share bits with this prefix. */
function hostsIn(rule: DeterministicRule, inside: Prefix): readonly [number, number] {
  const bits = rule.inside.ip.family === 4 ? 32 : 128;
  const edge = edgeOf(rule.insideHosts, 2 ** (rule.insideLength - rule.inside.length));
  const narrow = inside.length >= rule.inside.length ? inside : rule.inside;
  const start = (bigOf(narrow.ip.bytes) - bigOf(rule.inside.ip.bytes)) >> BigInt(bits - rule.insideLength);
  const first = Number(start) - edge;
  const last = first + 2 ** Math.max(0, rule.insideLength - narrow.length) - 1;
  return [Math.max(0, first), Math.min(insideCount(rule) - 1, last)];
}

export function outsideCount(rule: DeterministicRule): number {
  return rule.outside.reduce((sum, one) => sum + size4(one) - 2 * edgeOf(rule.outsideHosts, size4(one)), 0);
}

function outsideIndex(rule: DeterministicRule, ip: Ip): number | undefined {
  let before = 0;
  for (const pool of rule.outside) {
    const edge = edgeOf(rule.outsideHosts, size4(pool));
    const count = size4(pool) - 2 * edge;
    if (containsIp(pool, ip)) {
      const place = ip4Number(ip) - ip4Number(pool.ip) - edge;
      return place >= 0 && place < count ? before + place : undefined;
    }
    before += count;
  }
  return undefined;
}

function outsideAt(rule: DeterministicRule, index: number): Ip {
  let left = index;
  for (const pool of rule.outside) {
    const edge = edgeOf(rule.outsideHosts, size4(pool));
    const count = size4(pool) - 2 * edge;
    if (left < count) return ip4FromNumber(ip4Number(pool.ip) + edge + left);
    left -= count;
  }
  throw new Error('a host beyond the outside pool: such a rule does not load');
}
