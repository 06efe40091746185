// The claims and stops of one or more days: how records are summed into rows, and the look-ups. Every write is a
// widening upsert, so that duplicates and disorder change nothing.
import { hash } from 'node:crypto';
import { type Instant, MINUTE } from '../../../core/kernel/time.ts';
import { type SessionRecord, SLOTS } from '../../../core/line/accounting.ts';
import { type Claim, claimsOf, dayOf, type StopMark, sessionKey, stopOf } from '../../../core/line/claim.ts';
import type { Prefix } from '../../../core/net/prefix.ts';
import { BindingBlocks, type Span } from './bindings-blocks.ts';
import { type DaySql, forgetDay, heldSql, sqlOfDay } from './bindings-day-sql.ts';
import type { HotDays, HotNote } from './bindings-hot.ts';
import { containingKey, keyOf, lastOf, type PrefixKey, prefixOfKey } from './bindings-keys.ts';
import type { BindingNames } from './bindings-names.ts';
import { daySql, dropDaySql } from './bindings-schema.ts';
import type { Connection } from './database.ts';
import { type HotClaim, type HotDay, type HotRow, hexOf, wordsOfHex } from './hot-day.ts';

interface ClaimRow {
  readonly realm: number;
  readonly ip: Uint8Array;
  readonly length: number;
  readonly session: string;
  readonly slot: number;
  readonly several: number;
  readonly nas: number;
  readonly access_key: string;
  readonly start_at: number | null;
  readonly first_at: number;
  readonly last_at: number;
}

type HeldRow = readonly [
  session: string,
  slot: number,
  several: number,
  nas: number,
  accessKey: string,
  startAt: number | null,
  firstAt: number,
  lastAt: number,
  wasStopped: 0 | 1,
  hasMoved: 0 | 1,
];

/** Claims on prefixes that contain one, and what more is worth asking of their sessions. */
export interface Held {
  readonly claims: Claim[];
  /** Sessions of them with a Stop. */
  readonly stopped: Set<string>;
  /** Sessions of them that named another prefix of the family. */
  readonly moved: Set<string>;
}

interface StopRow {
  readonly start_at: number | null;
  readonly first_at: number;
  readonly last_at: number;
}

/** What recording one session record did to the rows. */
export interface Recorded {
  /** The claim's row is new, reaches further back, or its evidence had run dry: somebody may have held the prefix that
   *  we did not know of; or it came in other company: the session may have left a prefix. An Interim that only confirms
   *  what was known is not in here. */
  readonly begun: readonly Claim[];
  readonly session: string;
  /** For the days in memory, once it is committed. */
  readonly notes: readonly HotNote[];
}

export class BindingDays {
  readonly #names: BindingNames;
  readonly #days: Set<number>;
  readonly #lengths: Set<number>;
  readonly #blocks: BindingBlocks;
  readonly #hot: HotDays | undefined;

  constructor(read: Connection, names: BindingNames, hot?: HotDays) {
    this.#names = names;
    this.#hot = hot;
    this.#blocks = new BindingBlocks(read, names);
    const tables = read.allSql<{ name: string }>(`SELECT name FROM sqlite_master WHERE name GLOB 'claim_d[0-9]*'`);
    this.#days = new Set(tables.filter((row) => /^claim_d\d+$/.test(row.name)).map((row) => Number(row.name.slice(7))));
    this.#lengths = new Set(
      read.allSql<{ length: number }>('SELECT length FROM binding_length').map((row) => row.length),
    );
  }

  /** Every day we hold. */
  get all(): readonly number[] {
    return [...this.#days];
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
    const sql = sqlOfDay(day);
    const session = hash('sha256', sessionKey(record), 'hex').slice(0, 32);
    const begun: Claim[] = [];
    const notes: HotNote[] = [];
    const octets = this.#hot?.wants(day) === true ? Buffer.from(session, 'hex') : undefined;
    for (const claim of claimsOf(record)) {
      if (claim.ports !== undefined) {
        const block = { ...claim, session, sessionId: record.sessionId };
        if (this.#blocks.record(tx, block, { day, start: startMinute(claim), freshAt }))
          begun.push({ ...claim, session });
        continue;
      }
      const key = this.#keyOf(tx, claim, session);
      const values = [SLOTS.indexOf(claim.slot), claim.beside] as const;
      const startAt = claim.startAt ?? null;
      const { eventAt } = record;
      if (octets !== undefined) notes.push({ day, claim: this.#hotClaim(tx, claim, octets) });
      // Most records only confirm what is known: one look-up that is the write as well.
      if (tx.runSql(sql.confirm, [values[0], startAt, eventAt, ...key, eventAt, freshAt, values[1]]) > 0) continue;
      const nas = this.#names.idOf(tx, claim.nas);
      tx.runSql(sql.widen, [...key, ...values, nas, claim.accessKey, record.sessionId, startAt, eventAt, eventAt]);
      begun.push({ ...claim, session });
    }
    const stop = stopOf(record);
    if (stop !== undefined) {
      const [start, startAt] = [startMinute(stop), stop.startAt ?? null];
      tx.runSql(sql.stop, [session, start, startAt, stop.firstAt, stop.lastAt]);
      const { firstAt, lastAt } = stop;
      if (octets !== undefined) notes.push({ day, stop: { session: octets, start, startAt, firstAt, lastAt } });
    }
    return { begun, session, notes };
  }

  #hotClaim(tx: Connection, claim: Claim, session: Uint8Array): HotClaim {
    const { slot, beside: several, accessKey, startAt = null, firstAt, lastAt } = claim;
    const [realm, nas] = [this.#names.idOf(tx, claim.realm), this.#names.idOf(tx, claim.nas)];
    const place = { ...keyOf(claim.prefix), start: startMinute(claim) };
    return { realm, ...place, session, slot: SLOTS.indexOf(slot), several, nas, accessKey, startAt, firstAt, lastAt };
  }

  #openDay(tx: Connection, day: number): number {
    if (!this.#days.has(day)) {
      tx.exec(daySql(day));
      this.#days.add(day);
      this.#hot?.begin(day);
    }
    return day;
  }

  /** Of the claim's row. */
  #keyOf(tx: Connection, claim: Claim, session: string) {
    const { ip, length } = keyOf(claim.prefix);
    if (!this.#lengths.has(length)) {
      tx.runSql('INSERT OR IGNORE INTO binding_length VALUES (?)', [length]);
      this.#lengths.add(length);
    }
    return [this.#names.idOf(tx, claim.realm), ip, length, startMinute(claim), session] as const;
  }

  /** Blocks of ports of the addresses in this prefix. */
  blocks(
    read: Connection,
    days: readonly number[],
    place: Parameters<BindingBlocks['within']>[2],
    span: Span,
  ): Claim[] {
    return this.#blocks.within(read, days, place, span);
  }

  /** Claims on any prefix that contains this one, itself included. */
  containing(read: Connection, days: readonly number[], realm: string, prefix: Prefix): Held {
    const held: Held = { claims: [], stopped: new Set(), moved: new Set() };
    const realmId = this.#names.known(realm);
    if (realmId === undefined) return held;
    const { family } = prefix.ip;
    const longest = family === 4 ? prefix.length + 96 : prefix.length;
    const hot = this.#hot?.all(days);
    for (const length of this.#lengths) {
      const key = length <= longest ? containingKey(prefix, length) : undefined;
      if (key === undefined) continue;
      if (hot !== undefined) {
        this.#holdHot(held, hot, { realm, realmId, key, prefix: prefixOfKey(key.ip, length) });
        continue;
      }
      for (const day of days) {
        const rows = read.tuplesSql<HeldRow>(heldSql(day, days, family), [realmId, key.ip, length]);
        if (rows.length > 0) this.#hold(held, rows, { realm, prefix: prefixOfKey(key.ip, length) });
      }
    }
    return held;
  }

  #hold(held: Held, rows: readonly HeldRow[], place: { readonly realm: string; readonly prefix: Prefix }): void {
    const { realm, prefix } = place;
    for (const [session, slot, beside, nasId, accessKey, startAt, firstAt, lastAt, wasStopped, hasMoved] of rows) {
      const nas = this.#names.nameOf(nasId);
      const claim = { session, nas, realm, accessKey, slot: SLOTS[slot]!, prefix, beside, firstAt, lastAt };
      held.claims.push(startAt === null ? claim : { ...claim, startAt });
      if (wasStopped === 1) held.stopped.add(session);
      if (hasMoved === 1) held.moved.add(session);
    }
  }

  #holdHot(
    held: Held,
    hot: readonly HotDay[],
    at: { readonly realm: string; readonly realmId: number; readonly key: PrefixKey; readonly prefix: Prefix },
  ): void {
    const { ip, length } = at.key;
    for (const day of hot)
      for (const number of day.on(at.realmId, ip, length)) {
        const row = day.claim(number);
        const claim = this.#fromHot(row, at.realm, at.prefix);
        held.claims.push(claim);
        for (const one of hot) {
          const session = one === day ? day.sessionOf(number) : one.session(row.session);
          if (one.wasStopped(session)) held.stopped.add(claim.session);
          if (one.hasMoved(session, ip, length)) held.moved.add(claim.session);
        }
      }
  }

  #fromHot(row: HotRow, realm: string, prefix: Prefix): Claim {
    const { accessKey, several: beside, startAt, firstAt, lastAt } = row;
    const [nas, session] = [this.#names.nameOf(row.nas), hexOf(row.session)];
    const claim = { session, nas, realm, accessKey, slot: SLOTS[row.slot]!, prefix, beside, firstAt, lastAt };
    return startAt === null ? claim : { ...claim, startAt };
  }

  /** Claims on longer prefixes inside this one. */
  inside(read: Connection, days: readonly number[], realm: string, prefix: Prefix): Claim[] {
    const realmId = this.#names.known(realm);
    const key: PrefixKey = keyOf(prefix);
    if (realmId === undefined || key.length === 128) return [];
    const { family } = prefix.ip;
    if (this.#hot?.all(days)?.every((day) => !day.hasLonger(family, key.length)) === true) return [];
    return this.#select(read, days, 'inside', [realmId, key.ip, lastOf(key), key.length]);
  }

  ofSession(read: Connection, days: readonly number[], session: string): Claim[] {
    const hot = this.#hot?.all(days);
    const claims = hot === undefined ? this.#select(read, days, 'ofSession', [session]) : this.#hotOf(hot, session);
    for (const block of this.#blocks.ofSession(read, days, session)) claims.push(block);
    return claims;
  }

  #hotOf(hot: readonly HotDay[], session: string): Claim[] {
    const words = wordsOfHex(session);
    return hot.flatMap((day) =>
      day.of(words).map((number) => {
        const row = day.claim(number);
        return this.#fromHot(row, this.#names.nameOf(row.realm), prefixOfKey(day.octets(row.place), row.length));
      }),
    );
  }

  ofAccessKey(read: Connection, days: readonly number[], accessKey: string): Claim[] {
    const claims = this.#select(read, days, 'ofAccessKey', [accessKey]);
    for (const block of this.#blocks.ofAccessKey(read, days, accessKey)) claims.push(block);
    return claims;
  }

  /** A scan of the days: for an Accounting-On or -Off where nobody says whom it matters to. */
  ofNas(read: Connection, days: readonly number[], nas: string, seenSince: Instant): Claim[] {
    const id = this.#names.known(nas);
    return id === undefined ? [] : this.#select(read, days, 'ofNas', [id, seenSince]);
  }

  stopsOf(read: Connection, days: readonly number[], session: string): StopMark[] {
    const found: StopMark[] = [];
    const hot = this.#hot?.all(days);
    if (hot !== undefined) {
      const words = wordsOfHex(session);
      for (const day of hot)
        for (const { startAt, firstAt, lastAt } of day.stops(words))
          found.push({ session, ...startOf({ start_at: startAt }), firstAt, lastAt });
      return found;
    }
    for (const day of days)
      for (const row of read.allSql<StopRow>(sqlOfDay(day).stopsOf, [session]))
        found.push({ session, ...startOf(row), firstAt: row.first_at, lastAt: row.last_at });
    return found;
  }

  /** Drops whole days; returns how many. */
  dropBefore(tx: Connection, day: number): number {
    this.#blocks.dropBefore(tx, day);
    this.#hot?.dropBefore(day);
    const old = [...this.#days].filter((one) => one < day);
    for (const one of old) {
      tx.exec(dropDaySql(one));
      this.#days.delete(one);
      forgetDay(one);
    }
    return old.length;
  }

  #select(
    read: Connection,
    days: readonly number[],
    question: keyof DaySql,
    values: readonly (string | number | Uint8Array)[],
  ): Claim[] {
    const found: Claim[] = [];
    for (const day of days)
      for (const row of read.allSql<ClaimRow>(sqlOfDay(day)[question], values)) found.push(this.#claim(row));
    return found;
  }

  #claim(row: ClaimRow): Claim {
    return {
      session: row.session,
      nas: this.#names.nameOf(row.nas),
      realm: this.#names.nameOf(row.realm),
      accessKey: row.access_key,
      slot: SLOTS[row.slot]!,
      prefix: prefixOfKey(row.ip, row.length),
      beside: row.several,
      ...startOf(row),
      firstAt: row.first_at,
      lastAt: row.last_at,
    };
  }
}

/** Of an unknown start: one row per ten minutes of evidence, so that no row hides a silence. */
function startMinute(one: { readonly startAt?: Instant; readonly firstAt: Instant }): number {
  return one.startAt === undefined ? -1 - Math.floor(one.firstAt / (10 * MINUTE)) : Math.floor(one.startAt / MINUTE);
}

function startOf(row: { readonly start_at: number | null }): { readonly startAt?: Instant } {
  return row.start_at === null ? {} : { startAt: row.start_at };
}
