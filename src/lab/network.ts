// A small internet on one machine: homes behind routers, a BNG that validates sources, and an outside with many addresses, each a
// network namespace of this run alone. Needs CAP_NET_ADMIN, real root or `unshare -Urnm` with a tmpfs on /run. No daemon starts here.
import type { ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { removeNamespace, removeOrphans } from './network-orphans.ts';
import {
  type HomePlan,
  LAB_ADDRESSES,
  LAB_BNG2,
  LAB_DARKNET,
  LAB_POOLS,
  LAB_UPLINK,
  type LabAddresses,
  labGatewaySpec,
  planHome,
} from './network-plan.ts';
import {
  inNamespace,
  mustRun,
  type RunOptions,
  type RunResult,
  run,
  type SpawnOptions,
  start,
} from './network-process.ts';

export interface LabHome extends HomePlan {
  /** Namespace of the home's router: holds the WAN address. */
  readonly router: string;
  /** Namespace of a computer behind it: here browsers and bots run, with the operator's resolver in resolv.conf. */
  readonly hostNamespace: string;
}

export interface NetworkOptions {
  /** Behind the Linux gateway. Default 2. */
  readonly homes?: number;
  /** Behind a second BNG, which exists when there are any. Numbered on. Default 0. */
  readonly radiusHomes?: number;
  /** NAT44 on the BNG's uplink as well, as operators without enough addresses do. */
  readonly masquerade?: boolean;
  /** Replaces members of the gateway's configuration. */
  readonly spec?: Partial<GatewaySpec>;
}

export interface LabNetwork {
  readonly bng: string;
  /** Namespace of the second BNG, where there is one. */
  readonly bng2: string | undefined;
  readonly internet: string;
  readonly homes: readonly LabHome[];
  readonly addresses: LabAddresses;
  readonly spec: GatewaySpec;
  /** Runs a program in a namespace to its end. */
  exec(namespace: string, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a program in a namespace; `destroy` ends it. */
  spawn(namespace: string, argv: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Gives a home behind the second BNG another WAN address, as a pool does at a new login. */
  renumber(home: LabHome, from: string, to: string): Promise<void>;
  /** Ends everything inside and removes every trace. May be repeated. */
  destroy(): Promise<void>;
}

const NAME_PREFIX = 'egw';
let networksBuilt = 0;

export async function buildNetwork(options: NetworkOptions = {}): Promise<LabNetwork> {
  removeOrphans();
  const run = `${NAME_PREFIX}-${process.pid}-${++networksBuilt}`;
  const network = new NamespaceNetwork(run, options);
  try {
    await network.build(options.masquerade ?? false);
    return network;
  } catch (cause) {
    await network.destroy();
    throw new Error('the lab network could not be built', { cause });
  }
}

class NamespaceNetwork implements LabNetwork {
  readonly bng: string;
  readonly bng2: string | undefined;
  readonly internet: string;
  readonly homes: readonly LabHome[];
  readonly addresses = LAB_ADDRESSES;
  readonly spec: GatewaySpec;
  readonly #made: string[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #onExit = () => this.#removeAll();
  #resolvConf: string | undefined;
  #directory: string | undefined;

  constructor(run: string, options: NetworkOptions) {
    this.bng = `${run}-bng`;
    this.internet = `${run}-net`;
    this.spec = labGatewaySpec(options.spec);
    const { homes: own = 2, radiusHomes = 0 } = options;
    this.bng2 = radiusHomes > 0 ? `${run}-bng2` : undefined;
    this.homes = Array.from({ length: own + radiusHomes }, (_, i) => ({
      ...planHome(i + 1, i < own ? 'bng' : 'bng2'),
      router: `${run}-r${i + 1}`,
      hostNamespace: `${run}-h${i + 1}`,
    }));
  }

  exec(namespace: string, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(inNamespace(namespace, argv, this.#resolvConfOf(namespace)), options);
  }

  spawn(namespace: string, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = start(inNamespace(namespace, argv, this.#resolvConfOf(namespace)), options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async destroy(): Promise<void> {
    process.off('exit', this.#onExit);
    const ended = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    this.#removeAll();
    await Promise.race([Promise.all(ended), new Promise((resolve) => setTimeout(resolve, 3000).unref())]);
  }

  #removeAll(): void {
    for (const name of this.#made.splice(0)) removeNamespace(name);
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  #resolvConfOf(namespace: string): string | undefined {
    return this.homes.some(({ hostNamespace }) => hostNamespace === namespace) ? this.#resolvConf : undefined;
  }

  async build(masquerade: boolean): Promise<void> {
    process.once('exit', this.#onExit);
    this.#directory = await mkdtemp(join(tmpdir(), `engawa-lab-${process.pid}-`));
    const resolvConf = join(this.#directory, 'resolv.conf');
    const { resolver } = LAB_ADDRESSES;
    await writeFile(
      resolvConf,
      `nameserver ${resolver.ip4}\nnameserver ${resolver.ip6}\noptions timeout:2 attempts:2\n`,
    );
    if (existsSync('/etc/resolv.conf')) this.#resolvConf = resolvConf;
    await this.#makeNamespaces();
    await this.#buildUplink();
    if (this.bng2 !== undefined) await this.#buildSecondBng(this.bng2);
    for (const home of this.homes) await this.#buildHome(home);
    await this.#load(this.bng, sourceValidation());
    if (masquerade) await this.#load(this.bng, natOn('uplink'));
  }

  async #makeNamespaces(): Promise<void> {
    const bngs = [this.bng, ...(this.bng2 === undefined ? [] : [this.bng2])];
    const routers = [...bngs, ...this.homes.map(({ router }) => router)];
    for (const name of [this.internet, ...routers, ...this.homes.map(({ hostNamespace }) => hostNamespace)]) {
      await mustRun(['ip', 'netns', 'add', name]);
      this.#made.push(name);
      await this.#ip(name, 'link', 'set', 'lo', 'up');
      await this.#sysctl(name, 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.accept_ra=0');
    }
    for (const name of routers) await this.#sysctl(name, 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    // RFC 3704 §2.2: strict reverse path; the highest of `all` and the interface counts.
    for (const bng of bngs)
      await this.#sysctl(bng, 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.default.rp_filter=1');
  }

  async #buildUplink(): Promise<void> {
    const { bng, internet } = this;
    await this.#cable({ at: bng, name: 'uplink' }, { at: internet, name: 'uplink' });
    await this.#ip(bng, 'addr', 'add', `${LAB_UPLINK.bng}/30`, 'dev', 'uplink');
    await this.#ip(internet, 'addr', 'add', `${LAB_UPLINK.internet}/30`, 'dev', 'uplink');
    await this.#ip(bng, 'addr', 'add', 'fe80::1/64', 'dev', 'uplink');
    await this.#ip(internet, 'addr', 'add', 'fe80::2/64', 'dev', 'uplink');
    await this.#ip(bng, 'route', 'add', 'default', 'via', LAB_UPLINK.internet);
    await this.#ip(bng, '-6', 'route', 'add', 'default', 'via', 'fe80::2', 'dev', 'uplink');
    const { gateway, portal, sink: _sink, ...outside } = LAB_ADDRESSES;
    for (const { ip4, ip6 } of [gateway, portal]) await this.#addLoopback(bng, [`${ip4}/32`, `${ip6}/128`]);
    for (const { ip4, ip6 } of Object.values(outside)) await this.#addLoopback(internet, [`${ip4}/32`, `${ip6}/128`]);
    for (const dark of Object.values(LAB_DARKNET)) await this.#ip(internet, 'route', 'add', 'local', dark, 'dev', 'lo');
    await this.#ip(internet, 'route', 'add', '192.0.2.0/24', 'via', LAB_UPLINK.bng);
    for (const prefix of [LAB_POOLS.ip6, '2001:db8:0:1::/64']) {
      await this.#ip(internet, '-6', 'route', 'add', prefix, 'via', 'fe80::1', 'dev', 'uplink');
    }
  }

  /** Its rules are its own business (bng/ruleset.ts): what a vendor's box does is configured there. */
  async #buildSecondBng(bng2: string): Promise<void> {
    const { internet } = this;
    const { ip4, ip6, uplink, uplinkPeer, pool4, pool6 } = LAB_BNG2;
    // Between the two BNGs the internet is on the way.
    await this.#sysctl(internet, 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await this.#cable({ at: bng2, name: 'uplink' }, { at: internet, name: 'uplink2' });
    await this.#ip(bng2, 'addr', 'add', `${uplink}/30`, 'dev', 'uplink');
    await this.#ip(internet, 'addr', 'add', `${uplinkPeer}/30`, 'dev', 'uplink2');
    await this.#ip(bng2, 'addr', 'add', 'fe80::1/64', 'dev', 'uplink');
    await this.#ip(internet, 'addr', 'add', 'fe80::2/64', 'dev', 'uplink2');
    await this.#addLoopback(bng2, [`${ip4}/32`, `${ip6}/128`]);
    await this.#ip(bng2, 'route', 'add', 'default', 'via', uplinkPeer, 'src', ip4);
    await this.#ip(bng2, '-6', 'route', 'add', 'default', 'via', 'fe80::2', 'dev', 'uplink');
    for (const own of [`${ip4}/32`, pool4]) await this.#ip(internet, 'route', 'add', own, 'via', uplink);
    for (const own of [`${ip6}/128`, pool6])
      await this.#ip(internet, '-6', 'route', 'add', own, 'via', 'fe80::1', 'dev', 'uplink2');
  }

  #gatewayOf({ behind }: LabHome): { readonly at: string; readonly ip4: string } {
    return behind === 'bng' ? { at: this.bng, ip4: LAB_ADDRESSES.gateway.ip4 } : { at: this.bng2!, ip4: LAB_BNG2.ip4 };
  }

  async renumber(home: LabHome, from: string, to: string): Promise<void> {
    const { router, accessInterface } = home;
    const gateway = this.#gatewayOf(home);
    await this.#ip(gateway.at, 'route', 'del', `${from}/32`, 'dev', accessInterface);
    await this.#ip(gateway.at, 'route', 'add', `${to}/32`, 'dev', accessInterface, 'src', gateway.ip4);
    await this.#ip(router, 'addr', 'add', `${to}/32`, 'dev', 'wan');
    await this.#ip(router, 'route', 'replace', 'default', 'via', gateway.ip4, 'dev', 'wan', 'src', to);
    await this.#ip(router, 'addr', 'del', `${from}/32`, 'dev', 'wan');
  }

  /** Unnumbered, as on a real BNG: the access interface has no IPv4 address of its own. */
  async #buildHome(home: LabHome): Promise<void> {
    const { router, hostNamespace: host, accessInterface, ip4, prefix6, lan } = home;
    const gateway = this.#gatewayOf(home);
    await this.#cable({ at: gateway.at, name: accessInterface }, { at: router, name: 'wan' });
    await this.#ip(gateway.at, 'addr', 'add', 'fe80::1/64', 'dev', accessInterface);
    await this.#ip(gateway.at, 'route', 'add', `${ip4}/32`, 'dev', accessInterface, 'src', gateway.ip4);
    await this.#ip(gateway.at, '-6', 'route', 'add', prefix6, 'via', 'fe80::2', 'dev', accessInterface);
    await this.#ip(router, 'addr', 'add', `${ip4}/32`, 'dev', 'wan');
    await this.#ip(router, 'addr', 'add', 'fe80::2/64', 'dev', 'wan');
    await this.#ip(router, 'route', 'add', `${gateway.ip4}/32`, 'dev', 'wan');
    await this.#ip(router, 'route', 'add', 'default', 'via', gateway.ip4, 'dev', 'wan', 'src', ip4);

    await this.#cable({ at: router, name: 'lan' }, { at: host, name: 'eth0' });
    await this.#ip(router, 'addr', 'add', `${lan.ip4}/24`, 'dev', 'lan');
    await this.#ip(router, 'addr', 'add', `${lan.ip6}/64`, 'dev', 'lan', 'nodad');
    await this.#ip(router, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'wan', 'src', lan.ip6);
    await this.#ip(host, 'addr', 'add', `${home.host.ip4}/24`, 'dev', 'eth0');
    await this.#ip(host, 'addr', 'add', `${home.host.ip6}/64`, 'dev', 'eth0', 'nodad');
    await this.#ip(host, 'route', 'add', 'default', 'via', lan.ip4);
    await this.#ip(host, '-6', 'route', 'add', 'default', 'via', lan.ip6);
    await this.#load(router, natOn('wan'));
  }

  async #cable(a: { at: string; name: string }, b: { at: string; name: string }): Promise<void> {
    await mustRun(['ip', 'link', 'add', a.name, 'netns', a.at, 'type', 'veth', 'peer', 'name', b.name, 'netns', b.at]);
    for (const end of [a, b]) await this.#ip(end.at, 'link', 'set', end.name, 'up');
  }

  async #addLoopback(namespace: string, addresses: readonly string[]): Promise<void> {
    for (const address of addresses) await this.#ip(namespace, 'addr', 'add', address, 'dev', 'lo');
  }

  async #ip(namespace: string, ...args: string[]): Promise<void> {
    await mustRun(['ip', '-n', namespace, ...args]);
  }

  async #sysctl(namespace: string, ...settings: string[]): Promise<void> {
    await mustRun(['ip', 'netns', 'exec', namespace, 'sysctl', '-q', '-w', ...settings]);
  }

  async #load(namespace: string, ruleset: string): Promise<void> {
    await mustRun(['ip', 'netns', 'exec', namespace, 'nft', ruleset]);
  }
}

/** BCP 38 for IPv6 (IPv4 has rp_filter): what comes in from a home must be routed back to that home. */
function sourceValidation(): string {
  return `table inet access {
    chain source_validation {
      type filter hook prerouting priority raw; policy accept;
      iifname != "acc*" accept
      ip6 saddr { ::, fe80::/10 } accept
      fib saddr . iif oif missing drop
    }
  }`;
}

function natOn(interfaceName: string): string {
  return `table ip nat {
    chain outgoing {
      type nat hook postrouting priority srcnat; policy accept;
      oifname "${interfaceName}" masquerade
    }
  }`;
}
