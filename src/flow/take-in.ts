// «Take in a file of a feed», however it reached us – by hand, fetched, mailed, posted: the original is kept, its format's
// reader opens it, rows are ingested and then decided; what cannot be read at all is parked with the reason. Repeatable.
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { FeedReader, FileFault, OpenedFeed } from '../core/report/feed.ts';
import type { RefusedRow, Report } from '../core/report/report.ts';
import type { FeedBook } from './feed-book.ts';
import { type IngestParts, type IngestResult, ingestKept, isRefused, parkKept } from './ingest.ts';

export interface ArrivedFile {
  /** Name of the configured feed. */
  readonly source: string;
  /** Base name as it was delivered; a reader may need it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What came in the same mail. */
  readonly beside?: readonly { readonly fileName: string; readonly bytes: Uint8Array }[];
}

export interface TakeInParts extends IngestParts {
  /** undefined = no feed of this name is configured: a fault of the caller, who asks before. */
  readonly readerOf: (source: string) => FeedReader | undefined;
  readonly familyOf: (name: string) => string | undefined;
  /** Called once everything accepted is durable. */
  readonly decide: () => Promise<unknown>;
  readonly book?: Pick<FeedBook, 'note'>;
}

export interface Taken extends IngestResult {
  readonly types: readonly string[];
  readonly remarks: OpenedFeed['remarks'];
  /** Reports of which a cell was cut to what we keep. */
  readonly truncated: number;
}

export interface Parked extends FileFault {
  readonly evidenceHash: string;
}

/** Durable when it resolves. Rejects when nothing may be acknowledged (a full disk); the same file again is safe. */
export async function takeIn(
  parts: TakeInParts,
  file: ArrivedFile,
  progress: (rows: number) => void = () => {},
): Promise<Result<Taken, Parked>> {
  const read = parts.readerOf(file.source);
  if (read === undefined) throw new Error(`no feed ${file.source} is configured`);
  const evidenceHash = await parts.evidence.keep(file.bytes);
  const opened = await read({
    source: file.source,
    fileName: file.name,
    bytes: [file.bytes],
    ...(file.beside === undefined ? {} : { beside: file.beside }),
    evidenceHash,
    receivedAt: parts.clock.now(),
    familyOf: parts.familyOf,
  });
  if (!opened.ok) {
    await parkKept(parts, file, evidenceHash, `${opened.error.code}: ${opened.error.text}`);
    await parts.book?.note(file, { parked: true });
    return err({ ...opened.error, evidenceHash });
  }
  const { types, remarks, items } = opened.value;
  const counted = { truncated: 0 };
  const result = await ingestKept(parts, { ...file, rows: () => counting(items, counted) }, evidenceHash, progress);
  await parts.book?.note(file, { parked: false, rows: result.total, refused: result.refusedTotal });
  await parts.decide();
  return ok({ ...result, types, remarks, truncated: counted.truncated });
}

async function* counting(
  items: AsyncIterable<Report | RefusedRow>,
  counted: { truncated: number },
): AsyncGenerator<Report | RefusedRow> {
  for await (const row of items) {
    if (!isRefused(row) && row.extra['engawa.notes']?.includes('truncated') === true) counted.truncated++;
    yield row;
  }
}
