// Ten days of an ISP as the store would hold them, written in bulk: dual-stack lines, every third of which is given new addresses each
// night at three (two of its sessions meet in one day then), the others keep theirs. Four rows of claims per line and day for the
// one, two for the other. Same bytes for the same number; documentation and shared address ranges only.
import { hash } from 'node:crypto';
import { daySql } from '../../src/adapters/store/sqlite/bindings-schema.ts';
import type { Connection, Database } from '../../src/adapters/store/sqlite/database.ts';
import { putLine } from '../../src/adapters/store/sqlite/line-rows.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../src/core/kernel/time.ts';
import { sessionKey } from '../../src/core/line/claim.ts';
import type { Ip } from '../../src/core/net/ip.ts';

export const DAYS = 10;
/** Bindings per line over all days. */
const PER_LINE = DAYS * (2 * (2 / 3) + 4 * (1 / 3));
const RENEWAL_MS = 3 * HOUR;

export interface Holding {
  readonly line: number;
  readonly sessionId: string;
  readonly startAt: Instant;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  readonly stopAt?: Instant;
}

export class ManyBindings {
  readonly lines: number;
  readonly firstDay: number;
  readonly #renewing: number;

  /** Up to and with the day before `now`'s, about so many. */
  constructor(bindings: number, now: Instant) {
    this.lines = Math.floor(bindings / PER_LINE / 3) * 3;
    this.#renewing = this.lines / 3;
    this.firstDay = Math.floor(now / DAY) - DAYS;
  }

  accessKey(line: number): string {
    return `line-${line}@example.net`;
  }

  /** Who holds place `n` (of `lines`) on this day, in the order of time. The first third of the places is dealt out anew each night. */
  holdings(day: number, n: number): Holding[] {
    const begunAt = day * DAY;
    const jitterMs = (n % 240) * SECOND;
    const [firstAt, lastAt] = [begunAt + MINUTE + jitterMs, begunAt + DAY - 6 * MINUTE + jitterMs];
    if (n >= this.#renewing)
      return [{ line: n, sessionId: `s-${n}`, startAt: this.firstDay * DAY - 20 * DAY + jitterMs, firstAt, lastAt }];
    const startAt = begunAt + RENEWAL_MS + 5 * MINUTE + jitterMs;
    const stopAt = begunAt + RENEWAL_MS + jitterMs;
    const before = this.#holder(day - 1, n);
    return [
      { ...before, startAt: startAt - DAY, firstAt, lastAt: stopAt, stopAt },
      { ...this.#holder(day, n), startAt, firstAt: startAt, lastAt },
    ];
  }

  #holder(day: number, n: number) {
    const line = (n + (day - this.firstDay + 1) * 7919) % this.#renewing;
    return { line, sessionId: `s-${line}-${day}` };
  }

  /** IPv4: 100.64.0.0/10. */
  ipv4(n: number): Ip {
    return { family: 4, bytes: Uint8Array.of(100, 64 + (n >> 16), (n >> 8) & 255, n & 255) };
  }

  /** An address inside the delegated /56 of place `n`. */
  ipv6(n: number, last = 0): Ip {
    return {
      family: 6,
      bytes: Uint8Array.of(0x20, 1, 0x0d, 0xb8, n >> 16, (n >> 8) & 255, n & 255, 0, 0, 0, 0, 0, 0, 0, 0, last),
    };
  }

  /** Claims and stops, a day a transaction, in the order of their keys; the indexes after the rows. Returns how many claims. */
  fill(database: Database): number {
    let claims = 0;
    const realm = named(database, 'main');
    const nas = named(database, 'bng1');
    database.migrate((tx) => tx.exec('INSERT OR IGNORE INTO binding_length VALUES (128), (56)'));
    for (let day = this.firstDay; day < this.firstDay + DAYS; day++)
      database.migrate((tx) => {
        const [tables, indexes] = halves(daySql(day));
        for (const one of tables) tx.exec(one);
        claims += this.#fillDay(tx, day, { realm, nas });
        for (const one of indexes) tx.exec(one);
      });
    return claims;
  }

  #fillDay(tx: Connection, day: number, ids: { readonly realm: number; readonly nas: number }): number {
    const put = `INSERT INTO claim_d${day} (realm, ip, length, start, session, slot, several, nas, access_key, session_id,
      start_at, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`;
    const stops: { readonly session: Buffer; readonly one: Holding }[] = [];
    let rows = 0;
    for (const family of [4, 6] as const)
      for (let n = 0; n < this.lines; n++)
        for (const one of this.holdings(day, n)) {
          const ip = family === 4 ? mapped(this.ipv4(n).bytes) : this.ipv6(n).bytes;
          const accessKey = this.accessKey(one.line);
          const session = sessionHash(one.sessionId, accessKey);
          const place = [ids.realm, ip, family === 4 ? 128 : 56, Math.floor(one.startAt / MINUTE), session] as const;
          const slot = family === 4 ? 0 : 2;
          tx.runSql(put, [...place, slot, ids.nas, accessKey, one.sessionId, one.startAt, one.firstAt, one.lastAt]);
          if (family === 4 && one.stopAt !== undefined) stops.push({ session, one });
          rows++;
        }
    stops.sort((a, b) => a.session.compare(b.session));
    for (const { session, one } of stops)
      tx.runSql(`INSERT INTO stop_d${day} (session, start, start_at, first_at, last_at) VALUES (?, ?, ?, ?, ?)`, [
        session,
        Math.floor(one.startAt / MINUTE),
        one.startAt,
        one.stopAt!,
        one.stopAt!,
      ]);
    return rows;
  }

  /** One line for each access key. */
  fillLines(database: Database): void {
    for (let from = 0; from < this.lines; from += 50_000)
      database.migrate((tx) => {
        for (let n = from; n < Math.min(this.lines, from + 50_000); n++)
          putLine(tx, {
            id: `line-${String(n).padStart(8, '0')}`,
            epoch: 1,
            accessKey: this.accessKey(n),
            customerNo: `C-${n}`,
            class: 'home',
            protected: false,
            staticPrefixes: [],
            realm: 'main',
            contract: 'active',
            epochStartedAt: this.firstDay * DAY - 400 * DAY,
          });
      });
  }
}

function halves(sql: string): [tables: string[], indexes: string[]] {
  const parts = sql.split(';').filter((one) => one.trim() !== '');
  return [parts.filter((one) => !one.includes('CREATE INDEX')), parts.filter((one) => one.includes('CREATE INDEX'))];
}

function named(database: Database, name: string): number {
  let id = 0;
  database.migrate((tx) => {
    tx.runSql('INSERT OR IGNORE INTO binding_name (name) VALUES (?)', [name]);
    id = tx.allSql<{ id: number }>('SELECT id FROM binding_name WHERE name = ?', [name])[0]!.id;
  });
  return id;
}

function sessionHash(sessionId: string, accessKey: string): Buffer {
  const key = sessionKey({ nas: 'bng1', sessionId, accessKey } as Parameters<typeof sessionKey>[0]);
  return hash('sha256', key, 'buffer').subarray(0, 16);
}

function mapped(v4: Uint8Array): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4);
}
