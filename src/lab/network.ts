// A small internet on one machine: homes behind routers, a BNG that validates sources, and an outside with many addresses, each a
// network namespace of this run alone. Needs CAP_NET_ADMIN, real root or `unshare -Urnm` with a tmpfs on /run. No daemon starts here
// but the ends of softwires. What homes that share addresses need besides is in network-shared.ts.
import type { ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewaySpec } from '../core/garden/gateway.ts';
import { type Prefix, parsePrefix } from '../core/net/prefix.ts';
import { addLoopback, cable, ip, load, natOn, sourceValidation, sysctl } from './network-hand.ts';
import { removeNamespace, removeOrphans } from './network-orphans.ts';
import {
  LAB_ADDRESSES,
  LAB_BNG2,
  LAB_DARKNET,
  LAB_MAP_RULE,
  LAB_POOLS,
  LAB_SHARED_POOLS,
  LAB_SOFTWIRES,
  LAB_UPLINK,
  type LabAddresses,
  type LabHome,
  labGatewaySpec,
  planHome,
  type Sharing,
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
import { buildCgn, buildSoftwireHome, buildSoftwires } from './network-shared.ts';

export interface NetworkOptions {
  /** Behind the Linux gateway. Default 2. */
  readonly homes?: number;
  /** Behind a second BNG, which exists when there are any. Numbered on. Default 0. */
  readonly radiusHomes?: number;
  /** Behind the Linux gateway and sharing IPv4 addresses, in this order, numbered on. With any of them a CGN and softwires exist. */
  readonly sharedHomes?: readonly Exclude<Sharing, 'none'>[];
  /** NAT44 on the BNG's uplink as well, as operators without enough addresses do. */
  readonly masquerade?: boolean;
  /** Replaces members of the gateway's configuration. */
  readonly spec?: Partial<GatewaySpec>;
}

export interface LabNetwork {
  readonly bng: string;
  /** Namespace of the second BNG, where there is one. */
  readonly bng2: string | undefined;
  /** Namespaces of the CGN and of the operator's end of softwires, where homes share addresses. */
  readonly cgn: string | undefined;
  readonly softwires: string | undefined;
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

/** Inside addresses, and one address whose ports are told apart: it sees what comes out of the softwires. */
function sharedSpec(pools: readonly Prefix[]): Partial<GatewaySpec> {
  const { address, psidOffset, psidLength } = LAB_MAP_RULE;
  const prefix = (text: string) => parsePrefix(text)!;
  return {
    pools: [...pools, ...LAB_SHARED_POOLS.map(prefix)],
    sharedPools: [{ prefix: prefix(`${address}/32`), offset: psidOffset, psidLength }],
    softwireBorders: [LAB_SOFTWIRES.aftr, LAB_SOFTWIRES.br].map((end) => prefix(`${end}/128`)),
  };
}

class NamespaceNetwork implements LabNetwork {
  readonly bng: string;
  readonly bng2: string | undefined;
  readonly cgn: string | undefined;
  readonly softwires: string | undefined;
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
    const { homes: own = 2, radiusHomes = 0, sharedHomes = [] } = options;
    const isShared = sharedHomes.length > 0;
    const { pools } = labGatewaySpec();
    this.spec = labGatewaySpec({
      ...(isShared ? sharedSpec(pools) : {}),
      ...options.spec,
    });
    this.bng2 = radiusHomes > 0 ? `${run}-bng2` : undefined;
    this.cgn = isShared ? `${run}-cgn` : undefined;
    this.softwires = isShared ? `${run}-sw` : undefined;
    this.homes = Array.from({ length: own + radiusHomes + sharedHomes.length }, (_, i) => ({
      ...planHome(i + 1, i >= own && i < own + radiusHomes ? 'bng2' : 'bng', sharedHomes[i - own - radiusHomes]),
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
    if (this.softwires !== undefined) await buildSoftwires(this, this.softwires);
    for (const home of this.homes) {
      if (home.softwire === undefined) await this.#buildHome(home);
      else await buildSoftwireHome(this, home, home.softwire);
    }
    await load(this.bng, sourceValidation());
    if (masquerade) await load(this.bng, natOn('uplink'));
  }

  async #makeNamespaces(): Promise<void> {
    const bngs = [this.bng, ...(this.bng2 === undefined ? [] : [this.bng2])];
    const between = [this.cgn, this.softwires].filter((name) => name !== undefined);
    const routers = [...bngs, ...between, ...this.homes.map(({ router }) => router)];
    for (const name of [this.internet, ...routers, ...this.homes.map(({ hostNamespace }) => hostNamespace)]) {
      await mustRun(['ip', 'netns', 'add', name]);
      this.#made.push(name);
      await ip(name, 'link', 'set', 'lo', 'up');
      await sysctl(name, 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.accept_ra=0');
    }
    for (const name of routers) await sysctl(name, 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    // RFC 3704 §2.2: strict reverse path; the highest of `all` and the interface counts.
    for (const bng of bngs) await sysctl(bng, 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.default.rp_filter=1');
  }

  async #buildUplink(): Promise<void> {
    const { bng, internet } = this;
    const next = this.cgn ?? internet;
    await cable({ at: bng, name: 'uplink' }, { at: next, name: 'uplink' });
    await ip(bng, 'addr', 'add', `${LAB_UPLINK.bng}/30`, 'dev', 'uplink');
    await ip(next, 'addr', 'add', `${LAB_UPLINK.internet}/30`, 'dev', 'uplink');
    await ip(bng, 'addr', 'add', 'fe80::1/64', 'dev', 'uplink');
    await ip(next, 'addr', 'add', 'fe80::2/64', 'dev', 'uplink');
    await ip(bng, 'route', 'add', 'default', 'via', LAB_UPLINK.internet);
    await ip(bng, '-6', 'route', 'add', 'default', 'via', 'fe80::2', 'dev', 'uplink');
    const { gateway, portal, sink: _sink, ...outside } = LAB_ADDRESSES;
    for (const { ip4, ip6 } of [gateway, portal]) await addLoopback(bng, [`${ip4}/32`, `${ip6}/128`]);
    for (const { ip4, ip6 } of Object.values(outside)) await addLoopback(internet, [`${ip4}/32`, `${ip6}/128`]);
    for (const dark of Object.values(LAB_DARKNET)) await ip(internet, 'route', 'add', 'local', dark, 'dev', 'lo');
    await ip(next, 'route', 'add', '192.0.2.0/24', 'via', LAB_UPLINK.bng);
    for (const prefix of [LAB_POOLS.ip6, '2001:db8:0:1::/64']) {
      await ip(next, '-6', 'route', 'add', prefix, 'via', 'fe80::1', 'dev', 'uplink');
    }
    if (this.cgn !== undefined) await buildCgn(this, this.cgn);
  }

  /** Its rules are its own business (bng/ruleset.ts): what a vendor's box does is configured there. */
  async #buildSecondBng(bng2: string): Promise<void> {
    const { internet } = this;
    const { ip4, ip6, uplink, uplinkPeer, pool4, pool6 } = LAB_BNG2;
    // Between the two BNGs the internet is on the way.
    await sysctl(internet, 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await cable({ at: bng2, name: 'uplink' }, { at: internet, name: 'uplink2' });
    await ip(bng2, 'addr', 'add', `${uplink}/30`, 'dev', 'uplink');
    await ip(internet, 'addr', 'add', `${uplinkPeer}/30`, 'dev', 'uplink2');
    await ip(bng2, 'addr', 'add', 'fe80::1/64', 'dev', 'uplink');
    await ip(internet, 'addr', 'add', 'fe80::2/64', 'dev', 'uplink2');
    await addLoopback(bng2, [`${ip4}/32`, `${ip6}/128`]);
    await ip(bng2, 'route', 'add', 'default', 'via', uplinkPeer, 'src', ip4);
    await ip(bng2, '-6', 'route', 'add', 'default', 'via', 'fe80::2', 'dev', 'uplink');
    for (const own of [`${ip4}/32`, pool4]) await ip(internet, 'route', 'add', own, 'via', uplink);
    for (const own of [`${ip6}/128`, pool6])
      await ip(internet, '-6', 'route', 'add', own, 'via', 'fe80::1', 'dev', 'uplink2');
  }

  #gatewayOf({ behind }: LabHome): { readonly at: string; readonly ip4: string } {
    return behind === 'bng' ? { at: this.bng, ip4: LAB_ADDRESSES.gateway.ip4 } : { at: this.bng2!, ip4: LAB_BNG2.ip4 };
  }

  async renumber(home: LabHome, from: string, to: string): Promise<void> {
    const { router, accessInterface } = home;
    const gateway = this.#gatewayOf(home);
    await ip(gateway.at, 'route', 'del', `${from}/32`, 'dev', accessInterface);
    await ip(gateway.at, 'route', 'add', `${to}/32`, 'dev', accessInterface, 'src', gateway.ip4);
    await ip(router, 'addr', 'add', `${to}/32`, 'dev', 'wan');
    await ip(router, 'route', 'replace', 'default', 'via', gateway.ip4, 'dev', 'wan', 'src', to);
    await ip(router, 'addr', 'del', `${from}/32`, 'dev', 'wan');
  }

  /** Unnumbered, as on a real BNG: the access interface has no IPv4 address of its own. */
  async #buildHome(home: LabHome): Promise<void> {
    const { router, hostNamespace: host, accessInterface, ip4, prefix6, lan } = home;
    const gateway = this.#gatewayOf(home);
    await cable({ at: gateway.at, name: accessInterface }, { at: router, name: 'wan' });
    await ip(gateway.at, 'addr', 'add', 'fe80::1/64', 'dev', accessInterface);
    await ip(gateway.at, 'route', 'add', `${ip4}/32`, 'dev', accessInterface, 'src', gateway.ip4);
    await ip(gateway.at, '-6', 'route', 'add', prefix6, 'via', 'fe80::2', 'dev', accessInterface);
    await ip(router, 'addr', 'add', `${ip4}/32`, 'dev', 'wan');
    await ip(router, 'addr', 'add', 'fe80::2/64', 'dev', 'wan');
    await ip(router, 'route', 'add', `${gateway.ip4}/32`, 'dev', 'wan');
    await ip(router, 'route', 'add', 'default', 'via', gateway.ip4, 'dev', 'wan', 'src', ip4);

    await cable({ at: router, name: 'lan' }, { at: host, name: 'eth0' });
    await ip(router, 'addr', 'add', `${lan.ip4}/24`, 'dev', 'lan');
    await ip(router, 'addr', 'add', `${lan.ip6}/64`, 'dev', 'lan', 'nodad');
    await ip(router, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'wan', 'src', lan.ip6);
    await ip(host, 'addr', 'add', `${home.host.ip4}/24`, 'dev', 'eth0');
    await ip(host, 'addr', 'add', `${home.host.ip6}/64`, 'dev', 'eth0', 'nodad');
    await ip(host, 'route', 'add', 'default', 'via', lan.ip4);
    await ip(host, '-6', 'route', 'add', 'default', 'via', lan.ip6);
    await load(router, natOn('wan'));
  }
}
