// Token buckets per line (never per address: a family shares one), in a bounded map: a flood evicts the idle, not the memory.
import type { Instant } from '../../core/kernel/time.ts';

export interface Limit {
  /** undefined = go on; else seconds to wait. */
  take(key: string, now: Instant): number | undefined;
}

export interface FirstUses {
  /** True the first time only. */
  isFirst(id: string): boolean;
}

/** Ids seen lately, in a bounded set: repeats are told as long as nobody brings thousands of genuine ones in between. */
export function createFirstUses(most = 50_000): FirstUses {
  const seen = new Set<string>();
  return {
    isFirst(id) {
      if (seen.has(id)) return false;
      seen.add(id);
      if (seen.size > most) seen.delete(seen.values().next().value!);
      return true;
    },
  };
}

export function createLimit(options: { burst: number; perSecond: number; keys?: number }): Limit {
  const { burst, perSecond, keys = 20_000 } = options;
  const buckets = new Map<string, { tokens: number; at: Instant }>();
  return {
    take(key, now) {
      const known = buckets.get(key);
      const elapsedMs = known === undefined ? 0 : Math.max(0, now - known.at);
      const tokens = Math.min(burst, (known?.tokens ?? burst) + (elapsedMs / 1000) * perSecond);
      buckets.delete(key); // re-inserted below: the map's order is the order of last use
      buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
      if (buckets.size > keys) buckets.delete(buckets.keys().next().value!);
      return tokens >= 1 ? undefined : Math.ceil((1 - tokens) / perSecond);
    },
  };
}
