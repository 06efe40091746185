// Which rules speak about an outside address, without asking all of them. Made once for each set of rules: they never change.
import type { Ip } from '../../net/ip.ts';
import type { Prefix } from '../../net/prefix.ts';
import { ip4Number, masked4 } from './bits.ts';
import { isOfDeterministic } from './deterministic.ts';
import { isOfTable, type Lw4o6Table } from './lw4o6.ts';
import type { SharingRule, SharingRules } from './sharing-rule.ts';

/** A rule that speaks about the address asked for, and by how long a prefix: the longest decides. */
export interface Covering {
  readonly rule: SharingRule;
  readonly length: number;
}

interface RealmIndex {
  /** By prefix length, then by network. */
  readonly byLength: Map<number, Map<number, SharingRule[]>>;
  readonly tables: Lw4o6Table[];
}

const INDEXES = new WeakMap<SharingRules, ReadonlyMap<string, RealmIndex>>();

export function rulesOf(rules: SharingRules, realm: string, ip: Ip): readonly Covering[] {
  if (ip.family !== 4) return [];
  const index = indexOf(rules).get(realm);
  if (index === undefined) return [];
  const address = ip4Number(ip);
  const found: Covering[] = [];
  for (const [length, networks] of index.byLength)
    for (const rule of networks.get(masked4(address, length)) ?? [])
      if (rule.kind !== 'deterministic-cgn' || isOfDeterministic(rule, ip)) found.push({ rule, length });
  for (const table of index.tables) if (isOfTable(table, ip)) found.push({ rule: table, length: 32 });
  return found;
}

/** The outside prefixes a rule names; a table names single addresses and has an index of its own. */
export function outsideOf(rule: SharingRule): readonly Prefix[] {
  if (rule.kind === 'map-e') return [rule.ipv4Prefix];
  return rule.kind === 'deterministic-cgn' ? rule.outside : [];
}

function indexOf(rules: SharingRules): ReadonlyMap<string, RealmIndex> {
  const known = INDEXES.get(rules);
  if (known !== undefined) return known;
  const made = new Map<string, RealmIndex>();
  for (const rule of rules.rules) {
    const index: RealmIndex = made.get(rule.realm) ?? { byLength: new Map(), tables: [] };
    made.set(rule.realm, index);
    if (rule.kind === 'lw4o6') index.tables.push(rule);
    for (const prefix of outsideOf(rule)) put(index, prefix, rule);
  }
  INDEXES.set(rules, made);
  return made;
}

function put({ byLength }: RealmIndex, { ip, length }: Prefix, rule: SharingRule): void {
  const networks = byLength.get(length) ?? new Map<number, SharingRule[]>();
  byLength.set(length, networks);
  const key = ip4Number(ip);
  const list = networks.get(key);
  if (list === undefined) networks.set(key, [rule]);
  else list.push(rule);
}
