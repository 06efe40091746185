// What a Linux gateway is configured with: facts of the network, never of a policy. Lifelines first.

import type { Ip } from '../net/ip.ts';
import type { PortSetShape } from '../net/port-set.ts';
import type { Prefix } from '../net/prefix.ts';
import type { PortRange, Protocol } from '../net/transport.ts';

export const LIFELINE_CLASSES = [
  'emergency',
  'telephony',
  'telecare',
  'wifi-calling',
  'acs',
  'time',
  'cert-status',
] as const;
export type LifelineClass = (typeof LIFELINE_CLASSES)[number];

export interface Lifeline {
  readonly name: string;
  readonly class: LifelineClass;
  /** Known addresses; names are resolved on top of these. */
  readonly prefixes: readonly Prefix[];
  readonly protocols: readonly Protocol[];
  readonly ports: readonly PortRange[];
  /** May the peer open flows towards the home? */
  readonly inbound: boolean;
  /** DNS names its clients ask for, subdomains included: forwarded for every type from inside strict. */
  readonly dnsNames: readonly string[];
}

/** A named allow-list: destinations as protocol + port. */
export interface Pack {
  readonly name: string;
  readonly purpose: string;
  /** Names whose answers enter the allow set (exact, or `*.suffix`). */
  readonly dnsNames: readonly string[];
  readonly prefixes: readonly Prefix[];
  readonly protocols: readonly Protocol[];
  /** Port 80 only where the pack names it (certificate status). */
  readonly ports: readonly PortRange[];
}

export interface ModeMarks {
  /** The bits that are ours; all others stay as they are. */
  readonly mask: number;
  /** Within the mask, not 0, and different. A line that is free has none of the bits. */
  readonly strict: number;
  readonly leaky: number;
}

/** IPv4 addresses that several lines share and that this gateway sees with their ports: it stands behind the BR or lwAFTR. */
export interface SharedPool extends PortSetShape {
  readonly prefix: Prefix;
}

export interface GatewaySpec {
  readonly name: string;
  /** nft table, `inet <table>`; ours alone. Default `engawa`. */
  readonly table: string;
  /** Interfaces towards homes; everything else is the outside. */
  readonly accessInterfaces: readonly string[];
  /** The portal's own addresses: 80/443 on them reach its listeners, for everyone. */
  readonly portal: { readonly ip4: Ip; readonly ip6: Ip };
  /** The portal's addresses are on another machine: what is steered there is forwarded. Absent: they are on this one. */
  readonly isPortalElsewhere?: boolean;
  /** Two public sink addresses of the operator that unknown names resolve to in strict. */
  readonly sink: { readonly ip4: Ip; readonly ip6: Ip };
  /** Local listeners that traffic is redirected to. */
  readonly ports: {
    readonly portalHttp: number;
    readonly portalHttps: number;
    readonly tlsRefuser: number;
    /** Bound to the portal's own addresses, never to the wildcard: the kernel takes a UDP reply from any other source for a stranger's. */
    readonly dnsFront: number;
  };
  readonly tls443: 'alert' | 'reset';
  /** Subscriber pools: elements outside them are refused. */
  readonly pools: readonly Prefix[];
  /** Parts of the pools: an element there is a port set, never a whole address. Absent: none. */
  readonly sharedPools?: readonly SharedPool[];
  /**
   * BRs and AFTRs: IPv4 in IPv6 to and from them passes for a strict line too, since what is inside is judged behind them.
   * Absent: no line here has its IPv4 in a tunnel.
   */
  readonly softwireBorders?: readonly Prefix[];
  /** Never an element: portal, resolvers, SBC, loopbacks… (lifelines count as infrastructure too). */
  readonly infrastructure: readonly Prefix[];
  /** IPv6 prefix lengths in use for elements (one masked hash set each), e.g. 56, 64. */
  readonly ipv6Lengths: readonly number[];
  readonly lifelines: readonly Lifeline[];
  readonly packs: readonly Pack[];
  /** The operator's NTP servers, the only time source of a strict line. */
  readonly ntpServers: readonly Prefix[];
  /** Bits of the packet mark that tell the operator's own rules a line's access; absent: the mark is not touched. */
  readonly modeMarks?: ModeMarks;
}
