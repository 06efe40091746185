// The rules that an operator would have on a BNG for what its filters are called: a walled garden in nftables, standing in for the
// vendor's ACLs and redirect services. Rules never change; sessions come and go in the sets.

export interface Destination {
  readonly addresses: readonly string[];
  readonly protocols: readonly ('tcp' | 'udp')[];
  /** `443`, `5060-5061`. */
  readonly ports: readonly string[];
  /** May open connections into the home. */
  readonly inbound?: boolean;
}

interface Pair {
  readonly ip4: string;
  readonly ip6: string;
}

export interface WalledGarden {
  /** Interfaces towards homes, as nft matches them: `acc*`. */
  readonly accessInterfaces: string;
  readonly portal: Pair;
  /** Where strict sessions' names are asked, whomever they ask. */
  readonly resolver: Pair;
  readonly lifelines: readonly Destination[];
  readonly packs: readonly Destination[];
  /** Closed for leaky sessions, both ways. */
  readonly leakyPorts: readonly number[];
}

export const TABLE = 'bng';

export function renderGarden(garden: WalledGarden): string {
  const { accessInterfaces: homes, portal, resolver } = garden;
  return `add table inet ${TABLE}
delete table inet ${TABLE}
table inet ${TABLE} {
  set online4 { type ipv4_addr; }
  set online6 { type ipv6_addr; flags interval; }
  set strict4 { type ipv4_addr; }
  set strict6 { type ipv6_addr; flags interval; }
  set leaky4 { type ipv4_addr; }
  set leaky6 { type ipv6_addr; flags interval; }

  # RFC 2827: from a home come its own addresses, and only while it has a session.
  chain source_validation {
    type filter hook prerouting priority raw; policy accept;
    iifname != "${homes}" accept
    ip6 saddr { ::, fe80::/10 } accept
    fib saddr . iif oif missing drop
    ip saddr @online4 accept
    ip6 saddr @online6 accept
    drop
  }

  chain steer {
    type nat hook prerouting priority dstnat; policy accept;
    iifname != "${homes}" accept
    ip saddr @strict4 goto steer_strict
    ip6 saddr @strict6 goto steer_strict
  }
  chain steer_strict {
    jump to_allowed
    ip daddr != ${resolver.ip4} meta l4proto { tcp, udp } th dport 53 dnat ip to ${resolver.ip4}
    ip6 daddr != ${resolver.ip6} meta l4proto { tcp, udp } th dport 53 dnat ip6 to ${resolver.ip6}
    ip daddr != ${portal.ip4} tcp dport 80 dnat ip to ${portal.ip4}
    ip6 daddr != ${portal.ip6} tcp dport 80 dnat ip6 to ${portal.ip6}
  }

  # Before any «established accept»: streams that were open before end, too.
  chain from_home {
    type filter hook forward priority -10; policy accept;
    iifname != "${homes}" accept
    ip saddr @strict4 goto strict_up
    ip6 saddr @strict6 goto strict_up
    ip saddr @leaky4 jump leaky_up
    ip6 saddr @leaky6 jump leaky_up
  }
  chain strict_up {
    jump to_allowed
    icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    jump refuse
  }
  chain leaky_up {
    jump to_allowed
    ct direction original meta l4proto { tcp, udp } th dport ${ports(garden)} jump refuse
  }
  chain refuse {
    counter
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }

  chain to_home {
    type filter hook forward priority -9; policy accept;
    oifname != "${homes}" accept
    ip daddr != @online4 drop
    ip6 daddr != @online6 ip6 daddr != fe80::/10 drop
    ip daddr @strict4 goto strict_down
    ip6 daddr @strict6 goto strict_down
    ip daddr @leaky4 jump leaky_down
    ip6 daddr @leaky6 jump leaky_down
  }
  chain strict_down {
    jump from_allowed
    ct state related icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
    ct state related icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    counter drop
  }
  chain leaky_down {
    jump from_allowed
    ct direction original meta l4proto { tcp, udp } th dport ${ports(garden)} counter drop
  }

  chain to_allowed {
${indented(allowed(garden).flatMap(toRules))}
  }
  chain from_allowed {
${indented(allowed(garden).flatMap(fromRules))}
  }
}
`;
}

function ports({ leakyPorts }: WalledGarden): string {
  return `{ ${leakyPorts.join(', ')} }`;
}

function allowed({ portal, resolver, lifelines, packs }: WalledGarden): readonly Destination[] {
  return [
    ...lifelines,
    { addresses: [resolver.ip4, resolver.ip6], protocols: ['tcp', 'udp'], ports: ['53'] },
    { addresses: [portal.ip4, portal.ip6], protocols: ['tcp'], ports: ['80', '443'] },
    ...packs,
  ];
}

/** Out to its port; and answers to what it opened itself, where it may. */
function toRules(destination: Destination): readonly string[] {
  return each(destination, 'daddr').flatMap((place) => [
    `${place} th dport ${listed(destination)} accept`,
    ...(destination.inbound === true ? [`${place} th sport ${listed(destination)} ct direction reply accept`] : []),
  ]);
}

function fromRules(destination: Destination): readonly string[] {
  return each(destination, 'saddr').flatMap((place) => [
    `${place} th sport ${listed(destination)}${destination.inbound === true ? '' : ' ct direction reply'} accept`,
    ...(destination.inbound === true ? [`${place} th dport ${listed(destination)} accept`] : []),
  ]);
}

function each({ addresses, protocols }: Destination, side: 'daddr' | 'saddr'): readonly string[] {
  return [4, 6].flatMap((family) => {
    const own = addresses.filter((one) => one.includes(':') === (family === 6));
    const ip = family === 6 ? 'ip6' : 'ip';
    return own.length === 0 ? [] : [`${ip} ${side} { ${own.join(', ')} } meta l4proto { ${protocols.join(', ')} }`];
  });
}

function listed({ ports: list }: Destination): string {
  return `{ ${list.join(', ')} }`;
}

function indented(rules: readonly string[]): string {
  return rules.map((rule) => `    ${rule}`).join('\n');
}
