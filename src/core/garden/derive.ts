// Gateway elements are derived: wanted(line) × bindings open now. Pure; the gardener diffs the result against the kernel.
import { DAY, type Instant, SECOND } from '../kernel/time.ts';
import type { Binding } from '../line/binding.ts';
import { type PortSetShape, portSetsIn } from '../net/port-set.ts';
import { containsIp, formatPrefix, overlaps, type Prefix } from '../net/prefix.ts';
import type { ProtocolPort } from '../net/transport.ts';
import type { Access } from './access.ts';
import type { GardenKey } from './key.ts';

/** design.md, «Lines, bindings, gateway elements»: 72 h for static bindings, two interim intervals for dynamic ones. */
export const STATIC_TIMEOUT_MS = 3 * DAY;

export interface Wanted {
  readonly access: Access;
  readonly abusedPorts: readonly ProtocolPort[];
}

export interface DerivedElement {
  readonly gateway: string;
  readonly prefix: GardenKey;
  readonly access: 'leaky' | 'strict';
  readonly abusedPorts: readonly ProtocolPort[];
  /** The element must free itself at this instant at the latest, unless renewed. */
  readonly expiresAt: Instant;
}

export interface Derived {
  readonly elements: readonly DerivedElement[];
  /** Open bindings that no gateway element can express: the line is *partial*. Text of each prefix with its reason. */
  readonly uncovered: readonly { readonly prefix: string; readonly reason: UncoveredReason }[];
}

export type UncoveredReason =
  | 'shared-address'
  | 'outer-packet'
  | 'no-gateway'
  | 'prefix-length'
  | 'evidence-too-old'
  | 'family'
  | 'no-leaky';

export interface DeriveGateway {
  readonly name: string;
  readonly ipv6Lengths: readonly number[];
  /** What it can restrict; absent: both. */
  readonly families?: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** IPv4 addresses that lines share and that it sees with their ports. */
  readonly sharedPools?: readonly (PortSetShape & { readonly prefix: Prefix })[];
  /** In strict, IPv4 in IPv6 to and from the BR or AFTR passes: what is inside is judged elsewhere. */
  readonly passesSoftwires?: boolean;
  /** It knows open and strict alone: leaky closes no port there. */
  readonly lacksLeaky?: boolean;
}

export interface DeriveFacts {
  readonly now: Instant;
  /** Gateway that sees this binding's traffic; undefined = none of ours. */
  gatewayOf(binding: Binding): DeriveGateway | undefined;
  /** Interim interval of the binding's NAS, ms. */
  interimMsOf(binding: Binding): number;
}

export function deriveElements(wanted: Wanted, open: readonly Binding[], facts: DeriveFacts): Derived {
  const access = wanted.access;
  if (access !== 'leaky' && access !== 'strict') return { elements: [], uncovered: [] };
  const elements: DerivedElement[] = [];
  const uncovered: { prefix: string; reason: UncoveredReason }[] = [];
  const { abusedPorts } = wanted;
  for (const binding of open.filter((one) => one.ports === undefined)) {
    const found = deriveOne(binding, facts);
    if (typeof found === 'string') {
      uncovered.push({ prefix: formatPrefix(binding.prefix), reason: found });
      continue;
    }
    const bounded = boundedAccess(access, binding, open, facts);
    elements.push(...found.map((one) => ({ ...one, access: bounded.access, abusedPorts })));
    if (bounded.reason !== undefined) uncovered.push({ prefix: formatPrefix(binding.prefix), reason: bounded.reason });
  }
  for (const shared of sharesOf(open)) {
    const found = deriveShare(shared, facts);
    elements.push(...found.places.map((one) => ({ ...one, access, abusedPorts })));
    if (found.reason !== undefined) uncovered.push({ prefix: formatPrefix(shared[0]!.prefix), reason: found.reason });
  }
  return { elements, uncovered };
}

/**
 * What this gateway can make of an access. Of a line whose IPv4 is in a tunnel it sees the outer packets alone: strict would cut
 * off the whole of it, emergency calls too, unless it lets the tunnel pass.
 */
function boundedAccess(
  access: 'leaky' | 'strict',
  binding: Binding,
  open: readonly Binding[],
  facts: DeriveFacts,
): { readonly access: 'leaky' | 'strict'; readonly reason?: UncoveredReason } {
  const gateway = facts.gatewayOf(binding);
  if (access === 'leaky') return gateway?.lacksLeaky === true ? { access, reason: 'no-leaky' } : { access };
  const isTunnelled = binding.prefix.ip.family === 6 && open.some((one) => isInTunnel(one, facts));
  if (!isTunnelled || gateway?.passesSoftwires === true) return { access };
  return { access: 'leaky', reason: 'outer-packet' };
}

/** Held by rule, or seen with its ports behind a border. The blocks of a CGN are neither. */
function isInTunnel({ via, ...binding }: Binding, facts: DeriveFacts): boolean {
  return via !== undefined || (binding.ports !== undefined && facts.gatewayOf(binding) !== undefined);
}

type Place = { readonly gateway: string; readonly prefix: GardenKey; readonly expiresAt: Instant };

function deriveOne(binding: Binding, facts: DeriveFacts): readonly Place[] | UncoveredReason {
  const gateway = facts.gatewayOf(binding);
  if (gateway === undefined) return 'no-gateway';
  if (gateway.families?.[binding.prefix.ip.family === 4 ? 'ipv4' : 'ipv6'] === false) return 'family';
  const expiresAt = expiryOf(binding, facts);
  if (expiresAt < facts.now + SECOND) return 'evidence-too-old';
  if (binding.prefix.ip.family === 4) {
    if (binding.prefix.length < 29) return 'prefix-length';
    // The whole of a shared address is nobody's, whatever a record says.
    if (gateway.sharedPools?.some((pool) => overlaps(pool.prefix, binding.prefix)) === true) return 'shared-address';
    return hosts(binding.prefix).map((prefix) => ({ gateway: gateway.name, prefix, expiresAt }));
  }
  if (!gateway.ipv6Lengths.includes(binding.prefix.length)) return 'prefix-length';
  return [{ gateway: gateway.name, prefix: binding.prefix, expiresAt }];
}

function expiryOf(binding: Binding, facts: DeriveFacts): Instant {
  return binding.source === 'static'
    ? facts.now + STATIC_TIMEOUT_MS
    : binding.certainEndAt + 2 * facts.interimMsOf(binding);
}

/** The line's ports at one shared address come as one binding per range. */
function sharesOf(open: readonly Binding[]): readonly (readonly Binding[])[] {
  const shares = new Map<string, Binding[]>();
  for (const binding of open) {
    if (binding.ports === undefined) continue;
    const key = `${binding.realm} ${formatPrefix(binding.prefix)}`;
    const known = shares.get(key);
    if (known === undefined) shares.set(key, [binding]);
    else known.push(binding);
  }
  return [...shares.values()];
}

/** Whole port sets alone: a part of one would close ports of a neighbour, or leave some of the line's own open. */
function deriveShare(
  share: readonly Binding[],
  facts: DeriveFacts,
): { readonly places: readonly Place[]; readonly reason?: UncoveredReason } {
  const { prefix } = share[0]!;
  const gateway = facts.gatewayOf(share[0]!);
  const pool = gateway?.sharedPools?.find((one) => containsIp(one.prefix, prefix.ip));
  if (gateway === undefined || pool === undefined || prefix.ip.family !== 4 || prefix.length !== 32)
    return { places: [], reason: 'shared-address' };
  const alive = share.filter((binding) => expiryOf(binding, facts) >= facts.now + SECOND);
  if (alive.length < share.length) return { places: [], reason: 'evidence-too-old' };
  const expiresAt = Math.min(...alive.map((binding) => expiryOf(binding, facts)));
  const { sets, isExact } = portSetsIn(
    pool,
    alive.map((binding) => binding.ports!),
  );
  const places = sets.map((portSet) => ({ gateway: gateway.name, prefix: { ...prefix, portSet }, expiresAt }));
  return isExact ? { places } : { places, reason: 'shared-address' };
}

/** A static IPv4 prefix (up to /29) becomes one element per address: the kernel's sets are hashes of addresses. */
function hosts(prefix: Prefix): Prefix[] {
  const count = 2 ** (32 - prefix.length);
  return Array.from({ length: count }, (_, i) => {
    const bytes = prefix.ip.bytes.slice();
    bytes[3]! += i;
    return { ip: { family: 4 as const, bytes }, length: 32 };
  });
}
