// Lightweight 4over6 (RFC 7596 §5): a binding table of the lwAFTR. Each entry gives one B4 address a share of a public IPv4 address.
import type { Ip } from '../../net/ip.ts';
import { containsIp, type Prefix, prefixOf } from '../../net/prefix.ts';
import { ip4Number } from './bits.ts';
import { type Holding, isWhole, type PortSetShape, portsOf, psidOf, type Share, shapeFault } from './port-set.ts';
import type { NoHolder, RuleHead } from './rule.ts';

export interface Lw4o6Entry extends PortSetShape {
  readonly ipv4: Ip;
  readonly psid: number;
  /** The B4's address, /128. */
  readonly b4: Ip;
}

export interface Lw4o6Table extends RuleHead {
  readonly kind: 'lw4o6';
  readonly entries: readonly Lw4o6Entry[];
}

/** What one entry alone can have wrong. */
export function entryFault(entry: Lw4o6Entry): string | undefined {
  if (entry.ipv4.family !== 4) return 'an IPv4 address';
  if (entry.b4.family !== 6) return 'the IPv6 address of a B4';
  if (!isWhole(entry.psid, 0, 2 ** entry.psidLength - 1)) return `a PSID of ${entry.psidLength} bits`;
  return shapeFault(entry)?.expected;
}

/** Entries whose ports are somebody else's already, as [the earlier, the later] by their place in the list. */
export function doubledEntries(entries: readonly Lw4o6Entry[]): readonly (readonly [number, number])[] {
  const doubled: [number, number][] = [];
  const seen = new Map<number, number[]>();
  for (const [i, entry] of entries.entries()) {
    const key = ip4Number(entry.ipv4);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, [i]);
    else before.push(i);
  }
  for (const places of seen.values()) if (places.length > 1) doubled.push(...doubledAmong(entries, places));
  return doubled.sort((a, b) => a[1] - b[1]);
}

/** Of one address. The owner of each port: one pass, however many shapes are mixed. */
function doubledAmong(entries: readonly Lw4o6Entry[], places: readonly number[]): [number, number][] {
  const owner = new Map<number, number>();
  const doubled = new Map<number, number>();
  const first = entries[places[0]!]!;
  const alike = places.every((i) => entries[i]!.offset === first.offset && entries[i]!.psidLength === first.psidLength);
  for (const i of places) {
    const entry = entries[i]!;
    const ports = alike ? [{ low: entry.psid, high: entry.psid }] : portsOf(entry, entry.psid);
    for (const { low, high } of ports)
      for (let port = low; port <= high; port++) {
        const other = owner.get(port);
        if (other !== undefined) doubled.set(i, doubled.get(i) ?? other);
        else owner.set(port, i);
      }
  }
  return [...doubled].map(([later, earlier]) => [earlier, later]);
}

export function isOfTable(table: Lw4o6Table, ip: Ip): boolean {
  return indexOf(table).byAddress.has(ip4Number(ip));
}

export function addressesOf(table: Lw4o6Table): Iterable<number> {
  return indexOf(table).byAddress.keys();
}

export function isSharedByTable(table: Lw4o6Table, ip: Ip): boolean {
  return (indexOf(table).byAddress.get(ip4Number(ip)) ?? []).some((entry) => entry.psidLength > 0);
}

/** `port` may be absent where the address is not shared. A port that no entry has is dropped by the lwAFTR (RFC 7596 §6.2). */
export function tableHolder(table: Lw4o6Table, ip: Ip, port: number | undefined): Holding | NoHolder {
  const entries = indexOf(table).byAddress.get(ip4Number(ip)) ?? [];
  for (const entry of entries)
    if (psidOf(entry, port ?? 0) === entry.psid)
      return { prefix: prefixOf(entry.b4), ports: portsOf(entry, entry.psid) };
  return entries.every((entry) => psidOf(entry, port ?? 0) === undefined) ? 'port-excluded' : 'port-unassigned';
}

export function tablePortSets(table: Lw4o6Table, inside: Prefix): readonly Share[] {
  if (inside.ip.family !== 6) return [];
  const { byB4 } = indexOf(table);
  let [low, high] = [0, byB4.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(byB4[middle]!.b4.bytes, inside.ip.bytes) < 0) low = middle + 1;
    else high = middle;
  }
  const found: Share[] = [];
  for (let i = low; i < byB4.length && containsIp(inside, byB4[i]!.b4); i++)
    found.push({ outside: prefixOf(byB4[i]!.ipv4), ports: portsOf(byB4[i]!, byB4[i]!.psid) });
  return found;
}

interface TableIndex {
  readonly byAddress: ReadonlyMap<number, readonly Lw4o6Entry[]>;
  /** Ascending by B4 address. */
  readonly byB4: readonly Lw4o6Entry[];
}

/** A table is a value that never changes: its index is made once, at the first question. */
const INDEXES = new WeakMap<Lw4o6Table, TableIndex>();

function indexOf(table: Lw4o6Table): TableIndex {
  const known = INDEXES.get(table);
  if (known !== undefined) return known;
  const byAddress = new Map<number, Lw4o6Entry[]>();
  for (const entry of table.entries) {
    const key = ip4Number(entry.ipv4);
    const list = byAddress.get(key);
    if (list === undefined) byAddress.set(key, [entry]);
    else list.push(entry);
  }
  const byB4 = [...table.entries].sort((a, b) => compareBytes(a.b4.bytes, b.b4.bytes));
  const made = { byAddress, byB4 };
  INDEXES.set(table, made);
  return made;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
