// The whole lab, ready to be used by the story and by tests: network, outside world, one operator's folder, both processes.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { Cgn } from './cgn.ts';
import { FreeRadius, findFreeRadius } from './free-radius.ts';
import { findUsers, Launcher, orderOver } from './launcher.ts';
import { buildNetwork, type LabNetwork, type NetworkOptions } from './network.ts';
import { freeAnswerOf, httpProbes } from './probe-sites.ts';
import { type Remote, type RemoteProcess, startRemote } from './remote.ts';
import type { ToyRecord } from './resolver.ts';
import { SecondBng } from './second-bng.ts';
import {
  LAB_ACCOUNTING,
  LAB_INTAKE_KEY,
  LAB_INTAKE_PORT,
  LAB_MIRROR_PORT,
  LAB_NAMES,
  LAB_SECRET,
  type LabSite,
  type LabUsers,
  writeSite,
} from './site.ts';
import { userOf } from './site-second.ts';

/** Names of the certificate that the web sites outside share. */
const TLS_NAMES = [LAB_NAMES.site, LAB_NAMES.site4, LAB_NAMES.site6, LAB_NAMES.otherSite, LAB_NAMES.pack];

export interface Sighting {
  readonly peer: string;
  readonly port: number;
  readonly at: number;
  readonly destinationPort: number;
}

export interface LabOptions extends Omit<NetworkOptions, 'spec'> {
  /** The service itself answers logins, even where FreeRADIUS is installed. */
  readonly ownAaa?: boolean;
}

type LabParts = Pick<
  Lab,
  'network' | 'site' | 'users' | 'launcher' | 'internet' | 'bng' | 'homes' | 'second' | 'freeRadius' | 'translator'
>;

export class Lab {
  readonly network: LabNetwork;
  readonly site: LabSite;
  readonly users: LabUsers | undefined;
  readonly launcher: Launcher;
  readonly internet: Remote;
  readonly bng: Remote;
  readonly homes: readonly Remote[];
  /** Told by RADIUS alone; where the lab was built with homes behind it. */
  readonly second: SecondBng | undefined;
  /** Who answers its logins; undefined = the service itself. */
  readonly freeRadius: FreeRadius | undefined;
  /** Gives homes that share addresses their ports; where the lab was built with such homes. */
  readonly cgn: Cgn | undefined;
  readonly translator: RemoteProcess | undefined;
  readonly #sightings: Sighting[] = [];
  #reports = 0;
  /** How far the lab's clock is ahead of this machine's. */
  #advancedMs = 0;

  constructor(parts: LabParts) {
    this.network = parts.network;
    this.site = parts.site;
    this.users = parts.users;
    this.launcher = parts.launcher;
    this.internet = parts.internet;
    this.bng = parts.bng;
    this.homes = parts.homes;
    this.second = parts.second;
    this.freeRadius = parts.freeRadius;
    this.translator = parts.translator;
    this.cgn = parts.translator && new Cgn(this.network, parts.translator, () => this.now());
    this.internet.onEvent((event) => {
      if (event['honeypot'] !== true) return;
      const sighting = event as unknown as Sighting;
      this.#sightings.push({ ...sighting, at: sighting.at + this.#advancedMs });
    });
  }

  /** Homes, BNGs and outside stand; nothing of ours runs yet. */
  static async build(options: LabOptions = {}): Promise<Lab> {
    const folder = await mkdtemp(join(tmpdir(), `engawa-lab-${process.pid}-`));
    const network = await buildNetwork(options);
    try {
      const certificates = await makeCertificates(folder);
      const users = await findUsers();
      const freeRadius = await prepareAaa(network, folder, options);
      const aaa = freeRadius === undefined ? 'own' : 'freeradius';
      const site = await writeSite(folder, network, { certificates, users, aaa });
      const [internet, bng, ...remotes] = await Promise.all(
        [network.internet, network.bng, ...network.homes.map((home) => home.hostNamespace)].map((namespace) =>
          startRemote(network, namespace),
        ),
      );
      const translator = network.cgn === undefined ? undefined : await startRemote(network, network.cgn);
      const launcher = new Launcher(network, site, users);
      const second = network.bng2 === undefined ? undefined : new SecondBng(network, aaa);
      const parts = { network, site, users, launcher, second, freeRadius, translator };
      const lab = new Lab({ ...parts, internet: internet!, bng: bng!, homes: remotes });
      await lab.#openInternet(await certificates.issue(TLS_NAMES));
      return lab;
    } catch (cause) {
      await network.destroy();
      await rm(folder, { recursive: true, force: true });
      throw cause;
    }
  }

  async #openInternet(tls: { readonly cert: string; readonly key: string }): Promise<void> {
    const { addresses, spec } = this.network;
    const at = this.internet;
    const probes = httpProbes();
    for (const family of ['ip4', 'ip6'] as const) {
      for (const [name, site] of [
        ['site', addresses.site],
        ['other site', addresses.otherSite],
      ] as const) {
        await at.do('serve.http', { address: site[family], port: 80, body: `the ${name}` });
        await at.do('serve.https', { address: site[family], port: 443, body: `the ${name}`, ...tls });
        await at.do('serve.echo', { address: site[family], port: 9000 });
      }
      await at.do('serve.mirror', { address: addresses.site[family], port: LAB_MIRROR_PORT });
      await at.do('serve.https', { address: addresses.packSite[family], port: 443, body: 'support', ...tls });
      await at.do('serve.probes', { address: addresses.probes[family], port: 80, answers: probes.map(freeAnswerOf) });
      await at.do('serve.honeypot', { address: addresses.honeypot[family], port: 23 });
      await at.do('serve.udp', { address: addresses.emergency[family], port: 5060 });
      await at.do('serve.echo', { address: addresses.emergency[family], port: 5060 });
      await at.do('serve.udp', { address: addresses.site[family], port: 9000 });
    }
    const portal = { ip4: spec.portal.ip4.bytes.join('.'), ip6: addresses.portal.ip6 };
    const records: ToyRecord[] = (
      [
        [LAB_NAMES.site, addresses.site],
        [LAB_NAMES.otherSite, addresses.otherSite],
        [LAB_NAMES.pack, addresses.packSite],
        [LAB_NAMES.emergency, addresses.emergency],
        [LAB_NAMES.portal, portal],
        ...[...new Set(probes.map(({ host }) => host))].map((host) => [host, addresses.probes] as const),
      ] as const
    ).flatMap(([name, { ip4, ip6 }]) => [
      { name, type: 'A' as const, value: ip4, ttlSeconds: 60 },
      { name, type: 'AAAA' as const, value: ip6, ttlSeconds: 60 },
    ]);
    const single: readonly ToyRecord[] = [
      { name: LAB_NAMES.site4, type: 'A', value: addresses.site.ip4 },
      { name: LAB_NAMES.site6, type: 'AAAA', value: addresses.site.ip6 },
    ];
    await at.do('serve.resolver', {
      records: [...records, ...single, ...callRecords()],
      addresses: [addresses.resolver.ip4, addresses.resolver.ip6, addresses.foreignResolver.ip4],
      port: 53,
    });
  }

  async startEngawa(): Promise<void> {
    await this.launcher.startHelper();
    await this.launcher.startMain();
  }

  /** After the service: its logins may be answered by it. */
  async startSecond(): Promise<void> {
    await this.freeRadius?.start();
    await this.second?.start();
  }

  /** As the operator's cron job would. */
  async importLines(): Promise<Record<string, unknown>> {
    return this.order('lines.import', { dryRun: false }, await readFile(this.site.linesFile));
  }

  order(
    name: string,
    input: Readonly<Record<string, unknown>> = {},
    body?: Uint8Array,
  ): Promise<Record<string, unknown>> {
    return orderOver(this.site.controlSocket, name, input, body);
  }

  /** The Linux BNG's own word about a home of its own. True when the record is durable. */
  account(
    home: number,
    status: 'start' | 'interim' | 'stop' | 'on' | 'off',
    overrides: Readonly<Record<string, unknown>> = {},
  ): Promise<boolean> {
    const { ip4, prefix6, sharing } = this.network.homes[home - 1]!;
    const session = {
      nas: this.network.spec.name,
      sessionId: `lab-${home}`,
      userName: userOf(home),
      // A MAP-E home has no IPv4 address of its own: what it may use follows from its prefix.
      ...(sharing === 'map-e' ? {} : { ip4 }),
      prefix6,
    };
    return this.bng.do<boolean>('accounting', {
      server: LAB_ACCOUNTING,
      secret: LAB_SECRET,
      status,
      ...session,
      ...overrides,
    });
  }

  /** By the lab's clock, ms since the epoch. */
  now(): number {
    return Date.now() + this.#advancedMs;
  }

  sightings(): readonly Sighting[] {
    return this.#sightings;
  }

  /** What the honeypot saw, as its operator reports it. */
  async report(
    sighting: Sighting,
    event: Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly status: number; readonly body: string }> {
    const body = JSON.stringify({
      reports: [
        {
          id: `lab-${++this.#reports}-${sighting.at}`,
          observedAt: new Date(sighting.at).toISOString(),
          class: 'attack-handshake',
          family: 'mirai',
          ip: sighting.peer,
          port: sighting.port,
          protocol: 'tcp',
          destinationPort: sighting.destinationPort,
          ...event,
        },
      ],
    });
    return this.bng.do('visit', {
      url: `http://127.0.0.1:${LAB_INTAKE_PORT}/v1/reports`,
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${LAB_INTAKE_KEY}`, 'content-type': 'application/json' },
    });
  }

  /** Moves the lab's own clock on; sessions go on meanwhile, so the BNG says so at once. */
  async advanceClock(ms: number): Promise<void> {
    await this.moveClock(ms);
    for (const { number, behind } of this.network.homes) if (behind === 'bng') await this.account(number, 'interim');
    if (this.second?.isRunning === true) await this.second.interim();
    await this.cgn?.interim();
  }

  /** The clock alone: no session says anything. */
  async moveClock(ms: number): Promise<void> {
    await this.order('lab.advance-clock', { ms });
    this.#advancedMs += ms;
    this.launcher.aheadMs = this.#advancedMs;
    await this.second?.advanceClock(ms);
  }

  async destroy(): Promise<void> {
    this.second?.stop();
    await Promise.all([this.launcher.stop('main'), this.launcher.stop('helper'), this.freeRadius?.kill()]);
    for (const remote of [this.internet, this.bng, this.translator, ...this.homes]) remote?.stop();
    await this.network.destroy();
    await rm(this.site.folder, { recursive: true, force: true });
  }
}

async function prepareAaa(network: LabNetwork, folder: string, options: LabOptions): Promise<FreeRadius | undefined> {
  if (network.bng2 === undefined || options.ownAaa === true) return undefined;
  return (await findFreeRadius()) === undefined ? undefined : FreeRadius.prepare(network, join(folder, 'freeradius'));
}

/** How a phone adapter finds the emergency service: NAPTR to SRV to address (RFC 3263 §4). */
function callRecords(): ToyRecord[] {
  return [
    {
      name: LAB_NAMES.emergency,
      type: 'NAPTR',
      value: `10 10 s SIP+D2U _sip._udp.${LAB_NAMES.emergency}`,
      ttlSeconds: 60,
    },
    {
      name: `_sip._udp.${LAB_NAMES.emergency}`,
      type: 'SRV',
      value: `10 10 5060 ${LAB_NAMES.emergency}`,
      ttlSeconds: 60,
    },
  ];
}
