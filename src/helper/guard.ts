// What may become an element, judged here again whatever main believes: the last wall before the kernel.
// Removing is never judged by pool, protection or rate: release outranks quarantine.
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { formatKey, type GardenKey } from '../core/garden/key.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { Ip } from '../core/net/ip.ts';
import { isPortSet, sameShape } from '../core/net/port-set.ts';
import { overlaps, type Prefix, prefixOf } from '../core/net/prefix.ts';
import { isSpecial, isUnusable } from '../core/net/special.ts';
import type { HelperError, Learned, PutElement } from '../protocols/nftables/messages.ts';

/** Never rejected for a line, whatever a family says: DNS, the web and time are what a page and a clock need. */
const NEVER_ABUSED: readonly number[] = [53, 80, 123, 443];

/** Elements that may be put: a burst for the load after a restart, then a steady rate. Main asks for far less. */
const PUT_BURST = 150_000;
const PUT_PER_SECOND = 20_000;

export type Refused = Result<never, HelperError>;

export class Guard {
  readonly #spec: GatewaySpec;
  readonly #forbidden: readonly { readonly prefix: Prefix; readonly code: string }[];
  readonly #monotonicMs: () => number;
  #tokens = PUT_BURST;
  #refilledAt: number;

  constructor(spec: GatewaySpec, monotonicMs: () => number) {
    this.#spec = spec;
    this.#monotonicMs = monotonicMs;
    this.#refilledAt = monotonicMs();
    this.#forbidden = forbiddenIn(spec);
  }

  /** One element into the garden. */
  put(element: PutElement): Result<void, HelperError> {
    const { prefix } = element;
    const shape = this.removable(prefix);
    if (!shape.ok) return shape;
    const share = this.#share(prefix);
    if (!share.ok) return share;
    if (!this.#spec.pools.some((pool) => pool.length <= prefix.length && overlaps(pool, prefix))) {
      return refused('outside-pools', prefix, 'is not inside a subscriber pool');
    }
    const overlapped = this.#forbidden.find((f) => overlaps(f.prefix, prefix));
    if (overlapped !== undefined) return refused(overlapped.code, prefix, 'covers something that must stay reachable');
    const port = element.abusedPorts.find((p) => NEVER_ABUSED.includes(p.port));
    if (port !== undefined) return refused('port-never', prefix, `port ${port.port} is never closed`);
    return ok(undefined);
  }

  /** Of a shared address one port set, never the whole of it; of any other address the whole, never a port set. */
  #share(key: GardenKey): Result<void, HelperError> {
    const pool = (this.#spec.sharedPools ?? []).find((one) => overlaps(one.prefix, key));
    const { portSet } = key;
    if (pool === undefined && portSet === undefined) return ok(undefined);
    if (portSet === undefined)
      return refused('shared-address', key, 'is shared by lines: only port sets of it are taken');
    return pool !== undefined && sameShape(pool, portSet)
      ? ok(undefined)
      : refused('port-set', key, 'is in no shared pool of this shape');
  }

  /** Form alone: there is a set for this family and length, or for this shape of port sets. */
  removable(prefix: GardenKey): Result<void, HelperError> {
    const { portSet } = prefix;
    if (portSet !== undefined) {
      const isKnown = isPortSet(portSet) && prefix.length === 32 && prefix.ip.family === 4;
      return isKnown && this.#spec.sharedPools?.some((pool) => sameShape(pool, portSet)) === true
        ? ok(undefined)
        : refused('port-set', prefix, 'is not of a shape in use');
    }
    const lengths = prefix.ip.family === 4 ? [32] : this.#spec.ipv6Lengths;
    return lengths.includes(prefix.length)
      ? ok(undefined)
      : refused('prefix-length', prefix, 'is not of a length in use');
  }

  /** A learned address of a pack: public, and never a line or something of ours (DNS rebinding). */
  learnedForPack(entry: Learned): Result<void, HelperError> {
    if (!this.#spec.packs.some((p) => p.name === entry.name)) return refusedName('pack-unknown', entry.name);
    const judged = this.#learned(entry, isSpecial);
    const host = prefixOf(entry.ip);
    const ours = judged.ok ? this.#forbidden.find((f) => overlaps(f.prefix, host)) : undefined;
    return ours === undefined ? judged : refused(ours.code, host, 'is something of ours that no pack opens');
  }

  /** A learned address of a lifeline: the operator's own peers may be private, but never a line. */
  learnedForLifeline(entry: Learned): Result<void, HelperError> {
    if (!this.#spec.lifelines.some((l) => l.name === entry.name)) return refusedName('lifeline-unknown', entry.name);
    return this.#learned(entry, isUnusable);
  }

  #learned(entry: Learned, isRefused: (ip: Ip) => boolean): Result<void, HelperError> {
    const host = prefixOf(entry.ip);
    if (isRefused(entry.ip)) return refused('address-special', host, 'is not an address of the public net');
    if (this.#spec.pools.some((pool) => overlaps(pool, host)))
      return refused('address-of-a-line', host, 'is inside a pool');
    const own = [this.#spec.portal, this.#spec.sink].flatMap((pair) => [pair.ip4, pair.ip6]);
    if (own.some((ip) => overlaps(prefixOf(ip), host)))
      return refused('address-of-ours', host, 'is the portal or a sink');
    return ok(undefined);
  }

  /** Takes `count` puts from the budget, or none of them. */
  spend(count: number): Result<void, HelperError> {
    const now = this.#monotonicMs();
    this.#tokens = Math.min(PUT_BURST, this.#tokens + ((now - this.#refilledAt) / 1000) * PUT_PER_SECOND);
    this.#refilledAt = now;
    if (count > this.#tokens)
      return err({ kind: 'refused', code: 'rate-limited', text: 'more elements than this gateway takes' });
    this.#tokens -= count;
    return ok(undefined);
  }
}

function forbiddenIn(spec: GatewaySpec): readonly { prefix: Prefix; code: string }[] {
  const coded = (code: string, prefixes: readonly Prefix[]) => prefixes.map((prefix) => ({ prefix, code }));
  return [
    ...coded(
      'covers-portal',
      [spec.portal.ip4, spec.portal.ip6].map((ip) => prefixOf(ip)),
    ),
    ...coded(
      'covers-sink',
      [spec.sink.ip4, spec.sink.ip6].map((ip) => prefixOf(ip)),
    ),
    ...coded(
      'covers-lifeline',
      spec.lifelines.flatMap((l) => l.prefixes),
    ),
    ...coded('covers-infrastructure', [...spec.infrastructure, ...spec.ntpServers, ...(spec.softwireBorders ?? [])]),
  ];
}

function refused(code: string, key: GardenKey, why: string): Refused {
  return err({ kind: 'refused', code, text: `${formatKey(key)} ${why}` });
}

function refusedName(code: string, name: string): Refused {
  return err({ kind: 'refused', code, text: `${name} is not in this gateway's configuration` });
}
