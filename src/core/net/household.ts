// Who is at the other end, as a key for limits: one household shares one key, its neighbours have others, and whoever is not
// a customer of ours cannot hop through a large prefix. The one place that decides it. Says nothing about identity.
import { formatIp, type Peer } from './ip.ts';
import { type PortSetShape, portSetAt } from './port-set.ts';
import { containsIp, formatPrefix, type Prefix, prefixOf } from './prefix.ts';

export interface Household {
  readonly key: string;
  /** Where it is not known how much was delegated: the widest it may be, for a looser bound over all of it. */
  readonly wide?: string;
  /** From a subscriber pool of ours. */
  readonly isOurs: boolean;
}

export type HouseholdOf = (peer: Peer) => Household;

export interface Homes {
  readonly pools: readonly Prefix[];
  /** What may be delegated here: gateway configuration `ipv6Lengths`. */
  readonly ipv6Lengths: readonly number[];
  /** Addresses where the port says which household it is. */
  readonly sharedPools?: readonly (PortSetShape & { readonly prefix: Prefix })[];
}

/** Of strangers nothing is known: a /48 is what anybody gets. */
const STRANGER_BITS = 48;

/**
 * `elementOf`: the gateway's own element of an address, when there is one; then the household is known exactly. Otherwise
 * the longest length in use: a limit that hits a household wrongly is worse than one that a hopper stretches, and `wide`
 * bounds the stretching.
 */
export function households(homes: Homes, elementOf: (peer: Peer) => Prefix | undefined = () => undefined): HouseholdOf {
  const [longest = STRANGER_BITS, shortest = longest] = [Math.max, Math.min].map((pick) =>
    homes.ipv6Lengths.length === 0 ? undefined : pick(...homes.ipv6Lengths),
  );
  return (ip) => {
    const isOurs = homes.pools.some((pool) => containsIp(pool, ip));
    if (ip.family === 4) return { key: `${formatIp(ip)}${shareOf(homes, ip)}`, isOurs };
    if (!isOurs) return { key: formatPrefix(prefixOf(ip, STRANGER_BITS)), isOurs };
    const element = elementOf(ip);
    if (element !== undefined) return { key: formatPrefix(element), isOurs };
    const key = formatPrefix(prefixOf(ip, longest));
    return shortest === longest ? { key, isOurs } : { key, wide: formatPrefix(prefixOf(ip, shortest)), isOurs };
  };
}

/** A port that nobody of a shared address has says nothing: then it is the address that is bounded. */
function shareOf({ sharedPools = [] }: Homes, peer: Peer): string {
  const pool = sharedPools.find(({ prefix }) => containsIp(prefix, peer));
  const portSet = pool === undefined || peer.port === undefined ? undefined : portSetAt(pool, peer.port);
  return portSet === undefined ? '' : ` psid ${portSet.psid}`;
}
