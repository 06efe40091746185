// The running service: compose, then every listener in the order in which it is safe to open it, then the loops; and the
// way back. Part of the wiring, like compose.ts.
import { hash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse as parseYaml } from 'yaml';
import { type Aaa, createAaa } from './aaa.ts';
import type { NftablesEnforcer } from './adapters/enforcer/nftables/client.ts';
import { ClientSilence } from './adapters/sessions/accounting/client-silence.ts';
import { clocksOff } from './adapters/sessions/accounting/clocks-off.ts';
import { AccountingListener } from './adapters/sessions/accounting/listener.ts';
import { SqliteNonces } from './adapters/store/sqlite/nonces.ts';
import { BindingSources } from './binding-sources.ts';
import { closeAll } from './close-all.ts';
import { createCollectors, takeInParts } from './collectors.ts';
import { compose, type Engine } from './compose.ts';
import type { Config } from './config/load.ts';
import { formatIp } from './core/net/ip.ts';
import { everyAddress } from './every-address.ts';
import { acceptDelivery } from './flow/accept.ts';
import type { Collectors } from './flow/collect.ts';
import type { AllowList, Json } from './flow/ports.ts';
import { Service } from './flow/service.ts';
import { isSure } from './flow/sure-clock.ts';
import { takeIn } from './flow/take-in.ts';
import { GardenCounters } from './garden/counters.ts';
import { DnsFront } from './garden/dns/front.ts';
import { LifelineNames } from './garden/dns/lifeline-names.ts';
import { LifelineResolver } from './garden/dns/lifelines.ts';
import { resolversForLinkLocal } from './garden/dns/local-resolvers.ts';
import { Upstream } from './garden/dns/upstream.ts';
import { Redirector } from './garden/http/redirector.ts';
import { standingFromMemory } from './garden/standing.ts';
import { TlsRefuser } from './garden/tls/refuser.ts';
import { createControlServer } from './http/control/server.ts';
import { createIntake } from './http/intake/router.ts';
import { createPortal } from './http/portal/portal.ts';
import { createHttpsPortal } from './http/portal/server.ts';
import { createMailboxes } from './mailboxes.ts';
import { operationsOf, type ServiceParts } from './operations.ts';
import { parseProbes } from './protocols/capport/probes.ts';
import { standingWarnings, type Watched } from './warnings.ts';

export interface Running {
  readonly engine: Engine;
  stop(): Promise<void>;
}

const PROBES_FILE = join(import.meta.dirname, '../deploy/probes.yaml');
const WARNINGS_EVERY_MS = 5000;
const PURGE_EVERY_MS = 3_600_000;
const REMEMBER_EVERY_MS = 60_000;
const HOLD_LOOK_MS = 2000;
const ELSEWHERE_MS = 500;

/** Resolves when everything listens and the gateways were compared with the wanted state once. */
export async function serve(config: Config): Promise<Running> {
  const engine = await compose(config);
  const closers: (() => Promise<void> | void)[] = [() => engine.close()];
  const stop = () =>
    closeAll(closers, (cause) => engine.flow.log.error('SERVICE_STOP_FAULT', { text: String(cause).slice(0, 200) }));
  try {
    const service = new Service(engine.flow);
    const collectors = createCollectors(engine, async () => service.reportsArrived());
    const watched: Watching = { service, collectors };
    const control = createControlServer(
      operationsOf(engine, partsOf(service, collectors), () => countersOf(engine, watched)),
      engine.flow.log,
    );
    await control.listen(config.controlSocket);
    closers.push(() => control.close());
    await service.start();
    closers.push(() => service.stop());
    for (const { enforcer } of engine.nasGateways) enforcer.onStray = () => service.strayFound();
    const garden = await openGarden(engine, closers);
    await openPortal(engine, closers);
    const accounting = await openAccounting(engine, closers);
    const sources = new BindingSources(engine);
    closers.push(() => sources.stop());
    await sources.start();
    await openIntake(engine, service, closers);
    const aaa = await openAaa(engine, closers);
    Object.assign(watched, garden, accounting, { sources, aaa }, openMailboxes(engine, service, closers));
    watchHealth(engine, watched, closers);
    collectors.start();
    closers.push(() => collectors.stop());
    void engine.bindings.warm();
    // Last in, first done: while the rest closes, and until the next start, names of strict lines pass unsteered.
    closers.push(() => garden.dnsFront.unsteer());
  } catch (cause) {
    // Why it could not start is the news, not what else went wrong on the way back: that is in the log.
    await stop().catch(() => {});
    throw cause;
  }
  engine.flow.log.info('SERVICE_STARTED', {
    gateways: config.gateways.length + config.nasGateways.length,
    lines: await engine.store.lineCount(),
  });
  return { engine, stop };
}

/** Prepared or not is asked at every order, not once. */
function partsOf(service: Service, collectors: Collectors): ServiceParts {
  return {
    get isPrepared() {
      return service.isPrepared;
    },
    collectors,
  };
}

interface OpenGarden extends Required<Pick<Watched, 'front' | 'lifelines'>> {
  readonly dnsFront: DnsFront;
  readonly counters: GardenCounters;
}

/** Filled in as the parts open. */
type Watching = Watched & {
  readonly counters?: GardenCounters;
  readonly accounting?: AccountingWatch;
  readonly sources?: BindingSources;
  readonly aaa?: Aaa;
};

/** Numbers and fixed words, never a name or an address of anybody. */
function countersOf(engine: Engine, watching: Watching): Record<string, Json> {
  return {
    bindingsInMemory: { ...engine.bindings.hot() },
    garden: watching.counters?.snapshot() ?? {},
    accounting: watching.accounting?.counts() ?? {},
    bindingSources: watching.sources?.counts() ?? {},
    logins: { ...watching.aaa?.counts },
    mail: Object.fromEntries(
      (watching.mailboxes?.standing() ?? []).map(({ name, taken, parked, waiting }) => [
        name,
        { taken, parked, waiting },
      ]),
    ),
  };
}

/** What a garden line meets first. One machine, one gateway: its own addresses are the garden's. */
async function openGarden(engine: Engine, closers: (() => Promise<void> | void)[]): Promise<OpenGarden> {
  const { config, flow, enforcers, householdOf } = engine;
  const { spec } = config.gateways[0]!;
  const everyEnforcer = [...enforcers, ...engine.nasGateways.map(({ enforcer }) => enforcer)];
  const pools = flow.ranges.ours;
  const allowList = allowListOf(enforcers[0]!, enforcers.slice(1), everyEnforcer);
  const counters = new GardenCounters();
  const upstream = new Upstream({
    servers: config.dns.resolvers.map((ip) => ({ address: formatIp(ip), port: config.dns.port })),
    counters,
  });
  const names = new LifelineNames(spec.lifelines);
  const lifelines = new LifelineResolver({
    lifelines: spec.lifelines,
    names,
    upstream,
    allowList,
    never: [
      ...pools,
      ...[spec.portal.ip4, spec.portal.ip6, spec.sink.ip4, spec.sink.ip6].map((ip) => ({
        ip,
        length: ip.family === 4 ? 32 : 128,
      })),
    ],
    file: join(config.stateFolder, 'lifelines.json'),
    log: flow.log,
    counters,
  });
  await lifelines.start();
  closers.push(() => lifelines.stop());
  const front = new DnsFront({
    upstream,
    allowList,
    lifelines: spec.lifelines,
    lifelineNames: names,
    packs: spec.packs,
    portalNames: config.portal.names,
    portal: spec.portal,
    sink: spec.sink,
    pools,
    infrastructure: engine.reserved,
    householdOf,
    clock: flow.clock,
    log: flow.log,
    counters,
    port: spec.ports.dnsFront,
    // UDP answers must leave from the address that steered questions were sent to: never the wildcard.
    listen: [formatIp(spec.portal.ip4), formatIp(spec.portal.ip6)],
    // Our own name: NXDOMAIN counts as an answer, so no vendor's trouble can end the steering.
    livenessName: config.portal.names[0]!,
  });
  const resolvers = resolversForLinkLocal();
  if (resolvers > 0) flow.log.warn('DNS_RESOLVER_REACHABLE', { listeners: resolvers });
  await front.start();
  front.startLiveness();
  closers.push(() => front.stop());
  const refuser = new TlsRefuser({
    mode: spec.tls443,
    householdOf,
    listen: addressesOf(config.listen.tlsRefuser),
    port: spec.ports.tlsRefuser,
    counters,
  });
  await refuser.start();
  closers.push(() => refuser.stop());
  const probes = parseProbes(parseYaml(readFileSync(PROBES_FILE, 'utf8')));
  if (!probes.ok) throw new Error(`${PROBES_FILE}: ${probes.error.join('; ')}`);
  const redirector = new Redirector({
    portalUrl: `https://${config.portal.names[0]}/`,
    ownNames: config.portal.names,
    probes: probes.value,
    householdOf,
    standing: (peer) => standingFromMemory(everyEnforcer, pools, peer),
    onSteered: (peer) => {
      for (const { enforcer } of engine.nasGateways) enforcer.seenInGarden(peer);
    },
    listen: addressesOf(config.listen.portalHttp),
    port: spec.ports.portalHttp,
    counters,
  });
  await redirector.start();
  closers.push(() => redirector.stop());
  const openedAtMs = performance.now();
  return { dnsFront: front, front: () => ({ aliveAtMs: front.aliveAtMs, openedAtMs }), lifelines, counters };
}

/** Learned addresses go into every Linux gateway's kernel; who is strict, every gateway says: a BNG steers its lines' names here
 *  too. This machine's answer is waited for, another's only so long: one that is away holds up nobody's names. */
function allowListOf(
  own: NftablesEnforcer,
  others: readonly NftablesEnforcer[],
  every: readonly Pick<AllowList, 'isStrict' | 'isSeeded'>[],
): AllowList {
  const everywhere = async <T>(order: (one: NftablesEnforcer) => Promise<T>): Promise<T> => {
    const elsewhere = Promise.all(others.map(order));
    const [answer] = await Promise.all([order(own), Promise.race([elsewhere, pause(ELSEWHERE_MS)])]);
    return answer;
  };
  return {
    allow: (entries) => everywhere((one) => one.allow(entries)),
    lifeline: (entries) => everywhere((one) => one.lifeline(entries)),
    dnsAlive: () => everywhere((one) => one.dnsAlive()),
    dnsOff: () => everywhere((one) => one.dnsOff()),
    isStrict: (ip) => every.some((one) => one.isStrict(ip)),
    get isSeeded() {
      return every.every((one) => one.isSeeded);
    },
  };
}

async function openPortal(engine: Engine, closers: (() => Promise<void> | void)[]): Promise<void> {
  const { config, flow } = engine;
  const origins = config.portal.names.map((name) => `https://${name}`);
  const portal = createPortal({
    desk: flow.portalDesk,
    guides: engine.guides,
    operator: config.operator,
    portalOrigins: [origins[0]!, ...origins.slice(1)],
    tokenKey: engine.tokenKey,
    householdOf: engine.householdOf,
    now: () => flow.clock.now(),
    randomId: () => randomUUID(),
    log: flow.log,
    languages: config.languages.offered,
    defaultLanguage: config.languages.default,
  });
  const certificate = { cert: readFileSync(config.portal.certFile), key: readFileSync(config.portal.keyFile) };
  const server = createHttpsPortal(portal, certificate, engine);
  await listen(server, config.listen.portalHttps);
  closers.push(() => close(server));
}

interface AccountingWatch extends NonNullable<Watched['accounting']> {
  counts(): Readonly<Record<string, number>>;
}

async function openAccounting(
  engine: Engine,
  closers: (() => Promise<void> | void)[],
): Promise<{ readonly accounting?: AccountingWatch }> {
  const { config, flow, bindings } = engine;
  const { clients } = config.accounting;
  if (clients.length === 0) return {};
  const silence = new ClientSilence(clients.map(({ name, interim }) => ({ name, interimMs: interim })));
  const listener = new AccountingListener({
    listen: everyAddress(config.listen.accounting),
    clients: config.accounting.clients.map((client) => ({
      name: client.name,
      facts: config.nasGateways.some((gateway) =>
        gateway.nasIdentities.some((nas) => nas === client.name || nas.startsWith(`${client.name}/`)),
      ),
      proxy: client.proxy,
      messageAuthenticator: client.messageAuthenticator,
      ...(client.packetsPerSecond === undefined ? {} : { packetsPerSecond: client.packetsPerSecond }),
      from: client.from,
      secrets: client.secrets,
      accessKey: client.accessKey,
      realm: client.realm,
      interimSeconds: client.interim / 1000,
    })),
    record: async (batch) => {
      for (const { nas } of batch) silence.heard(nas);
      // In this order: who reacts to a new binding finds its session there. One commit takes both.
      await Promise.all([engine.nasSessions.record(batch), bindings.record(batch)]);
    },
    reserved: engine.reserved,
    clock: flow.clock,
    log: flow.log,
  });
  await listener.start();
  closers.push(() => listener.stop());
  const skews = clients.map(({ name, skew }) => ({ name, skewMs: skew }));
  return {
    accounting: {
      silent: () => silence.silent(),
      counts: () => listener.counts(),
      troubles: () => listener.standing(),
      rotations: () => listener.rotations(),
      clocksOff: () => clocksOff(skews, bindings.clocks(), flow.clock.now()),
    },
  };
}

async function openIntake(engine: Engine, service: Service, closers: (() => Promise<void> | void)[]): Promise<void> {
  const { config, flow } = engine;
  const intake = createIntake({
    accept: async (input) => {
      const outcome = await acceptDelivery(flow, input);
      service.reportsArrived();
      return outcome;
    },
    takeFile: (file) =>
      takeIn(
        takeInParts(engine, async () => service.reportsArrived()),
        file,
      ),
    nonces: new SqliteNonces(engine.store.database, () => flow.clock.now()),
    sources: [
      ...config.intake.sources.map(({ name, ...keys }) => ({ name, ...intakeKeys(keys) })),
      ...config.ways.flatMap((way) =>
        way.kind === 'post' ? [{ name: way.feed, isFeed: true, ...intakeKeys(way) }] : [],
      ),
    ],
    familyOf: (name) => config.families.slugByName.get(name.trim().toLowerCase()),
    clock: flow.clock,
    log: flow.log,
    limits: { maxBodyBytes: config.intake.bodyLimit },
  });
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, maxHeaderSize: 16 * 1024 }, intake);
  await listen(server, config.listen.intake);
  closers.push(() => close(server));
}

function intakeKeys(from: { readonly keys: readonly Uint8Array[]; readonly signatureKeys: readonly Uint8Array[] }) {
  return { keyHashes: from.keys.map((key) => hash('sha256', key, 'hex')), signatureKeys: from.signatureKeys };
}

/** Reports that come by mail: nobody waits for them, so they begin last. */
function openMailboxes(
  engine: Engine,
  service: Service,
  closers: (() => Promise<void> | void)[],
): Pick<Watched, 'mailboxes'> {
  if (engine.config.mailboxes.length === 0) return {};
  const mailboxes = createMailboxes(engine, async () => service.reportsArrived());
  mailboxes.start();
  closers.push(() => mailboxes.stop());
  return { mailboxes };
}

/** Logins are answered from memory: what waits for the wanted state waits by itself. */
async function openAaa(engine: Engine, closers: (() => Promise<void> | void)[]): Promise<Aaa> {
  const aaa = createAaa(engine);
  const { postAuth } = engine.config.aaa;
  if (aaa.postAuth !== undefined && postAuth !== undefined) {
    const server = aaa.postAuth;
    await listen(server, postAuth.listen);
    closers.push(() => close(server));
  }
  if (aaa.server !== undefined) {
    const { server } = aaa;
    await server.start();
    closers.push(() => server.stop());
  }
  if (aaa.groups !== undefined) {
    const { groups } = aaa;
    groups.start();
    closers.push(() => groups.stop());
    compareAfterHold(engine, groups, closers);
  }
  return aaa;
}

/** On hold nothing was added: what it kept back is added when it ends, by whatever hand. */
function compareAfterHold(
  { flow }: Engine,
  groups: { compareSoon(): void },
  closers: (() => Promise<void> | void)[],
): void {
  let wasOn = flow.hold.current().on;
  const timer = setInterval(() => {
    const isOn = flow.hold.current().on;
    if (wasOn && !isOn) groups.compareSoon();
    wasOn = isOn;
  }, HOLD_LOOK_MS);
  closers.push(() => clearInterval(timer));
}

function watchHealth(engine: Engine, watched: Watched, closers: (() => Promise<void> | void)[]): void {
  const failed = (loop: string) => (cause: unknown) =>
    engine.flow.log.error('LOOP_FAILED', { loop, text: String(cause).slice(0, 200) });
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const look = async () => {
    const beganMs = performance.now();
    await standingWarnings(engine, watched).catch(failed('warnings'));
    // Looking takes longer the more cases are open: never more than a twentieth of the time.
    if (!isOver) timer = setTimeout(look, Math.max(WARNINGS_EVERY_MS, 20 * (performance.now() - beganMs)));
  };
  void look();
  closers.push(() => {
    isOver = true;
    clearTimeout(timer);
  });
  const purge = async () => {
    if (!isSure(engine.clock.status())) return;
    await engine.bindings.purge(engine.clock.now());
    await engine.translations.purge(engine.clock.now());
    await engine.nasSessions.purge(engine.clock.now());
  };
  const purging = setInterval(() => void purge().catch(failed('purge-bindings')), PURGE_EVERY_MS);
  closers.push(() => clearInterval(purging));
  const remember = () => void engine.clock.remember().catch(failed('last-seen'));
  remember();
  const remembering = setInterval(remember, REMEMBER_EVERY_MS);
  closers.push(() => clearInterval(remembering));
}

/** `[::]` means every address of both families; a socket of its own for each, so that IPv4 peers look like IPv4. */
function addressesOf({ host }: { readonly host: string }): readonly string[] {
  return host === '::' ? ['0.0.0.0', '::'] : [host];
}

async function listen(
  server: Pick<Server, 'once' | 'listen'>,
  at: { readonly host: string; readonly port: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => resolve());
  });
}

async function close(server: Pick<Server, 'close' | 'closeAllConnections'>): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
