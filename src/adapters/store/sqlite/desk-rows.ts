// What the ambiguity desk asks of the reports: which could not be attributed, and what else rested on the same bindings.
import type { DeskQuery } from '../../../flow/ports.ts';
import type { Connection } from './database.ts';

/** The literal list lets the partial index answer, however many reports there are. */
const UNRESOLVED = `attribution IN ('ambiguous', 'stale', 'none') AND state = 'decided'`;

export function unresolvedIds(
  read: Connection,
  query: DeskQuery,
): readonly { readonly id: string; readonly seq: number }[] {
  const where = [UNRESOLVED];
  const values: (string | number)[] = [];
  const and = (clause: string, value: string | number | undefined) => {
    if (value === undefined) return;
    where.push(clause);
    values.push(value);
  };
  and('attribution = ?', query.kind);
  and('attribution_reason = ?', query.reason);
  and('source = ?', query.source);
  and('observed_at >= ?', query.sinceAt);
  and('seq < ?', query.beforeSeq);
  return read.allSql(`SELECT id, seq FROM report WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT ?`, [
    ...values,
    query.limit,
  ]);
}

export function unresolvedCounts(
  read: Connection,
): readonly { readonly source: string; readonly kind: string; readonly reason: string; readonly count: number }[] {
  return read.allSql(
    `SELECT source, attribution AS kind, attribution_reason AS reason, count(*) AS count FROM report
     WHERE ${UNRESOLVED} GROUP BY source, attribution, attribution_reason ORDER BY count DESC LIMIT 500`,
  );
}

/** Pending again, what was decided of them forgotten. */
export function reopen(tx: Connection, ids: readonly string[]): void {
  for (const id of ids)
    tx.runSql(`UPDATE report SET state = 'pending' WHERE id = ? AND case_id IS NULL AND ${UNRESOLVED}`, [id]);
}

/** Every record of a session may round its beginning anew, with which its bindings end their ids: the session and place decide. */
const OF_BINDING = `SELECT id FROM report WHERE json_extract(outcome_evidence, '$.attribution.bindingId') >= ?
  AND json_extract(outcome_evidence, '$.attribution.bindingId') < ? AND line_id IS NOT NULL ORDER BY seq DESC LIMIT ?`;
const OF_STEP = `SELECT id FROM report WHERE json_extract(outcome_evidence, '$.attribution.via[0].id') = ?
  AND line_id IS NOT NULL ORDER BY seq DESC LIMIT ?`;

/** Ids of reports attributed by one of these bindings, or over one of these rules or translations. */
export function restingOn(
  read: Connection,
  on: { readonly bindings: readonly string[]; readonly steps: readonly string[] },
  limit: number,
): readonly string[] {
  const found = new Set<string>();
  const add = (query: string, values: readonly string[]) => {
    for (const { id } of read.allSql<{ id: string }>(query, [...values, limit])) if (found.size < limit) found.add(id);
  };
  for (const one of on.bindings) add(OF_BINDING, sameSession(one));
  for (const one of on.steps) add(OF_STEP, [one]);
  return [...found];
}

/** From and before which ids lie that differ in the beginning alone (core/line/intervals.ts). */
function sameSession(bindingId: string): readonly [string, string] {
  const [head] = /^.*\u0000(?=-?\d+(\u0000again)?$)/su.exec(bindingId) ?? [];
  return head === undefined ? [bindingId, `${bindingId}\u0000`] : [head, `${head.slice(0, -1)}\u0001`];
}
