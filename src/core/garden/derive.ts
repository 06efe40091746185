// Gateway elements are derived: wanted(line) × bindings open now. Pure; the gardener diffs the result against the kernel.
import { DAY, type Instant, SECOND } from '../kernel/time.ts';
import type { Binding } from '../line/binding.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import type { ProtocolPort } from '../net/transport.ts';
import type { Access } from './access.ts';

/** design.md, «Lines, bindings, gateway elements»: 72 h for static bindings, two interim intervals for dynamic ones. */
export const STATIC_TIMEOUT_MS = 3 * DAY;

export interface Wanted {
  readonly access: Access;
  readonly abusedPorts: readonly ProtocolPort[];
}

export interface DerivedElement {
  readonly gateway: string;
  readonly prefix: Prefix;
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
  for (const binding of open) {
    const found = deriveOne(binding, facts);
    if (typeof found === 'string') uncovered.push({ prefix: formatPrefix(binding.prefix), reason: found });
    else elements.push(...found.map((one) => ({ ...one, access, abusedPorts: wanted.abusedPorts })));
    if (typeof found !== 'string' && access === 'leaky' && facts.gatewayOf(binding)?.lacksLeaky === true)
      uncovered.push({ prefix: formatPrefix(binding.prefix), reason: 'no-leaky' });
  }
  return { elements, uncovered };
}

type Place = { readonly gateway: string; readonly prefix: Prefix; readonly expiresAt: Instant };

function deriveOne(binding: Binding, facts: DeriveFacts): readonly Place[] | UncoveredReason {
  if (binding.ports !== undefined) return 'shared-address';
  const gateway = facts.gatewayOf(binding);
  if (gateway === undefined) return 'no-gateway';
  if (gateway.families?.[binding.prefix.ip.family === 4 ? 'ipv4' : 'ipv6'] === false) return 'family';
  const expiresAt =
    binding.source === 'static' ? facts.now + STATIC_TIMEOUT_MS : binding.certainEndAt + 2 * facts.interimMsOf(binding);
  if (expiresAt < facts.now + SECOND) return 'evidence-too-old';
  if (binding.prefix.ip.family === 4) {
    if (binding.prefix.length < 29) return 'prefix-length';
    return hosts(binding.prefix).map((prefix) => ({ gateway: gateway.name, prefix, expiresAt }));
  }
  if (!gateway.ipv6Lengths.includes(binding.prefix.length)) return 'prefix-length';
  return [{ gateway: gateway.name, prefix: binding.prefix, expiresAt }];
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
