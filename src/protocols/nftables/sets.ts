// The named sets of the gateway's table: one place for every name, key form and size, shared by ruleset and elements.
// Hash sets only (an interval set costs seconds per change at 100,000 lines); access is told by separate sets, never by
// map values. Static destinations are no sets: they stand in the rules, so that a reload replaces them whole.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import type { GardenKey } from '../../core/garden/key.ts';
import { formatIp, type Ip, parseIp } from '../../core/net/ip.ts';
import { maskedPort, type PortSetShape, portSetOfMasked, sameShape } from '../../core/net/port-set.ts';
import { maskIp, type Prefix, prefixOf } from '../../core/net/prefix.ts';
import type { ProtocolPort } from '../../core/net/transport.ts';

/** Room for every line of a large gateway. Exceeding it is ENFILE («Too many open files in system»). */
const MAX_ELEMENTS = 2_097_152;
const MAX_LEARNED = 16_384;
/**
 * For an element that a resolver of the operator's puts there itself (dnsmasq's `nftset` knows no timeout). Not the hour of our
 * own: an element with the set's own timeout is listed without one, and could not be put into a set that has none.
 */
const FOREIGN_PACK_TIMEOUT = '2h';
const MAX_METERED = 131_072;

export const DNS_ALIVE_SET = 'dns_alive';
/** One element without timeout, made by `install`: gone = a foreigner flushed the sets. */
export const SENTINEL_SET = 'sentinel';
export const SENTINEL_VALUE = 1;

export type GardenAccess = 'leaky' | 'strict';

export type SetValue = string | number | { readonly concat: readonly (string | number)[] };

/**
 * One key form: IPv4 addresses as they are, IPv6 masked to one of the gateway's prefix lengths, shared IPv4 addresses with the
 * line's port masked to its PSID. A port set is one element of a hash, not one interval per range: ADR 0014.
 */
export interface KeyForm {
  readonly family: 4 | 6;
  readonly length: number;
  /** `4`, `4_p6_8`, `6_56`, `6_64`…: the end of every set and chain name of this form. */
  readonly suffix: string;
  readonly garden: Readonly<Record<GardenAccess, string>>;
  /** address . protocol . port with a counter: the deny counter, matched by outgoing packets alone. */
  readonly abuse: string;
  /** The same keys without a counter, for incoming packets: a scan from outside must not raise the deny counter. */
  readonly abuseIn: string;
  /** The key has a PSID beside the address; only packets of these addresses have such a key. */
  readonly shared?: PortSetShape & { readonly pools: readonly Prefix[] };
}

/** In the order of the rules: IPv4, its shared addresses, then IPv6 from the longest prefix to the shortest. */
export function keyForms(spec: GatewaySpec): readonly KeyForm[] {
  const lengths = [...new Set(spec.ipv6Lengths)].sort((a, b) => b - a);
  return [keyForm(4, 32), ...sharedForms(spec), ...lengths.map((length) => keyForm(6, length))];
}

function sharedForms({ sharedPools = [] }: GatewaySpec): readonly KeyForm[] {
  const shapes = sharedPools.filter((pool, i) => sharedPools.findIndex((other) => sameShape(other, pool)) === i);
  return shapes.map((shape) =>
    keyForm(4, 32, {
      offset: shape.offset,
      psidLength: shape.psidLength,
      pools: sharedPools.filter((pool) => sameShape(pool, shape)).map((pool) => pool.prefix),
    }),
  );
}

function keyForm(family: 4 | 6, length: number, shared?: KeyForm['shared']): KeyForm {
  const ports = shared === undefined ? '' : `_p${shared.offset}_${shared.psidLength}`;
  const suffix = family === 4 ? `4${ports}` : `6_${length}`;
  return {
    family,
    length,
    suffix,
    ...(shared === undefined ? {} : { shared }),
    garden: { leaky: `leaky${suffix}`, strict: `strict${suffix}` },
    abuse: `abuse${suffix}`,
    abuseIn: `abuse_in${suffix}`,
  };
}

/** The form an element of this key has; undefined = no set for this length or shape, so it must be refused. */
export function keyFormOf(spec: GatewaySpec, key: GardenKey): KeyForm | undefined {
  const { ip, length, portSet } = key;
  if (portSet !== undefined) return sharedForms(spec).find((form) => sameShape(form.shared!, portSet));
  const isKnown = ip.family === 4 ? length === 32 : spec.ipv6Lengths.includes(length);
  return isKnown ? keyForm(ip.family, length) : undefined;
}

/** The value stored in a set for this key: the network address, and the PSID's bits of a port where it has one. */
export function keyValue(key: GardenKey): SetValue {
  const parts = keyParts(key);
  return parts.length === 1 ? parts[0]! : { concat: parts };
}

/** In the abused-port sets: the key, protocol, port. */
export function tupleValue(key: GardenKey, { protocol, port }: ProtocolPort): SetValue {
  return { concat: [...keyParts(key), protocol, port] };
}

function keyParts({ ip, length, portSet }: GardenKey): readonly (string | number)[] {
  const address = formatIp(maskIp(ip, length));
  return portSet === undefined ? [address] : [address, maskedPort(portSet)];
}

/** Reads what `keyParts` wrote, from the front of a listed value; undefined = not a key of this form. */
export function keyOfParts(form: KeyForm, [address, masked]: readonly unknown[]): GardenKey | undefined {
  const ip = typeof address === 'string' ? parseIp(address) : undefined;
  if (ip?.family !== form.family) return undefined;
  const prefix = prefixOf(ip, form.length);
  if (form.shared === undefined) return prefix;
  const portSet = typeof masked === 'number' ? portSetOfMasked(form.shared, masked) : undefined;
  return portSet === undefined ? undefined : { ...prefix, portSet };
}

/** How many fields the key has before protocol and port. */
export function keyLength(form: KeyForm): number {
  return form.shared === undefined ? 1 : 2;
}

/** `ffff:ffff:ffff:ff00::` for 56; undefined for 128, where nothing is masked. */
export function maskText(length: number): string | undefined {
  if (length === 128) return undefined;
  return formatIp(maskIp({ family: 6, bytes: new Uint8Array(16).fill(255) }, length));
}

/** Addresses learned for this pack; its rule pairs them with the pack's protocols and ports. */
export function packSet(pack: string, family: Ip['family']): string {
  return `pack${family}_${setSlug(pack)}`;
}

/** Addresses learned for this lifeline. */
export function lifelineSet(lifeline: string, family: Ip['family']): string {
  return `life${family}_${setSlug(lifeline)}`;
}

/** Every set whose addresses were learned, of lifelines and packs. */
export function learnedSetNames(spec: GatewaySpec): readonly string[] {
  return ([4, 6] as const).flatMap((family) => [
    ...spec.lifelines.map(({ name }) => lifelineSet(name, family)),
    ...spec.packs.map(({ name }) => packSet(name, family)),
  ]);
}

/** Sets whose elements close something for a line, of any prefix length, configured now or formerly. */
export function isGardenSet(name: string): boolean {
  return /^(strict|leaky|abuse|abuse_in)(4|4_p[0-9]+_[0-9]+|6_[0-9]+)$/.test(name);
}

/** nft identifiers: letters, digits and `_`. Two names with one slug are refused by `declaredSets`. */
export function setSlug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 60);
}

export const BUDGETS = ['dns', 'http', 'https', 'portal', 'pack', 'reject', 'abuse_reject'] as const;
export type Budget = (typeof BUDGETS)[number];

/** IPv6 lines of all lengths share a meter: their keys are different anyway. */
export function budgetSet(budget: Budget, { family, shared, suffix }: KeyForm): string {
  return `rate_${budget}${shared === undefined ? family : suffix}`;
}

export interface DeclaredSet {
  readonly name: string;
  /** What stands between the braces of `add set`. */
  readonly definition: string;
}

/** Every set of the table, in the order of declaration. Throws when two packs or two lifelines share a name. */
export function declaredSets(spec: GatewaySpec): readonly DeclaredSet[] {
  const sets = [
    ...keyForms(spec).flatMap(gardenSets),
    ...spec.lifelines.flatMap(({ name }) => learnedSets(name, lifelineSet)),
    ...spec.packs.flatMap(({ name }) => learnedSets(name, packSet, ` timeout ${FOREIGN_PACK_TIMEOUT};`)),
    ...meteredForms(spec).flatMap((form) => BUDGETS.map((budget) => meterSet(budget, form))),
    { name: DNS_ALIVE_SET, definition: 'type inet_service; size 16; flags timeout;' },
    { name: SENTINEL_SET, definition: 'type mark; size 16;' },
  ];
  const seen = new Set<string>();
  for (const { name } of sets) {
    if (seen.has(name)) throw new Error(`two packs or lifelines of the gateway share the set name ${name}`);
    seen.add(name);
  }
  return sets;
}

function meteredForms(spec: GatewaySpec): readonly KeyForm[] {
  return [keyForm(4, 32), keyForm(6, 128), ...sharedForms(spec)];
}

/** Of the key as nft names it. */
function keyType({ family, shared }: KeyForm): string {
  return `ipv${family}_addr${shared === undefined ? '' : ' . inet_service'}`;
}

function gardenSets(form: KeyForm): DeclaredSet[] {
  const address = keyType(form);
  const tuple = `type ${address} . inet_proto . inet_service; size ${MAX_ELEMENTS}; flags timeout;`;
  return [
    ...(['strict', 'leaky'] as const).map((access) => ({
      name: form.garden[access],
      definition: `type ${address}; size ${MAX_ELEMENTS}; flags timeout;`,
    })),
    { name: form.abuse, definition: `${tuple} counter;` },
    { name: form.abuseIn, definition: tuple },
  ];
}

function learnedSets(name: string, setName: (name: string, family: Ip['family']) => string, more = ''): DeclaredSet[] {
  return ([4, 6] as const).map((family) => ({
    name: setName(name, family),
    definition: `type ipv${family}_addr; size ${MAX_LEARNED}; flags timeout;${more}`,
  }));
}

/** A meter forgets a quiet line after a minute. A full one lets pass: limits protect us, they do not confine. */
function meterSet(budget: Budget, form: KeyForm): DeclaredSet {
  return {
    name: budgetSet(budget, form),
    definition: `type ${keyType(form)}; size ${MAX_METERED}; flags dynamic,timeout; timeout 1m;`,
  };
}
