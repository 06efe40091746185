// Port blocks of shared addresses (RFC 8045), one table per day, made when the first block of the day is told: where nobody shares
// addresses they cost one look at an empty set. Writes widen, like those of the claims beside them (bindings-days.ts).
import type { Instant } from '../../../core/kernel/time.ts';
import type { Claim } from '../../../core/line/claim.ts';
import type { Prefix } from '../../../core/net/prefix.ts';
import { keyOf, lastOf, prefixOfKey } from './bindings-keys.ts';
import type { BindingNames } from './bindings-names.ts';
import type { Connection } from './database.ts';

interface Place {
  readonly realm: string;
  readonly prefix: Prefix;
}

export interface Span {
  readonly fromAt: Instant;
  readonly toAt: Instant;
}

interface BlockRow {
  readonly realm: number;
  readonly ip: Uint8Array;
  readonly low: number;
  readonly high: number;
  readonly session: string;
  readonly nas: number;
  readonly access_key: string;
  readonly start_at: number | null;
  readonly first_at: number;
  readonly last_at: number;
  readonly released_at: number | null;
}

const COLUMNS =
  'realm, ip, low, high, lower(hex(session)) AS session, nas, access_key, start_at, first_at, last_at, released_at';

export class BindingBlocks {
  readonly #names: BindingNames;
  readonly #days: Set<number>;

  constructor(read: Connection, names: BindingNames) {
    this.#names = names;
    const tables = read.allSql<{ name: string }>(`SELECT name FROM sqlite_master WHERE name GLOB 'block_d[0-9]*'`);
    this.#days = new Set(tables.filter((row) => /^block_d\d+$/.test(row.name)).map((row) => Number(row.name.slice(7))));
  }

  /** True when the row is new, reaches further back, had run dry or was given back; false when it only confirms. */
  record(
    tx: Connection,
    claim: Claim & { readonly sessionId: string },
    row: { readonly day: number; readonly start: number; readonly freshAt: Instant },
  ): boolean {
    if (!this.#days.has(row.day)) {
      tx.exec(tableSql(row.day));
      this.#days.add(row.day);
    }
    const { low, high } = claim.ports!;
    const key = [
      this.#names.idOf(tx, claim.realm),
      keyOf(claim.prefix).ip,
      low,
      high,
      row.start,
      claim.session,
    ] as const;
    const { firstAt, lastAt } = claim;
    const startAt = claim.startAt ?? null;
    if (
      claim.releasedAt === undefined &&
      tx.runSql(confirmSql(row.day), [startAt, lastAt, ...key, firstAt, row.freshAt]) > 0
    )
      return false;
    const nas = this.#names.idOf(tx, claim.nas);
    const values = [nas, claim.accessKey, claim.sessionId, startAt, firstAt, lastAt, claim.releasedAt ?? null] as const;
    tx.runSql(widenSql(row.day), [...key, ...values]);
    return true;
  }

  /** On any address inside this prefix, as far as there is evidence in this span: an address may have thousands in a day. */
  within(read: Connection, days: readonly number[], place: Place, span: Span): Claim[] {
    if (this.#days.size === 0 || place.prefix.ip.family !== 4) return [];
    const [id, key] = [this.#names.known(place.realm), keyOf(place.prefix)];
    if (id === undefined) return [];
    const where = 'realm = ? AND ip >= ? AND ip <= ? AND last_at >= ? AND first_at <= ?';
    return this.#select(read, days, where, [id, key.ip, lastOf(key), span.fromAt, span.toAt]);
  }

  ofSession(read: Connection, days: readonly number[], session: string): Claim[] {
    return this.#select(read, days, 'session = unhex(?)', [session]);
  }

  ofAccessKey(read: Connection, days: readonly number[], accessKey: string): Claim[] {
    return this.#select(read, days, 'access_key = ?', [accessKey]);
  }

  dropBefore(tx: Connection, day: number): void {
    for (const one of this.#days)
      if (one < day) {
        tx.exec(`DROP TABLE IF EXISTS block_d${one}`);
        this.#days.delete(one);
      }
  }

  #select(
    read: Connection,
    days: readonly number[],
    where: string,
    values: readonly (string | number | Uint8Array)[],
  ): Claim[] {
    const found: Claim[] = [];
    if (this.#days.size === 0) return found;
    for (const day of days)
      if (this.#days.has(day))
        for (const row of read.allSql<BlockRow>(`SELECT ${COLUMNS} FROM block_d${day} WHERE ${where}`, values))
          found.push(this.#claim(row));
    return found;
  }

  #claim(row: BlockRow): Claim {
    return {
      session: row.session,
      nas: this.#names.nameOf(row.nas),
      realm: this.#names.nameOf(row.realm),
      accessKey: row.access_key,
      slot: 'ipv4',
      prefix: prefixOfKey(row.ip, 128),
      ports: { low: row.low, high: row.high },
      beside: 0,
      ...(row.start_at === null ? {} : { startAt: row.start_at }),
      ...(row.released_at === null ? {} : { releasedAt: row.released_at }),
      firstAt: row.first_at,
      lastAt: row.last_at,
    };
  }
}

function tableSql(day: number): string {
  return `
CREATE TABLE IF NOT EXISTS block_d${day} (
  realm INTEGER NOT NULL, ip BLOB NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, start INTEGER NOT NULL,
  session BLOB NOT NULL, nas INTEGER NOT NULL, access_key TEXT NOT NULL, session_id TEXT NOT NULL, start_at INTEGER,
  first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, released_at INTEGER,
  PRIMARY KEY (realm, ip, low, high, start, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS block_d${day}_session ON block_d${day} (session);
CREATE INDEX IF NOT EXISTS block_d${day}_key ON block_d${day} (access_key);`;
}

function confirmSql(day: number): string {
  return `UPDATE block_d${day} SET start_at = min(start_at, ?), last_at = max(last_at, ?)
    WHERE realm = ? AND ip = ? AND low = ? AND high = ? AND start = ? AND session = unhex(?) AND first_at <= ?
      AND last_at >= ? AND released_at IS NULL`;
}

function widenSql(day: number): string {
  return `INSERT INTO block_d${day} (realm, ip, low, high, start, session, nas, access_key, session_id, start_at, first_at,
      last_at, released_at) VALUES (?, ?, ?, ?, ?, unhex(?), ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (realm, ip, low, high, start, session) DO UPDATE SET start_at = min(start_at, excluded.start_at),
      first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
      released_at = max(coalesce(released_at, excluded.released_at), coalesce(excluded.released_at, released_at))`;
}
