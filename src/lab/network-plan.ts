// The lab's address plan: who lives where, as values. Documentation ranges (RFC 5737, RFC 3849); private ones inside homes.
// Nothing here touches the system; network.ts builds it.
import type { GatewaySpec, Lifeline, Pack } from '../core/garden/gateway.ts';
import { type Ip, parseIp } from '../core/net/ip.ts';
import { type Prefix, parsePrefix } from '../core/net/prefix.ts';
import type { MapRule } from './softwire/options.ts';

export interface DualAddress {
  readonly ip4: string;
  readonly ip6: string;
}

/** Everything outside the homes. All but gateway, portal and sink live in the «internet» namespace. */
export const LAB_ADDRESSES = {
  gateway: { ip4: '192.0.2.1', ip6: '2001:db8:0:1::1' },
  portal: { ip4: '192.0.2.2', ip6: '2001:db8:0:1::2' },
  sink: { ip4: '192.0.2.3', ip6: '2001:db8:0:1::3' },
  resolver: { ip4: '198.51.100.53', ip6: '2001:db8:ffff::53' },
  foreignResolver: { ip4: '203.0.113.53', ip6: '2001:db8:fffe::53' },
  ntp: { ip4: '198.51.100.123', ip6: '2001:db8:ffff::123' },
  emergency: { ip4: '198.51.100.112', ip6: '2001:db8:ffff::112' },
  packSite: { ip4: '203.0.113.80', ip6: '2001:db8:fffe::80' },
  site: { ip4: '203.0.113.81', ip6: '2001:db8:fffe::81' },
  otherSite: { ip4: '203.0.113.82', ip6: '2001:db8:fffe::82' },
  probes: { ip4: '203.0.113.84', ip6: '2001:db8:fffe::84' },
  honeypot: { ip4: '203.0.113.66', ip6: '2001:db8:fffe::66' },
} as const satisfies Record<string, DualAddress>;
export type LabAddresses = typeof LAB_ADDRESSES;

/** Every address of these answers in the internet namespace: one listener on the wildcard address sees all knocks. */
export const LAB_DARKNET = { prefix4: '203.0.113.96/27', prefix6: '2001:db8:dead::/64' } as const;

/** The second BNG: simulated, told by RADIUS alone, with an uplink and pools of its own. */
export const LAB_BNG2 = {
  name: 'lab-bng2',
  ip4: '192.0.2.5',
  ip6: '2001:db8:0:1::5',
  uplink: '198.51.100.5',
  uplinkPeer: '198.51.100.6',
  pool4: '192.0.2.128/26',
  pool6: '2001:db8:200::/48',
} as const;

/** Carrier-grade NAT between BNG and internet: inside addresses (RFC 6598) get port blocks of an outside one. */
export const LAB_CGN = {
  inside: '100.64.0.0/16',
  /** Homes whose own router sends IPv4; homes whose IPv4 comes out of a softwire. One outside address each. */
  outside: { cgn: '203.0.113.129', 'ds-lite': '203.0.113.130' },
  outsidePool: '203.0.113.128/28',
  firstPort: 1024,
  blockSize: 512,
  uplink: '198.51.100.9',
  uplinkPeer: '198.51.100.10',
} as const;

/** Where softwires end, between the homes and the BNG: an AFTR (RFC 6333) and a BR (RFC 7597) in one box. */
export const LAB_SOFTWIRES = {
  ip4: '192.0.2.9',
  ip6: '2001:db8:0:1::9',
  aftr: '2001:db8:0:1::a',
  br: '2001:db8:0:1::b',
} as const;

/** One IPv4 address for all MAP-E homes; the PSID is the number of the home, and so is the end of its /56. */
export const LAB_MAP_RULE = {
  prefix6: '2001:db8:110::',
  prefixLength: 48,
  address: '192.0.2.126',
  psidLength: 8,
  psidOffset: 6,
} as const satisfies MapRule;

export const LAB_POOLS = { ip4: '192.0.2.64/26', ip6: '2001:db8:100::/48' } as const;
export const LAB_UPLINK = { bng: '198.51.100.1', internet: '198.51.100.2' } as const;
export const MAX_LAB_HOMES = 60;

/** Which gateway a home hangs on: the Linux one of this machine, or the one that is told by RADIUS. */
export type Behind = 'bng' | 'bng2';

/** How a home's IPv4 shares an address with others: not at all, by the operator's NAT, by NAT at the AFTR, by ports of its own. */
export type Sharing = 'none' | 'cgn' | 'ds-lite' | 'map-e';

export interface HomePlan {
  /** From 1, over both gateways. */
  readonly number: number;
  readonly behind: Behind;
  readonly sharing: Sharing;
  /** What the gateway sees as its IPv4 source. Behind a CGN or AFTR it is an inside address; with MAP-E others have the same. */
  readonly ip4: string;
  /** The delegated prefix, /56: what IPv6 elements hold. */
  readonly prefix6: string;
  /** Interface of its BNG towards this home. */
  readonly accessInterface: string;
  /** Of the host behind the router (NAT44 for IPv4, none for IPv6). */
  readonly host: DualAddress;
  readonly lan: DualAddress;
  /** IPv6 address of its end of the softwire: the B4's or the CE's. */
  readonly softwire?: string;
}

export interface LabHome extends HomePlan {
  /** Namespace of the home's router: holds the WAN address. */
  readonly router: string;
  /** Namespace of a computer behind it: here browsers and bots run, with the operator's resolver in resolv.conf. */
  readonly hostNamespace: string;
}

export function planHome(number: number, behind: Behind = 'bng', sharing: Sharing = 'none'): HomePlan {
  if (number < 1 || number > MAX_LAB_HOMES) throw new Error(`the lab has homes 1 to ${MAX_LAB_HOMES}, not ${number}`);
  const net6 = behind === 'bng2' ? '2001:db8:200' : sharing === 'map-e' ? '2001:db8:110' : '2001:db8:100';
  const subnet = `${net6}:${(number * 256).toString(16)}`;
  const softwire = softwireOf(subnet, number, sharing);
  return {
    number,
    behind,
    sharing,
    ip4: ip4Of(number, behind, sharing),
    prefix6: `${subnet}::/56`,
    accessInterface: `acc${number}`,
    host: { ip4: `192.168.${number}.10`, ip6: `${subnet}::10` },
    lan: { ip4: `192.168.${number}.1`, ip6: `${subnet}::1` },
    ...(softwire === undefined ? {} : { softwire }),
  };
}

function ip4Of(number: number, behind: Behind, sharing: Sharing): string {
  switch (sharing) {
    case 'none':
      return `192.0.2.${(behind === 'bng' ? 64 : 128) + number}`;
    case 'cgn':
      return `100.64.0.${number}`;
    case 'ds-lite':
      return `100.64.1.${number}`;
    case 'map-e':
      return LAB_MAP_RULE.address;
  }
}

function softwireOf(subnet: string, psid: number, sharing: Sharing): string | undefined {
  if (sharing === 'ds-lite') return `${subnet}::b4`;
  if (sharing !== 'map-e') return undefined;
  // RFC 7597 §6, written out: 16 zero bits, IPv4 address, PSID.
  const [a, b, c, d] = LAB_MAP_RULE.address.split('.').map(Number) as [number, number, number, number];
  return `${subnet}:0:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}:${psid.toString(16)}`;
}

/** What a gateway in front of a CGN and behind softwires has homes of. */
export const LAB_SHARED_POOLS = [LAB_CGN.inside, '2001:db8:110::/48'] as const;

/** The gateway as the lab's BNG is configured; `overrides` replaces whole members. */
export function labGatewaySpec(overrides: Partial<GatewaySpec> = {}): GatewaySpec {
  const { portal, sink, ntp } = LAB_ADDRESSES;
  return {
    name: 'lab-bng',
    table: 'engawa',
    accessInterfaces: ['acc*'],
    portal: pair(portal),
    sink: pair(sink),
    ports: { portalHttp: 8080, portalHttps: 8443, tlsRefuser: 8444, dnsFront: 5353 },
    tls443: 'alert',
    pools: [prefix(LAB_POOLS.ip4), prefix(LAB_POOLS.ip6)],
    infrastructure: ['192.0.2.0/26', '198.51.100.0/24', '2001:db8:0:1::/64', '2001:db8:ffff::/64'].map(prefix),
    ipv6Lengths: [56, 64],
    lifelines: [emergencyCalls()],
    packs: [supportPack()],
    ntpServers: [prefix(ntp.ip4), prefix(ntp.ip6)],
    ...overrides,
  };
}

function emergencyCalls(): Lifeline {
  const { ip4, ip6 } = LAB_ADDRESSES.emergency;
  return {
    name: 'emergency calls',
    class: 'emergency',
    prefixes: [prefix(ip4), prefix(ip6)],
    protocols: ['udp', 'tcp'],
    ports: [
      { low: 5060, high: 5061 },
      { low: 10_000, high: 10_999 },
    ],
    inbound: true,
    dnsNames: ['sos.example'],
  };
}

function supportPack(): Pack {
  const { ip4, ip6 } = LAB_ADDRESSES.packSite;
  return {
    name: 'support',
    purpose: 'Clean-up tools and firmware of the lab',
    dnsNames: ['support.example'],
    prefixes: [prefix(ip4), prefix(ip6)],
    protocols: ['tcp', 'udp'],
    ports: [{ low: 443, high: 443 }],
  };
}

function pair({ ip4, ip6 }: DualAddress): { readonly ip4: Ip; readonly ip6: Ip } {
  return { ip4: address(ip4), ip6: address(ip6) };
}

function address(text: string): Ip {
  const ip = parseIp(text);
  if (ip === undefined) throw new Error(`not an address: ${text}`);
  return ip;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`not a prefix: ${text}`);
  return parsed;
}
