// What stands wrong right now, from what the parts themselves say: looked up here, judged by one pure function, so that
// every surface shows the same words.

import type { ClockOff } from './adapters/sessions/accounting/clocks-off.ts';
import { silenceOf } from './collectors.ts';
import type { Engine } from './compose.ts';
import { DAY, HOUR, MINUTE, SECOND } from './core/kernel/time.ts';
import type { CollectState } from './flow/collect.ts';
import type { ClockStatus, Json } from './flow/ports.ts';
import type { Service } from './flow/service.ts';
import type { SourceView } from './flow/source-quality.ts';
import { medicalWaiting } from './flow/support-queue.ts';
import type { LifelineState } from './garden/dns/lifelines.ts';
import type { WarningCode, Wrong } from './telemetry/health.ts';

/** Parts of the running service that speak for themselves; all absent in a command that runs beside nobody. */
export interface Watched {
  readonly service?: Pick<Service, 'tableFaults'>;
  /** Monotonic (`performance.now()`). */
  readonly front?: () => { readonly aliveAtMs: number | undefined; readonly openedAtMs: number };
  readonly lifelines?: { state(): readonly LifelineState[] };
  readonly accounting?: {
    silent(): readonly { readonly client: string; readonly silentMs: number }[];
    troubles(): readonly { readonly kind: 'not-genuine' | 'over-rate'; readonly client: string }[];
    rotations(): readonly { readonly client: string; readonly previousUsedAgoMs: number | undefined }[];
    clocksOff(): readonly ClockOff[];
  };
  readonly aaa?: { readonly groups?: { standing(): DatabaseStanding } };
  readonly collectors?: { standing(): readonly CollectState[] };
  readonly mailboxes?: { standing(): readonly MailboxSeen[] };
}

export interface MailboxSeen {
  readonly name: string;
  readonly isOpen: boolean;
  readonly failuresInARow: number;
  readonly error?: string;
  /** Longer than it may. */
  readonly silentMs?: number;
  readonly taken: number;
  readonly parked: number;
  readonly waiting: number;
}

interface DatabaseStanding {
  readonly state: string;
  readonly refused: number;
  readonly troubleForMs?: number;
  readonly text?: string;
}

export interface NasSeen {
  readonly name: string;
  readonly isSilent: boolean;
  readonly usesPreviousSecret: boolean;
  readonly stopped?: { readonly text: string; readonly sessions: number };
  readonly drifted: number;
  readonly atNextLogin: number;
  /** How long the oldest line has waited for its freedom. */
  readonly oldestReleaseMs: number;
}

/** Everything a warning is made of. */
export interface Seen {
  readonly isServiceDown: boolean;
  readonly clock: ClockStatus;
  readonly isHoldOn: boolean;
  readonly isBreakerShut: boolean;
  readonly isPolicyMissing: boolean;
  readonly gateways: readonly {
    readonly name: string;
    readonly isConnected: boolean;
    readonly skeleton: string;
    /** Of the way to it, as far as it is known. */
    readonly reason?: string;
  }[];
  /** BNGs that are told by RADIUS. */
  readonly nases?: readonly NasSeen[];
  readonly clocksOff?: readonly ClockOff[];
  readonly accountingTroubles?: readonly { readonly kind: 'not-genuine' | 'over-rate'; readonly client: string }[];
  /** Clients whose previous secret was of use lately. */
  readonly previousSecrets?: readonly string[];
  /** Tables with a flowtable on access interfaces, by gateway. */
  readonly offloads?: readonly { readonly gateway: string; readonly tables: readonly string[] }[];
  readonly resolvers?: readonly { readonly gateway: string; readonly text: string }[];
  readonly mailboxes?: readonly MailboxSeen[];
  /** FreeRADIUS' database, where it is kept in step. */
  readonly database?: DatabaseStanding;
  readonly tableFaults: number;
  readonly partialLines: number;
  readonly parkedFiles: number;
  readonly medicalWaiting: number;
  readonly failingChannels: readonly { readonly channel: string; readonly inARow: number }[];
  readonly ownSightings: readonly { readonly source: string; readonly reports: number }[];
  /** Sources and gateways that are over a limit. */
  readonly quality?: readonly Pick<SourceView, 'name' | 'demoted' | 'sudden' | 'unresolvedShare'>[];
  /** How long the DNS front has answered nobody. */
  readonly frontSilentMs: number;
  readonly lifelines: readonly Pick<LifelineState, 'lifeline' | 'failing' | 'inKernel'>[];
  readonly silentClients: readonly { readonly client: string; readonly silentMs: number }[];
  readonly feeds?: readonly FeedSeen[];
}

export interface FeedSeen {
  readonly feed: string;
  readonly silentMs?: number;
  readonly emptyFile?: string;
  readonly failing?: { readonly inARow: number; readonly text: string };
}

/** As long as `@dns_alive` lives without renewal. */
const FRONT_SILENT_MS = 60 * SECOND;
/** A household that is told «free» by nobody's BNG. */
const RELEASE_LATE_MS = MINUTE;
/** A restart of the database is no news. */
const DATABASE_LATE_MS = MINUTE;
const PARKED_COUNTED = 1000;
/** A restart of the mail server is no news: by then it has been away for half a minute. */
const MAILBOX_FAILURES = 5;

export function judge(seen: Seen): readonly Wrong[] {
  const wrong: Wrong[] = [];
  const when = (isWrong: boolean, code: WarningCode, subject = '', fields: Readonly<Record<string, Json>> = {}) => {
    if (isWrong) wrong.push({ code, subject, fields });
  };
  when(seen.isServiceDown, 'service-down');
  when(seen.clock.state === 'assumed', 'clock-assumed');
  when(seen.clock.state === 'unsynchronised', 'clock-unsynchronised');
  when(seen.clock.jumped, 'clock-jumped');
  when(seen.isHoldOn, 'hold-on');
  when(seen.isBreakerShut, 'breaker-hold');
  when(seen.isPolicyMissing, 'policy-missing');
  for (const { name, isConnected, skeleton, reason } of seen.gateways) {
    when(!isConnected, 'gateway-unreachable', name, reason === undefined ? {} : { reason });
    when(skeleton === 'changed' || skeleton === 'missing', 'gateway-changed', name, { ruleset: skeleton });
  }
  for (const nas of seen.nases ?? []) {
    when(nas.isSilent, 'gateway-silent', nas.name);
    when(nas.usesPreviousSecret, 'gateway-old-secret', nas.name);
    when(nas.stopped !== undefined, 'gateway-stopped', nas.name, { ...nas.stopped });
    when(nas.drifted > 0, 'gateway-drift', nas.name, { sessions: nas.drifted });
    when(nas.atNextLogin > 0, 'lines-at-next-login', nas.name, { sessions: nas.atNextLogin });
    when(nas.oldestReleaseMs > RELEASE_LATE_MS, 'releases-waiting', nas.name, {
      minutes: Math.floor(nas.oldestReleaseMs / MINUTE),
    });
  }
  for (const { gateway, tables } of seen.offloads ?? [])
    when(tables.length > 0, 'gateway-offload', gateway, { tables: [...tables] });
  for (const { gateway, text: reason } of seen.resolvers ?? [])
    when(true, 'resolver-behind', gateway, { reason: reason.slice(0, 200) });
  const { troubleForMs = 0, refused = 0, text = '' } = seen.database ?? {};
  when(troubleForMs > DATABASE_LATE_MS || refused > 0, 'aaa-database', '', { refused, text });
  when(seen.tableFaults > 0, 'audit-tables', '', { faults: seen.tableFaults });
  when(seen.partialLines > 0, 'lines-partial', '', { lines: seen.partialLines });
  when(seen.parkedFiles > 0, 'files-parked', '', { files: seen.parkedFiles });
  when(seen.medicalWaiting > 0, 'medical-waiting', '', { cases: seen.medicalWaiting });
  for (const { channel, inARow } of seen.failingChannels) when(true, 'messages-failing', channel, { inARow });
  for (const { source, reports } of seen.ownSightings) when(true, 'source-names-us', source, { reports });
  for (const { name, demoted, sudden, unresolvedShare } of seen.quality ?? []) {
    const percent = Math.round(100 * unresolvedShare);
    when(demoted !== undefined, 'source-demoted', name, { reason: demoted?.reason ?? '' });
    when(demoted === undefined && sudden === undefined, 'unresolved-share', name, { percent });
    when(sudden !== undefined, 'source-sudden', name, { timesUsual: sudden ?? 0 });
  }
  when(seen.frontSilentMs > FRONT_SILENT_MS, 'dns-front-down');
  for (const { lifeline, failing, inKernel } of seen.lifelines) {
    when(failing.length > 0, 'lifeline-unresolved', lifeline, { names: [...failing] });
    when(!inKernel, 'lifeline-missing', lifeline);
  }
  for (const { client, silentMs } of seen.silentClients)
    when(true, 'accounting-silent', client, { minutes: Math.floor(silentMs / MINUTE) });
  for (const { feed, silentMs, emptyFile, failing } of seen.feeds ?? []) {
    when(silentMs !== undefined, 'feed-silent', feed, { hours: Math.floor((silentMs ?? 0) / HOUR) });
    when(emptyFile !== undefined, 'feed-empty', feed, { file: emptyFile ?? '' });
    when(failing !== undefined, 'feed-failing', feed, { ...failing });
  }
  for (const one of seen.clocksOff ?? [])
    if (one.whose === 'ours') when(true, 'own-clock', '', { offsetMs: one.offsetMs, nases: one.nases });
    else when(true, 'nas-clock', one.client, { nas: one.nas, offsetMs: one.offsetMs, allowedMs: one.allowedMs });
  for (const { kind, client } of seen.accountingTroubles ?? [])
    when(true, kind === 'not-genuine' ? 'accounting-not-genuine' : 'accounting-over-rate', client);
  for (const { name, isOpen, failuresInARow, error, silentMs, waiting } of seen.mailboxes ?? []) {
    when(!isOpen && failuresInARow >= MAILBOX_FAILURES, 'mailbox-unreachable', name, { reason: error ?? '' });
    when(silentMs !== undefined, 'mailbox-silent', name, { hours: Math.floor((silentMs ?? 0) / HOUR) });
    when(waiting > 0, 'mails-waiting', name, { mails: waiting });
  }
  for (const client of seen.previousSecrets ?? []) when(true, 'accounting-previous-secret', client);
  return wrong;
}

/** Asks every part. A store that does not answer is another's alarm: its counts are left out. */
export async function lookAround(engine: Engine, watched: Watched): Promise<Seen> {
  const { flow, enforcers } = engine;
  const skeletons = new Map(flow.reconciler.health().map((one) => [one.gateway, one.skeleton]));
  const front = watched.front?.();
  return {
    isServiceDown: watched.service === undefined,
    clock: flow.clock.status(),
    isHoldOn: flow.hold.current().on,
    isBreakerShut: flow.decider.breaker().trips.length > 0,
    isPolicyMissing: engine.shelf.isMissing,
    gateways: enforcers.map(({ gateway, isConnected, trouble }) => ({
      name: gateway,
      isConnected,
      skeleton: skeletons.get(gateway) ?? 'unknown',
      ...(trouble === undefined ? {} : { reason: trouble.text }),
    })),
    nases: engine.nasGateways.map(({ config, client, enforcer }) => {
      const { silentSinceMs, usesPreviousSecret } = client.standing();
      const { stopped, drifted, atNextLogin, oldestReleaseMs } = enforcer.progress();
      const found = {
        drifted,
        atNextLogin,
        oldestReleaseMs,
        usesPreviousSecret,
        isSilent: silentSinceMs !== undefined,
      };
      return { name: config.name, ...found, ...(stopped === undefined ? {} : { stopped }) };
    }),
    clocksOff: watched.accounting?.clocksOff() ?? [],
    accountingTroubles: watched.accounting?.troubles() ?? [],
    previousSecrets: (watched.accounting?.rotations() ?? [])
      .filter(({ previousUsedAgoMs: agoMs }) => agoMs !== undefined && agoMs < DAY)
      .map(({ client }) => client),
    offloads: await offloadsOf(enforcers),
    resolvers: engine.companions.troubles(),
    ...(watched.aaa?.groups === undefined ? {} : { database: watched.aaa.groups.standing() }),
    mailboxes: watched.mailboxes?.standing() ?? [],
    tableFaults: watched.service?.tableFaults() ?? 0,
    partialLines: flow.gardener.partialCount(),
    parkedFiles: await countOf(flow.store.evidenceFiles({ state: 'parked', limit: PARKED_COUNTED })),
    medicalWaiting: await medicalWaiting(flow.store).catch(() => 0),
    failingChannels: engine.notifierWatch.failing(),
    ownSightings: engine.ownSightings.recent(),
    quality: flow.quality.alarms(),
    frontSilentMs: front === undefined ? 0 : performance.now() - (front.aliveAtMs ?? front.openedAtMs),
    lifelines: watched.lifelines?.state() ?? [],
    silentClients: watched.accounting?.silent() ?? [],
    feeds: feedsSeen(engine, watched),
  };
}

/** Once may be anything; three times in a row is something. */
const FAILING_FROM = 3;

function feedsSeen({ config, feedBook }: Engine, watched: Watched): readonly FeedSeen[] {
  const states = new Map((watched.collectors?.standing() ?? []).map((one) => [one.name, one]));
  return config.feeds.map((feed) => {
    const silentMs = feedBook.silentMs(feed.name, silenceOf(feed));
    const { emptyFile } = feedBook.of(feed.name) ?? {};
    const { failuresInARow: inARow = 0, error: text = '' } = states.get(feed.name) ?? {};
    return {
      feed: feed.name,
      ...(silentMs !== undefined && { silentMs }),
      ...(emptyFile !== undefined && { emptyFile }),
      ...(inARow >= FAILING_FROM && { failing: { inARow, text } }),
    };
  });
}

/** Asked as often as a ruleset is compared; in between what was seen last stands. */
const OFFLOADS_EVERY_MS = 30 * SECOND;
const offloadsSeen = new WeakMap<object, { readonly atMs: number; readonly tables: readonly string[] }>();

async function offloadsOf(
  enforcers: Engine['enforcers'],
): Promise<readonly { readonly gateway: string; readonly tables: readonly string[] }[]> {
  return Promise.all(
    enforcers.map(async (enforcer) => {
      const before = offloadsSeen.get(enforcer);
      if (before !== undefined && performance.now() - before.atMs < OFFLOADS_EVERY_MS)
        return { gateway: enforcer.gateway, tables: before.tables };
      const found = enforcer.isConnected ? await enforcer.offload().catch(() => undefined) : undefined;
      const tables = found?.map((one) => `${one.table} ${one.flowtable}`) ?? before?.tables ?? [];
      offloadsSeen.set(enforcer, { atMs: performance.now(), tables });
      return { gateway: enforcer.gateway, tables };
    }),
  );
}

async function countOf(rows: Promise<readonly unknown[]>): Promise<number> {
  return rows.then(
    (found) => found.length,
    () => 0,
  );
}

export async function standingWarnings(engine: Engine, watched: Watched): Promise<void> {
  engine.health.settle(judge(await lookAround(engine, watched)));
}
