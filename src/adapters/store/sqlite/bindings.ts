// Who holds and held which address: RADIUS accounting summed into day tables, static prefixes of lines beside it. Every
// answer is derived from what was said (core/line/intervals.ts); nothing here decides who is right.
import type { Instant } from '../../../core/kernel/time.ts';
import { DAY, HOUR } from '../../../core/kernel/time.ts';
import { type AccountingRecord, isReset } from '../../../core/line/accounting.ts';
import type { Binding } from '../../../core/line/binding.ts';
import { dayOf } from '../../../core/line/claim.ts';
import type { Line } from '../../../core/line/line.ts';
import { hasInner, undisputed } from '../../../core/line/open.ts';
import type { Ip, Peer } from '../../../core/net/ip.ts';
import { containsIp, type Prefix, prefixOf, samePrefix } from '../../../core/net/prefix.ts';
import type { PortRange } from '../../../core/net/transport.ts';
import type { BindingChange, Bindings, Holders } from '../../../flow/ports.ts';
import { BindingDays } from './bindings-days.ts';
import { HotDays, type HotNote, type HotStatus } from './bindings-hot.ts';
import { distinct, Look, type Place, placeId } from './bindings-look.ts';
import { BindingNames, type NasClock, NasHistory } from './bindings-names.ts';
import { type StaticChange, staticLengths, staticsOf, WantedStatics } from './bindings-static.ts';
import type { Connection, Database } from './database.ts';

export interface BindingsOptions {
  readonly database: Database;
  readonly clock: { now(): Instant };
  /** Interim interval per NAS name, ms; `widest` over all of them bounds how far evidence is looked for. */
  readonly interim: { of(nas: string): number; readonly widestMs: number };
  /** Infrastructure and lifelines: no static prefix may touch them. */
  readonly reserved: readonly Prefix[];
  readonly retentionDays: number;
  /** Access keys of the lines that have a garden or want one: what an Accounting-On is told for. Absent: for every session
   *  of the NAS, which takes as long as there are sessions. */
  readonly gardens?: () => Iterable<string>;
  /** Octets of memory that the newest days may take (`warm`). Left out: every look-up asks SQLite. */
  readonly hotBytes?: number;
}

export interface Stored {
  readonly stored: number;
  /** Older than the retention, or more than a day ahead: said, but not kept. */
  readonly outside: number;
}

export class SqliteBindings implements Bindings {
  readonly #options: BindingsOptions;
  readonly #read: Connection;
  readonly #listeners: ((change: BindingChange) => void)[] = [];
  #names!: BindingNames;
  #nases!: NasHistory;
  #days!: BindingDays;
  #staticLengths!: Set<number>;
  readonly #hot: HotDays | undefined;

  /** The database must be migrated. Throws when it is not. */
  constructor(options: BindingsOptions) {
    this.#options = options;
    this.#read = options.database.read;
    const { hotBytes = 0, database } = options;
    this.#hot = hotBytes === 0 ? undefined : new HotDays({ path: database.path, mostBytes: hotBytes });
    this.#load();
  }

  #load(): void {
    this.#names = new BindingNames(this.#read);
    this.#nases = new NasHistory(this.#read, this.#names);
    this.#days = new BindingDays(this.#read, this.#names, this.#hot);
    this.#staticLengths = staticLengths(this.#read);
  }

  onChange(listener: (change: BindingChange) => void): void {
    this.#listeners.push(listener);
  }

  // ------------------------------------------------------------- what was said

  /** Durable when it resolves; may be repeated without effect. Listeners have been told by then. */
  async record(batch: readonly AccountingRecord[]): Promise<Stored> {
    const now = this.#options.clock.now();
    const inside = batch.filter((one) => one.eventAt <= now + DAY && one.eventAt >= this.#oldestAt(now));
    const touched = await this.#write((tx) => {
      const found = { ...nothing(), notes: [] };
      for (const one of inside) this.#recordOne(tx, one, now, found);
      return found;
    });
    this.#hot?.apply(touched.notes);
    this.#tell(touched, now);
    return { stored: inside.length, outside: batch.length - inside.length };
  }

  #recordOne(tx: Connection, record: AccountingRecord, now: Instant, found: Touched & { notes: HotNote[] }): void {
    this.#nases.lag(tx, record);
    const spanMs = 2 * this.#options.interim.of(record.nas);
    const isCurrent = record.eventAt + spanMs >= now;
    if (isReset(record)) {
      // One row, whatever the number of sessions: who held what is derived from it when somebody asks.
      if (this.#nases.reset(tx, record.nas, record.eventAt) && isCurrent) found.resets.add(record.nas);
      return;
    }
    const { begun, session, notes } = this.#days.record(tx, record, record.eventAt - spanMs);
    for (const note of notes) found.notes.push(note);
    found.named.push(...begun);
    if (!isCurrent) found.past.push(...begun);
    // A Stop that comes late changes nothing now, but what was decided on the tail that it ends.
    if (!isCurrent && record.status === 'stop') found.sessions.add(session);
    if (!isCurrent || (begun.length === 0 && record.status !== 'stop')) return;
    found.places.push(...begun);
    // The session's other prefixes: a Stop ends those it does not name, an address that changed leaves the old one.
    found.sessions.add(session);
  }

  /** Static prefixes as the lines stand now: call after every import and at start, with all lines. */
  async refreshStatic(lines: Iterable<Line> | AsyncIterable<Line>): Promise<StaticChange> {
    const wanted = new WantedStatics();
    for await (const line of lines) wanted.add(line, this.#options.reserved);
    const now = this.#options.clock.now();
    const change = await this.#write((tx) => wanted.apply(tx, now));
    this.#staticLengths = staticLengths(this.#read);
    if (change.opened.length + change.closed.length > 0) {
      const named = change.opened.map((one) => ({ ...one, firstAt: now, lastAt: now }));
      const places = [...change.opened, ...change.closed];
      this.#tell({ ...nothing(), places, named }, now, change.closed);
    }
    return change;
  }

  /** Deletes whole days past the retention. Returns how many. */
  async purge(now: Instant): Promise<number> {
    const oldestAt = this.#oldestAt(now);
    return this.#write((tx) => {
      this.#nases.dropBefore(tx, dayOf(oldestAt), oldestAt);
      tx.runSql('DELETE FROM binding_static WHERE end_at < ?', [oldestAt]);
      return this.#days.dropBefore(tx, dayOf(oldestAt));
    });
  }

  #oldestAt(now: Instant): Instant {
    return (dayOf(now) - this.#options.retentionDays) * DAY;
  }

  async #write<T>(work: (tx: Connection) => T): Promise<T> {
    try {
      return await this.#options.database.write(work);
    } catch (cause) {
      this.#load(); // what was rolled back must not stay in memory
      throw cause;
    }
  }

  // ------------------------------------------------------------- who holds what

  async holders(realm: string, ip: Ip, fromAt: Instant, toAt: Instant): Promise<Holders> {
    return this.#around({ realm, prefix: { ip, length: ip.family === 4 ? 32 : 128 } }, fromAt, toAt);
  }

  async over(realm: string, prefix: Prefix, fromAt: Instant, toAt: Instant): Promise<Holders> {
    return this.#around({ realm, prefix }, fromAt, toAt);
  }

  #around(place: Place, fromAt: Instant, toAt: Instant): Holders {
    const { interim } = this.#options;
    const bindings = this.#look(fromAt, toAt)
      .over(place)
      .filter((one) => touches(one, fromAt, toAt));
    let [skewMs, interimMs] = [0, Number.POSITIVE_INFINITY];
    const nases = new Set<string>();
    for (const { nas } of bindings) if (nas !== undefined) nases.add(nas);
    for (const nas of nases) {
      skewMs = Math.max(skewMs, this.#nases.skewMs(nas, fromAt, toAt));
      interimMs = Math.min(interimMs, interim.of(nas));
    }
    return { bindings, skewMs, interimMs: nases.size === 0 ? interim.widestMs : interimMs };
  }

  async openOf(accessKey: string): Promise<readonly Binding[]> {
    const now = this.#options.clock.now();
    const look = this.#look(now, now);
    const openAt = (places: readonly Place[]) =>
      distinct(places).flatMap((place) =>
        this.#undisputed(look.over(place), now).filter(
          (one) => one.accessKey === accessKey && samePrefix(one.prefix, place.prefix),
        ),
      );
    const claims = look.ofAccessKey(accessKey);
    const open = openAt([...claims.filter(isWhole), ...staticsOf(this.#read, accessKey, now)]);
    // A shared address has hundreds of holders: they are looked at only where the line has no address of its own.
    const blocks = hasInner(open) ? [] : openAt(claims.filter((claim) => !isWhole(claim)));
    return [...new Map([...open, ...blocks].map((one) => [one.id, one])).values()];
  }

  async holderNow(realm: string, peer: Peer): Promise<Binding | undefined> {
    const now = this.#options.clock.now();
    const isHeld = ({ prefix, ports }: Binding) =>
      containsIp(prefix, peer) && (ports === undefined || hasPort(ports, peer.port));
    return this.#undisputed(this.#look(now, now).over({ realm, prefix: prefixOf(peer) }), now)
      .filter(isHeld)
      .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  }

  #undisputed(over: readonly Binding[], now: Instant): Binding[] {
    return undisputed(over, { now, skewMsOf: (nas) => this.#nases.skewMs(nas, now, now) });
  }

  /** Reads the newest days into memory, beside what is going on; until then SQLite answers. Resolves when no more fit. */
  async warm(): Promise<void> {
    await this.#hot?.warm(this.#days.all);
  }

  /** How much is in memory; undefined = nothing shall be. */
  hot(): HotStatus | undefined {
    return this.#hot?.status();
  }

  async close(): Promise<void> {
    await this.#hot?.close();
  }

  /** The clocks of NASes as far as their records of late tell: for a warning. */
  clocks(): readonly NasClock[] {
    return this.#nases.clocks();
  }

  /** Evidence this far from an instant still says something about it. */
  #reachMs(): number {
    return Math.max(HOUR, 4 * this.#options.interim.widestMs);
  }

  /** At what evidence around [fromAt, toAt] tells of. */
  #look(fromAt: Instant, toAt: Instant): Look {
    const span = { fromAt: fromAt - this.#reachMs(), toAt: toAt + this.#reachMs() };
    const sources = {
      read: this.#read,
      days: this.#days,
      staticLengths: this.#staticLengths,
      resetsOf: (nas: string) => this.#nases.resetsOf(nas),
      interimMsOf: this.#options.interim.of,
    };
    return new Look(sources, span, this.#options.clock.now());
  }

  // ------------------------------------------------------------- who is told

  #tell(touched: Touched, now: Instant, closed: readonly BindingChange['ended'][number][] = []): void {
    const { places, sessions, named, past, resets } = touched;
    if (places.length + sessions.size + named.length + resets.size === 0 || this.#listeners.length === 0) return;
    const ended = new Map(closed.map((one) => [placeId(one, one.accessKey), one]));
    const keys = new Set<string>();
    const open = new Set<string>();
    const near: Place[] = [];
    const look = this.#look(now, now);
    for (const session of sessions) places.push(...look.ofSession(session));
    if (resets.size > 0) places.push(...this.#heldThrough(resets, look, now));
    for (const { accessKey } of places.filter((one) => !isWhole(one))) if (accessKey !== undefined) keys.add(accessKey);
    for (const place of distinct(places.filter((one) => isWhole(one) || mayBeWhole(one, look)))) {
      const over = look.over(place);
      near.push(...over);
      for (const one of this.#undisputed(over, now)) {
        keys.add(one.accessKey);
        open.add(placeId(one, one.accessKey));
      }
      for (const one of over) {
        // Older than this its element has freed itself by its own timeout.
        const isFresh = one.certainEndAt + 2 * this.#options.interim.of(one.nas ?? '') >= now;
        if (isFresh) ended.set(placeId(one, one.accessKey), endedOf(one));
      }
    }
    for (const id of open) ended.delete(id);
    for (const one of ended.values()) keys.add(one.accessKey);
    const change = {
      touched: distinct([...near, ...places, ...named, ...past.flatMap((one) => this.#neighbours(one))]),
      accessKeys: [...keys],
      ended: [...ended.values()],
      named: named.map(namedOf),
    };
    for (const listener of this.#listeners) listener(change);
  }

  /** What the lines in question may have held through these NASes. */
  #heldThrough(nases: ReadonlySet<string>, look: Look, now: Instant): Place[] {
    const { gardens, interim } = this.#options;
    if (gardens === undefined) return [...nases].flatMap((nas) => look.ofNas(nas, now - 2 * interim.of(nas)));
    return [...new Set(gardens())].flatMap((key) => look.ofAccessKey(key).filter((claim) => nases.has(claim.nas)));
  }

  /** Overlapping prefixes of others at that time: what was decided about those may be wrong now. */
  #neighbours(one: Named): Place[] {
    const look = this.#look(one.firstAt, one.lastAt);
    return [...look.near(one), ...look.statics(one)];
  }
}

interface Touched {
  /** Where who holds it now may have changed. */
  readonly places: (Place & { readonly ports?: PortRange; readonly accessKey?: string })[];
  /** Sessions that began, ended or moved: all of their places. */
  readonly sessions: Set<string>;
  readonly named: Named[];
  /** The named ones too old to change anything now, but not what was decided about then. */
  readonly past: Named[];
  /** NASes of which every session is over. */
  readonly resets: Set<string>;
}

function nothing(): Touched {
  return { places: [], sessions: new Set(), named: [], past: [], resets: new Set() };
}

type Named = Place & { readonly accessKey: string; readonly firstAt: Instant; readonly lastAt: Instant };

/** Then who has the whole of it has it no longer; else a block concerns its own line alone. */
function mayBeWhole(place: Place, look: Look): boolean {
  return look.near(place).length + look.statics(place).length > 0;
}

function hasPort(ports: PortRange, port: number | undefined): boolean {
  return port !== undefined && ports.low <= port && port <= ports.high;
}

function isWhole(one: { readonly ports?: PortRange }): boolean {
  return one.ports === undefined;
}

function endedOf(one: Binding): BindingChange['ended'][number] {
  const { accessKey, realm, prefix, nas } = one;
  return { accessKey, realm, prefix, ...(nas === undefined ? {} : { nas }) };
}

function namedOf(one: Named): NonNullable<BindingChange['named']>[number] {
  return { accessKey: one.accessKey, realm: one.realm, prefix: one.prefix, fromAt: one.firstAt, toAt: one.lastAt };
}

/** A timed-out binding stays visible after its end, so that the answer can say «stale» instead of «nobody». */
function touches(one: Binding, fromAt: Instant, toAt: Instant): boolean {
  return one.startAt <= toAt && (one.closedBy === 'timeout' || (one.endAt ?? toAt) >= fromAt);
}
