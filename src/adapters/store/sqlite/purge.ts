// Deletes what is past its retention, in small transactions so that nobody waits. The log keeps its tree: deleted
// entries leave a frontier behind and an entry that says so. What is open or undecided is never past its retention.
import { DAY, type Instant } from '../../../core/kernel/time.ts';
import type { AuditDraft, Evidence, Json } from '../../../flow/ports.ts';
import { PRUNED } from '../../../protocols/tlog/entry.ts';
import { leafHash } from '../../../protocols/tlog/merkle.ts';
import { appendAudit, readHead } from './audit-rows.ts';
import type { Connection, Database } from './database.ts';
import type { StoreKeys } from './keys.ts';

export interface Retention {
  /** Raw feed files, refused rows, messages. */
  readonly rawMs: number;
  /** Decided reports and the list of feed files. */
  readonly reportsMs: number;
  /** Cases, counted from their close; contact data, counted from the end of the contract. */
  readonly casesMs: number;
  /** Pages that people consented to. */
  readonly pagesMs: number;
  /** Audit entries and checkpoints. */
  readonly auditMs: number;
}

/** design.md invariant 10 and reliability-security.md C-c. */
export const RETENTION: Retention = {
  rawMs: 30 * DAY,
  reportsMs: 180 * DAY,
  casesMs: 180 * DAY,
  pagesMs: 3 * 365 * DAY,
  auditMs: 3 * 365 * DAY,
};

const BATCH = 1000;

interface Rule {
  readonly kind: string;
  readonly statement: string;
  readonly keepMs: (retention: Retention) => number;
}

/** Each finds its rows by an index: a purge that deletes nothing must cost nothing. */
export const RULES: readonly Rule[] = [
  {
    kind: 'reports',
    statement:
      "DELETE FROM report WHERE seq IN (SELECT seq FROM report WHERE state = 'decided' AND accepted_at < ? LIMIT ?)",
    keepMs: (r) => r.reportsMs,
  },
  {
    kind: 'refusedRows',
    statement: `DELETE FROM refused_row WHERE evidence_hash IN
      (SELECT f.hash FROM evidence_file f WHERE f.received_at < ? AND EXISTS
        (SELECT 1 FROM refused_row r WHERE r.evidence_hash = f.hash) LIMIT ?)`,
    keepMs: (r) => r.rawMs,
  },
  {
    kind: 'evidenceFiles',
    statement: `DELETE FROM evidence_file WHERE hash IN
      (SELECT hash FROM evidence_file WHERE received_at < ? AND removed_at IS NOT NULL LIMIT ?)`,
    keepMs: (r) => r.reportsMs,
  },
  {
    kind: 'messages',
    statement: `DELETE FROM message WHERE id IN (SELECT id FROM message WHERE due_at < ? AND state <> 'waiting' LIMIT ?)`,
    keepMs: (r) => r.rawMs,
  },
  {
    kind: 'enforcement',
    statement: `DELETE FROM enforcement WHERE (line_id, gateway, prefix) IN (SELECT line_id, gateway, prefix FROM enforcement
      WHERE confirmed_at < ? AND access = 'open' LIMIT ?)`,
    keepMs: (r) => r.rawMs,
  },
  {
    kind: 'tokens',
    statement: 'DELETE FROM token_used WHERE id IN (SELECT id FROM token_used WHERE expires_at < ? LIMIT ?)',
    keepMs: () => 0,
  },
  {
    kind: 'pages',
    statement: 'DELETE FROM page WHERE hash IN (SELECT hash FROM page WHERE kept_at < ? LIMIT ?)',
    keepMs: (r) => r.pagesMs,
  },
  {
    kind: 'checkpoints',
    statement: 'DELETE FROM checkpoint WHERE size IN (SELECT size FROM checkpoint WHERE at < ? LIMIT ?)',
    keepMs: (r) => r.auditMs,
  },
];

/** Raw files that no table names are found by their age. */
export type RawFiles = Pick<Evidence, 'remove'> & { removeOlderThan(before: Instant): Promise<number> };

export interface PurgeContext {
  readonly keys: StoreKeys;
  readonly retention: Retention;
  readonly evidence?: RawFiles;
}

/** May be repeated and interrupted at any point. */
export async function purge(database: Database, now: Instant, context: PurgeContext): Promise<Record<string, number>> {
  const { keys, retention } = context;
  const counts: Record<string, number> = {};
  counts['rawFiles'] = await removeRawFiles(database, now, context);
  for (const { kind, statement, keepMs } of RULES)
    counts[kind] = await untilDone(database, (tx) => tx.runSql(statement, [now - keepMs(retention), BATCH]));
  counts['contacts'] = await forgetContacts(database, now, retention);
  counts['cases'] = await untilDone(database, (tx) => purgeCases(tx, keys, { now, before: now - retention.casesMs }));
  counts['auditEntries'] = await untilDone(database, (tx) =>
    pruneAudit(tx, keys, { now, before: now - retention.auditMs }),
  );
  return counts;
}

/** Contact data of a customer who left: the row stays, so that its line id and epochs are never handed out again. */
async function forgetContacts(database: Database, now: Instant, retention: Retention): Promise<number> {
  await untilDone(database, (tx) => tx.runSql(MARK_ENDED, [now, BATCH]));
  return untilDone(database, (tx) => tx.runSql(FORGET_CONTACTS, [now - retention.casesMs, BATCH]));
}
const ENDED = "contract = 'ended' AND customer_no <> ''";
const MARK_ENDED = `UPDATE line SET ended_at = ? WHERE id IN
  (SELECT id FROM line WHERE ${ENDED} AND ended_at IS NULL LIMIT ?)`;
const FORGET_CONTACTS = `UPDATE line SET customer_no = '', email = NULL, phone = NULL, language = NULL WHERE id IN
  (SELECT id FROM line WHERE ${ENDED} AND ended_at < ? LIMIT ?)`;

async function untilDone(database: Database, work: (tx: Connection) => number): Promise<number> {
  let sum = 0;
  for (;;) {
    const done = await database.write(work);
    if (done === 0) return sum;
    sum += done;
  }
}

/** The file goes first: after a crash in between it is simply removed again. */
async function removeRawFiles(database: Database, now: Instant, context: PurgeContext): Promise<number> {
  const { evidence } = context;
  if (evidence === undefined) return 0;
  const files = database.read.allSql<{ hash: string }>(
    'SELECT hash FROM evidence_file WHERE received_at < ? AND removed_at IS NULL',
    [now - context.retention.rawMs],
  );
  for (const { hash } of files) {
    await evidence.remove(hash);
    await database.write((tx) => tx.runSql('UPDATE evidence_file SET removed_at = ? WHERE hash = ?', [now, hash]));
  }
  return files.length + (await evidence.removeOlderThan(now - context.retention.rawMs));
}

interface Window {
  readonly now: Instant;
  readonly before: Instant;
}

const byTimer = (now: Instant, action: string, detail: Record<string, Json>): AuditDraft => {
  return { at: now, actor: { kind: 'timer' }, action, detail };
};

/** Named in the log, so that a case that vanished in another way is found missing. */
export const CASES_PURGED = 'cases-purged';

function purgeCases(tx: Connection, keys: StoreKeys, { now, before }: Window): number {
  const rows = tx.allSql<{ id: string }>('SELECT id FROM case_file WHERE open = 0 AND closed_at < ? LIMIT ?', [
    before,
    BATCH,
  ]);
  if (rows.length === 0) return 0;
  for (const { id } of rows) {
    tx.runSql('DELETE FROM case_event WHERE case_id = ?', [id]);
    tx.runSql('DELETE FROM case_file WHERE id = ?', [id]);
  }
  appendAudit(tx, keys, [{ draft: byTimer(now, CASES_PURGED, { cases: rows.map((row) => row.id) }) }]);
  return rows.length;
}

/** Only an unbroken run from the start can go: the tree needs the rest as it is. */
function pruneAudit(tx: Connection, keys: StoreKeys, { now, before }: Window): number {
  const { pruned, prunedHash } = readHead(tx);
  const rows = tx.allSql<{ sequence: number; at: number; entry: string }>(
    'SELECT sequence, at, entry FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?',
    [pruned.size, BATCH],
  );
  const end = rows.findIndex((row) => row.at >= before);
  const old = end < 0 ? rows : rows.slice(0, end);
  if (old.length === 0) return 0;
  let last = prunedHash;
  for (const row of old) {
    if (row.sequence !== pruned.size + 1)
      throw new Error(`audit entry ${pruned.size + 1} is missing: nothing is pruned`);
    const leaf = leafHash(Buffer.from(row.entry));
    pruned.append(leaf);
    last = leaf.toString('base64');
  }
  tx.runSql('DELETE FROM audit WHERE sequence <= ?', [pruned.size]);
  tx.runSql('UPDATE audit_head SET pruned_size = ?, pruned_frontier = ?, pruned_hash = ?', [
    pruned.size,
    pruned.bytes(),
    last,
  ]);
  appendAudit(tx, keys, [{ draft: byTimer(now, PRUNED, { size: pruned.size }) }]);
  return old.length;
}
