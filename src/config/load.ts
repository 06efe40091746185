// load(): the whole configuration as one frozen object, or all faults of all its files at once. Reads files (itself,
// secrets, families, packs) and nothing else; the policy is activated, not configured, and is read by its own command.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { Dialect } from '../core/dialect/dialect.ts';
import type { GatewaySpec, Pack } from '../core/garden/gateway.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import { NO_SHARING, type SharingRules } from '../core/line/sharing/rules.ts';
import { formatIp, parseIp } from '../core/net/ip.ts';
import { overlaps, type Prefix } from '../core/net/prefix.ts';
import type { FamilyBook } from '../core/report/family.ts';
import { type AaaUser, readAaaUsers } from './aaa-users.ts';
import { type FeedWay, signatureKeys, waysOf } from './collect.ts';
import { BUILT_IN_DIALECTS, loadDialects } from './dialects.ts';
import { placeOf, readDocument } from './document.ts';
import { loadFamilies, loadPacks } from './families.ts';
import type { Fault } from './faults.ts';
import { BUILT_IN_PROFILES, loadFeedProfiles } from './feed-profiles.ts';
import { type FeedConfig, withProfiles } from './feeds.ts';
import { type MailboxConfig, mailboxesOf } from './mailboxes.ts';
import { configSchema } from './schema.ts';
import { loadSharing } from './sharing.ts';

type File = z.output<typeof configSchema>;
type GatewayFile = File['gateways'][number];
type RadiusFile = Extract<GatewayFile, { kind: 'radius' }>;
type LinuxFile = Exclude<GatewayFile, RadiusFile>;

/** At least 16 octets (RFC 2865 §3 asks for a secret that is «large and unguessable»). */
const SECRET_LEAST = 16;
/** The key of an HMAC-SHA-256 is as long as its output (RFC 2104 §3). */
const WEBHOOK_SECRET_LEAST = 32;

/** A file of ours, bytes as they are; throws what node:fs throws. Tests hand in their own. */
export interface Files {
  read(path: string): Uint8Array;
  list(folder: string): readonly string[];
}
const DISK: Files = { read: (path) => readFileSync(path), list: (folder) => readdirSync(folder) };

export type Secrets = readonly [Uint8Array, ...Uint8Array[]];

export interface GatewayConfig {
  readonly spec: GatewaySpec;
  /** Of this machine; with `ssh` it is not used. */
  readonly helperSocket: string;
  readonly ssh?: NonNullable<LinuxFile['ssh']>;
  readonly nasIdentities: readonly string[];
  readonly resolver?: NonNullable<LinuxFile['resolver']>;
}

/** A BNG that listens to RADIUS dynamic authorization. */
export interface NasGatewayConfig extends Omit<RadiusFile, 'kind' | 'secretFiles' | 'dialect' | 'port'> {
  readonly dialect: Dialect;
  readonly port: number;
  readonly secrets: Secrets;
}

type AaaFile = File['aaa'];
type ListenAt = { readonly host: string; readonly port: number };

export interface AaaConfig {
  readonly postAuth?: { readonly listen: ListenAt; readonly keys: Secrets };
  readonly sql?: Omit<NonNullable<AaaFile['sql']>, 'passwordFile' | 'caFile' | 'port'> & {
    readonly port: number;
    readonly password: string;
    readonly ca?: string;
  };
  readonly server?: {
    readonly listen: ListenAt;
    readonly users: ReadonlyMap<string, AaaUser>;
    readonly clients: readonly (Omit<NonNullable<AaaFile['server']>['clients'][number], 'secretFiles'> & {
      readonly secrets: Secrets;
    })[];
  };
}

export interface Config
  extends Omit<
    File,
    | 'gateways'
    | 'dialects'
    | 'sharing'
    | 'aaa'
    | 'accounting'
    | 'intake'
    | 'webhook'
    | 'families'
    | 'packs'
    | 'mail'
    | 'mailboxes'
    | 'feeds'
    | 'feedProfiles'
  > {
  /** Where it was read from. */
  readonly path: string;
  readonly families: FamilyBook;
  readonly sharing: {
    readonly rules: SharingRules;
    /** Shared, whoever stands behind them. */
    readonly addresses: readonly Prefix[];
    /** Where the files that a rule names lie. */
    readonly folder: string;
  };
  readonly packs: readonly Pack[];
  readonly feeds: readonly FeedConfig[];
  /** Linux gateways with a helper; the first is this machine. */
  readonly gateways: readonly GatewayConfig[];
  readonly nasGateways: readonly NasGatewayConfig[];
  readonly accounting: {
    readonly clients: readonly (Omit<File['accounting']['clients'][number], 'secretFiles'> & {
      readonly secrets: Secrets;
    })[];
  };
  readonly aaa: AaaConfig;
  readonly intake: {
    /** Octets. */
    readonly bodyLimit: number;
    readonly sources: readonly {
      readonly name: string;
      readonly keys: readonly Uint8Array[];
      readonly signatureKeys: readonly Uint8Array[];
      readonly origin?: string;
    }[];
  };
  /** How feeds reach us, with the secrets that takes. */
  readonly ways: readonly FeedWay[];
  readonly mailboxes: readonly MailboxConfig[];
  readonly mail:
    | (Omit<Extract<File['mail'], { kind: 'smtp' }>, 'passwordFile'> & { readonly password?: string })
    | Extract<File['mail'], { kind: 'spool' }>;
  readonly webhook?: { readonly url: string; readonly secret: Uint8Array };
}

export function load(path: string, files: Files = DISK): Result<Config, readonly Fault[]> {
  const reader = new Reader(path, files);
  const text = reader.text(path, '');
  if (text === undefined) return err(reader.faults);
  reader.configText = text;
  const read = readDocument(text, path, configSchema);
  if (!read.ok) return read;
  const config = assemble(read.value, reader);
  return reader.faults.length > 0 ? err(reader.faults) : ok(deepFreeze(config));
}

/** Reads beside the configuration and collects what went wrong. */
class Reader {
  readonly faults: Fault[] = [];
  readonly path: string;
  /** The configuration as written, for the place of a fault. */
  configText = '';
  readonly #files: Files;

  constructor(path: string, files: Files) {
    this.path = path;
    this.#files = files;
  }

  /** Paths are relative to the file they stand in. */
  resolve(path: string): string {
    return resolve(dirname(this.path), path);
  }

  fault(path: string, expected: string, got: string): void {
    this.faults.push({ ...placeOf(this.configText, this.path, path), path, expected, got });
  }

  text(file: string, path: string): string | undefined {
    const bytes = this.bytes(file, path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
  }

  /** Throws what node:fs throws: for files that name further files. */
  raw(file: string): Uint8Array {
    return this.#files.read(this.resolve(file));
  }

  bytes(file: string, path: string): Uint8Array | undefined {
    try {
      return this.#files.read(this.resolve(file));
    } catch (error) {
      this.fault(path, 'a readable file', `${file}: ${codeOf(error)}`);
      return undefined;
    }
  }

  /** One line break at the end is the editor's, not the secret's. */
  secret(file: string, path: string, least = SECRET_LEAST): Uint8Array | undefined {
    const bytes = this.bytes(file, path);
    if (bytes === undefined) return undefined;
    const end = bytes.at(-1) === 10 ? (bytes.at(-2) === 13 ? -2 : -1) : bytes.length;
    const secret = bytes.slice(0, end);
    if (secret.length >= least) return secret;
    this.fault(path, `a secret of at least ${least} octets`, `${secret.length} octets in ${file}`);
    return undefined;
  }

  secrets(list: readonly string[], path: string): Secrets {
    const found = list.map((file, i) => this.secret(file, `${path}[${i}]`) ?? new Uint8Array());
    return found as unknown as Secrets;
  }

  /** All *.yaml of a folder. */
  folder(folder: string, path: string): readonly { name: string; text: string }[] {
    try {
      const names = this.#files.list(this.resolve(folder)).filter((name) => name.endsWith('.yaml'));
      return names
        .sort()
        .map((name) => ({ name: join(folder, name), text: this.text(join(folder, name), path) ?? '' }));
    } catch (error) {
      this.fault(path, 'a readable folder', `${folder}: ${codeOf(error)}`);
      return [];
    }
  }

  /** Faults of a file of its own keep their own place. */
  take<T>(result: Result<T, readonly Fault[]>): T | undefined {
    if (result.ok) return result.value;
    this.faults.push(...result.error);
    return undefined;
  }
}

function assemble(file: File, reader: Reader): Config {
  const familiesText = reader.text(file.families, 'families');
  const families = familiesText === undefined ? undefined : reader.take(loadFamilies(familiesText, file.families));
  const packs = reader.take(loadPacks(reader.folder(file.packs, 'packs'))) ?? [];
  const { webhook, mail, dialects: _, feedProfiles: __, ...plain } = file;
  const at = (path: string) => reader.resolve(path);
  unique(
    reader,
    'gateways',
    file.gateways.map((one) => one.name),
  );
  unique(
    reader,
    'accounting.clients, translators and dhcp',
    [...file.accounting.clients, ...file.translators, ...file.dhcp].map((one) => one.name),
  );
  unique(
    reader,
    'sources, feeds and mailboxes',
    [...file.intake.sources, ...file.feeds, ...file.mailboxes].map((one) => one.name),
  );
  const clients = file.accounting.clients.map(({ secretFiles, ...client }, i) => ({
    ...client,
    secrets: reader.secrets(secretFiles, `accounting.clients[${i}].secretFiles`),
  }));
  const ways = waysOf(file.feeds, reader);
  const sources = file.intake.sources.map(({ name, keyFiles = [], origin, ...more }, i) => ({
    name,
    keys: keyFiles.length === 0 ? [] : reader.secrets(keyFiles, `intake.sources[${i}].keyFiles`),
    signatureKeys: signatureKeys(more, `intake.sources[${i}]`, reader),
    ...(origin !== undefined && { origin }),
  }));
  eachKeyOnce(reader, file, [...sources, ...ways.filter((way) => way.kind === 'post')]);
  nasesKnown(reader, file);
  const linux = file.gateways.filter(isLinux);
  steeringArrives(reader, file, linux);
  return {
    ...plain,
    path: resolve(reader.path),
    stateFolder: at(file.stateFolder),
    controlSocket: at(file.controlSocket),
    helperSocket: at(file.helperSocket),
    policy: at(file.policy),
    guides: at(file.guides),
    portal: { ...file.portal, certFile: at(file.portal.certFile), keyFile: at(file.portal.keyFile) },
    // Never used when missing: a fault was recorded and load() answers with it.
    families: families ?? { families: new Map(), slugByName: new Map() },
    packs,
    feeds: feedsOf(file, reader),
    gateways: localFirst(linux).map((one) =>
      gatewayOf(one, `gateways[${file.gateways.indexOf(one)}]`, { file, packs, reader }),
    ),
    nasGateways: nasGateways(file, reader),
    translators: file.translators.map((one) =>
      one.kind === 'syslog' && one.file !== undefined ? { ...one, file: at(one.file) } : one,
    ),
    dhcp: file.dhcp.map((one) => ({ ...one, file: at(one.file) })),
    sharing: sharingOf(file.sharing, reader),
    accounting: { clients },
    aaa: aaaOf(file, reader),
    intake: {
      bodyLimit: file.intake.bodyLimit,
      sources,
    },
    ways,
    mail: mailOf(mail, reader),
    mailboxes: mailboxesOf(file.mailboxes, file.feeds, reader),
    ...(webhook && {
      webhook: {
        url: webhook.url,
        secret: reader.secret(webhook.secretFile, 'webhook.secretFile', WEBHOOK_SECRET_LEAST) ?? new Uint8Array(),
      },
    }),
  };
}

function sharingOf({ rules, addresses }: File['sharing'], reader: Reader): Config['sharing'] {
  const folder = dirname(reader.resolve(rules ?? '.'));
  const text = rules === undefined ? undefined : reader.text(rules, 'sharing.rules');
  if (rules === undefined || text === undefined) return { rules: NO_SHARING, addresses, folder };
  const read = (path: string) => reader.raw(resolve(folder, path));
  return { rules: reader.take(loadSharing({ text, file: rules, read })) ?? NO_SHARING, addresses, folder };
}

function unique(reader: Reader, path: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) reader.fault(path, 'each name once', JSON.stringify(twice));
}

/** One key for two sources would let each speak as the other, and corroborate itself. */
function eachKeyOnce(
  reader: Reader,
  file: File,
  senders: readonly { readonly keys: readonly Uint8Array[]; readonly signatureKeys: readonly Uint8Array[] }[],
): void {
  const seen = new Set<string>();
  for (const [i, { keys, signatureKeys: signing }] of senders.entries())
    for (const [j, key] of [...keys, ...signing].entries()) {
      const text = Buffer.from(key).toString('hex');
      const isBearer = j < keys.length;
      const place = isBearer ? `keyFiles[${j}]` : `signatureKeyFiles[${j - keys.length}]`;
      const path = i < file.intake.sources.length ? `intake.sources[${i}].${place}` : 'feeds';
      if (key.length > 0 && seen.has(text)) reader.fault(path, 'a key that stands nowhere else', 'the same key again');
      seen.add(text);
    }
}

/** A name written wrongly here or there leaves every line of that NAS without a gateway. */
function nasesKnown(reader: Reader, file: File): void {
  const clients = file.accounting.clients.map((one) => one.name);
  const carried = file.gateways.flatMap((one) => one.nasIdentities);
  const proxies = file.accounting.clients.filter((one) => one.proxy).map((one) => one.name);
  const isBehind = (proxy: string, name: string) => name.startsWith(`${proxy}/`);
  for (const [i, name] of clients.entries())
    if (!carried.includes(name) && !(proxies.includes(name) && carried.some((one) => isBehind(name, one))))
      reader.fault(`accounting.clients[${i}].name`, 'a name in nasIdentities of a gateway', JSON.stringify(name));
  // Each would take the other's gardens for its own leftovers, and free them.
  for (const [i, { nasIdentities }] of file.gateways.entries())
    for (const [j, name] of nasIdentities.entries())
      if (file.gateways.some((one, at) => at < i && one.nasIdentities.includes(name)))
        reader.fault(`gateways[${i}].nasIdentities[${j}]`, 'a name of no other gateway', JSON.stringify(name));
      else if (!clients.includes(name) && !proxies.some((proxy) => isBehind(proxy, name)))
        reader.fault(`gateways[${i}].nasIdentities[${j}]`, 'the name of an accounting client', JSON.stringify(name));
}

/** The kernel hands steered connections to the portal's address: a listener elsewhere would never see one. */
function steeringArrives(reader: Reader, file: File, linux: readonly LinuxFile[]): void {
  const { portalHttp, portalHttps, tlsRefuser } = file.listen;
  const ours = linux.flatMap(({ portal }) => [formatIp(portal.ip4), formatIp(portal.ip6)]);
  for (const [key, { host }] of Object.entries({ portalHttp, portalHttps, tlsRefuser })) {
    const address = parseIp(host);
    if (host !== '::' && host !== '0.0.0.0' && (address === undefined || !ours.includes(formatIp(address))))
      reader.fault(`listen.${key}`, "[::], or the portal's own address", JSON.stringify(host));
  }
}

function feedsOf(file: File, reader: Reader): readonly FeedConfig[] {
  const needed = file.feedProfiles !== undefined || file.feeds.some((feed) => feed.kind === 'profile');
  const own = file.feedProfiles === undefined ? [] : reader.folder(file.feedProfiles, 'feedProfiles');
  const loaded = needed
    ? reader.take(loadFeedProfiles([...reader.folder(BUILT_IN_PROFILES, 'feedProfiles'), ...own]))
    : new Map();
  return file.feeds.map((written, i) => {
    const { feed, faults } = withProfiles(written, loaded ?? new Map());
    // When the profiles themselves do not load, that is the fault to tell.
    for (const { path, expected, got } of loaded === undefined ? [] : faults)
      reader.fault(`feeds[${i}].${path}`, expected, got);
    return feed;
  });
}

function gatewayOf(
  {
    helperSocket,
    ssh,
    resolver,
    nasIdentities,
    packs: wanted,
    kind: _,
    modeMarks,
    sharedPools,
    softwireBorders,
    ...facts
  }: LinuxFile,
  path: string,
  { file, packs, reader }: { file: File; packs: readonly Pack[]; reader: Reader },
): GatewayConfig {
  for (const name of wanted === 'all' ? [] : wanted)
    if (!packs.some((pack) => pack.name === name))
      reader.fault(`${path}.packs`, 'the name of a pack', JSON.stringify(name));
  const chosen = packs.filter((pack) => wanted === 'all' || wanted.includes(pack.name));
  // What the helper refuses of learned addresses: a pack is never a way from home to home.
  for (const { name, prefixes } of chosen)
    if (prefixes.some((prefix) => facts.pools.some((pool) => overlaps(pool, prefix))))
      reader.fault(`${path}.packs`, 'packs whose prefixes are outside the subscriber pools', name);
  const { portalHttp, portalHttps, tlsRefuser, dnsFront } = file.listen;
  return {
    spec: {
      ...facts,
      ports: {
        portalHttp: portalHttp.port,
        portalHttps: portalHttps.port,
        tlsRefuser: tlsRefuser.port,
        dnsFront: dnsFront.port,
      },
      packs: chosen,
      ...(modeMarks && { modeMarks }),
      ...(sharedPools && { sharedPools }),
      ...(softwireBorders && { softwireBorders }),
      ...(ssh && { isPortalElsewhere: true }),
    },
    ...(ssh && { ssh: { ...ssh, ...filesOf(ssh, reader) } }),
    ...(resolver && { resolver: { ...resolver, ...filesOf(resolver, reader) } }),
    helperSocket: reader.resolve(helperSocket ?? file.helperSocket),
    nasIdentities,
  };
}

/** The first is this machine: what has one place – portal, DNS front, its own helper – is the first's. */
function localFirst(linux: readonly LinuxFile[]): readonly LinuxFile[] {
  return [...linux.filter((one) => one.ssh === undefined), ...linux.filter((one) => one.ssh !== undefined)];
}

/** Paths are relative to the configuration. */
function filesOf<T extends Readonly<Record<string, unknown>>>(written: T, reader: Reader): Partial<T> {
  const paths = ['identityFile', 'knownHostsFile', 'folder', 'controlSocket'];
  const found = Object.entries(written).filter(([key, value]) => paths.includes(key) && typeof value === 'string');
  return Object.fromEntries(found.map(([key, value]) => [key, reader.resolve(value as string)])) as Partial<T>;
}

function isLinux(one: GatewayFile): one is LinuxFile {
  return one.kind !== 'radius';
}

function nasGateways(file: File, reader: Reader): readonly NasGatewayConfig[] {
  if (file.gateways.every(isLinux)) return [];
  const dialects = dialectsOf(file, reader);
  return file.gateways.flatMap((one, i) => (isLinux(one) ? [] : (nasGatewayOf(one, i, dialects, reader) ?? [])));
}

function dialectsOf(file: File, reader: Reader): ReadonlyMap<string, Dialect> {
  const own = file.dialects === undefined ? [] : reader.folder(file.dialects, 'dialects');
  return reader.take(loadDialects([...reader.folder(BUILT_IN_DIALECTS, 'dialects'), ...own])) ?? new Map();
}

function nasGatewayOf(
  { kind: _, secretFiles, dialect: name, port, resolver, ...facts }: RadiusFile,
  i: number,
  dialects: ReadonlyMap<string, Dialect>,
  reader: Reader,
): NasGatewayConfig | undefined {
  const path = `gateways[${i}]`;
  const secrets = reader.secrets(secretFiles, `${path}.secretFiles`);
  const dialect = dialects.get(name);
  if (dialect === undefined) {
    if (dialects.size > 0)
      reader.fault(`${path}.dialect`, `one of the dialects ${[...dialects.keys()].join(', ')}`, JSON.stringify(name));
    return undefined;
  }
  valuesFit(dialect, facts, path, reader);
  return {
    ...facts,
    dialect,
    port: port ?? dialect.port,
    secrets,
    ...(resolver && { resolver: { ...resolver, ...filesOf(resolver, reader) } }),
  };
}

/** A name that is missing on the way back would leave a household in the garden: better no start than that. */
function valuesFit(
  dialect: Dialect,
  { values, bounce }: Pick<RadiusFile, 'values' | 'bounce'>,
  path: string,
  reader: Reader,
): void {
  for (const [key, { purpose, required, default: preset }] of Object.entries(dialect.values))
    if (required && preset === undefined && values[key] === undefined)
      reader.fault(`${path}.values`, `${key} (${purpose}) for the dialect ${dialect.name}`, 'nothing');
  for (const key of Object.keys(values))
    if (dialect.values[key] === undefined)
      reader.fault(
        `${path}.values.${key}`,
        `one of the values ${Object.keys(dialect.values).join(', ')} of the dialect ${dialect.name}`,
        JSON.stringify(key),
      );
  if (dialect.revert.needs === 'plan' && values['plan'] === undefined && bounce === 'never')
    reader.fault(
      `${path}.bounce`,
      `values.plan, or bounce: release (the dialect ${dialect.name} cannot take a line out of the garden otherwise)`,
      'never',
    );
}

function aaaOf(file: File, reader: Reader): AaaConfig {
  const { postAuth, sql, server } = file.aaa;
  const gateways = file.gateways.filter((one) => !isLinux(one)).map((one) => one.name);
  const gatewayIs = (name: string | undefined, path: string) => {
    if (name !== undefined && !gateways.includes(name))
      reader.fault(path, 'the name of a gateway of kind radius', JSON.stringify(name));
  };
  gatewayIs(sql?.gateway, 'aaa.sql.gateway');
  for (const [i, one] of (server?.clients ?? []).entries()) gatewayIs(one.gateway, `aaa.server.clients[${i}].gateway`);
  return {
    ...(postAuth && {
      postAuth: { listen: postAuth.listen, keys: reader.secrets(postAuth.keyFiles, 'aaa.postAuth.keyFiles') },
    }),
    ...(sql && { sql: aaaSqlOf(sql, reader) }),
    ...(server && { server: aaaServerOf(server, reader) }),
  };
}

const SQL_PORT = { postgresql: 5432, mariadb: 3306 };

function aaaSqlOf(
  { passwordFile, caFile, port, ...sql }: NonNullable<AaaFile['sql']>,
  reader: Reader,
): NonNullable<AaaConfig['sql']> {
  const ca = caFile === undefined ? undefined : reader.text(caFile, 'aaa.sql.caFile');
  return {
    ...sql,
    port: port ?? SQL_PORT[sql.kind],
    password: (reader.text(passwordFile, 'aaa.sql.passwordFile') ?? '').trimEnd(),
    ...(ca === undefined ? {} : { ca }),
  };
}

function aaaServerOf(server: NonNullable<AaaFile['server']>, reader: Reader): NonNullable<AaaConfig['server']> {
  const text = reader.text(server.usersFile, 'aaa.server.usersFile');
  const users = text === undefined ? undefined : reader.take(readAaaUsers(text, server.usersFile));
  unique(
    reader,
    'aaa.server.clients',
    server.clients.map((one) => one.name),
  );
  const clients = server.clients.map(({ secretFiles, ...client }, i) => ({
    ...client,
    secrets: reader.secrets(secretFiles, `aaa.server.clients[${i}].secretFiles`),
  }));
  return { listen: server.listen, users: users ?? new Map(), clients };
}

function mailOf(mail: File['mail'], reader: Reader): Config['mail'] {
  if (mail.kind === 'spool') return { ...mail, directory: reader.resolve(mail.directory) };
  const { passwordFile, ...smtp } = mail;
  if (passwordFile === undefined) return smtp;
  return { ...smtp, password: (reader.text(passwordFile, 'mail.passwordFile') ?? '').trimEnd() };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Addresses and secrets are typed arrays, which cannot be frozen; everything around them is. */
function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const one of Object.values(value)) deepFreeze(one);
  return value;
}
