// Chains before routing: the conntrack zone of steered DNS, the budgets of strict lines, and who is sent to which listener of ours.
// Leaves out what may pass (chains-garden.ts).
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { toPacks } from './destination-rules.ts';
import { zoneOfFrontReplies } from './portal-elsewhere.ts';
import { type Chain, dnat, interfaces, notFromHomes, over, portal, sink, source } from './rule-parts.ts';
import { DNS_ALIVE_SET, type KeyForm } from './sets.ts';

/** Conntrack zone of steered DNS: with it a client that keeps its source port is free when steering ends. */
export const DNS_ZONE = 7;

export function dnsZone(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  return [
    {
      name: 'dns_zone',
      hook: 'filter hook prerouting priority -350',
      rules: [
        ...zoneOfFrontReplies(spec, 'dns_zone_reply_set'),
        notFromHomes(spec),
        'meta l4proto != { tcp, udp } accept',
        'th dport != 53 accept',
        `th dport != @${DNS_ALIVE_SET} accept`,
        ...forms.map((form) => `${source(form)} @${form.garden.strict} goto dns_zone_set`),
      ],
    },
    { name: 'dns_zone_set', rules: ['jump to_lifeline', `ct zone set ${DNS_ZONE}`] },
    ...(spec.isPortalElsewhere === true ? [{ name: 'dns_zone_reply_set', rules: [`ct zone set ${DNS_ZONE}`] }] : []),
    {
      name: 'dns_zone_reply',
      hook: 'filter hook output priority -350',
      rules: [
        `oifname { ${interfaces(spec)} } meta l4proto { tcp, udp } th sport ${spec.ports.dnsFront} ct zone set ${DNS_ZONE}`,
      ],
    },
  ];
}

/** Before steering, so that a dropped packet makes no conntrack entry. Abused ports and refused traffic use no budget. */
export function limits(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const base: Chain = {
    name: 'limits',
    hook: 'filter hook prerouting priority mangle',
    rules: [
      notFromHomes(spec),
      ...forms.map((form) => `${source(form)} @${form.garden.strict} goto limits_${form.suffix}`),
    ],
  };
  return [base, ...forms.flatMap((form) => limitsOf(spec, form))];
}

function limitsOf(spec: GatewaySpec, form: KeyForm): Chain[] {
  const isNew = 'ct state { new, invalid, untracked }';
  return [
    {
      name: `limits_${form.suffix}`,
      rules: [
        'jump to_lifeline',
        `${portal(spec, form)} tcp dport { 80, 443 } ${isNew} ${over(form, 'portal', 20)} drop`,
        `${portal(spec, form)} tcp dport { 80, 443 } accept`,
        `udp dport 53 ${over(form, 'dns', 50)} drop`,
        `tcp dport 53 ${isNew} ${over(form, 'dns', 50)} drop`,
        'meta l4proto { tcp, udp } th dport 53 accept',
        ...toPacks(spec, `goto limits_pack_${form.suffix}`, [form.family]),
        `tcp dport 80 ${isNew} ${over(form, 'http', 20)} drop`,
        `tcp dport 443 ${isNew} ${over(form, 'https', 20)} drop`,
      ],
    },
    // A bot that knocks on 443 everywhere must not lock its household out of the packs: they have a budget of their own.
    { name: `limits_pack_${form.suffix}`, rules: [`${isNew} ${over(form, 'pack', 50)} drop`] },
  ];
}

/** `dnat` to the portal's address, not `redirect`: that one needs an address on the (often unnumbered) access interface. */
export function steering(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const { portalHttp, portalHttps, tlsRefuser, dnsFront } = spec.ports;
  const families = [4, 6] as const;
  const own = families.flatMap((family) => [
    `${portal(spec, { family })} tcp dport 80 ${dnat(spec, family, portalHttp)}`,
    `${portal(spec, { family })} tcp dport 443 ${dnat(spec, family, portalHttps)}`,
  ]);
  const refused = (family: 4 | 6) =>
    spec.tls443 === 'alert' ? [`tcp dport 443 ${dnat(spec, family, tlsRefuser)}`] : [];
  const sinks = families.flatMap((family) => [
    `${sink(spec, family)} tcp dport 80 ${dnat(spec, family, portalHttp)}`,
    ...refused(family).map((rule) => `${sink(spec, family)} ${rule}`),
  ]);
  const steer = families.map((family) => ({
    name: `steer_${family}`,
    rules: [
      'jump to_lifeline',
      `meta l4proto { tcp, udp } th dport 53 th dport @${DNS_ALIVE_SET} ${dnat(spec, family, dnsFront)}`,
      'meta l4proto { tcp, udp } th dport 53 accept',
      'jump to_pack',
      `tcp dport 80 ${dnat(spec, family, portalHttp)}`,
      ...refused(family),
    ],
  }));
  const base: Chain = {
    name: 'steer',
    hook: 'nat hook prerouting priority dstnat',
    rules: [
      ...own,
      notFromHomes(spec),
      ...forms.map((form) => `${source(form)} @${form.garden.strict} goto steer_${form.family}`),
      ...sinks,
    ],
  };
  return [...steer, base];
}
