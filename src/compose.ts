// The wiring: the only file that creates adapters. Reads top to bottom; nothing here decides anything.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { NftablesEnforcer } from './adapters/enforcer/nftables/client.ts';
import { openEvidence } from './adapters/evidence/files/evidence.ts';
import { createNotifiers } from './adapters/notifier/create.ts';
import { holdFile } from './adapters/state-folder/hold.ts';
import { lastSeenFile } from './adapters/state-folder/last-seen.ts';
import { releaseJournal } from './adapters/state-folder/release-journal.ts';
import { SqliteBindings } from './adapters/store/sqlite/bindings.ts';
import { loadFormKey, loadKeys } from './adapters/store/sqlite/keys.ts';
import { SqliteNasSessions } from './adapters/store/sqlite/nas-sessions.ts';
import { openStore, type SqliteStore } from './adapters/store/sqlite/store.ts';
import { SqliteTellings } from './adapters/store/sqlite/tellings.ts';
import { SqliteTranslations } from './adapters/store/sqlite/translations.ts';
import { claimWriter } from './adapters/store/sqlite/writer-lock.ts';
import { SystemClock } from './adapters/system/clock.ts';
import { systemIds } from './adapters/system/ids.ts';
import { ProcessUnpacker } from './adapters/unpacker/process/unpacker.ts';
import type { Fault } from './config/faults.ts';
import type { Config } from './config/load.ts';
import { loadPolicy } from './config/policy.ts';
import { loadSharing } from './config/sharing.ts';
import { DAY, MINUTE } from './core/kernel/time.ts';
import type { Binding } from './core/line/binding.ts';
import { callingCodeOf } from './core/line/phone.ts';
import { type HouseholdOf, households } from './core/net/household.ts';
import { type Prefix, prefixOf } from './core/net/prefix.ts';
import { assembleFlow, type Flow } from './flow/assemble.ts';
import { FeedBook } from './flow/feed-book.ts';
import { type NotifierWatch, watchNotifiers } from './flow/notifier-watch.ts';
import { OwnSightings } from './flow/own-sightings.ts';
import { PolicyShelf } from './flow/policy-shelf.ts';
import { loadMessages } from './http/messages.ts';
import { type Guides, loadGuides } from './http/portal/guides.ts';
import { Companions, createLinuxGateway } from './linux-gateways.ts';
import { createNasGateways, linkOf, type NasGateway } from './nas-gateways.ts';
import { policyFacts } from './start-check.ts';
import { createHealth, type Health } from './telemetry/health.ts';
import { createLog } from './telemetry/log.ts';

export interface Engine {
  readonly config: Config;
  readonly flow: Flow;
  readonly store: SqliteStore;
  readonly bindings: SqliteBindings;
  readonly translations: SqliteTranslations;
  readonly shelf: PolicyShelf<Fault>;
  readonly clock: SystemClock;
  readonly enforcers: readonly NftablesEnforcer[];
  readonly nasGateways: readonly NasGateway[];
  readonly nasSessions: SqliteNasSessions;
  readonly companions: Companions;
  readonly health: Health;
  readonly notifierWatch: NotifierWatch;
  readonly ownSightings: OwnSightings;
  readonly feedBook: FeedBook;
  readonly guides: Guides;
  /** Everything of ours that no line may hold and no pack answer may name. */
  readonly reserved: readonly Prefix[];
  /** The key for limits. */
  readonly householdOf: HouseholdOf;
  /** 32 bytes for form tokens, kept: whoever reads a form during a restart may still send it. */
  readonly tokenKey: Buffer;
  close(): Promise<void>;
}

export interface ComposeOptions {
  /** Quiet for commands that run beside nobody: only warnings and errors are logged. */
  readonly quiet?: boolean;
}

/** Opens the state as its one writer. Throws when another process holds it, or when it cannot be opened. */
export async function compose(config: Config, options: ComposeOptions = {}): Promise<Engine> {
  mkdirSync(config.stateFolder, { recursive: true, mode: 0o750 });
  const unlock = claimWriter(config.stateFolder);
  const log = createLog(options.quiet === true ? { level: 'error' } : {});
  const clock = new SystemClock({ source: config.clock.source, lastSeen: lastSeenFile(config.stateFolder) });
  if (config.clock.source === 'assumed') clock.advance(labAheadMs());
  await clock.start();
  const evidence = await openEvidence(join(config.stateFolder, 'evidence'));
  const store = openStore({
    path: join(config.stateFolder, 'engawa.db'),
    keys: loadKeys(join(config.stateFolder, 'keys')),
    now: () => clock.now(),
    retention: {
      rawMs: config.retention.evidence,
      reportsMs: config.retention.reports,
      casesMs: config.retention.cases,
      pagesMs: config.retention.pages,
      auditMs: config.retention.audit,
    },
    evidence,
  });
  const reserved = reservedOf(config);
  // A client renews its lease at half of it (T1, RFC 2131 §4.4.5): two intervals of silence are its whole life.
  const leases = config.dhcp.map(({ name, validLifetime, skew }) => ({ name, interim: validLifetime / 2, skew }));
  const sessionSources = [...config.accounting.clients, ...leases];
  const interims = new Map(sessionSources.map((one) => [one.name, one.interim]));
  const skews = new Map(sessionSources.map((one) => [one.name, one.skew]));
  const translators = new Map(config.translators.map((one) => [one.name, one]));
  const interimOf = (nas: string | undefined) => interims.get((nas ?? '').split('/')[0]!) ?? 10 * MINUTE;
  // The gardener is made of the bindings, and they ask it whose garden a NAS's reboot concerns.
  const later: { flow?: Flow } = {};
  const bindings = new SqliteBindings({
    database: store.database,
    clock,
    interim: { of: interimOf, widestMs: Math.max(10 * MINUTE, ...interims.values()) },
    reserved,
    retentionDays: config.retention.bindings / DAY,
    hotBytes: config.memory.bindings,
    gardens: () => later.flow?.gardener.accessKeys() ?? [],
  });
  await bindings.refreshStatic(store.allLines());
  const translations = new SqliteTranslations({
    database: store.database,
    clock,
    sourceOf: (source) => {
      // `cgn1/7`: an instance of it.
      const { interim, skew } = translators.get(source.split('/')[0]!) ?? { skew: 0 };
      return { skewMs: skew, ...(interim === undefined ? {} : { interimMs: interim }) };
    },
    retentionDays: config.retention.bindings / DAY,
  });
  const shelf = new PolicyShelf<Fault>({
    store,
    clock,
    parse: (text, name) => loadPolicy(text, name, { families: config.families }),
    parseNew: (text, name) => loadPolicy(text, name, policyFacts(config)),
  });
  // Only where none was ever active: one that no longer loads is never replaced without a person.
  if ((await shelf.load()) === 'none') await activateFirst(shelf, config.policy);
  const enforcers = config.gateways.map((gateway) => createLinuxGateway(gateway, log));
  const hold = holdFile(config.stateFolder);
  const nasSessions = new SqliteNasSessions(store.database);
  const tellings = new SqliteTellings(store.database);
  const nasGateways = createNasGateways(config, { sessions: nasSessions, tellings, reserved, clock, hold, log });
  const pools = [
    ...config.gateways.flatMap(({ spec }) => spec.pools),
    ...config.nasGateways.flatMap((one) => one.pools),
  ];
  const everyEnforcer = [...enforcers, ...nasGateways.map(({ enforcer }) => enforcer)];
  const companions = new Companions(config, { reserved, log, now: () => clock.now() });
  const sharedPools = config.gateways.flatMap(({ spec }) => spec.sharedPools ?? []);
  const householdOf = households({ pools, ipv6Lengths: ipv6LengthsOf(config), sharedPools }, (ip) =>
    everyEnforcer.map((one) => one.strictPrefixOf(ip)).find((prefix) => prefix !== undefined),
  );
  const guides = loadGuides(config.guides);
  const notifierWatch = watchNotifiers(createNotifiers(config));
  const ownSightings = new OwnSightings(clock);
  const feedBook = new FeedBook({ store, clock });
  await feedBook.open(config.feeds.map((feed) => feed.name));
  const callingCode = callingCodeOf(config.operator.phone);
  const unpacker = new ProcessUnpacker();
  const flow = assembleFlow({
    store,
    evidence,
    unpacker,
    bindings,
    translations,
    gateways: [
      ...config.gateways.map((gateway, i) => ({
        name: gateway.spec.name,
        enforcer: companions.beside(enforcers[i]!, gateway),
        nasIdentities: gateway.nasIdentities,
        ipv6Lengths: gateway.spec.ipv6Lengths,
        pools: gateway.spec.pools,
        ...(gateway.spec.sharedPools === undefined ? {} : { sharedPools: gateway.spec.sharedPools }),
        passesSoftwires: (gateway.spec.softwireBorders ?? []).length > 0,
      })),
      ...nasGateways.map((one) => ({ ...linkOf(one), enforcer: companions.beside(one.enforcer, one.config) })),
    ],
    notifiers: notifierWatch.notifiers,
    onInfrastructure: (source) => ownSightings.note(source),
    policies: shelf,
    families: config.families,
    clock,
    ids: systemIds,
    hold,
    journal: releaseJournal(config.stateFolder),
    log,
    ranges: {
      ours: pools,
      infrastructure: reserved,
      shared: [...config.sharing.addresses, ...sharedPools.map(({ prefix }) => prefix)],
    },
    sharing: config.sharing.rules,
    parseSharing: (text, file) => {
      const read = readSharing(config, text, file);
      return read.ok ? read.value : undefined;
    },
    realm: 'main',
    householdOf,
    ...(callingCode === undefined ? {} : { callingCode }),
    interimMsOf: (binding: Binding) => interimOf(binding.nas),
    leastSkewMsOf: (binding: Binding) => skews.get((binding.nas ?? '').split('/')[0]!) ?? 0,
    requiredSteps: (journey) => ({
      required: guides.plan(journey).map((step) => step.id),
      cures: guides.cure(journey),
    }),
    origins: originsOf(config),
    renderMessage: loadMessages(
      { operator: config.operator.name, phone: config.operator.phone, portal: config.portal.names[0]! },
      config.languages,
    ),
    defaultLanguage: config.languages.default,
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  });
  later.flow = flow;
  await flow.quality.load();
  if (!(await flow.facts.load())) log.error('SHARING_RULES_GONE');
  return {
    config,
    flow,
    store,
    bindings,
    translations,
    shelf,
    clock,
    enforcers,
    nasGateways,
    nasSessions,
    companions,
    guides,
    notifierWatch,
    ownSightings,
    feedBook,
    health: createHealth({ now: () => clock.now(), log }),
    reserved,
    householdOf,
    tokenKey: loadFormKey(join(config.stateFolder, 'keys')),
    close: async () => {
      clock.stop();
      await Promise.all(everyEnforcer.map((enforcer) => enforcer.close()));
      await companions.close();
      await unpacker.close();
      await bindings.close();
      await store.close();
      unlock();
    },
  };
}

/** Files that the rules name are looked for beside the configured ones. */
export function readSharing(config: Config, text: string, file: string): ReturnType<typeof loadSharing> {
  return loadSharing({ text, file, read: (path) => readFileSync(resolve(config.sharing.folder, path)) });
}

/** The lab's clock runs ahead of the machine's; a service that it starts again finds itself in the same time. */
function labAheadMs(): number {
  const ms = Number(process.env['ENGAWA_LAB'] === '1' ? process.env['ENGAWA_LAB_AHEAD_MS'] : 0);
  return Number.isSafeInteger(ms) && ms > 0 ? ms : 0;
}

async function activateFirst(shelf: PolicyShelf<Fault>, path: string): Promise<void> {
  const activated = await shelf.activate(readFileSync(path, 'utf8'), path, 'configuration');
  if (!activated.ok) throw new Error(`the policy ${path} does not load; next: engawa policy validate ${path}`);
}

/** Sources of one origin never corroborate each other. */
function originsOf(config: Config): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...config.intake.sources, ...config.feeds].flatMap(({ name, origin }) =>
      origin === undefined ? [] : [[name, origin]],
    ),
  );
}

/** Portal, sinks, lifelines, time servers and what the operator listed: never a line, whatever a feed or a NAS says (F07). */
function reservedOf(config: Config): readonly Prefix[] {
  const linux = config.gateways.flatMap(({ spec }) => [
    ...spec.infrastructure,
    ...spec.ntpServers,
    ...spec.lifelines.flatMap((lifeline) => lifeline.prefixes),
    ...[spec.portal.ip4, spec.portal.ip6, spec.sink.ip4, spec.sink.ip6].map((ip) => prefixOf(ip)),
  ]);
  return [...linux, ...config.nasGateways.map(({ address }) => prefixOf(address))];
}

function ipv6LengthsOf(config: Config): readonly number[] {
  const all = [
    ...config.gateways.map(({ spec }) => spec.ipv6Lengths),
    ...config.nasGateways.map((one) => one.ipv6Lengths),
  ];
  return [...new Set(all.flat())];
}
