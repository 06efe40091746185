// One line of log.jsonl: canonical JSON (canonical.ts), a newline, nothing else; the leaf hash covers the line without its
// newline. The store writes: sequence, previousHash, at (UTC ms), actor, action, caseId, line (keyed pseudonym),
// policyVersion, legalBasis, previousInCase (sequence), events {from, to, digest} (the case versions this entry records,
// with a keyed digest that only the store can check), detail. A verifier needs only sequence and previousHash.
import { type CanonicalValue, canonicalJson } from './canonical.ts';
import { HASH_BYTES, MerkleFrontier } from './merkle.ts';

/** Longest line written or accepted, octets without the newline. */
export const MAX_ENTRY_BYTES = 1 << 20;

/** What orders the log is `sequence`, never `at`: a clock may be set back. */
export interface LogEntry {
  /** 1-based: the size of the tree with this entry in it. */
  readonly sequence: number;
  /** Leaf hash of the entry before (base64), empty for the first: this is how the verifier names the first bad one. */
  readonly previousHash: string;
  readonly [field: string]: CanonicalValue | undefined;
}

export function entryBytes(entry: LogEntry): Buffer {
  const bytes = Buffer.from(canonicalJson(entry));
  if (bytes.length > MAX_ENTRY_BYTES) throw new Error(`audit entry ${entry.sequence} is too long`);
  return bytes;
}

/** The action of the entry that a pruned log must contain: it makes deleting old entries itself part of the record. */
export const PRUNED = 'audit-pruned';

/** First line of an export whose oldest entries are past their retention. */
export function prunedLine(frontier: MerkleFrontier, lastHash: string): string {
  return canonicalJson({ pruned: frontier.size, frontier: frontier.bytes().toString('base64'), lastHash });
}

export function parsePrunedLine(value: unknown): { frontier: MerkleFrontier; lastHash: string } | undefined {
  const { pruned, frontier, lastHash, ...more } = value as Record<string, unknown>;
  if (typeof pruned !== 'number' || pruned < 1 || typeof frontier !== 'string' || typeof lastHash !== 'string')
    return undefined;
  if (Object.keys(more).length > 0 || Buffer.from(lastHash, 'base64').length !== HASH_BYTES) return undefined;
  const parsed = MerkleFrontier.from(pruned, Buffer.from(frontier, 'base64'));
  // base64 has several texts for some values; only the one we write is accepted.
  if (parsed === undefined || parsed.bytes().toString('base64') !== frontier) return undefined;
  return { frontier: parsed, lastHash };
}
