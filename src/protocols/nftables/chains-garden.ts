// Chains that let pass or stop: packets from garden lines, packets towards them, and what such a line may ask the gateway itself.
// Lifelines come first everywhere; a reply is told by conntrack's direction, never by «established» alone.
import type { GatewaySpec } from '../../core/garden/gateway.ts';
import { formatIp } from '../../core/net/ip.ts';
import { timeServers } from './destination-rules.ts';
import { answersOfPortal, portalByHand, resetAfterRelease, toPortal } from './portal-elsewhere.ts';
import { type Chain, ip, notFromHomes, oddPackets, over, sink, source, target, tupleKey } from './rule-parts.ts';
import { type Budget, DNS_ALIVE_SET, type GardenAccess, type KeyForm } from './sets.ts';
import { softwires } from './shared-addresses.ts';

export function fromHome(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
  const families = [4, 6] as const;
  const base: Chain = {
    name: 'from_home',
    hook: 'filter hook forward priority -10',
    rules: [
      notFromHomes(spec),
      ...portalByHand(spec),
      ...forms.map((form) => `${source(form)} @${form.garden.strict} goto strict_up_${form.suffix}`),
      ...forms.map((form) => `${source(form)} @${form.garden.leaky} jump leaky_up_${form.suffix}`),
      ...resetAfterRelease(spec),
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
        ...softwires(spec, form, 'daddr'),
        ...oddPackets(form),
        `jump abuse_up_${form.suffix}`,
        'meta l4proto { icmp, ipv6-icmp } jump icmp_up',
        ...toPortal(spec, form.family),
        `meta l4proto { tcp, udp } th dport 53 th dport != @${DNS_ALIVE_SET} accept`,
        `meta l4proto { tcp, udp } th dport 53 goto refuse_${form.suffix}`,
        ...timeServers(spec, 'daddr'),
        'jump to_pack',
        `goto refuse_${form.suffix}`,
      ],
    },
  ];
}

export function toHome(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
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
        ...softwires(spec, form, 'saddr'),
        ...oddPackets(form),
        'ct state related icmp type { destination-unreachable, time-exceeded, parameter-problem } accept',
        'ct state related icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept',
        `meta l4proto { tcp, udp } th sport 53 th sport != @${DNS_ALIVE_SET} ct direction reply accept`,
        ...timeServers(spec, 'saddr'),
        'jump from_pack',
        ...answersOfPortal(spec, form.family),
        // A reset in this direction would reset the server and leave the home hanging: let it pass, the home's next packet
        // is reset instead. Leaks at most one receive window.
        'meta l4proto tcp ct state established ct direction reply accept',
        'counter drop',
      ],
    },
  ];
}

export function localServices(spec: GatewaySpec, forms: readonly KeyForm[]): Chain[] {
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
      ...softwires(spec, form, 'daddr'),
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
