// The folder an operator would have: configuration, policy, lines, secrets, certificates – written for the lab's network,
// read by the very same code as anybody's.
import { chmod, chown, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { formatIp } from '../core/net/ip.ts';
import { formatPrefix } from '../core/net/prefix.ts';
import type { LabCertificates } from './certificates.ts';
import type { LabNetwork } from './network.ts';
import { type SitePart, secondBngPart, userOf } from './site-second.ts';
import { sharedPart } from './site-shared.ts';

export const LAB_NAMES = {
  portal: 'portal.lab.example',
  pack: 'support.example',
  site: 'www.site.example',
  /** The same site under names of one family each. */
  site4: 'four.site.example',
  site6: 'six.site.example',
  otherSite: 'www.other.example',
  emergency: 'sos.example',
} as const;

export const LAB_SECRET = 'lab-accounting-secret-0001';
export const LAB_INTAKE_KEY = 'lab-honeypot-key-000000000001';
export const LAB_ACCOUNTING = { address: '192.0.2.1', port: 1813 } as const;
export const LAB_INTAKE_PORT = 8090;
/** Where the site outside tells who it sees. */
export const LAB_MIRROR_PORT = 8000;

export interface LabSite {
  readonly folder: string;
  readonly configFile: string;
  readonly stateFolder: string;
  readonly controlSocket: string;
  readonly helperSocket: string;
  readonly specFile: string;
  readonly linesFile: string;
  readonly spoolFolder: string;
  readonly caFile: string;
}

/** Users of the two processes; undefined where this machine does not let us become anybody else. */
export interface LabUsers {
  readonly main: number;
  readonly helper: number;
  readonly group: number;
}

const DEPLOY = join(import.meta.dirname, '../../deploy');

export interface SiteParts {
  readonly certificates: LabCertificates;
  readonly users: LabUsers | undefined;
  /** Who answers the logins at the second BNG. */
  readonly aaa: 'freeradius' | 'own';
}

export async function writeSite(folder: string, network: LabNetwork, parts: SiteParts): Promise<LabSite> {
  const { certificates, users } = parts;
  const site: LabSite = {
    folder,
    configFile: join(folder, 'engawa.yaml'),
    stateFolder: join(folder, 'state'),
    controlSocket: join(folder, 'run', 'control.sock'),
    helperSocket: join(folder, 'helper', 'helper.sock'),
    specFile: join(folder, 'gateway.json'),
    linesFile: join(folder, 'lines.csv'),
    spoolFolder: join(folder, 'mail'),
    caFile: certificates.caFile,
  };
  const tls = await certificates.issue([LAB_NAMES.portal]);
  await mkdir(join(folder, 'packs'));
  await mkdir(join(folder, 'guides'));
  await cp(join(DEPLOY, 'families.yaml'), join(folder, 'families.yaml'));
  await cp(join(DEPLOY, 'guides'), join(folder, 'guides'), { recursive: true });
  await writeFile(join(folder, 'secret'), LAB_SECRET);
  await writeFile(join(folder, 'honeypot.key'), LAB_INTAKE_KEY);
  await writeFile(join(folder, 'packs', 'support.yaml'), stringify(packFile(network)));
  await writeFile(join(folder, 'policy.yaml'), stringify(LAB_POLICY));
  await writeFile(site.linesFile, linesFile(network));
  const more = partsOf(network, parts.aaa);
  for (const [name, text] of Object.entries(more.files)) await writeFile(join(folder, name), text);
  await writeFile(site.configFile, stringify(configFile(network, tls, more)));
  for (const private_ of ['state', 'run', 'helper', 'mail']) await mkdir(join(folder, private_), { mode: 0o750 });
  await handOver(site, users, [tls.key, ...Object.keys(more.files).map((name) => join(folder, name))]);
  return site;
}

/** What this lab has besides the Linux gateway, together. */
function partsOf({ bng2, cgn, homes }: LabNetwork, aaa: SiteParts['aaa']): SitePart {
  const behind = homes.filter((home) => home.behind === 'bng2').map(({ number }) => number);
  const parts = [
    ...(bng2 === undefined ? [] : [secondBngPart(aaa, behind)]),
    ...(cgn === undefined ? [] : [sharedPart()]),
  ];
  return {
    gateways: parts.flatMap((one) => one.gateways),
    accountingClients: parts.flatMap((one) => one.accountingClients),
    top: Object.assign({}, ...parts.map((one) => one.top)) as SitePart['top'],
    files: Object.assign({}, ...parts.map((one) => one.files)) as SitePart['files'],
  };
}

/** As the package does on a real machine: each process owns what it writes, the group may knock at the sockets. */
async function handOver(site: LabSite, users: LabUsers | undefined, secretFiles: readonly string[]): Promise<void> {
  await chmod(site.folder, 0o755);
  if (users === undefined) return;
  for (const owned of [site.stateFolder, join(site.folder, 'run'), site.spoolFolder])
    await chown(owned, users.main, users.group);
  await chown(join(site.folder, 'helper'), users.helper, users.group);
  for (const secret of [...secretFiles, join(site.folder, 'secret'), join(site.folder, 'honeypot.key')]) {
    await chown(secret, users.main, users.group);
    await chmod(secret, 0o600);
  }
}

/** Strict at once for a login seen by a honeypot, so that the story shows everything; real policies begin gently. */
const LAB_POLICY = {
  name: 'lab',
  rules: [
    {
      id: 'honeypot-logins',
      match: { class: ['attack-handshake', 'infected-handshake'], lineClass: ['home'] },
      ladder: [{ do: 'strict', supportHoursOnly: false }],
      selfRelease: { perDay: 1, per90Days: 2, probationHours: 72 },
      expiryDays: 30,
      legalBasis: { basis: 'contract', termsClause: 'Terms of the lab, section 1' },
    },
    {
      id: 'others',
      match: {},
      ladder: [{ do: 'notify' }],
      legalBasis: { basis: 'contract', termsClause: 'Terms of the lab, section 1' },
    },
  ],
};

function packFile(network: LabNetwork): unknown {
  const [pack] = network.spec.packs;
  return {
    name: pack!.name,
    purpose: pack!.purpose,
    dnsNames: pack!.dnsNames,
    prefixes: pack!.prefixes.map(formatPrefix),
    protocols: pack!.protocols,
    ports: pack!.ports.map(portText),
  };
}

export function portText({ low, high }: { readonly low: number; readonly high: number }): number | string {
  return low === high ? low : `${low}-${high}`;
}

function linesFile(network: LabNetwork): string {
  const rows = network.homes.map(
    ({ number }) =>
      `LAB-${number},${userOf(number)},C-1000${number},home,no,home${number}@lab.example,+81 3 0000 000${number},en`,
  );
  return `line_id,access_key,customer_no,class,protected,email,phone,language\n${rows.join('\n')}\n`;
}

function configFile(
  network: LabNetwork,
  tls: { readonly cert: string; readonly key: string },
  more: SitePart,
): unknown {
  const { spec, addresses } = network;
  const pair = (one: {
    readonly ip4: Parameters<typeof formatIp>[0];
    readonly ip6: Parameters<typeof formatIp>[0];
  }) => ({ ip4: formatIp(one.ip4), ip6: formatIp(one.ip6) });
  return {
    stateFolder: 'state',
    controlSocket: 'run/control.sock',
    helperSocket: 'helper/helper.sock',
    policy: 'policy.yaml',
    families: 'families.yaml',
    packs: 'packs',
    guides: 'guides/guides.yaml',
    operator: {
      name: 'Lab Net',
      phone: '+81 3 0000 0000',
      contactUrl: 'https://help.lab.example/contact',
      timeZone: 'Asia/Tokyo',
      supportHours: '9:00–18:00',
    },
    languages: { offered: ['ja', 'ja-easy', 'en'], default: 'en' },
    listen: {
      intake: `127.0.0.1:${LAB_INTAKE_PORT}`,
      portalHttp: `[::]:${spec.ports.portalHttp}`,
      portalHttps: `[::]:${spec.ports.portalHttps}`,
      tlsRefuser: `[::]:${spec.ports.tlsRefuser}`,
      dnsFront: `[::]:${spec.ports.dnsFront}`,
      // The address that NASes know: from the wildcard an answer leaves under the one of the uplink, and is nobody's.
      accounting: `${LAB_ACCOUNTING.address}:${LAB_ACCOUNTING.port}`,
    },
    portal: { names: [LAB_NAMES.portal], certFile: tls.cert, keyFile: tls.key },
    dns: { resolvers: [addresses.resolver.ip4, addresses.resolver.ip6] },
    gateways: [
      {
        name: spec.name,
        accessInterfaces: spec.accessInterfaces,
        portal: pair(spec.portal),
        sink: pair(spec.sink),
        pools: spec.pools.map(formatPrefix),
        sharedPools: (spec.sharedPools ?? []).map(({ prefix, offset, psidLength }) => ({
          prefix: formatPrefix(prefix),
          psidOffset: offset,
          psidLength,
        })),
        softwireBorders: (spec.softwireBorders ?? []).map(formatPrefix),
        infrastructure: spec.infrastructure.map(formatPrefix),
        ipv6Lengths: spec.ipv6Lengths,
        ntpServers: spec.ntpServers.map(formatPrefix),
        nasIdentities: [spec.name],
        lifelines: spec.lifelines.map((one) => ({
          ...one,
          name: one.name.replaceAll(' ', '-'),
          prefixes: one.prefixes.map(formatPrefix),
          ports: one.ports.map(portText),
        })),
      },
      ...more.gateways,
    ],
    accounting: {
      clients: [
        { name: spec.name, from: [LAB_ACCOUNTING.address], secretFiles: ['secret'], interim: '10min' },
        ...more.accountingClients,
      ],
    },
    ...more.top,
    intake: { sources: [{ name: 'honeypot', keyFiles: ['honeypot.key'] }] },
    feeds: [{ name: 'shadowserver', kind: 'shadowserver', timeZone: 'UTC' }],
    clock: { source: 'assumed' },
    mail: { kind: 'spool', directory: 'mail', from: 'care@lab.example' },
  };
}
