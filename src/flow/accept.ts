// A delivery of the reports API: ingest it, then look at every row the store knew already – the same id with other content
// is refused as `id-content-differs`, both digests go on record, nothing acts. Safe to repeat and to run in parallel.
import { CONTENT_KEY, isSameContent } from '../core/report/content.ts';
import type { RefusedRow, Report } from '../core/report/report.ts';
import { type IngestParts, ingest } from './ingest.ts';
import type { AuditDraft, Store } from './ports.ts';

export interface AcceptInput {
  readonly source: string;
  /** Name of the evidence file. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reports: readonly Report[];
  readonly refused: readonly RefusedRow[];
}

export interface AcceptOutcome {
  readonly accepted: number;
  readonly duplicates: number;
  /** All refused rows: those handed in and those that contradict a known report. */
  readonly refused: readonly RefusedRow[];
}

export type AcceptParts = IngestParts & { readonly store: Pick<Store, 'acceptReports' | 'report' | 'commit'> };

/** Resolves only when everything accepted is durable; rejects when nothing of it may be acknowledged. */
export async function acceptDelivery(parts: AcceptParts, input: AcceptInput): Promise<AcceptOutcome> {
  const result = await ingest(parts, {
    source: input.source,
    name: input.name,
    bytes: input.bytes,
    rows: async function* () {
      yield* input.reports;
      yield* input.refused;
    },
  });
  const refused = await refuseContradictions(parts, input.reports, new Set(result.accepted));
  return {
    accepted: result.accepted.length,
    duplicates: result.duplicates - refused.length,
    refused: [...input.refused, ...refused].sort((a, b) => a.line - b.line),
  };
}

/** Rows whose id the store knows with other content: both digests go on record (F02). */
export async function refuseContradictions(
  parts: Pick<AcceptParts, 'clock' | 'store'>,
  reports: readonly Report[],
  accepted: ReadonlySet<string>,
): Promise<readonly RefusedRow[]> {
  const contradictions = await contradicted(parts, reports, accepted);
  if (contradictions.length > 0) await parts.store.commit({ audit: contradictions.map((one) => auditOf(parts, one)) });
  return contradictions.map(({ fresh }) => ({
    line: fresh.evidence.line,
    code: 'id-content-differs',
    text: 'this id was used before with other content',
  }));
}

interface Contradiction {
  readonly known: Report;
  readonly fresh: Report;
}

/** Looked up after the store has answered: of two that race, one is stored by then, and reports never change. */
async function contradicted(
  parts: Pick<AcceptParts, 'store'>,
  reports: readonly Report[],
  accepted: ReadonlySet<string>,
): Promise<readonly Contradiction[]> {
  const found: Contradiction[] = [];
  const seen = new Set<string>();
  for (const fresh of reports) {
    // The first row of an accepted id is what the store holds now; a second one in the same delivery may contradict it.
    const isStored = accepted.has(fresh.id) && !seen.has(fresh.id);
    seen.add(fresh.id);
    if (isStored) continue;
    const known = (await parts.store.report(fresh.id))?.report;
    if (known !== undefined && !isSameContent(known, fresh)) found.push({ known, fresh });
  }
  return found;
}

function auditOf(parts: Pick<AcceptParts, 'clock'>, { known, fresh }: Contradiction): AuditDraft {
  return {
    at: parts.clock.now(),
    actor: { kind: 'policy' },
    action: 'report-id-contradicted',
    detail: {
      report: known.id,
      source: known.source,
      known: known.extra[CONTENT_KEY] ?? null,
      offered: fresh.extra[CONTENT_KEY] ?? null,
      evidence: fresh.evidence.hash,
    },
  };
}
