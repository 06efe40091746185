// Access sessions as they really were: logins take prefixes from pools, change them, hand them on within seconds, and end with their
// NAS when it crashes. And what the NASes would say about them, at the moment they say it. Losses and clocks are mutilator.ts's.
import type { NamedPrefix, SessionRecord } from '../../src/core/line/accounting.ts';
import { formatPrefix, type Prefix } from '../../src/core/net/prefix.ts';
import type { Chance } from './chance.ts';

export const INTERIM_MS = 600_000;
const SECOND = 1000;

export interface Holding {
  readonly group: string;
  readonly accessKey: string;
  readonly prefix: Prefix;
  readonly fromMs: number;
  toMs: number;
}

export interface Pool {
  readonly slot: NamedPrefix['slot'];
  readonly prefixes: readonly Prefix[];
}

export interface Group {
  readonly name: string;
  readonly keys: readonly string[];
  readonly nases: readonly string[];
  readonly realm: string;
  readonly pools: readonly Pool[];
  readonly meanMs: number;
}

/** A record before its NAS's clock and the network had a say. */
export interface Said {
  readonly nas: string;
  readonly trueMs: number;
  readonly sessionMs?: number;
  readonly record:
    | Omit<SessionRecord, 'eventAt' | 'startAt' | 'nas'>
    | { readonly status: 'on' | 'off'; readonly realm: string };
}

interface Session {
  readonly group: Group;
  readonly key: string;
  readonly nas: string;
  readonly id: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly crashed: boolean;
  /** In the order of time; those open at a moment are what a record names. */
  readonly held: { readonly slot: NamedPrefix['slot']; readonly holding: Holding }[];
  readonly changes: number[];
}

export interface Crash {
  readonly nas: string;
  readonly atMs: number;
  readonly upMs: number;
}

interface Due {
  readonly ms: number;
  readonly key: string;
  readonly session?: Session;
}

export class SessionStory {
  readonly holdings: Holding[] = [];
  readonly said: Said[] = [];
  readonly #chance: Chance;
  readonly #endMs: number;
  readonly #crashes: readonly Crash[];
  #numbers = 0;

  constructor(chance: Chance, endMs: number, crashes: readonly Crash[]) {
    this.#chance = chance;
    this.#endMs = endMs;
    this.#crashes = crashes;
    for (const { nas, upMs } of crashes) this.said.push({ nas, trueMs: upMs, record: { status: 'on', realm: 'main' } });
  }

  tell(group: Group): void {
    const chance = this.#chance;
    const freeAt = new Map<string, number>();
    const due: Due[] = group.keys.map((key) => ({ ms: chance.whole(0, 900_000), key }));
    const sessions: Session[] = [];
    while (due.length > 0) {
      let first = 0;
      for (let i = 1; i < due.length; i++) if (due[i]!.ms < due[first]!.ms) first = i;
      const [now] = due.splice(first, 1);
      if (now!.ms >= this.#endMs) continue;
      if (now!.session !== undefined) {
        this.#renumber(now!.session, now!.ms, freeAt);
        continue;
      }
      const session = this.#begin(group, now!, freeAt);
      if (session === undefined) {
        due.push({ ms: now!.ms + 60_000, key: now!.key });
        continue;
      }
      sessions.push(session);
      if (chance.is(0.2))
        due.push({ ms: chance.whole(session.fromMs + 2 * SECOND, session.toMs - 1), key: session.key, session });
      const pause = session.crashed
        ? chance.whole(40, 400) * SECOND
        : chance.is(0.5)
          ? chance.whole(1, 5) * SECOND
          : chance.whole(5, 1200) * SECOND;
      due.push({ ms: session.toMs + pause, key: session.key });
    }
    for (const session of sessions) this.#speak(session);
  }

  #begin(group: Group, { ms, key }: Due, freeAt: Map<string, number>): Session | undefined {
    const chance = this.#chance;
    const nas = chance.pick(group.nases);
    if (this.#crashes.some((one) => one.nas === nas && ms >= one.atMs - SECOND && ms <= one.upMs)) return undefined;
    const picked = group.pools.map((pool) => ({ slot: pool.slot, prefix: this.#free(pool, ms, freeAt) }));
    if (picked.some((one) => one.prefix === undefined)) return undefined;
    const planned = Math.round(ms + 60_000 + -Math.log(1 - chance.next()) * group.meanMs);
    const crash = this.#crashes.find((one) => one.nas === nas && one.atMs > ms && one.atMs < planned);
    const toMs = Math.min(crash?.atMs ?? planned, this.#endMs);
    // Some NASes derive the id from the port: every session of a login has the same.
    const id = chance.is(0.1) ? `port-${key}` : String(this.#numbers++ % 256);
    const session: Session = {
      group,
      key,
      nas,
      id,
      fromMs: ms,
      toMs,
      crashed: crash !== undefined,
      held: [],
      changes: [],
    };
    for (const { slot, prefix } of picked) this.#hold(session, { slot, prefix: prefix!, fromMs: ms }, freeAt);
    return session;
  }

  #hold(
    session: Session,
    one: { slot: NamedPrefix['slot']; prefix: Prefix; fromMs: number },
    freeAt: Map<string, number>,
  ): void {
    const { group, key: accessKey, toMs } = session;
    const holding = { group: group.name, accessKey, prefix: one.prefix, fromMs: one.fromMs, toMs };
    this.holdings.push(holding);
    session.held.push({ slot: one.slot, holding });
    freeAt.set(formatPrefix(one.prefix), toMs + this.#gapMs());
  }

  #renumber(session: Session, ms: number, freeAt: Map<string, number>): void {
    const pool = this.#chance.pick(session.group.pools);
    const prefix = this.#free(pool, ms, freeAt);
    const old = session.held.findLast((one) => one.slot === pool.slot);
    if (prefix === undefined || old === undefined || ms <= old.holding.fromMs) return;
    old.holding.toMs = ms;
    freeAt.set(formatPrefix(old.holding.prefix), ms + this.#gapMs());
    this.#hold(session, { slot: pool.slot, prefix, fromMs: ms }, freeAt);
    session.changes.push(ms);
  }

  /** The one given back last, more often than not: hand-overs within seconds are what goes wrong. */
  #free({ prefixes }: Pool, ms: number, freeAt: ReadonlyMap<string, number>): Prefix | undefined {
    const free = prefixes.filter((one) => (freeAt.get(formatPrefix(one)) ?? 0) <= ms);
    if (free.length === 0) return undefined;
    if (this.#chance.is(0.4)) return this.#chance.pick(free);
    return free.reduce((best, one) =>
      (freeAt.get(formatPrefix(one)) ?? 0) > (freeAt.get(formatPrefix(best)) ?? 0) ? one : best,
    );
  }

  #gapMs(): number {
    return this.#chance.is(0.5) ? this.#chance.whole(0, 3) * SECOND : this.#chance.whole(3, 900) * SECOND;
  }

  #speak(session: Session): void {
    const chance = this.#chance;
    const { fromMs, toMs } = session;
    this.#say(session, 'start', fromMs);
    // Host updates of some NASes: IPv6 comes a moment after the Start.
    if (chance.is(0.3)) this.#say(session, 'interim', Math.min(toMs - 1, fromMs + 3 * SECOND));
    for (const ms of session.changes)
      this.#say(session, 'interim', Math.min(toMs - 1, ms + chance.whole(0, 2) * SECOND));
    for (let ms = fromMs + INTERIM_MS; ms < toMs; ms += INTERIM_MS) this.#say(session, 'interim', ms);
    if (toMs >= this.#endMs) return;
    if (!session.crashed) this.#say(session, 'stop', toMs);
    // It tells of it when it is up again, at the time it noticed.
    else if (chance.is(0.4)) this.#say(session, 'stop', toMs + chance.whole(30, 200) * SECOND, true);
  }

  #say(session: Session, status: SessionRecord['status'], ms: number, endUnseen = false): void {
    const { group, key: accessKey, nas, id: sessionId, fromMs } = session;
    const at = status === 'stop' ? session.toMs - 1 : ms;
    const open = session.held.filter(({ holding }) => holding.fromMs <= at && at < holding.toMs);
    const isBare = status === 'interim' && this.#chance.is(0.1);
    const isLate6 = status === 'start' && group.pools.length > 1 && this.#chance.is(0.3);
    const prefixes = open
      .filter(({ slot }) => !isBare && !(isLate6 && slot !== 'ipv4'))
      .map(({ slot, holding }) => ({ slot, prefix: holding.prefix }));
    this.said.push({
      nas,
      trueMs: ms,
      // Some records come without Acct-Session-Time.
      ...(status === 'start' || this.#chance.is(0.85) ? { sessionMs: ms - fromMs } : {}),
      record: { status, realm: group.realm, sessionId, accessKey, prefixes, ...(endUnseen ? { endUnseen } : {}) },
    });
  }
}
