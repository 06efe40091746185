// Tables of the bindings. Claims and stops live in one pair of tables per UTC day of the evidence, so that a day can be
// dropped in milliseconds and feeding stays flat; the small tables beside them are created by a migration.
import type { Migration } from './schema.ts';

const BINDINGS = `
CREATE TABLE binding_name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE binding_reset (nas INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (nas, at)) STRICT, WITHOUT ROWID;
CREATE TABLE binding_lag (
  nas INTEGER NOT NULL, day INTEGER NOT NULL, lag_ms INTEGER NOT NULL, PRIMARY KEY (nas, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE binding_length (length INTEGER PRIMARY KEY) STRICT;
CREATE TABLE binding_static (
  realm TEXT NOT NULL, ip BLOB NOT NULL, length INTEGER NOT NULL, access_key TEXT NOT NULL,
  start_at INTEGER NOT NULL, certain_end_at INTEGER, end_at INTEGER,
  PRIMARY KEY (realm, ip, length, access_key, start_at)
) STRICT, WITHOUT ROWID;
CREATE TABLE binding_refresh (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;
CREATE INDEX binding_static_key ON binding_static (access_key);
`;

export const BINDINGS_MIGRATIONS: readonly Migration[] = [
  { number: 2, name: 'bindings', sql: BINDINGS },
  {
    number: 5,
    name: 'clocks of NASes',
    sql: 'ALTER TABLE binding_lag ADD COLUMN widest_ms INTEGER NOT NULL DEFAULT 0;',
  },
];

/** ip: 16 octets, IPv4 mapped; length in those 128 bits. start: minute of the session's start, negative when unknown. */
export function daySql(day: number): string {
  return `
CREATE TABLE IF NOT EXISTS claim_d${day} (
  realm INTEGER NOT NULL, ip BLOB NOT NULL, length INTEGER NOT NULL, start INTEGER NOT NULL, session BLOB NOT NULL,
  slot INTEGER NOT NULL, several INTEGER NOT NULL, nas INTEGER NOT NULL, access_key TEXT NOT NULL, session_id TEXT NOT NULL,
  start_at INTEGER, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
  PRIMARY KEY (realm, ip, length, start, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claim_d${day}_session ON claim_d${day} (session);
CREATE INDEX IF NOT EXISTS claim_d${day}_key ON claim_d${day} (access_key);
CREATE TABLE IF NOT EXISTS stop_d${day} (
  session BLOB NOT NULL, start INTEGER NOT NULL, start_at INTEGER, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
  PRIMARY KEY (session, start)
) STRICT, WITHOUT ROWID;`;
}

export function dropDaySql(day: number): string {
  return `DROP TABLE IF EXISTS claim_d${day}; DROP TABLE IF EXISTS stop_d${day};`;
}
