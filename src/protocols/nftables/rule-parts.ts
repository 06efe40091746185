// The pieces that rules are put together from: keys, budgets, addresses of our own. No chain is made here.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatIp } from '../../core/net/ip.ts';
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

export function source(form: KeyForm): string {
  return key(form, 'saddr');
}

export function target(form: KeyForm): string {
  return key(form, 'daddr');
}

export function key(form: KeyForm, side: 'saddr' | 'daddr'): string {
  if (form.family === 4) return `ip ${side}`;
  const mask = maskText(form.length);
  return mask === undefined ? `ip6 ${side}` : `ip6 ${side} & ${mask}`;
}

export function tupleKey(form: KeyForm, side: 'saddr' | 'daddr'): string {
  return `${key(form, side)} . meta l4proto . th dport`;
}

/** Matches what exceeds the budget of this line; IPv6 is counted per delegated prefix. */
export function over(form: KeyForm, budget: Budget, perSecond: number): string {
  const rate = `limit rate over ${perSecond}/second burst ${2 * perSecond} packets`;
  return `update @${budgetSet(budget, form.family)} { ${source(form)} ${rate} }`;
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
