// The lab's address plan: who lives where, as values. Documentation ranges (RFC 5737, RFC 3849); private ones inside homes.
// Nothing here touches the system; network.ts builds it.
import type { GatewaySpec, Lifeline, Pack } from '../core/garden/gateway.ts';
import { type Ip, parseIp } from '../core/net/ip.ts';
import { type Prefix, parsePrefix } from '../core/net/prefix.ts';

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

export const LAB_POOLS = { ip4: '192.0.2.64/26', ip6: '2001:db8:100::/48' } as const;
export const LAB_UPLINK = { bng: '198.51.100.1', internet: '198.51.100.2' } as const;
export const MAX_LAB_HOMES = 60;

/** Which gateway a home hangs on: the Linux one of this machine, or the one that is told by RADIUS. */
export type Behind = 'bng' | 'bng2';

export interface HomePlan {
  /** From 1, over both gateways. */
  readonly number: number;
  readonly behind: Behind;
  /** WAN address of the home router: what reports name and IPv4 elements hold. */
  readonly ip4: string;
  /** The delegated prefix, /56: what IPv6 elements hold. */
  readonly prefix6: string;
  /** Interface of its BNG towards this home. */
  readonly accessInterface: string;
  /** Of the host behind the router (NAT44 for IPv4, none for IPv6). */
  readonly host: DualAddress;
  readonly lan: DualAddress;
}

export function planHome(number: number, behind: Behind = 'bng'): HomePlan {
  if (number < 1 || number > MAX_LAB_HOMES) throw new Error(`the lab has homes 1 to ${MAX_LAB_HOMES}, not ${number}`);
  const [low, net6] = behind === 'bng' ? [64, '2001:db8:100'] : [128, '2001:db8:200'];
  const subnet = `${net6}:${(number * 256).toString(16)}`;
  return {
    number,
    behind,
    ip4: `192.0.2.${low + number}`,
    prefix6: `${subnet}::/56`,
    accessInterface: `acc${number}`,
    host: { ip4: `192.168.${number}.10`, ip6: `${subnet}::10` },
    lan: { ip4: `192.168.${number}.1`, ip6: `${subnet}::1` },
  };
}

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
