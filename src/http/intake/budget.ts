// How much one source may send: a token bucket per source and a bound on deliveries in work. Pure; the clock is an argument.

export interface Budget {
  /** Milliseconds to wait, 0 when the delivery may come in (and is counted). */
  take(source: string, monotonicMs: number): number;
}

/** `perSecond` on average, `burst` at once. Sources are configured, so the map is bounded by the configuration. */
export function createBudget(perSecond: number, burst: number): Budget {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(source, monotonicMs) {
      const bucket = buckets.get(source) ?? { tokens: burst, at: monotonicMs };
      bucket.tokens = Math.min(burst, bucket.tokens + ((monotonicMs - bucket.at) / 1000) * perSecond);
      bucket.at = monotonicMs;
      buckets.set(source, bucket);
      if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1000);
      bucket.tokens -= 1;
      return 0;
    },
  };
}
