// The pieces that rules are put together from: keys, budgets, addresses of our own. No chain is made here.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatIp } from '../../core/net/ip.ts';
import { lowestPort, psidMask } from '../../core/net/port-set.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import { type Budget, budgetSet, type KeyForm, maskText } from './sets.ts';

export interface Chain {
  readonly name: string;
  /** undefined = entered by a jump only. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** conntrack has put known fragments together before this; what still is one belongs to no flow. 41, 47, 50: tunnels. */
export function oddPackets(form: KeyForm): string[] {
  const odd =
    form.family === 4
      ? ['ip frag-off & 0x3fff != 0 drop', 'ip hdrlength != 5 drop']
      : ['frag', 'rt', 'hbh', 'dst', 'mh'].map((header) => `exthdr ${header} exists drop`);
  return [...odd, 'meta l4proto { 41, 47, 50 } drop'];
}

export function interfaces(spec: GatewaySpec): string {
  return spec.accessInterfaces.map((name) => `"${name}"`).join(', ');
}

/** A packet from outside that bears a line's address is never taken for the line's. */
export function notFromHomes(spec: GatewaySpec): string {
  return `iifname != { ${interfaces(spec)} } accept`;
}

/** What of a packet from a line is looked up in the sets of this form. */
export function source(form: KeyForm): string {
  return `${guard(form, 'saddr')}${key(form, 'saddr')}`;
}

export function target(form: KeyForm): string {
  return `${guard(form, 'daddr')}${key(form, 'daddr')}`;
}

/**
 * Only what has ports has a key with ports in it: `th` would take the first bytes of an ICMP message for one. The lowest ports of
 * such an address are nobody's, though they have a PSID's bits like all others.
 */
function guard({ shared }: KeyForm, side: Side): string {
  if (shared === undefined) return '';
  const pools = `ip ${side} { ${shared.pools.map(formatPrefix).join(', ')} } meta l4proto { tcp, udp }`;
  return shared.offset === 0 ? `${pools} ` : `${pools} th ${PORT_OF[side]} >= ${lowestPort(shared)} `;
}

type Side = 'saddr' | 'daddr';
/** A line's own port: where it sends from, and where it is sent to. */
const PORT_OF = { saddr: 'sport', daddr: 'dport' } as const;

function key(form: KeyForm, side: Side): string {
  const { shared } = form;
  if (shared !== undefined) return `ip ${side} . th ${PORT_OF[side]} & ${hex16(psidMask(shared))}`;
  if (form.family === 4) return `ip ${side}`;
  const mask = maskText(form.length);
  return mask === undefined ? `ip6 ${side}` : `ip6 ${side} & ${mask}`;
}

function hex16(bits: number): string {
  return `0x${bits.toString(16).padStart(4, '0')}`;
}

export function tupleKey(form: KeyForm, side: Side): string {
  return `${key(form, side)} . meta l4proto . th dport`;
}

/** Matches what exceeds the budget of this line; IPv6 is counted per delegated prefix. */
export function over(form: KeyForm, budget: Budget, perSecond: number): string {
  const rate = `limit rate over ${perSecond}/second burst ${2 * perSecond} packets`;
  return `update @${budgetSet(budget, form)} { ${key(form, 'saddr')} ${rate} }`;
}

export function ip(of: GatewaySpec['portal'], family: 4 | 6) {
  return family === 4 ? of.ip4 : of.ip6;
}

export function portal(spec: GatewaySpec, { family }: { readonly family: 4 | 6 }): string {
  return `${family === 4 ? 'ip' : 'ip6'} daddr ${formatIp(ip(spec.portal, family))}`;
}

export function sink(spec: GatewaySpec, family: 4 | 6): string {
  return `${family === 4 ? 'ip' : 'ip6'} daddr ${formatIp(ip(spec.sink, family))}`;
}

export function dnat(spec: GatewaySpec, family: 4 | 6, port: number): string {
  const address = formatIp(ip(spec.portal, family));
  return family === 4 ? `dnat ip to ${address}:${port}` : `dnat ip6 to [${address}]:${port}`;
}
