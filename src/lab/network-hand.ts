// Single acts of building in a namespace: addresses, routes, cables, settings, rules. Each throws when it fails.
import { mustRun } from './network-process.ts';

export interface CableEnd {
  readonly at: string;
  readonly name: string;
}

export async function ip(namespace: string, ...args: readonly string[]): Promise<void> {
  await mustRun(['ip', '-n', namespace, ...args]);
}

/** `mtu`: where packets travel inside others, of the larger ones. */
export async function cable(a: CableEnd, b: CableEnd, mtu = 1500): Promise<void> {
  await mustRun(['ip', 'link', 'add', a.name, 'netns', a.at, 'type', 'veth', 'peer', 'name', b.name, 'netns', b.at]);
  for (const end of [a, b]) await ip(end.at, 'link', 'set', end.name, 'mtu', String(mtu), 'up');
}

export async function addLoopback(namespace: string, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) await ip(namespace, 'addr', 'add', address, 'dev', 'lo');
}

export async function sysctl(namespace: string, ...settings: readonly string[]): Promise<void> {
  await mustRun(['ip', 'netns', 'exec', namespace, 'sysctl', '-q', '-w', ...settings]);
}

export async function load(namespace: string, ruleset: string): Promise<void> {
  await mustRun(['ip', 'netns', 'exec', namespace, 'nft', ruleset]);
}

/** BCP 38 for IPv6 (IPv4 has rp_filter): what comes in from a home must be routed back to that home. */
export function sourceValidation(): string {
  return `table inet access {
    chain source_validation {
      type filter hook prerouting priority raw; policy accept;
      iifname != "acc*" accept
      ip6 saddr { ::, fe80::/10 } accept
      fib saddr . iif oif missing drop
    }
  }`;
}

export function natOn(interfaceName: string): string {
  return `table ip nat {
    chain outgoing {
      type nat hook postrouting priority srcnat; policy accept;
      oifname "${interfaceName}" masquerade
    }
  }`;
}
