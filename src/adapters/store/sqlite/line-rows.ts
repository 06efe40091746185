// Lines and the history of who was a customer on them (epochs). The only table that holds contact data.

import { parseKey } from '../../../core/garden/key.ts';
import type { Line, LineClass } from '../../../core/line/line.ts';
import { formatPrefix, parsePrefix } from '../../../core/net/prefix.ts';
import type { Connection } from './database.ts';
import { type LineRow, sql } from './tables.ts';

const COLUMNS = [
  'id',
  'epoch',
  'access_key',
  'customer_no',
  'class',
  'protected',
  'static_prefixes',
  'realm',
  'email',
  'phone',
  'language',
  'terms_version',
  'contract',
  'epoch_started_at',
] as const satisfies readonly (keyof LineRow)[];

const PUT_LINE = `INSERT INTO line (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${COLUMNS.slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}, ended_at = CASE excluded.contract WHEN 'active' THEN NULL ELSE line.ended_at END
  WHERE excluded.epoch >= line.epoch`;
/** Asked for every report: a text made once, not a query built each time. */
const BY_ACCESS_KEY = `SELECT ${COLUMNS.join(', ')} FROM line WHERE access_key = ? ORDER BY contract LIMIT 3`;
const PUT_EPOCH = `INSERT INTO line_epoch (line_id, epoch, started_at) VALUES (?, ?, ?)
  ON CONFLICT (line_id, epoch) DO NOTHING`;

/** Throws when the epoch would go back: that would hand one customer's cases to another. */
export function putLine(tx: Connection, line: Line): void {
  const changed = tx.runSql(PUT_LINE, [
    line.id,
    line.epoch,
    line.accessKey,
    line.customerNo,
    line.class,
    line.protected ? 1 : 0,
    line.staticPrefixes.map(formatPrefix).join(' '),
    line.realm,
    line.email ?? null,
    line.phone ?? null,
    line.language ?? null,
    line.termsVersion ?? null,
    line.contract,
    line.epochStartedAt,
  ]);
  if (changed === 0) throw new Error(`line ${line.id}: epoch ${line.epoch} is older than the one on record`);
  tx.runSql(PUT_EPOCH, [line.id, line.epoch, line.epochStartedAt]);
}

const select = () => sql.selectFrom('line').select(COLUMNS);

export function readLine(read: Connection, id: string): Line | undefined {
  const row = read.first(select().where('id', '=', id));
  return row && toLine(row);
}

/** The one active line with this key, else the one ended line. Two candidates are no answer (invariant 2). */
export function lineByAccessKey(read: Connection, accessKey: string): Line | undefined {
  const rows = read.allSql<LineRow>(BY_ACCESS_KEY, [accessKey]);
  if (rows.length === 1) return toLine(rows[0]!);
  const active = rows.filter((row) => row.contract === 'active');
  const candidates = active.length > 0 ? active : rows;
  return candidates.length === 1 ? toLine(candidates[0]!) : undefined;
}

export function linesBy(
  read: Connection,
  query: { readonly customerNo?: string; readonly phone?: string },
): readonly Line[] {
  if (query.customerNo === undefined && query.phone === undefined) return [];
  let rows = select().orderBy('id').limit(100);
  if (query.customerNo !== undefined) rows = rows.where('customer_no', '=', query.customerNo);
  if (query.phone !== undefined) rows = rows.where('phone', '=', query.phone);
  return read.all(rows).map(toLine);
}

export function linesAfter(read: Connection, id: string, limit: number): readonly Line[] {
  return read.all(select().where('id', '>', id).orderBy('id').limit(limit)).map(toLine);
}

/** Lines with a contract: what the breaker's share is a share of. */
export function lineCount(read: Connection): number {
  return read.allSql<{ n: number }>("SELECT count(*) AS n FROM line WHERE contract = 'active'")[0]!.n;
}

export function epochsOf(read: Connection, lineId: string): readonly { epoch: number; startedAt: number }[] {
  const rows = sql.selectFrom('line_epoch').select(['epoch', 'started_at as startedAt']).where('line_id', '=', lineId);
  return read.all(rows.orderBy('epoch'));
}

function toLine(row: LineRow): Line {
  return {
    id: row.id,
    epoch: row.epoch,
    accessKey: row.access_key,
    customerNo: row.customer_no,
    class: row.class as LineClass,
    protected: row.protected === 1,
    staticPrefixes: row.static_prefixes === '' ? [] : row.static_prefixes.split(' ').map(storedPrefix),
    realm: row.realm,
    ...(row.email === null ? {} : { email: row.email }),
    ...(row.phone === null ? {} : { phone: row.phone }),
    ...(row.language === null ? {} : { language: row.language }),
    ...(row.terms_version === null ? {} : { termsVersion: row.terms_version }),
    contract: row.contract as Line['contract'],
    epochStartedAt: row.epoch_started_at,
  };
}

/** Of an element that was put. */
export function storedKey(text: string) {
  const key = parseKey(text);
  if (key === undefined) throw new Error(`the store holds a bad element: ${text}`);
  return key;
}

export function storedPrefix(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`the store holds a bad prefix: ${text}`);
  return prefix;
}
