// The parts of the lab's internet where homes share an IPv4 address: a CGN behind the BNG, and in front of it the operator's end of
// softwires, so that the BNG – the garden – sees what comes out of them. Rules of blocks are cgn.ts.

import type { ChildProcess } from 'node:child_process';
import { addLoopback, cable, ip, load, natOn, sourceValidation, sysctl } from './network-hand.ts';
import {
  LAB_ADDRESSES,
  LAB_CGN,
  LAB_MAP_RULE,
  LAB_POOLS,
  LAB_SHARED_POOLS,
  LAB_SOFTWIRES,
  LAB_UPLINK,
  type LabHome,
} from './network-plan.ts';
import { portRanges } from './softwire/far-ends.ts';
import { oneAddressRule, type SoftwireOptions } from './softwire/options.ts';
import { startSoftwire } from './softwire/start.ts';

/** RFC 6333 §5.3: wider by the header that is put around, so that nothing is ever cut. */
const SOFTWIRE_MTU = 1540;
const POOLS6 = [LAB_POOLS.ip6, LAB_SHARED_POOLS[1]] as const;

interface Places {
  readonly bng: string;
  readonly internet: string;
  readonly softwires: string | undefined;
  readonly homes: readonly LabHome[];
  spawn(namespace: string, argv: readonly string[]): ChildProcess;
}

/** What has a route of its own goes through as it is; inside addresses leave under a block or not at all. */
export async function buildCgn({ bng, internet }: Places, cgn: string): Promise<void> {
  const { uplink, uplinkPeer, inside, outsidePool } = LAB_CGN;
  await cable({ at: cgn, name: 'outside' }, { at: internet, name: 'uplink' });
  await ip(cgn, 'addr', 'add', `${uplink}/30`, 'dev', 'outside');
  await ip(internet, 'addr', 'add', `${uplinkPeer}/30`, 'dev', 'uplink');
  await ip(cgn, 'addr', 'add', 'fe80::1/64', 'dev', 'outside');
  await ip(internet, 'addr', 'add', 'fe80::2/64', 'dev', 'uplink');
  await ip(cgn, 'route', 'add', 'default', 'via', uplinkPeer);
  await ip(cgn, '-6', 'route', 'add', 'default', 'via', 'fe80::2', 'dev', 'outside');
  await ip(cgn, 'route', 'add', inside, 'via', LAB_UPLINK.bng);
  await ip(cgn, '-6', 'route', 'add', LAB_SHARED_POOLS[1], 'via', 'fe80::1', 'dev', 'uplink');
  for (const prefix of ['192.0.2.0/24', outsidePool, '198.51.100.0/30'])
    await ip(internet, 'route', 'add', prefix, 'via', uplink);
  for (const prefix of [...POOLS6, '2001:db8:0:1::/64'])
    await ip(internet, '-6', 'route', 'add', prefix, 'via', 'fe80::1', 'dev', 'uplink');
  await load(cgn, portBlocks());
  // An inside address that is nobody's would travel between the two for ever.
  await ip(bng, 'route', 'add', 'blackhole', inside);
}

/** Each inside address leaves under its block; without one it does not leave. */
function portBlocks(): string {
  return `table ip cgn {
    map blocks { type ipv4_addr : interval ipv4_addr . inet_service; }
    chain translate {
      type nat hook postrouting priority srcnat; policy accept;
      oifname "outside" ip saddr ${LAB_CGN.inside} meta l4proto { tcp, udp, icmp } snat ip to ip saddr map @blocks
    }
    chain leave {
      type filter hook postrouting priority 200; policy accept;
      oifname "outside" ip saddr 100.64.0.0/10 drop
    }
  }`;
}

/** AFTR and BR in one router: what comes out of a softwire goes on to the BNG, and so does the homes' own IPv6. */
export async function buildSoftwires(network: Places, at: string): Promise<void> {
  const { bng, homes } = network;
  const { ip4, ip6, aftr, br } = LAB_SOFTWIRES;
  await sysctl(at, 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.default.rp_filter=1');
  await cable({ at: bng, name: 'accsw' }, { at, name: 'uplink' });
  await ip(bng, 'addr', 'add', 'fe80::1/64', 'dev', 'accsw');
  await ip(at, 'addr', 'add', 'fe80::2/64', 'dev', 'uplink');
  await addLoopback(at, [`${ip4}/32`, `${ip6}/128`]);
  await ip(bng, 'route', 'add', `${ip4}/32`, 'via', 'inet6', 'fe80::2', 'dev', 'accsw');
  await ip(at, 'route', 'add', 'default', 'src', ip4, 'via', 'inet6', 'fe80::1', 'dev', 'uplink');
  await ip(at, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'uplink', 'src', ip6);
  const b4s = homes.flatMap(({ sharing, ip4: inside, softwire }) =>
    sharing === 'ds-lite' ? [{ inside, b4: softwire! }] : [],
  );
  await startEnd(network, at, 'aftr', { kind: 'aftr', own: aftr, b4s });
  await startEnd(network, at, 'mapbr', { kind: 'br', own: br, rule: LAB_MAP_RULE });
  for (const { inside } of b4s) await toSoftwire({ bng, at }, inside, 'aftr');
  await toSoftwire({ bng, at }, LAB_MAP_RULE.address, 'mapbr');
  await load(at, sourceValidation());
  await load(at, softwireCounters());
}

async function toSoftwire({ bng, at }: { bng: string; at: string }, inside: string, device: string): Promise<void> {
  await ip(at, 'route', 'add', `${inside}/32`, 'dev', device, 'mtu', '1500');
  const { ip4 } = LAB_ADDRESSES.gateway;
  await ip(bng, 'route', 'add', `${inside}/32`, 'src', ip4, 'via', 'inet6', 'fe80::2', 'dev', 'accsw');
}

/** What travels as IPv4 in IPv6, and what a home sends as IPv4 beside it (nothing can come of that). */
function softwireCounters(): string {
  return `table inet softwires {
    counter inside_ipv6 { }
    counter bare_ipv4 { }
    chain seen {
      type filter hook prerouting priority filter; policy accept;
      iifname "acc*" meta nfproto ipv6 meta l4proto 4 counter name inside_ipv6
      iifname "acc*" meta nfproto ipv4 counter name bare_ipv4
    }
  }`;
}

async function startEnd(network: Places, at: string, device: string, options: SoftwireOptions): Promise<void> {
  await startSoftwire((argv) => network.spawn(at, argv), device, options);
  // What comes in travels through the device twice: inside and bare.
  await ip(at, 'link', 'set', 'dev', device, 'mtu', String(SOFTWIRE_MTU), 'up');
  await ip(at, '-6', 'route', 'add', `${options.own}/128`, 'dev', device);
}

/** Its access carries IPv6 alone: IPv4 leaves through the softwire. */
export async function buildSoftwireHome(network: Places, home: LabHome, softwire: string): Promise<void> {
  const at = network.softwires!;
  const { router, hostNamespace: host, accessInterface, prefix6, lan, sharing } = home;
  await cable({ at, name: accessInterface }, { at: router, name: 'wan' }, SOFTWIRE_MTU);
  await ip(at, 'addr', 'add', 'fe80::1/64', 'dev', accessInterface);
  await ip(at, '-6', 'route', 'add', prefix6, 'via', 'fe80::2', 'dev', accessInterface);
  await ip(network.bng, '-6', 'route', 'add', prefix6, 'via', 'fe80::2', 'dev', 'accsw');
  await ip(router, 'addr', 'add', 'fe80::2/64', 'dev', 'wan');
  await cable({ at: router, name: 'lan' }, { at: host, name: 'eth0' });
  await ip(router, 'addr', 'add', `${lan.ip4}/24`, 'dev', 'lan');
  await ip(router, 'addr', 'add', `${lan.ip6}/64`, 'dev', 'lan', 'nodad');
  await ip(router, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'wan', 'src', lan.ip6);
  await ip(host, 'addr', 'add', `${home.host.ip4}/24`, 'dev', 'eth0');
  await ip(host, 'addr', 'add', `${home.host.ip6}/64`, 'dev', 'eth0', 'nodad');
  await ip(host, 'route', 'add', 'default', 'via', lan.ip4);
  await ip(host, '-6', 'route', 'add', 'default', 'via', lan.ip6);
  const operator = sharing === 'ds-lite' ? LAB_SOFTWIRES.aftr : LAB_SOFTWIRES.br;
  await startEnd(network, router, 'softwire', { kind: 'home', own: softwire, operator });
  await ip(router, 'addr', 'add', `${home.ip4}/32`, 'dev', 'softwire');
  await ip(router, 'route', 'add', 'default', 'dev', 'softwire', 'mtu', '1500', 'src', home.ip4);
  await load(router, sharing === 'ds-lite' ? natOn('softwire') : natToPortSet(home.number));
}

/** RFC 7597 §8: the home's own NAT keeps to its port set. A flow takes one of the ranges in turn, and a free port in it. */
function natToPortSet(psid: number): string {
  const ranges = portRanges(oneAddressRule(LAB_MAP_RULE), psid);
  const elements = ranges.map(({ low, high }, i) => `${i} : ${LAB_MAP_RULE.address} . ${low}-${high}`);
  return `table ip nat {
    chain outgoing {
      type nat hook postrouting priority srcnat; policy accept;
      oifname "softwire" meta l4proto { tcp, udp, icmp } snat ip to numgen inc mod ${ranges.length} map { ${elements.join(', ')} }
    }
  }`;
}
