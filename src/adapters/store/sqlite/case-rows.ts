// Cases and their events: appended with the expected version, folded beside them for look-ups.

import { sql as kysely } from 'kysely';
import type { Case, CaseEvent, RecordedEvent } from '../../../core/casefile/case.ts';
import { type Access, strictest } from '../../../core/garden/access.ts';
import type { CaseChange, CaseQuery, CommitError } from '../../../flow/ports.ts';
import type { Connection } from './database.ts';
import { sql } from './tables.ts';

/** Undoes the whole change and becomes its answer. */
export class Refusal extends Error {
  readonly answer: CommitError;
  constructor(answer: CommitError) {
    super(answer.kind);
    this.answer = answer;
  }
}

const PUT_CASE = `INSERT INTO case_file (id, version, line_id, epoch, family, check_code, state, open, access, opened_at,
  closed_at, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version,
  line_id = excluded.line_id, epoch = excluded.epoch, family = excluded.family, check_code = excluded.check_code,
  state = excluded.state, open = excluded.open, access = excluded.access, opened_at = excluded.opened_at,
  closed_at = excluded.closed_at, folded = excluded.folded`;
const KNOWN = `SELECT version, line_id, epoch, family, check_code, state, access, opened_at, closed_at
  FROM case_file WHERE id = ?`;
const REFOLD = 'UPDATE case_file SET version = ?, folded = ? WHERE id = ?';
const PUT_EVENT = 'INSERT INTO case_event (case_id, version, at, actor, event) VALUES (?, ?, ?, ?, ?)';
const RIVAL = `SELECT id FROM case_file WHERE id <> ? AND (check_code = ? OR
  (? = 1 AND open = 1 AND line_id = ? AND epoch = ? AND family = ?)) LIMIT 1`;

// Asked for every report: texts made once, not queries built each time.
const BY_ID = 'SELECT folded FROM case_file WHERE id = ?';
const ofLine = (more: string) =>
  `SELECT folded FROM case_file WHERE line_id = ? AND epoch = ?${more} ORDER BY opened_at DESC, id DESC`;
const [OF_LINE, OPEN_OF_LINE] = [ofLine(''), ofLine(' AND open = 1')];

export interface EventText {
  readonly version: number;
  readonly at: number;
  readonly actor: string;
  readonly event: string;
}

/** Returns the rows as they were written: the audit entry carries a digest of exactly these. */
export function putCase(tx: Connection, change: CaseChange): readonly EventText[] {
  const { caseId, expectedVersion, folded, events } = change;
  const known = tx.allSql<KnownCase>(KNOWN, [caseId])[0];
  if ((known?.version ?? 0) !== expectedVersion) throw new Refusal({ kind: 'conflict', caseId });
  if (folded.id !== caseId || folded.version !== expectedVersion + events.length || events.length === 0)
    throw new Error(`case ${caseId}: the fold is not that of the events appended to version ${expectedVersion}`);
  // Most events leave what others look a case up by as it was: then no rival can be new and no index moves.
  const isSamePlace = known !== undefined && isSame(known, folded);
  const open = folded.state === 'closed' ? 0 : 1;
  const place = [caseId, folded.checkCode, open, folded.lineId, folded.epoch, folded.family];
  if (!isSamePlace && tx.allSql(RIVAL, place).length > 0) throw new Refusal({ kind: 'conflict', caseId });
  const rows = events.map(({ at, actor, event }, i) => {
    const row = { version: expectedVersion + i + 1, at, actor: JSON.stringify(actor), event: JSON.stringify(event) };
    tx.runSql(PUT_EVENT, [caseId, row.version, row.at, row.actor, row.event]);
    return row;
  });
  if (isSamePlace) tx.runSql(REFOLD, [folded.version, JSON.stringify(folded), caseId]);
  else tx.runSql(PUT_CASE, caseColumns(folded));
  return rows;
}

interface KnownCase {
  readonly version: number;
  readonly line_id: string;
  readonly epoch: number;
  readonly family: string;
  readonly check_code: string;
  readonly state: string;
  readonly access: string;
  readonly opened_at: number;
  readonly closed_at: number | null;
}

/** In everything that PUT_CASE writes beside the version and the fold; `open` follows from the state. */
function isSame(known: KnownCase, folded: Case): boolean {
  return (
    known.line_id === folded.lineId &&
    known.epoch === folded.epoch &&
    known.family === folded.family &&
    known.check_code === folded.checkCode &&
    known.state === folded.state &&
    known.access === folded.access &&
    known.opened_at === folded.openedAt &&
    known.closed_at === (folded.closedAt ?? null)
  );
}

export function caseColumns(folded: Case) {
  return [
    folded.id,
    folded.version,
    folded.lineId,
    folded.epoch,
    folded.family,
    folded.checkCode,
    folded.state,
    folded.state === 'closed' ? 0 : 1,
    folded.access,
    folded.openedAt,
    folded.closedAt ?? null,
    JSON.stringify(folded),
  ];
}

const fromFolded = (row: { folded: string }) => JSON.parse(row.folded) as Case;

export function readCase(read: Connection, id: string): Case | undefined {
  const row = read.allSql<{ folded: string }>(BY_ID, [id])[0];
  return row && fromFolded(row);
}

export function readEvents(read: Connection, caseId: string): readonly RecordedEvent[] {
  const query = sql.selectFrom('case_event').select(['version', 'at', 'actor', 'event']).where('case_id', '=', caseId);
  return read.all(query.orderBy('version')).map((row) => recorded(caseId, row));
}

export function recorded(caseId: string, row: EventText): RecordedEvent {
  const [actor, event] = [JSON.parse(row.actor) as RecordedEvent['actor'], JSON.parse(row.event) as CaseEvent];
  return { caseId, version: row.version, at: row.at, actor, event };
}

const TURN = kysely<string>`json_extract(folded, '$.turn')`;
const COUNTS = `SELECT state, json_extract(folded, '$.turn') AS turn, count(*) AS cases FROM case_file
  WHERE open = 1 GROUP BY state, turn`;

export function openCaseCounts(read: Connection): {
  readonly states: Readonly<Record<string, number>>;
  readonly waitForSupport: number;
} {
  const rows = read.allSql<{ state: string; turn: string; cases: number }>(COUNTS);
  const states: Record<string, number> = {};
  for (const { state, cases } of rows) states[state] = (states[state] ?? 0) + cases;
  return { states, waitForSupport: rows.reduce((sum, row) => sum + (row.turn === 'support' ? row.cases : 0), 0) };
}

/** In the order of their ids (time-ordered), so that `afterId` pages through them. */
export function findCases(read: Connection, query: CaseQuery): readonly Case[] {
  let rows = sql
    .selectFrom('case_file')
    .select('folded')
    .orderBy('id', query.newestFirst === true ? 'desc' : 'asc')
    .limit(query.limit ?? 100);
  if (query.lineId !== undefined) rows = rows.where('line_id', '=', query.lineId);
  if (query.epoch !== undefined) rows = rows.where('epoch', '=', query.epoch);
  if (query.checkCode !== undefined) rows = rows.where('check_code', '=', query.checkCode);
  if (query.open !== undefined) rows = rows.where('open', '=', query.open ? 1 : 0);
  if (query.state !== undefined) rows = rows.where('state', '=', query.state);
  if (query.turn !== undefined) rows = rows.where(TURN, '=', query.turn);
  if (query.afterId !== undefined) rows = rows.where('id', '>', query.afterId);
  return read.all(rows).map(fromFolded);
}

export function casesOfLine(read: Connection, line: { lineId: string; epoch: number }, open: boolean): readonly Case[] {
  return read.allSql<{ folded: string }>(open ? OPEN_OF_LINE : OF_LINE, [line.lineId, line.epoch]).map(fromFolded);
}

export interface WantedLine {
  readonly lineId: string;
  readonly epoch: number;
  readonly access: Access;
  readonly families: readonly string[];
}

/** Answered from the partial index case_wanted alone: closed cases are never looked at. */
export const WANTED = `SELECT line_id, epoch, access, family FROM case_file INDEXED BY case_wanted
  WHERE open = 1 AND access <> 'open' ORDER BY line_id, epoch`;

export function wantedLines(read: Connection): readonly WantedLine[] {
  const lines: { lineId: string; epoch: number; access: Access; families: string[] }[] = [];
  for (const row of read.allSql<{ line_id: string; epoch: number; access: Access; family: string }>(WANTED)) {
    const last = lines.at(-1);
    if (last !== undefined && last.lineId === row.line_id && last.epoch === row.epoch) {
      last.access = strictest([last.access, row.access]);
      last.families.push(row.family);
    } else lines.push({ lineId: row.line_id, epoch: row.epoch, access: row.access, families: [row.family] });
  }
  return lines;
}
