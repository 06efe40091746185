// The gateway's whole skeleton as text for `nft -f`: table, sets, chains, rules; never a subscriber. Loading it over an existing
// table replaces the rules in one transaction and keeps every element and counter. Elements: elements.ts. Why so: ADR 0004.
import { createHash } from 'node:crypto';
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatIp } from '../../core/net/ip.ts';
import { fromLifelines, fromPacks, timeServers, toAnyPeer, toLifelines, toPacks } from './destination-rules.ts';
import {
  type Budget,
  budgetSet,
  DNS_ALIVE_SET,
  declaredSets,
  type GardenAccess,
  type KeyForm,
  keyForms,
  maskText,
  SENTINEL_SET,
  SENTINEL_VALUE,
} from './sets.ts';

/** Conntrack zone of steered DNS: with it a client that keeps its source port is free when steering ends. */
export const DNS_ZONE = 7;
/** The chain that is never entered; its one rule carries the digest of the rules that were loaded. */
export const DIGEST_CHAIN = 'skeleton';

interface Chain {
  readonly name: string;
  /** undefined = entered by a jump only. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** Idempotent: `flush table` empties chains and leaves sets alone, all inside the one transaction of `nft -f`. */
export function renderRuleset(spec: GatewaySpec): string {
  const chains = allChains(spec);
  const body = renderBody(spec, chains);
  const digest = { name: DIGEST_CHAIN, rules: [`return comment "sha256:${sha256(body)}"`] };
  return `${body}${renderRules(spec, [digest])}`;
}

/** After a foreign change of our chains: the same text, since loading it keeps the elements. */
export function renderRepair(spec: GatewaySpec): string {
  return renderRuleset(spec);
}

/** What `chain skeleton` says when this very ruleset is loaded: `sha256:…`. */
export function skeletonDigest(spec: GatewaySpec): string {
  return `sha256:${sha256(renderBody(spec, allChains(spec)))}`;
}

/** Rules per chain: with the digest it tells an intact skeleton from one that lost rules, before any listing was kept. */
export function expectedRuleCounts(spec: GatewaySpec): ReadonlyMap<string, number> {
  const counts = allChains(spec).map(({ name, rules }) => [name, rules.length] as const);
  return new Map([...counts, [DIGEST_CHAIN, 1]]);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function renderBody(spec: GatewaySpec, chains: readonly Chain[]): string {
  const table = `inet ${spec.table}`;
  const sets = declaredSets(spec).map(({ name, definition }) => `add set ${table} ${name} { ${definition} }`);
  return [
    `add table ${table}`,
    `flush table ${table}`,
    ...sets,
    `add element ${table} ${SENTINEL_SET} { ${SENTINEL_VALUE} }`,
    renderRules(spec, chains),
  ].join('\n');
}

function renderRules(spec: GatewaySpec, chains: readonly Chain[]): string {
  const table = `inet ${spec.table}`;
  const heads = chains.map(({ name, hook }) => {
    return `add chain ${table} ${name}${hook === undefined ? '' : ` { type ${hook}; policy accept; }`}`;
  });
  const rules = chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${table} ${name} ${rule}`));
  return [...heads, ...rules, ''].join('\n');
}

/** In the order a packet meets them: design.md, «Order in the ruleset». */
function allChains(spec: GatewaySpec): readonly Chain[] {
  const forms = keyForms(spec);
  return [
    ...sharedChains(spec),
    ...dnsZone(spec, forms),
    ...limits(spec, forms),
    ...steering(spec, forms),
    ...fromHome(spec, forms),
    ...toHome(spec, forms),
    ...localServices(spec, forms),
  ];
}

/** A verdict `accept` ends one base chain only: the chains of the other hooks still see the packet. */
function sharedChains(spec: GatewaySpec): Chain[] {
  return [
    { name: 'to_lifeline', rules: toLifelines(spec) },
    { name: 'from_lifeline', rules: fromLifelines(spec) },
    { name: 'to_pack', rules: toPacks(spec, 'accept') },
    { name: 'from_pack', rules: fromPacks(spec) },
    { name: 'error_to_peer', rules: toAnyPeer(spec) },
  ];
}

function dnsZone(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  return [
    {
      name: 'dns_zone',
      hook: 'filter hook prerouting priority -350',
      rules: [
        notFromHomes(spec),
        'meta l4proto != { tcp, udp } accept',
        'th dport != 53 accept',
        `th dport != @${DNS_ALIVE_SET} accept`,
        ...forms.map((form) => `${source(form)} @${form.garden.strict} goto dns_zone_set`),
      ],
    },
    { name: 'dns_zone_set', rules: ['jump to_lifeline', `ct zone set ${DNS_ZONE}`] },
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
function limits(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
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
function steering(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
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

function fromHome(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const families = [4, 6] as const;
  const base: Chain = {
    name: 'from_home',
    hook: 'filter hook forward priority -10',
    rules: [
      notFromHomes(spec),
      ...forms.map((form) => `${source(form)} @${form.garden.strict} goto strict_up_${form.suffix}`),
      ...forms.map((form) => `${source(form)} @${form.garden.leaky} jump leaky_up_${form.suffix}`),
      // Nobody serves the sinks beyond 80 and 443: a clear answer instead of a wait.
      ...families.flatMap((family) => [
        `${sink(spec, family)} meta l4proto tcp reject with tcp reset`,
        `${sink(spec, family)} reject with icmpx admin-prohibited`,
      ]),
    ],
  };
  const errors: Chain = {
    name: 'icmp_up',
    rules: [
      `ct state related icmp type { destination-unreachable, time-exceeded, parameter-problem } jump error_to_peer`,
      `ct state related icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } jump error_to_peer`,
    ],
  };
  return [errors, ...forms.flatMap((form) => upOf(spec, form)), base];
}

function upOf(spec: GatewaySpec, form: KeyForm): Chain[] {
  const refuse = (name: string, budget: Budget): Chain => ({
    name: `${name}_${form.suffix}`,
    rules: [
      'counter',
      `${over(form, budget, 50)} drop`,
      'meta l4proto tcp reject with tcp reset',
      'reject with icmpx admin-prohibited',
    ],
  });
  return [
    refuse('refuse', 'reject'),
    refuse('refuse_abuse', 'abuse_reject'),
    {
      // A reply to somebody whose own port happens to be an abused one is no attack, and must not count as one.
      name: `abuse_up_${form.suffix}`,
      rules: [
        'ct direction reply return',
        `${tupleKey(form, 'saddr')} @${form.abuse} goto refuse_abuse_${form.suffix}`,
      ],
    },
    { name: `leaky_up_${form.suffix}`, rules: ['jump to_lifeline', `jump abuse_up_${form.suffix}`] },
    {
      name: `strict_up_${form.suffix}`,
      rules: [
        'jump to_lifeline',
        ...oddPackets(form),
        `jump abuse_up_${form.suffix}`,
        'meta l4proto { icmp, ipv6-icmp } jump icmp_up',
        `meta l4proto { tcp, udp } th dport 53 th dport != @${DNS_ALIVE_SET} accept`,
        `meta l4proto { tcp, udp } th dport 53 goto refuse_${form.suffix}`,
        ...timeServers(spec, 'daddr'),
        'jump to_pack',
        `goto refuse_${form.suffix}`,
      ],
    },
  ];
}

/** conntrack has put known fragments together before this; what still is one belongs to no flow. 41, 47, 50: tunnels. */
function oddPackets(form: KeyForm): string[] {
  const odd =
    form.family === 4
      ? ['ip frag-off & 0x3fff != 0 drop', 'ip hdrlength != 5 drop']
      : ['frag', 'rt', 'hbh', 'dst', 'mh'].map((header) => `exthdr ${header} exists drop`);
  return [...odd, 'meta l4proto { 41, 47, 50 } drop'];
}

function toHome(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const base: Chain = {
    name: 'to_home',
    hook: 'filter hook forward priority -9',
    rules: (['strict', 'leaky'] as const).flatMap((access: GardenAccess) =>
      forms.map((form) => `${target(form)} @${form.garden[access]} goto ${access}_down_${form.suffix}`),
    ),
  };
  return [...forms.flatMap((form) => downOf(spec, form)), base];
}

function downOf(spec: GatewaySpec, form: KeyForm): Chain[] {
  return [
    {
      name: `leaky_down_${form.suffix}`,
      rules: [
        'jump from_lifeline',
        'ct direction reply accept',
        `${tupleKey(form, 'daddr')} @${form.abuseIn} counter drop`,
      ],
    },
    {
      name: `strict_down_${form.suffix}`,
      rules: [
        'jump from_lifeline',
        ...oddPackets(form),
        'ct state related icmp type { destination-unreachable, time-exceeded, parameter-problem } accept',
        'ct state related icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept',
        `meta l4proto { tcp, udp } th sport 53 th sport != @${DNS_ALIVE_SET} ct direction reply accept`,
        ...timeServers(spec, 'saddr'),
        'jump from_pack',
        // A reset in this direction would reset the server and leave the home hanging: let it pass, the home's next packet
        // is reset instead. Leaks at most one receive window.
        'meta l4proto tcp ct state established ct direction reply accept',
        'counter drop',
      ],
    },
  ];
}

function localServices(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const { portalHttp, portalHttps, tlsRefuser, dnsFront } = spec.ports;
  const steered = [portalHttp, tlsRefuser].join(', ');
  const listeners = [portalHttp, portalHttps, tlsRefuser, dnsFront].join(', ');
  const ours = (family: 4 | 6) => `{ ${formatIp(ip(spec.portal, family))}, ${formatIp(ip(spec.sink, family))} }`;
  const base: Chain = {
    name: 'local',
    hook: 'filter hook input priority -10',
    rules: [
      notFromHomes(spec),
      `meta l4proto tcp th dport { ${listeners} } ct status & dnat == 0 reject with tcp reset`,
      `meta l4proto udp th dport ${dnsFront} ct status & dnat == 0 drop`,
      ...forms.map((form) => `${source(form)} @${form.garden.strict} goto strict_local_${form.suffix}`),
      ...forms.map((form) => `${source(form)} @${form.garden.leaky} jump leaky_up_${form.suffix}`),
      'ip6 saddr fe80::/10 goto link_local',
      // A line that was released keeps its connection to redirector or refuser: reset, so that the browser starts anew.
      `ct original ip daddr != ${ours(4)} tcp dport { ${steered} } reject with tcp reset`,
      `ct original ip6 daddr != ${ours(6)} tcp dport { ${steered} } reject with tcp reset`,
    ],
  };
  const linkLocal: Chain = {
    // No set names these addresses, so a garden line could hide behind them: what every router needs, no more.
    name: 'link_local',
    rules: [
      'meta l4proto ipv6-icmp accept',
      'udp dport 547 accept',
      'meta l4proto { tcp, udp } th dport 53 accept',
      'ct direction reply accept',
      'counter drop',
    ],
  };
  return [linkLocal, ...forms.map((form) => strictLocal(spec, form, listeners)), base];
}

function strictLocal(spec: GatewaySpec, form: KeyForm, listeners: string): Chain {
  const family =
    form.family === 4
      ? ['udp dport 67 accept', 'icmp type echo-request accept']
      : [
          'udp dport 547 accept',
          'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, echo-request } accept',
        ];
  return {
    name: `strict_local_${form.suffix}`,
    rules: [
      'jump to_lifeline',
      'ct direction reply accept',
      `jump abuse_up_${form.suffix}`,
      ...family,
      'meta l4proto { icmp, ipv6-icmp } ct state related accept',
      `meta l4proto { tcp, udp } th dport { ${listeners} } ct status & dnat == dnat accept`,
      `meta l4proto { tcp, udp } th dport 53 th dport != @${DNS_ALIVE_SET} accept`,
      ...timeServers(spec, 'daddr'),
      'jump to_pack',
      `goto refuse_${form.suffix}`,
    ],
  };
}

// ---------------------------------------------------------------- pieces of rules

function interfaces(spec: GatewaySpec): string {
  return spec.accessInterfaces.map((name) => `"${name}"`).join(', ');
}

/** A packet from outside that bears a line's address is never taken for the line's. */
function notFromHomes(spec: GatewaySpec): string {
  return `iifname != { ${interfaces(spec)} } accept`;
}

function source(form: KeyForm): string {
  return key(form, 'saddr');
}

function target(form: KeyForm): string {
  return key(form, 'daddr');
}

function key(form: KeyForm, side: 'saddr' | 'daddr'): string {
  if (form.family === 4) return `ip ${side}`;
  const mask = maskText(form.length);
  return mask === undefined ? `ip6 ${side}` : `ip6 ${side} & ${mask}`;
}

function tupleKey(form: KeyForm, side: 'saddr' | 'daddr'): string {
  return `${key(form, side)} . meta l4proto . th dport`;
}

/** Matches what exceeds the budget of this line; IPv6 is counted per delegated prefix. */
function over(form: KeyForm, budget: Budget, perSecond: number): string {
  const rate = `limit rate over ${perSecond}/second burst ${2 * perSecond} packets`;
  return `update @${budgetSet(budget, form.family)} { ${source(form)} ${rate} }`;
}

function ip(of: GatewaySpec['portal'], family: 4 | 6) {
  return family === 4 ? of.ip4 : of.ip6;
}

function portal(spec: GatewaySpec, { family }: { readonly family: 4 | 6 }): string {
  return `${family === 4 ? 'ip' : 'ip6'} daddr ${formatIp(ip(spec.portal, family))}`;
}

function sink(spec: GatewaySpec, family: 4 | 6): string {
  return `${family === 4 ? 'ip' : 'ip6'} daddr ${formatIp(ip(spec.sink, family))}`;
}

function dnat(spec: GatewaySpec, family: 4 | 6, port: number): string {
  const address = formatIp(ip(spec.portal, family));
  return family === 4 ? `dnat ip to ${address}:${port}` : `dnat ip6 to [${address}]:${port}`;
}
