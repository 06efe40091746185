// What our own elements say about a peer, for the answers on port 80: from memory, never from a store.
import type { Peer } from '../core/net/ip.ts';
import { containsIp, type Prefix } from '../core/net/prefix.ts';
import type { AllowList } from '../flow/ports.ts';

export type Standing = 'in-garden' | 'free' | 'unknown';

/**
 * Leaky lines count as free: they browse, and sent to the portal they would never leave it. Nobody is told «free» before the
 * kernel's own list was read once: until then the memory of this process is empty, the garden is not.
 */
export function standingFromMemory(
  gateways: readonly Pick<AllowList, 'isStrict' | 'isSeeded'>[],
  pools: readonly Prefix[],
  peer: Peer,
): Standing {
  if (gateways.some((gateway) => gateway.isStrict(peer))) return 'in-garden';
  const isKnown = gateways.every((gateway) => gateway.isSeeded) && pools.some((pool) => containsIp(pool, peer));
  return isKnown ? 'free' : 'unknown';
}
