// The claims and stops of one or more days: how records are summed into rows, and the look-ups. Every write is a
// widening upsert, so that duplicates and disorder change nothing.
import { hash } from 'node:crypto';
import { type Instant, MINUTE } from '../../../core/kernel/time.ts';
import type { SessionRecord, Slot } from '../../../core/line/accounting.ts';
import { type Claim, claimsOf, dayOf, type StopMark, sessionKey, stopOf } from '../../../core/line/claim.ts';
import type { Prefix } from '../../../core/net/prefix.ts';
import { containingKey, keyOf, lastOf, type PrefixKey, prefixOfKey } from './bindings-keys.ts';
import type { BindingNames } from './bindings-names.ts';
import { daySql, dropDaySql } from './bindings-schema.ts';
import type { Connection } from './database.ts';

const SLOTS: readonly Slot[] = ['ipv4', 'framed-ipv6', 'delegated-ipv6', 'address-ipv6'];
const COLUMNS = 'realm, ip, length, session, slot, several, nas, access_key, start_at, first_at, last_at';
/** Claims inside one longer-than-host prefix that are looked at; one is enough to make it disputed. */
const INSIDE_LIMIT = 512;

interface ClaimRow {
  readonly realm: number;
  readonly ip: Uint8Array;
  readonly length: number;
  readonly session: Uint8Array;
  readonly slot: number;
  readonly several: number;
  readonly nas: number;
  readonly access_key: string;
  readonly start_at: number | null;
  readonly first_at: number;
  readonly last_at: number;
}

interface Span {
  readonly first_at: number;
  readonly last_at: number;
}

interface StopRow extends Span {
  readonly start_at: number | null;
}

/** What recording one session record did to the rows. */
export interface Recorded {
  /** The claim's row is new, reaches further back, or its evidence had run dry: somebody may have held the prefix that
   *  we did not know of. An Interim that only confirms what was known is not in here. */
  readonly begun: readonly Claim[];
  readonly session: string;
}

export class BindingDays {
  readonly #names: BindingNames;
  readonly #days: Set<number>;
  readonly #lengths: Set<number>;

  constructor(read: Connection, names: BindingNames) {
    this.#names = names;
    const tables = read.allSql<{ name: string }>(`SELECT name FROM sqlite_master WHERE name GLOB 'claim_d[0-9]*'`);
    this.#days = new Set(tables.filter((row) => /^claim_d\d+$/.test(row.name)).map((row) => Number(row.name.slice(7))));
    this.#lengths = new Set(
      read.allSql<{ length: number }>('SELECT length FROM binding_length').map((row) => row.length),
    );
  }

  /** Days we hold inside [fromAt, toAt], ascending. */
  between(fromAt: Instant, toAt: Instant): number[] {
    const [first, last] = [dayOf(fromAt), dayOf(toAt)];
    if (last - first < 4) {
      const days = [];
      for (let day = first; day <= last; day++) if (this.#days.has(day)) days.push(day);
      return days;
    }
    return [...this.#days].filter((day) => day >= first && day <= last).sort((a, b) => a - b);
  }

  /** `freshAt`: evidence older than this had run dry. */
  record(tx: Connection, record: SessionRecord, freshAt: Instant): Recorded {
    const day = this.#openDay(tx, dayOf(record.eventAt));
    const session = hashOf(sessionKey(record));
    const begun: Claim[] = [];
    for (const claim of claimsOf(record)) {
      const before = this.#upsertClaim(tx, day, session, claim, record.sessionId);
      if (before === undefined || before.first_at > record.eventAt || before.last_at < freshAt)
        begun.push({ ...claim, session: session.toString('hex') });
    }
    const stop = stopOf(record);
    if (stop !== undefined) upsertStop(tx, day, session, stop);
    return { begun, session: session.toString('hex') };
  }

  #openDay(tx: Connection, day: number): number {
    if (!this.#days.has(day)) {
      tx.exec(daySql(day));
      this.#days.add(day);
    }
    return day;
  }

  /** Returns the evidence the row had before; undefined for a new row. */
  #upsertClaim(tx: Connection, day: number, session: Buffer, claim: Claim, sessionId: string): Span | undefined {
    const { ip, length } = keyOf(claim.prefix);
    if (!this.#lengths.has(length)) {
      tx.runSql('INSERT OR IGNORE INTO binding_length VALUES (?)', [length]);
      this.#lengths.add(length);
    }
    const realm = this.#names.idOf(tx, claim.realm);
    const key = [realm, ip, length, startMinute(claim), session] as const;
    const before = tx.allSql<Span>(
      `SELECT first_at, last_at FROM claim_d${day} WHERE realm = ? AND ip = ? AND length = ? AND start = ? AND session = ?`,
      key,
    )[0];
    const slot = SLOTS.indexOf(claim.slot);
    tx.runSql(
      `INSERT INTO claim_d${day} (realm, ip, length, start, session, slot, several, nas, access_key, session_id, start_at,
         first_at, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (realm, ip, length, start, session) DO UPDATE SET slot = min(slot, excluded.slot),
         several = max(several, excluded.several), start_at = min(start_at, excluded.start_at),
         first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`,
      [
        ...key,
        slot,
        claim.several ? 1 : 0,
        this.#names.idOf(tx, claim.nas),
        claim.accessKey,
        sessionId,
        claim.startAt ?? null,
        claim.firstAt,
        claim.lastAt,
      ],
    );
    return before;
  }

  /** Claims on any prefix that contains this one, itself included. */
  containing(read: Connection, days: readonly number[], realm: string, prefix: Prefix): Claim[] {
    const realmId = this.#names.known(realm);
    if (realmId === undefined) return [];
    const longest = keyOf(prefix).length;
    const found: Claim[] = [];
    for (const length of this.#lengths) {
      const key = length <= longest ? containingKey(prefix, length) : undefined;
      if (key === undefined) continue;
      for (const day of days)
        for (const row of read.allSql<ClaimRow>(
          `SELECT ${COLUMNS} FROM claim_d${day} WHERE realm = ? AND ip = ? AND length = ?`,
          [realmId, key.ip, key.length],
        ))
          found.push(this.#claim(row));
    }
    return found;
  }

  /** Claims on longer prefixes inside this one. */
  inside(read: Connection, days: readonly number[], realm: string, prefix: Prefix): Claim[] {
    const realmId = this.#names.known(realm);
    const key: PrefixKey = keyOf(prefix);
    if (realmId === undefined || key.length === 128) return [];
    return days.flatMap((day) =>
      read
        .allSql<ClaimRow>(
          `SELECT ${COLUMNS} FROM claim_d${day}
           WHERE realm = ? AND ip >= ? AND ip <= ? AND length > ? LIMIT ${INSIDE_LIMIT}`,
          [realmId, key.ip, lastOf(key), key.length],
        )
        .map((row) => this.#claim(row)),
    );
  }

  ofSession(read: Connection, days: readonly number[], session: string): Claim[] {
    const id = Buffer.from(session, 'hex');
    return this.#select(read, days, 'session = ?', [id]);
  }

  ofAccessKey(read: Connection, days: readonly number[], accessKey: string): Claim[] {
    return this.#select(read, days, 'access_key = ?', [accessKey]);
  }

  /** A scan of the days: for Accounting-On and -Off only. */
  ofNas(read: Connection, days: readonly number[], nas: string, seenSince: Instant): Claim[] {
    const id = this.#names.known(nas);
    return id === undefined ? [] : this.#select(read, days, 'nas = ? AND last_at >= ?', [id, seenSince]);
  }

  stopsOf(read: Connection, days: readonly number[], session: string): StopMark[] {
    const id = Buffer.from(session, 'hex');
    return days.flatMap((day) =>
      read
        .allSql<StopRow>(`SELECT start_at, first_at, last_at FROM stop_d${day} WHERE session = ?`, [id])
        .map((row) => ({ session, ...startOf(row), firstAt: row.first_at, lastAt: row.last_at })),
    );
  }

  /** Drops whole days; returns how many. */
  dropBefore(tx: Connection, day: number): number {
    const old = [...this.#days].filter((one) => one < day);
    for (const one of old) {
      tx.exec(dropDaySql(one));
      this.#days.delete(one);
    }
    return old.length;
  }

  #select(read: Connection, days: readonly number[], where: string, values: readonly (string | number | Uint8Array)[]) {
    return days.flatMap((day) =>
      read
        .allSql<ClaimRow>(`SELECT ${COLUMNS} FROM claim_d${day} WHERE ${where}`, values)
        .map((row) => this.#claim(row)),
    );
  }

  #claim(row: ClaimRow): Claim {
    return {
      session: Buffer.from(row.session).toString('hex'),
      nas: this.#names.nameOf(row.nas),
      realm: this.#names.nameOf(row.realm),
      accessKey: row.access_key,
      slot: SLOTS[row.slot]!,
      prefix: prefixOfKey(row.ip, row.length),
      several: row.several === 1,
      ...startOf(row),
      firstAt: row.first_at,
      lastAt: row.last_at,
    };
  }
}

function upsertStop(tx: Connection, day: number, session: Buffer, stop: StopMark): void {
  tx.runSql(
    `INSERT INTO stop_d${day} (session, start, start_at, first_at, last_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (session, start) DO UPDATE SET start_at = min(start_at, excluded.start_at),
       first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`,
    [session, startMinute(stop), stop.startAt ?? null, stop.firstAt, stop.lastAt],
  );
}

/** Of an unknown start: one row per ten minutes of evidence, so that no row hides a silence. */
function startMinute(one: { readonly startAt?: Instant; readonly firstAt: Instant }): number {
  return one.startAt === undefined ? -1 - Math.floor(one.firstAt / (10 * MINUTE)) : Math.floor(one.startAt / MINUTE);
}

function startOf(row: { readonly start_at: number | null }): { readonly startAt?: Instant } {
  return row.start_at === null ? {} : { startAt: row.start_at };
}

function hashOf(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16);
}
