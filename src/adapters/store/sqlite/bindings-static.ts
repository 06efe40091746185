// Static prefixes of lines, with effective dates: a prefix that moves to another line never speaks for the time before.
import type { Instant } from '../../../core/kernel/time.ts';
import type { Binding } from '../../../core/line/binding.ts';
import { type NotHoldable, whyNotHoldable } from '../../../core/line/holdable.ts';
import type { Line } from '../../../core/line/line.ts';
import { formatPrefix, type Prefix } from '../../../core/net/prefix.ts';
import { containingKey, keyOf, lastOf, prefixOfKey } from './bindings-keys.ts';
import type { Connection } from './database.ts';

interface StaticRow {
  readonly realm: string;
  readonly ip: Uint8Array;
  readonly length: number;
  readonly access_key: string;
  readonly start_at: number;
  readonly certain_end_at: number | null;
  readonly end_at: number | null;
}

export interface StaticHolder {
  readonly realm: string;
  readonly prefix: Prefix;
  readonly accessKey: string;
}

export interface StaticChange {
  readonly opened: readonly StaticHolder[];
  readonly closed: readonly StaticHolder[];
  readonly refused: readonly (StaticHolder & { readonly reason: NotHoldable })[];
}

const COLUMNS = 'realm, ip, length, access_key, start_at, certain_end_at, end_at';

/** What the lines say should be open; a line whose contract ended holds nothing. */
export class WantedStatics {
  readonly #wanted = new Map<string, StaticHolder & { readonly epochStartedAt: Instant }>();
  readonly refused: (StaticHolder & { readonly reason: NotHoldable })[] = [];

  add(line: Line, reserved: readonly Prefix[]): void {
    if (line.contract === 'ended') return;
    for (const prefix of line.staticPrefixes) {
      const holder = { realm: line.realm, prefix, accessKey: line.accessKey };
      const reason = whyNotHoldable(prefix, reserved);
      if (reason === undefined) this.#wanted.set(keyText(holder), { ...holder, epochStartedAt: line.epochStartedAt });
      else this.refused.push({ ...holder, reason });
    }
  }

  /** Opens what is new and closes what is gone. Runs inside a transaction. */
  apply(tx: Connection, now: Instant): StaticChange {
    const lastAt = tx.allSql<{ at: number }>('SELECT at FROM binding_refresh')[0]?.at;
    const wanted = new Map(this.#wanted);
    const closed: StaticHolder[] = [];
    for (const row of tx.allSql<StaticRow>(`SELECT ${COLUMNS} FROM binding_static WHERE end_at IS NULL`)) {
      const holder = { realm: row.realm, prefix: prefixOfKey(row.ip, row.length), accessKey: row.access_key };
      if (wanted.delete(keyText(holder))) continue;
      close(tx, row, lastAt ?? now, now);
      closed.push(holder);
    }
    for (const holder of wanted.values()) {
      // Known not to be there at the last refresh: then nothing says that it held the prefix before this one.
      const isNewLine = lastAt === undefined || holder.epochStartedAt >= lastAt;
      open(tx, holder, isNewLine ? holder.epochStartedAt : now);
    }
    tx.runSql('INSERT INTO binding_refresh VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET at = excluded.at', [now]);
    return { opened: [...wanted.values()], closed, refused: this.refused };
  }
}

function open(tx: Connection, holder: StaticHolder, startAt: Instant): void {
  const { ip, length } = keyOf(holder.prefix);
  tx.runSql(
    `INSERT INTO binding_static (realm, ip, length, access_key, start_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET end_at = NULL, certain_end_at = NULL`,
    [holder.realm, ip, length, holder.accessKey, startAt],
  );
}

function close(tx: Connection, row: StaticRow, certainEndAt: Instant, now: Instant): void {
  tx.runSql(
    `UPDATE binding_static SET end_at = ?, certain_end_at = ?
     WHERE realm = ? AND ip = ? AND length = ? AND access_key = ? AND start_at = ?`,
    [now, Math.max(row.start_at, certainEndAt), row.realm, row.ip, row.length, row.access_key, row.start_at],
  );
}

function keyText(holder: StaticHolder): string {
  return `${holder.realm}\u0000${formatPrefix(holder.prefix)}\u0000${holder.accessKey}`;
}

/** Statics on any prefix that overlaps this one, closed ones too. */
export function staticsOver(
  read: Connection,
  lengths: ReadonlySet<number>,
  at: { readonly realm: string; readonly prefix: Prefix; readonly now: Instant },
): Binding[] {
  if (lengths.size === 0) return [];
  const own = keyOf(at.prefix);
  const rows: StaticRow[] = [];
  for (const length of lengths) {
    const key = length <= own.length ? containingKey(at.prefix, length) : undefined;
    if (key === undefined) continue;
    const sql = `SELECT ${COLUMNS} FROM binding_static WHERE realm = ? AND ip = ? AND length = ?`;
    rows.push(...read.allSql<StaticRow>(sql, [at.realm, key.ip, key.length]));
  }
  if (own.length < 128)
    rows.push(
      ...read.allSql<StaticRow>(
        `SELECT ${COLUMNS} FROM binding_static WHERE realm = ? AND ip >= ? AND ip <= ? AND length > ? LIMIT 512`,
        [at.realm, own.ip, lastOf(own), own.length],
      ),
    );
  return rows.map((row) => staticBinding(row, at.now));
}

export function staticsOf(read: Connection, accessKey: string, now: Instant): Binding[] {
  const sql = `SELECT ${COLUMNS} FROM binding_static WHERE access_key = ? AND end_at IS NULL`;
  return read.allSql<StaticRow>(sql, [accessKey]).map((row) => staticBinding(row, now));
}

export function staticLengths(read: Connection): Set<number> {
  return new Set(
    read.allSql<{ length: number }>('SELECT DISTINCT length FROM binding_static').map((row) => row.length),
  );
}

function staticBinding(row: StaticRow, now: Instant): Binding {
  const prefix = prefixOfKey(row.ip, row.length);
  return {
    id: `static\u0000${row.access_key}\u0000${formatPrefix(prefix)}\u0000${row.start_at}`,
    realm: row.realm,
    prefix,
    accessKey: row.access_key,
    source: 'static',
    startAt: row.start_at,
    certainEndAt: row.certain_end_at ?? Math.max(row.start_at, now),
    ...(row.end_at === null ? {} : { endAt: row.end_at, closedBy: 'superseded' as const }),
  };
}
