// Finds what somebody changed by SQL behind our back: the log against its tree and its signed checkpoints, case events
// against the digests in the log, folded cases against their events. Reads one unmoving view, in turns.
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Case, RecordedEvent } from '../../../core/casefile/case.ts';
import { fold } from '../../../core/casefile/evolve.ts';
import type { TableFault } from '../../../flow/ports.ts';
import { openCheckpoint } from '../../../protocols/tlog/checkpoint.ts';
import type { LogEntry } from '../../../protocols/tlog/entry.ts';
import { leafHash } from '../../../protocols/tlog/merkle.ts';
import { eventsDigest, readHead } from './audit-rows.ts';
import { caseColumns, type EventText, recorded } from './case-rows.ts';
import type { Connection } from './database.ts';
import type { StoreKeys } from './keys.ts';
import { CASES_PURGED } from './purge.ts';
import type { CaseRow } from './tables.ts';

const MOST_FAULTS = 100;
const ROWS_PER_TURN = 500;

/** Empty = everything agrees. At most 100 faults are named. */
export async function checkTables(view: Connection, keys: StoreKeys): Promise<readonly TableFault[]> {
  const check = new TableCheck(view, keys);
  await check.audit();
  await check.cases();
  return check.faults.slice(0, MOST_FAULTS);
}

class TableCheck {
  readonly faults: TableFault[] = [];
  readonly #view: Connection;
  readonly #keys: StoreKeys;
  /** What the log says of each case: up to which version its events are accounted for. */
  readonly #versions = new Map<string, number>();
  readonly #purged = new Set<string>();

  constructor(view: Connection, keys: StoreKeys) {
    this.#view = view;
    this.#keys = keys;
  }

  async audit(): Promise<void> {
    const head = readHead(this.#view);
    const tree = head.pruned;
    const prunedSize = tree.size;
    const notes = new Map(
      this.#view
        .allSql<{ size: number; note: string }>('SELECT size, note FROM checkpoint ORDER BY size')
        .map((row) => [row.size, row.note]),
    );
    this.#compareCheckpoint(notes.get(0), { size: 0, root: tree.size === 0 ? tree.root() : undefined });
    for await (const row of this.#rows(prunedSize)) {
      if (row.sequence !== tree.size + 1) {
        this.faults.push({ table: 'audit', sequence: tree.size + 1, text: 'entry missing' });
        return;
      }
      tree.append(leafHash(Buffer.from(row.entry)));
      this.#note(JSON.parse(row.entry) as LogEntry, prunedSize > 0);
      this.#compareCheckpoint(notes.get(tree.size), { size: tree.size, root: tree.root() });
    }
    if (tree.size !== head.tree.size || !tree.root().equals(head.tree.root()))
      this.faults.push({ table: 'audit', sequence: tree.size, text: 'the entries are not those of the recorded tree' });
    const newest = Math.max(0, ...notes.keys());
    if (newest > tree.size)
      this.faults.push({ table: 'audit', sequence: tree.size + 1, text: `a checkpoint signs ${newest} entries` });
  }

  async *#rows(after: number): AsyncGenerator<{ sequence: number; entry: string }> {
    for (let from = after; ; ) {
      const rows = this.#view.allSql<{ sequence: number; entry: string }>(
        'SELECT sequence, entry FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?',
        [from, ROWS_PER_TURN],
      );
      if (rows.length === 0) return;
      yield* rows;
      from = rows.at(-1)!.sequence;
      await turn();
    }
  }

  #compareCheckpoint(note: string | undefined, tree: { size: number; root: Buffer | undefined }): void {
    if (note === undefined || tree.root === undefined) return;
    const opened = openCheckpoint(note, this.#keys.note);
    if (!opened.ok || opened.value.size !== tree.size || !opened.value.root.equals(tree.root))
      this.faults.push({ table: 'checkpoint', sequence: tree.size, text: 'the log is not what was signed' });
  }

  /** Each run of events the log names must be in the table, unchanged, right after the run before it. */
  #note(entry: LogEntry, pruned: boolean): void {
    if (entry['action'] === CASES_PURGED)
      for (const id of (entry['detail'] as { cases: string[] }).cases) this.#purged.add(id);
    const caseId = entry['caseId'] as string | undefined;
    const events = entry['events'] as { from: number; to: number; digest: string } | undefined;
    if (caseId === undefined || events === undefined) return;
    const before = this.#versions.get(caseId);
    if (before === undefined ? events.from !== 1 && !pruned : events.from !== before + 1)
      this.faults.push({ table: 'audit', caseId, sequence: entry.sequence, text: 'events are out of order' });
    this.#versions.set(caseId, events.to);
    const rows = this.#events(caseId, events.from, events.to);
    if (rows.length > 0 && eventsDigest(this.#keys, caseId, rows) !== events.digest)
      this.faults.push({
        table: 'case_event',
        caseId,
        sequence: entry.sequence,
        text: 'events are not those recorded',
      });
  }

  #events(caseId: string, from: number, to: number): readonly EventText[] {
    return this.#view.allSql<EventText>(
      'SELECT version, at, actor, event FROM case_event WHERE case_id = ? AND version BETWEEN ? AND ? ORDER BY version',
      [caseId, from, to],
    );
  }

  async cases(): Promise<void> {
    const seen = new Set<string>();
    for (let after = ''; ; ) {
      const rows = this.#view.allSql<CaseRow>(
        `SELECT id, version, line_id, epoch, family, check_code, state, open, access, opened_at, closed_at, folded
         FROM case_file WHERE id > ? ORDER BY id LIMIT ?`,
        [after, ROWS_PER_TURN],
      );
      if (rows.length === 0) break;
      for (const row of rows) this.#case(row);
      for (const row of rows) seen.add(row.id);
      after = rows.at(-1)!.id;
      await turn();
    }
    for (const caseId of this.#versions.keys())
      if (!seen.has(caseId) && !this.#purged.has(caseId))
        this.faults.push({ table: 'case_file', caseId, text: 'the log knows a case that is gone' });
    for (const { case_id: caseId } of this.#view.allSql<{ case_id: string }>('SELECT DISTINCT case_id FROM case_event'))
      if (!seen.has(caseId)) this.faults.push({ table: 'case_event', caseId, text: 'events without a case' });
  }

  #case(row: CaseRow): void {
    const fault = (text: string) => this.faults.push({ table: 'case_file', caseId: row.id, text });
    const events = this.#events(row.id, 0, Number.MAX_SAFE_INTEGER).map((event) => recorded(row.id, event));
    if (events.length !== row.version || events.at(-1)?.version !== row.version)
      return void fault(`version ${row.version} with ${events.length} events`);
    const logged = this.#versions.get(row.id);
    if (logged !== row.version) return void fault(`version ${row.version}, but the log knows ${logged ?? 'none'}`);
    const folded = JSON.parse(row.folded) as Case;
    const columns = [row.id, row.version, row.line_id, row.epoch, row.family, row.check_code, row.state, row.open];
    columns.push(row.access, row.opened_at, row.closed_at as number, row.folded);
    if (!isDeepStrictEqual(columns, caseColumns(folded))) return void fault('columns differ from the folded case');
    if (!isDeepStrictEqual(folded, refold(events))) fault('the folded case is not the fold of its events');
  }
}

/** As it would have been stored; undefined for a stream that no case begins with. */
function refold(events: readonly RecordedEvent[]): unknown {
  try {
    return JSON.parse(JSON.stringify(fold(events)));
  } catch {
    return undefined;
  }
}
