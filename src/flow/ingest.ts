// Step 1: the original is kept and hashed first, then every row becomes a report or a refusal with its place. Durable
// when it resolves; the same delivery again changes nothing. Deciding comes after, from what is stored.
import type { RefusedRow, Report } from '../core/report/report.ts';
import type { Clock, Evidence, EvidenceFile, Store } from './ports.ts';

export interface IngestParts {
  readonly store: Pick<Store, 'acceptReports'>;
  readonly evidence: Pick<Evidence, 'keep'>;
  readonly clock: Clock;
}

export interface Delivery {
  readonly source: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Called with the hash of the original, so that each report can point to its line of evidence. */
  rows(evidenceHash: string): AsyncIterable<Report | RefusedRow>;
}

export interface IngestResult {
  readonly evidenceHash: string;
  readonly total: number;
  readonly accepted: readonly string[];
  readonly duplicates: number;
  readonly refusedTotal: number;
  /** The first REFUSED_SHOWN of them; all are in the store. */
  readonly refused: readonly RefusedRow[];
}

const BATCH_ROWS = 2000;
export const REFUSED_SHOWN = 1000;

export function isRefused(row: Report | RefusedRow): row is RefusedRow {
  return 'code' in row;
}

export async function ingest(
  parts: IngestParts,
  delivery: Delivery,
  progress: (rows: number) => void = () => {},
): Promise<IngestResult> {
  return ingestKept(parts, delivery, await parts.evidence.keep(delivery.bytes), progress);
}

/** The same with an original that is kept already. */
export async function ingestKept(
  parts: Omit<IngestParts, 'evidence'>,
  delivery: Delivery,
  evidenceHash: string,
  progress: (rows: number) => void = () => {},
): Promise<IngestResult> {
  const file = evidenceFile(parts, delivery, evidenceHash);
  const accepted: string[] = [];
  const refused: RefusedRow[] = [];
  let [duplicates, refusedTotal, total] = [0, 0, 0];
  let batch: { reports: Report[]; refused: RefusedRow[] } = { reports: [], refused: [] };
  const flush = async () => {
    const answer = await parts.store.acceptReports(file, batch.reports, batch.refused);
    for (const id of answer.accepted) accepted.push(id);
    duplicates += answer.duplicates;
    batch = { reports: [], refused: [] };
    progress(total);
  };
  for await (const row of delivery.rows(evidenceHash)) {
    total++;
    if (isRefused(row)) {
      refusedTotal++;
      if (refused.length < REFUSED_SHOWN) refused.push(row);
      batch.refused.push(row);
    } else batch.reports.push(row);
    if (batch.reports.length + batch.refused.length >= BATCH_ROWS) await flush();
  }
  await flush();
  return { evidenceHash, total, accepted, duplicates, refusedTotal, refused };
}

/** A file that cannot be read as its type is kept, marked parked with the reason, and can be replayed. */
export async function park(parts: IngestParts, delivery: Omit<Delivery, 'rows'>, reason: string): Promise<string> {
  const hash = await parts.evidence.keep(delivery.bytes);
  await parkKept(parts, delivery, hash, reason);
  return hash;
}

export async function parkKept(
  parts: Omit<IngestParts, 'evidence'>,
  delivery: Omit<Delivery, 'rows'>,
  hash: string,
  reason: string,
): Promise<void> {
  const file = { ...evidenceFile(parts, delivery, hash), state: 'parked' as const, reason: reason.slice(0, 500) };
  await parts.store.acceptReports(file, [], []);
}

function evidenceFile(parts: Pick<IngestParts, 'clock'>, delivery: Omit<Delivery, 'rows'>, hash: string): EvidenceFile {
  return {
    hash,
    source: delivery.source,
    name: delivery.name.slice(0, 255),
    receivedAt: parts.clock.now(),
    bytes: delivery.bytes.length,
    state: 'accepted',
  };
}
