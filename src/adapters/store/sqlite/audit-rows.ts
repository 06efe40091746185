// The audit log inside the store: entries, the tree over them and signed checkpoints, all written by the transaction
// that changes the state (invariant 9). The head row is the tree's whole memory: appending reads no old entry.
import type { AuditDraft, CaseChange, Json } from '../../../flow/ports.ts';
import { signCheckpoint } from '../../../protocols/tlog/checkpoint.ts';
import { entryBytes, type LogEntry } from '../../../protocols/tlog/entry.ts';
import { leafHash, MerkleFrontier } from '../../../protocols/tlog/merkle.ts';
import type { EventText } from './case-rows.ts';
import type { Connection } from './database.ts';
import { keyed, linePseudonym, type StoreKeys } from './keys.ts';
import { withoutPersonalData } from './personal-data.ts';

/** A checkpoint is signed at least every so many entries, inside the transaction that passes the mark. */
export const CHECKPOINT_EVERY = 1000;

export interface Head {
  readonly tree: MerkleFrontier;
  readonly lastHash: string;
  readonly pruned: MerkleFrontier;
  readonly prunedHash: string;
}

interface HeadRow {
  size: number;
  frontier: Uint8Array;
  last_hash: string;
  pruned_size: number;
  pruned_frontier: Uint8Array;
  pruned_hash: string;
}

const HEAD = 'SELECT size, frontier, last_hash, pruned_size, pruned_frontier, pruned_hash FROM audit_head';
const PUT_ENTRY = 'INSERT INTO audit (sequence, at, action, case_id, entry) VALUES (?, ?, ?, ?, ?)';
const LAST_OF_CASE = 'SELECT sequence FROM audit WHERE case_id = ? ORDER BY sequence DESC LIMIT 1';

export function readHead(connection: Connection): Head {
  const row = connection.allSql<HeadRow>(HEAD)[0];
  const tree = row && MerkleFrontier.from(row.size, row.frontier);
  const pruned = row && MerkleFrontier.from(row.pruned_size, row.pruned_frontier);
  if (tree === undefined || pruned === undefined) throw new Error('the head of the audit log is damaged');
  return { tree, lastHash: row!.last_hash, pruned, prunedHash: row!.pruned_hash };
}

/** An entry to be: a draft, and the case events it stands for. */
export interface Pending {
  readonly draft: AuditDraft;
  readonly events?: { readonly from: number; readonly to: number; readonly digest: string };
}

/** Appends in order; returns the sequence of the last entry. Signs a checkpoint when a thousand is full. */
export function appendAudit(tx: Connection, keys: StoreKeys, entries: readonly Pending[]): number {
  const head = readHead(tx);
  const before = head.tree.size;
  if (entries.length === 0) return before;
  let previousHash = head.lastHash;
  for (const pending of entries) {
    const entry = toEntry(tx, keys, { pending, sequence: head.tree.size + 1, previousHash });
    const bytes = entryBytes(entry);
    const { at, action, caseId } = pending.draft;
    tx.runSql(PUT_ENTRY, [entry.sequence, at, action, caseId ?? null, bytes.toString()]);
    const leaf = leafHash(bytes);
    head.tree.append(leaf);
    previousHash = leaf.toString('base64');
  }
  const { size } = head.tree;
  tx.runSql('UPDATE audit_head SET size = ?, frontier = ?, last_hash = ?', [size, head.tree.bytes(), previousHash]);
  if (Math.floor(size / CHECKPOINT_EVERY) > Math.floor(before / CHECKPOINT_EVERY))
    writeCheckpoint(tx, keys, entries.at(-1)!.draft.at);
  return size;
}

function toEntry(
  tx: Connection,
  keys: StoreKeys,
  place: { readonly pending: Pending; readonly sequence: number; readonly previousHash: string },
): LogEntry {
  const { draft, events } = place.pending;
  const previousInCase =
    draft.caseId === undefined ? undefined : tx.allSql<{ sequence: number }>(LAST_OF_CASE, [draft.caseId])[0]?.sequence;
  return {
    sequence: place.sequence,
    previousHash: place.previousHash,
    at: draft.at,
    actor: draft.actor.kind === 'staff' ? { ...draft.actor, name: draft.actor.name.toWellFormed() } : draft.actor,
    action: draft.action,
    caseId: draft.caseId,
    line: draft.line && linePseudonym(keys, draft.line.lineId, draft.line.epoch),
    policyVersion: draft.policyVersion,
    legalBasis: draft.legalBasis,
    previousInCase,
    events,
    detail: withoutPersonalData(tx, draft.line?.lineId, draft.detail),
  };
}

/** Keyed: the log tells nobody what the events say, and we can still tell whether they were touched. */
export function eventsDigest(keys: StoreKeys, caseId: string, rows: readonly EventText[]): string {
  const text = rows.map((row) => `${row.version}\n${row.at}\n${row.actor}\n${row.event}`).join('\n');
  return keyed(keys, 'case-events', `${caseId}\n${text}`);
}

/** No case changes without an entry: where the flow drafted none for a case, the events themselves make one. */
export function entriesOf(
  keys: StoreKeys,
  drafts: readonly AuditDraft[],
  cases: readonly { readonly change: CaseChange; readonly rows: readonly EventText[] }[],
): readonly Pending[] {
  const entries: Pending[] = drafts.map((draft) => ({ draft }));
  for (const { change, rows } of cases) {
    const { caseId } = change;
    const events = { from: rows[0]!.version, to: rows.at(-1)!.version, digest: eventsDigest(keys, caseId, rows) };
    const at = entries.findLastIndex((entry) => entry.draft.caseId === caseId && entry.events === undefined);
    if (at >= 0) entries[at] = { draft: entries[at]!.draft, events };
    else entries.push({ draft: draftOf(change), events });
  }
  return entries;
}

function draftOf({ caseId, events, folded }: CaseChange): AuditDraft {
  const last = events.at(-1)!;
  return {
    at: last.at,
    actor: last.actor,
    action: last.event.type,
    caseId,
    line: { lineId: folded.lineId, epoch: folded.epoch },
    policyVersion: folded.policyVersion,
    legalBasis: folded.legalBasis,
    detail: { events: events.map(({ event }) => event.type) as Json },
  };
}

export interface SignedHead {
  readonly size: number;
  readonly root: string;
  readonly note: string;
}

export function signHead(connection: Connection, keys: StoreKeys): SignedHead {
  const { tree } = readHead(connection);
  const root = tree.root();
  const note = signCheckpoint({ size: tree.size, root }, keys.note, keys.privateKey);
  return { size: tree.size, root: root.toString('hex'), note };
}

/** Keeps one note per size: signing twice over the same log changes nothing. */
export function writeCheckpoint(tx: Connection, keys: StoreKeys, at: number): SignedHead {
  const head = signHead(tx, keys);
  const keep = 'INSERT INTO checkpoint (size, at, note) VALUES (?, ?, ?) ON CONFLICT (size) DO NOTHING';
  tx.runSql(keep, [head.size, at, head.note]);
  return head;
}

export function auditOfCase(read: Connection, caseId: string): readonly Json[] {
  const rows = read.allSql<{ entry: string }>('SELECT entry FROM audit WHERE case_id = ? ORDER BY sequence', [caseId]);
  return rows.map((row) => JSON.parse(row.entry) as Json);
}
