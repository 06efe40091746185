// What translators logged, one table per UTC day of the record, so that a day can be dropped whole and feeding stays flat. Every
// row is a record as it was said; who stood behind a port is derived at look-up (core/line/translations.ts).
import type { Instant } from '../../../core/kernel/time.ts';
import { DAY } from '../../../core/kernel/time.ts';
import { dayOf } from '../../../core/line/claim.ts';
import type { TranslatedProtocol, TranslationEvent } from '../../../core/line/translation.ts';
import { compatible, deriveTranslations, type Translation } from '../../../core/line/translations.ts';
import { type Ip, ipFromBytes } from '../../../core/net/ip.ts';
import type { Translations } from '../../../flow/ports.ts';
import { BindingNames } from './bindings-names.ts';
import type { Connection, Database } from './database.ts';
import type { Migration } from './schema.ts';
import { HeardSpans } from './translations-heard.ts';

export const TRANSLATIONS_MIGRATION: Migration = {
  number: 6,
  name: 'translations',
  sql: `
CREATE TABLE nat_width (day INTEGER PRIMARY KEY, ports INTEGER NOT NULL) STRICT;
CREATE TABLE nat_heard (
  source INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, PRIMARY KEY (source, from_at)
) STRICT, WITHOUT ROWID;`,
};

export interface TranslationsOptions {
  readonly database: Database;
  readonly clock: { now(): Instant };
  /** Per source: how often it repeats what is open (undefined = never), and how far its clock may be off, ms. */
  readonly sourceOf: (source: string) => { readonly interimMs?: number; readonly skewMs: number };
  readonly retentionDays: number;
}

const PROTOCOLS: readonly (TranslatedProtocol | undefined)[] = [undefined, 'tcp', 'udp', 'icmp'];
const KINDS = ['allocated', 'in-use', 'released'] as const;

interface Row {
  readonly low: number;
  readonly high: number;
  readonly protocol: number;
  readonly at: number;
  readonly kind: number;
  readonly source: number;
  readonly inside_realm: number;
  readonly inside: Uint8Array;
  readonly since_at: number | null;
}

interface DayRows {
  readonly day: number;
  /** Of the widest block in it. */
  readonly width: number;
  readonly rows: readonly Row[];
}

export interface Place {
  readonly port: number;
  readonly protocol?: TranslatedProtocol;
}

export class SqliteTranslations implements Translations {
  readonly #options: TranslationsOptions;
  readonly #read: Connection;
  readonly #listeners: ((outside: readonly Ip[]) => void)[] = [];
  #names!: BindingNames;
  #heard!: HeardSpans;
  /** Days there are, with the widest block of ports each speaks of. */
  #widths!: Map<number, number>;

  /** The database must be migrated. */
  constructor(options: TranslationsOptions) {
    this.#options = options;
    this.#read = options.database.read;
    this.#load();
  }

  #load(): void {
    this.#names = new BindingNames(this.#read);
    this.#heard = new HeardSpans(this.#read, this.#names);
    const rows = this.#read.allSql<{ day: number; ports: number }>('SELECT day, ports FROM nat_width');
    this.#widths = new Map(rows.map((row) => [row.day, row.ports]));
  }

  onChange(listener: (outside: readonly Ip[]) => void): void {
    this.#listeners.push(listener);
  }

  async record(batch: Parameters<Translations['record']>[0]): ReturnType<Translations['record']> {
    const now = this.#options.clock.now();
    const oldestAt = this.#oldestAt(now);
    const inside = batch.events.filter(({ at, outside }) => at >= oldestAt && at <= now + DAY && outside.family === 4);
    try {
      await this.#options.database.write((tx) => {
        for (const event of inside) this.#put(tx, event);
        // Nobody has heard what is yet to come: silence after now would count as proof.
        for (const span of batch.heard) this.#heard.add(tx, { ...span, toAt: Math.min(span.toAt, now) });
      });
    } catch (cause) {
      this.#load(); // what was rolled back must not stay in memory
      throw cause;
    }
    this.#tell(inside);
    return { stored: inside.length, outside: batch.events.length - inside.length };
  }

  #put(tx: Connection, event: TranslationEvent): void {
    const day = dayOf(event.at);
    const width = event.ports.high - event.ports.low;
    const known = this.#widths.get(day);
    if (known === undefined) tx.exec(daySql(day));
    if (known === undefined || width > known) {
      tx.runSql('INSERT INTO nat_width VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET ports = excluded.ports', [
        day,
        width,
      ]);
      this.#widths.set(day, width);
    }
    tx.runSql(putSql(day), [
      this.#names.idOf(tx, event.realm),
      numberOf(event.outside),
      event.ports.low,
      event.ports.high,
      PROTOCOLS.indexOf(event.protocol),
      event.at,
      KINDS.indexOf(event.kind),
      this.#names.idOf(tx, event.source),
      this.#names.idOf(tx, event.inside.realm),
      event.inside.ip.bytes,
      event.sinceAt ?? null,
    ]);
  }

  #tell(events: readonly TranslationEvent[]): void {
    if (events.length === 0 || this.#listeners.length === 0) return;
    const outside = [...new Map(events.map((one) => [numberOf(one.outside), one.outside])).values()];
    for (const listener of this.#listeners) listener(outside);
  }

  async over(
    realm: string,
    outside: Ip,
    place: Place,
    window: { readonly fromAt: Instant; readonly toAt: Instant },
  ): Promise<{ readonly translations: readonly Translation[]; readonly skewMs: number }> {
    const events = this.#around(realm, outside, place, window);
    if (events.length === 0) return { translations: [], skewMs: 0 };
    const { sourceOf } = this.#options;
    const translations = deriveTranslations({
      events,
      port: place.port,
      heardOf: (source) => this.#heard.of(source),
      interimMsOf: (source) => sourceOf(source).interimMs,
      now: this.#options.clock.now(),
    }).filter(
      (one) =>
        compatible(one.protocol, place.protocol) &&
        one.startAt <= window.toAt &&
        (one.endAt ?? window.toAt) >= window.fromAt,
    );
    const skews = translations.map((one) => sourceOf(one.source).skewMs);
    return { translations, skewMs: Math.max(0, ...skews) };
  }

  /**
   * Every record from the last one that tells of this port before the window to the first one after it: a block may be held for
   * days, and what was said in between can only be of it.
   */
  #around(
    realm: string,
    outside: Ip,
    place: Place,
    { fromAt, toAt }: { readonly fromAt: Instant; readonly toAt: Instant },
  ): TranslationEvent[] {
    const realmId = this.#names.known(realm);
    if (realmId === undefined || outside.family !== 4) return [];
    const days = [...this.#widths.keys()].sort((a, b) => a - b);
    const [first, last] = [dayOf(fromAt), dayOf(toAt)];
    const visited: DayRows[] = [];
    const read = (day: number): readonly Row[] => {
      const width = this.#widths.get(day) ?? 0;
      const rows = this.#rowsOf(day, realmId, outside, [place.port - 2 * width, place.port + width]);
      visited.push({ day, width, rows });
      return rows.filter((row) => row.low <= place.port && row.high >= place.port);
    };
    const found = days.filter((day) => day >= first && day <= last).flatMap(read);
    const speaks = (row: Row) => place.protocol !== undefined && compatible(PROTOCOLS[row.protocol], place.protocol);
    const isBefore = (row: Row) => row.at < fromAt && speaks(row);
    const isAfter = (row: Row) => row.at > toAt && speaks(row);
    extend(found, days.filter((day) => day < first).reverse(), read, isBefore);
    extend(
      found,
      days.filter((day) => day > last),
      read,
      isAfter,
    );
    if (found.length === 0) return [];
    const low = found.reduce((least, row) => Math.min(least, row.low), place.port);
    const high = found.reduce((most, row) => Math.max(most, row.high), place.port);
    return visited.flatMap(({ day, width, rows }) => {
      // Blocks of another day may be wider than any of this one: what overlaps those is asked for anew.
      const isRead = low >= place.port - width && high <= place.port + width;
      return (isRead ? rows : this.#rowsOf(day, realmId, outside, [low - width, high]))
        .filter((row) => row.low <= high && row.high >= low)
        .map((row) => this.#event(row, realm, outside));
    });
  }

  /** Of blocks that begin in this range. */
  #rowsOf(day: number, realmId: number, outside: Ip, [from, to]: readonly [number, number]): readonly Row[] {
    return this.#read.allSql<Row>(aroundSql(day), [realmId, numberOf(outside), from, to]);
  }

  #event(row: Row, realm: string, outside: Ip): TranslationEvent {
    const protocol = PROTOCOLS[row.protocol];
    return {
      source: this.#names.nameOf(row.source),
      kind: KINDS[row.kind]!,
      at: row.at,
      ...(row.since_at === null ? {} : { sinceAt: row.since_at }),
      realm,
      outside,
      ports: { low: row.low, high: row.high },
      ...(protocol === undefined ? {} : { protocol }),
      inside: { realm: this.#names.nameOf(row.inside_realm), ip: ipFromBytes(row.inside)! },
    };
  }

  /** Deletes whole days past the retention. Returns how many. */
  async purge(now: Instant): Promise<number> {
    const oldestAt = this.#oldestAt(now);
    return this.#options.database.write((tx) => {
      this.#heard.dropBefore(tx, oldestAt);
      const old = [...this.#widths.keys()].filter((day) => day < dayOf(oldestAt));
      for (const day of old) {
        tx.exec(`DROP TABLE IF EXISTS nat_d${day}`);
        tx.runSql('DELETE FROM nat_width WHERE day = ?', [day]);
        this.#widths.delete(day);
      }
      return old.length;
    });
  }

  #oldestAt(now: Instant): Instant {
    return (dayOf(now) - this.#options.retentionDays) * DAY;
  }
}

/** Day by day, until one of them says enough. */
function extend(
  found: Row[],
  days: readonly number[],
  read: (day: number) => readonly Row[],
  isEnough: (row: Row) => boolean,
): void {
  for (const day of days) {
    if (found.some(isEnough)) return;
    found.push(...read(day));
  }
}

function numberOf({ bytes }: Ip): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

function daySql(day: number): string {
  return `
CREATE TABLE IF NOT EXISTS nat_d${day} (
  realm INTEGER NOT NULL, outside INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, protocol INTEGER NOT NULL,
  at INTEGER NOT NULL, kind INTEGER NOT NULL, source INTEGER NOT NULL, inside_realm INTEGER NOT NULL, inside BLOB NOT NULL,
  since_at INTEGER,
  PRIMARY KEY (realm, outside, low, high, protocol, at, kind, source, inside_realm, inside)
) STRICT, WITHOUT ROWID;`;
}

function putSql(day: number): string {
  return `INSERT INTO nat_d${day} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    since_at = min(coalesce(since_at, excluded.since_at), coalesce(excluded.since_at, since_at))`;
}

function aroundSql(day: number): string {
  return `SELECT low, high, protocol, at, kind, source, inside_realm, inside, since_at FROM nat_d${day}
    WHERE realm = ? AND outside = ? AND low BETWEEN ? AND ?`;
}
