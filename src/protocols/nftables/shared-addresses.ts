// What the rules need in addition where lines share IPv4 addresses, beside the form of their keys (sets.ts): tunnels to the
// border stay open, and no line is ever taken for its neighbour because the kernel moved its source port. Empty lists otherwise.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatPrefix } from '../../core/net/prefix.ts';
import type { Chain } from './rule-parts.ts';
import type { KeyForm } from './sets.ts';

/**
 * IPv4 in IPv6 to and from a BR or AFTR. Before extension headers are looked at: a tunnel may carry its limit in one (RFC 2473
 * §4.1.1). What is inside is judged behind the border.
 */
export function softwires({ softwireBorders = [] }: GatewaySpec, form: KeyForm, side: 'saddr' | 'daddr'): string[] {
  const borders = softwireBorders.filter(({ ip }) => ip.family === 6);
  if (form.family !== 6 || borders.length === 0) return [];
  return [`ip6 ${side} { ${borders.map(formatPrefix).join(', ')} } meta l4proto 4 accept`];
}

/**
 * The source port is who somebody is at a shared address. A home router may use one port for two peers at once; steered to one
 * listener the two flows would be the same, and conntrack gives the second one another source port: perhaps a neighbour's. Such
 * a connection is reset before it reaches a listener that asks who is there; the next try has another port.
 */
export function movedSources(spec: GatewaySpec): Chain[] {
  const { sharedPools = [], ports } = spec;
  if (sharedPools.length === 0) return [];
  const pools = sharedPools.map(({ prefix }) => formatPrefix(prefix)).join(', ');
  const asking = [ports.portalHttp, ports.portalHttps, ports.tlsRefuser].join(', ');
  const moved = `ip saddr { ${pools} } tcp dport { ${asking} } ct status & snat == snat`;
  const chain = (name: string, hook: string, verdict: string): Chain => ({
    name,
    // Conntrack moves it at srcnat (100).
    hook: `filter hook ${hook} priority 110`,
    rules: [`${moved} ${verdict}`],
  });
  // After routing nothing can be answered.
  return spec.isPortalElsewhere === true
    ? [chain('moved_source', 'postrouting', 'drop')]
    : [chain('moved_source', 'input', 'reject with tcp reset')];
}
