// Which prefixes of one realm share an address. Prefixes are nested or apart, so one pass over the sorted list suffices.
import { overlaps, type Prefix } from '../../core/net/prefix.ts';

export interface Held<Owner> {
  readonly owner: Owner;
  readonly realm: string;
  readonly prefix: Prefix;
}

/** Pairs [holder, other]; `other` starts inside `holder`. n log n. */
export function overlappingPairs<Owner>(
  held: readonly Held<Owner>[],
): readonly (readonly [Held<Owner>, Held<Owner>])[] {
  const sorted = held
    .map((one) => ({ one, key: sortKey(one) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const pairs: [Held<Owner>, Held<Owner>][] = [];
  let widest: Held<Owner> | undefined;
  for (const { one } of sorted) {
    if (widest !== undefined && widest.realm === one.realm && overlaps(widest.prefix, one.prefix))
      pairs.push([widest, one]);
    else widest = one;
  }
  return pairs;
}

/** Network order, wider prefixes first. */
function sortKey({ realm, prefix }: Held<unknown>): string {
  const network = Buffer.from(prefix.ip.bytes).toString('hex');
  return `${realm}\u0000${prefix.ip.family}${network}${String(prefix.length).padStart(3, '0')}`;
}
