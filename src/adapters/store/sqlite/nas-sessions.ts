// The sessions of gateways that are spoken to per session (RADIUS): the newest word of each, by prefix and by access key.
// Who held an address when is the bindings' business; this only finds whom to name in a request to the NAS.
import { DAY, type Instant, MINUTE } from '../../../core/kernel/time.ts';
import { type AccountingRecord, isReset, type NamedPrefix, type SessionRecord } from '../../../core/line/accounting.ts';
import { type NasSession, type SessionFacts, serviceOf } from '../../../core/line/session.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../../core/net/prefix.ts';
import type { NasSessions } from '../../../flow/ports.ts';
import type { Connection, Database } from './database.ts';
import type { Migration } from './schema.ts';

const TABLES = `
CREATE TABLE nas_session (
  id INTEGER PRIMARY KEY, nas TEXT NOT NULL, session_id TEXT NOT NULL, access_key TEXT NOT NULL, realm TEXT NOT NULL,
  start_at INTEGER, last_at INTEGER NOT NULL, over_at INTEGER, state TEXT NOT NULL,
  UNIQUE (nas, session_id, access_key)
) STRICT;
CREATE INDEX nas_session_key ON nas_session (access_key, nas);
CREATE INDEX nas_session_over ON nas_session (over_at) WHERE over_at IS NOT NULL;
CREATE TABLE nas_session_prefix (
  prefix TEXT NOT NULL, session INTEGER NOT NULL, PRIMARY KEY (prefix, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX nas_session_prefix_session ON nas_session_prefix (session);
CREATE TABLE nas_session_reset (nas TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE telling (
  gateway TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (gateway, key)
) STRICT, WITHOUT ROWID;
`;
export const NAS_MIGRATION: Migration = { number: 4, name: 'sessions of RADIUS gateways', sql: TABLES };

/** An unchanged Interim is written again after this only: it costs a page, and nothing depends on it sooner. */
const FRESHEN_MS = 10 * MINUTE;
/** Starts nearer than this are one session (clocks are stepped, Acct-Session-Time is in seconds). */
const SAME_START_MS = 2 * MINUTE;
/** How long a session that is over still turns away late records of itself. */
const OVER_KEPT_MS = DAY;

interface Row {
  readonly id: number;
  readonly nas: string;
  readonly session_id: string;
  readonly access_key: string;
  readonly realm: string;
  readonly start_at: number | null;
  readonly last_at: number;
  readonly over_at: number | null;
  readonly state: string;
}

interface State {
  readonly facts: SessionFacts;
  readonly prefixes: readonly (readonly [NamedPrefix['slot'], string])[];
}

const COLUMNS = 'id, nas, session_id, access_key, realm, start_at, last_at, over_at, state';
/** Times are whole seconds on the wire: who began in the second of the reset began after it. */
const NOT_OVER = `over_at IS NULL AND coalesce(start_at, last_at) >=
  coalesce((SELECT at FROM nas_session_reset r WHERE r.nas = nas_session.nas), 0)`;

export class SqliteNasSessions implements NasSessions {
  readonly #database: Database;
  readonly #read: Connection;
  readonly #listeners: ((record: AccountingRecord) => void)[] = [];

  constructor(database: Database) {
    this.#database = database;
    this.#read = database.read;
  }

  onRecord(listener: (record: AccountingRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** Durable when it resolves; may be repeated. Records without facts are of gateways that nobody asks about. */
  async record(batch: readonly AccountingRecord[]): Promise<void> {
    const ours = batch.filter((one) => isReset(one) || one.facts !== undefined);
    const kept = ours.filter((one) => isReset(one) || serviceOf(one) === undefined);
    if (ours.length === 0) return;
    await this.#database.write((tx) => {
      for (const one of kept) isReset(one) ? putReset(tx, one) : putRecord(tx, one);
    });
    for (const one of ours) for (const listener of this.#listeners) listener(one);
  }

  holding(prefix: Prefix): NasSession | undefined {
    const rows = this.#read.allSql<Row>(
      `SELECT ${COLUMNS} FROM nas_session WHERE id IN (SELECT session FROM nas_session_prefix WHERE prefix = ?)
       AND ${NOT_OVER} ORDER BY last_at DESC, id DESC LIMIT 1`,
      [formatPrefix(prefix)],
    );
    return rows[0] === undefined ? undefined : sessionOf(rows[0]);
  }

  ofAccessKey(nas: string, accessKey: string): readonly NasSession[] {
    const rows = this.#read.allSql<Row>(
      `SELECT ${COLUMNS} FROM nas_session WHERE access_key = ? AND nas = ? AND ${NOT_OVER}
       ORDER BY last_at DESC, id DESC LIMIT 16`,
      [accessKey, nas],
    );
    return rows.map(sessionOf);
  }

  /** Deletes what is long over, by its Stop or with its NAS. Returns how many. */
  purge(now: Instant): Promise<number> {
    const before = now - OVER_KEPT_MS;
    const over = `over_at < ? OR coalesce(start_at, last_at) <
      (SELECT at FROM nas_session_reset r WHERE r.nas = nas_session.nas AND r.at < ?)`;
    return this.#database.write((tx) => {
      tx.runSql(`DELETE FROM nas_session_prefix WHERE session IN (SELECT id FROM nas_session WHERE ${over})`, [
        before,
        before,
      ]);
      return tx.runSql(`DELETE FROM nas_session WHERE ${over}`, [before, before]);
    });
  }
}

/** One row whatever the number of sessions: those that began before count as over from now on. */
function putReset(tx: Connection, { nas, eventAt }: { readonly nas: string; readonly eventAt: Instant }): void {
  tx.runSql(
    `INSERT INTO nas_session_reset (nas, at) VALUES (?, ?)
     ON CONFLICT (nas) DO UPDATE SET at = max(at, excluded.at)`,
    [nas, eventAt],
  );
}

function putRecord(tx: Connection, record: SessionRecord): void {
  const { nas, sessionId, accessKey, realm, eventAt } = record;
  const [row] = tx.allSql<Row>(
    `SELECT ${COLUMNS} FROM nas_session WHERE nas = ? AND session_id = ? AND access_key = ?`,
    [nas, sessionId, accessKey],
  );
  const isSame = row !== undefined && isOneSession(row, record);
  if (record.status === 'stop') {
    if (isSame) tx.runSql('UPDATE nas_session SET over_at = ? WHERE id = ?', [eventAt, row.id]);
    return;
  }
  if (row !== undefined && isOldNews(row, record, isSame)) return;
  const state = isSame ? merged(JSON.parse(row.state) as State, record) : stateOf(record);
  const text = JSON.stringify(state);
  const startAt = record.startAt ?? (isSame ? row.start_at : null);
  if (isSame && row.state === text && eventAt - row.last_at < FRESHEN_MS) return;
  tx.runSql(
    `INSERT INTO nas_session (nas, session_id, access_key, realm, start_at, last_at, over_at, state)
     VALUES (?, ?, ?, ?, ?, ?, NULL, ?) ON CONFLICT (nas, session_id, access_key) DO UPDATE SET
     start_at = excluded.start_at, last_at = excluded.last_at, over_at = NULL, state = excluded.state`,
    [nas, sessionId, accessKey, realm, startAt, eventAt, text],
  );
  const id =
    row?.id ??
    tx.allSql<{ id: number }>('SELECT id FROM nas_session WHERE nas = ? AND session_id = ? AND access_key = ?', [
      nas,
      sessionId,
      accessKey,
    ])[0]!.id;
  if (!isSame || row.state !== text || lacksPrefix(tx, id, state)) putPrefixes(tx, id, state, eventAt);
}

/** It came too late once to take one that was another's then. */
function lacksPrefix(tx: Connection, id: number, { prefixes }: State): boolean {
  const [held] = tx.allSql<{ count: number }>('SELECT count(*) AS count FROM nas_session_prefix WHERE session = ?', [
    id,
  ]);
  return held!.count < prefixes.length;
}

/** Who lost a prefix to this session (its Stop never came) does not keep a row for it; a late record takes nothing from who
 *  was heard of since. */
function putPrefixes(tx: Connection, id: number, { prefixes }: State, eventAt: Instant): void {
  tx.runSql('DELETE FROM nas_session_prefix WHERE session = ?', [id]);
  for (const [, prefix] of prefixes) {
    const [later] = tx.allSql<{ id: number }>(
      `SELECT id FROM nas_session WHERE id IN (SELECT session FROM nas_session_prefix WHERE prefix = ?)
       AND last_at > ? AND ${NOT_OVER} LIMIT 1`,
      [prefix, eventAt + SAME_START_MS],
    );
    if (later !== undefined) continue;
    tx.runSql('DELETE FROM nas_session_prefix WHERE prefix = ?', [prefix]);
    tx.runSql('INSERT INTO nas_session_prefix (prefix, session) VALUES (?, ?)', [prefix, id]);
  }
}

/** Acct-Session-Id may be used again (RFC 2866 §5.5): then its start tells the two apart. */
function isOneSession(row: Row, record: SessionRecord): boolean {
  if (row.start_at !== null && record.startAt !== undefined)
    return Math.abs(row.start_at - record.startAt) <= SAME_START_MS;
  return !(record.status === 'start' && row.over_at !== null && record.eventAt > row.over_at);
}

/** What came later in its time has been said already; and a session that is over says nothing more. */
function isOldNews(row: Row, { eventAt }: SessionRecord, isSame: boolean): boolean {
  return eventAt < row.last_at || (isSame && row.over_at !== null && eventAt <= row.over_at + SAME_START_MS);
}

function stateOf({ facts = {}, prefixes }: SessionRecord): State {
  return { facts, prefixes: prefixes.map(({ slot, prefix }) => [slot, formatPrefix(prefix)] as const) };
}

/** What a record does not name stays as it was; a slot that it names is replaced whole. */
function merged(before: State, record: SessionRecord): State {
  const now = stateOf(record);
  const named = new Set(now.prefixes.map(([slot]) => slot));
  return {
    facts: { ...before.facts, ...now.facts },
    prefixes: [...before.prefixes.filter(([slot]) => !named.has(slot)), ...now.prefixes],
  };
}

function sessionOf(row: Row): NasSession {
  const state = JSON.parse(row.state) as State;
  return {
    nas: row.nas,
    sessionId: row.session_id,
    accessKey: row.access_key,
    realm: row.realm,
    prefixes: state.prefixes.flatMap(([slot, text]) => {
      const prefix = parsePrefix(text);
      return prefix === undefined ? [] : [{ slot, prefix }];
    }),
    facts: state.facts,
    ...(row.start_at === null ? {} : { startAt: row.start_at }),
    lastAt: row.last_at,
  };
}
