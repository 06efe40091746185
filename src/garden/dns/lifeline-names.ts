// Which names belong to a lifeline: those in the configuration with everything below them, and the exact names that their SRV,
// NAPTR and CNAME answers lead to. Shared by the front (that answers them) and the resolver (that keeps their addresses).
import type { Lifeline } from '../../core/garden/gateway.ts';
import { type Ip, parseIp } from '../../core/net/ip.ts';
import { containsIp } from '../../core/net/prefix.ts';
import { canonicalName, isWithin } from '../../protocols/dns/name.ts';

/** NAPTR → SRV → CNAME → address, and one more. */
const MAX_DEPTH = 4;
const MAX_LEARNED = 256;

export interface LifelineHit {
  readonly lifeline: string;
  /** Steps away from a configured name. */
  readonly depth: number;
}

export class LifelineNames {
  readonly #lifelines: readonly Lifeline[];
  readonly #configured: readonly { readonly name: string; readonly lifeline: string }[];
  readonly #learned = new Map<string, Map<string, number>>();

  constructor(lifelines: readonly Lifeline[]) {
    this.#lifelines = lifelines;
    this.#configured = lifelines.flatMap((lifeline) =>
      lifeline.dnsNames.flatMap((text) => {
        const name = canonicalName(text);
        return name === undefined || name === '' ? [] : [{ name, lifeline: lifeline.name }];
      }),
    );
  }

  match(name: string): LifelineHit | undefined {
    const own = this.#configured.find((c) => isWithin(name, c.name));
    if (own !== undefined) return { lifeline: own.lifeline, depth: 0 };
    for (const [lifeline, names] of this.#learned) {
      const depth = names.get(name);
      if (depth !== undefined) return { lifeline, depth };
    }
    return this.#reverse(name);
  }

  /** Targets an answer for `hit` leads to. Beyond the bound the oldest is forgotten; asked again, it comes back. */
  learn(hit: LifelineHit, targets: readonly string[]): void {
    if (hit.depth >= MAX_DEPTH) return;
    const names = this.#learned.get(hit.lifeline) ?? new Map<string, number>();
    this.#learned.set(hit.lifeline, names);
    for (const target of targets) {
      if (target === '' || this.#configured.some((c) => isWithin(target, c.name))) continue;
      const depth = Math.min(names.get(target) ?? MAX_DEPTH, hit.depth + 1);
      names.delete(target);
      names.set(target, depth);
      if (names.size > MAX_LEARNED) names.delete(names.keys().next().value!);
    }
  }

  /** PTR of a configured lifeline address. */
  #reverse(name: string): LifelineHit | undefined {
    const ip = reverseAddress(name);
    if (ip === undefined) return undefined;
    const lifeline = this.#lifelines.find((l) => l.prefixes.some((prefix) => containsIp(prefix, ip)));
    return lifeline === undefined ? undefined : { lifeline: lifeline.name, depth: MAX_DEPTH };
  }
}

/** The whole address behind a name in in-addr.arpa or ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseAddress(name: string): Ip | undefined {
  const parts = name.split('.');
  if (name.endsWith('.in-addr.arpa') && parts.length === 6) {
    return parseIp(parts.slice(0, 4).reverse().join('.'));
  }
  if (!name.endsWith('.ip6.arpa') || parts.length !== 34) return undefined;
  const digits = parts.slice(0, 32).reverse().join('');
  return /^[0-9a-f]{32}$/.test(digits) ? parseIp(digits.match(/.{4}/g)!.join(':')) : undefined;
}
