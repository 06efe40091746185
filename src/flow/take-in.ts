// «Take in a file of a feed», however it reached us – by hand, fetched, mailed, posted: the original is kept, an archive is
// unpacked, the format's reader opens it, rows are ingested and then decided; what cannot be read at all is parked with the
// reason. Repeatable.
import { err, ok, type Result } from '../core/kernel/result.ts';
import { CONTENT_KEY } from '../core/report/content.ts';
import type { FeedReader, FileFault, OpenedFeed } from '../core/report/feed.ts';
import type { RefusedRow, Report } from '../core/report/report.ts';
import { type AcceptParts, refuseContradictions } from './accept.ts';
import type { FeedBook } from './feed-book.ts';
import { type IngestParts, type IngestResult, ingestKept, isRefused, parkKept, REFUSED_SHOWN } from './ingest.ts';
import type { Unpacker } from './ports.ts';

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
  readonly store: AcceptParts['store'];
  /** undefined = no feed of this name is configured: a fault of the caller, who asks before. */
  readonly readerOf: (source: string) => FeedReader | undefined;
  readonly familyOf: (name: string) => string | undefined;
  readonly unpacker: Pick<Unpacker, 'zip'>;
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
  const taken = isArchive(file)
    ? await takeEntries(parts, read, file, progress)
    : await takeRows(parts, read, file, progress);
  // Of an archive some may have come in although another was parked.
  if (taken.ok || isArchive(file)) await parts.decide();
  return taken;
}

/** APPNOTE 4.3.7 and, for an empty one, 4.3.16. */
export function isArchive({ name, bytes }: Pick<ArrivedFile, 'name' | 'bytes'>): boolean {
  const [first, second, third, fourth] = bytes;
  const isMarked = first === 0x50 && second === 0x4b && third! + 1 === fourth && (third === 3 || third === 5);
  return isMarked || /\.zip$/i.test(name);
}

/** Rows point to the entry they stand in, so each is evidence of its own; the archive as it came is kept beside them. */
async function takeEntries(
  parts: TakeInParts,
  read: FeedReader,
  file: ArrivedFile,
  progress: (rows: number) => void,
): Promise<Result<Taken, Parked>> {
  const evidenceHash = await parts.evidence.keep(file.bytes);
  const unpacked = await parts.unpacker.zip(file.bytes, 'file');
  if (!unpacked.ok) return parkWhole(parts, file, evidenceHash, unpacked.error);
  if (unpacked.value.length === 0)
    return parkWhole(parts, file, evidenceHash, { code: 'zip-empty', text: 'an archive without files' });
  await ingestKept(parts, { ...file, rows: noRows }, evidenceHash);
  const results: Result<Taken, Parked>[] = [];
  for (const { name, bytes } of unpacked.value) {
    const before = results.reduce((sum, one) => sum + (one.ok ? one.value.total : 0), 0);
    const entry = { ...file, name: name === '' ? file.name.replace(/\.zip$/i, '') : name, bytes };
    results.push(await takeRows(parts, read, entry, (rows) => progress(before + rows)));
  }
  return (
    results.find((one) => !one.ok) ??
    ok(
      sumOf(
        results.flatMap((one) => (one.ok ? [one.value] : [])),
        evidenceHash,
      ),
    )
  );
}

async function* noRows(): AsyncGenerator<never> {}

function sumOf(taken: readonly Taken[], evidenceHash: string): Taken {
  const count = (of: (one: Taken) => number) => taken.reduce((sum, one) => sum + of(one), 0);
  return {
    evidenceHash,
    types: [...new Set(taken.flatMap(({ types }) => types))],
    remarks: taken.flatMap(({ remarks }) => remarks),
    accepted: taken.flatMap(({ accepted }) => accepted),
    refused: taken.flatMap(({ refused }) => refused),
    total: count(({ total }) => total),
    duplicates: count(({ duplicates }) => duplicates),
    refusedTotal: count(({ refusedTotal }) => refusedTotal),
    truncated: count(({ truncated }) => truncated),
  };
}

async function takeRows(
  parts: TakeInParts,
  read: FeedReader,
  file: ArrivedFile,
  progress: (rows: number) => void,
): Promise<Result<Taken, Parked>> {
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
  if (!opened.ok) return parkWhole(parts, file, evidenceHash, opened.error);
  const { types, remarks, items } = opened.value;
  const counted: Counted = { truncated: 0, named: [] };
  const stored = await ingestKept(parts, { ...file, rows: () => counting(items, counted) }, evidenceHash, progress);
  const result = await withContradictions(parts, file, stored, counted.named);
  await parts.book?.note(file, { parked: false, rows: result.total, refused: result.refusedTotal });
  return ok({ ...result, types, remarks, truncated: counted.truncated });
}

/** A row under a known id of its source's own that says something else is no duplicate: it is refused, and told (F02). */
async function withContradictions(
  parts: TakeInParts,
  file: ArrivedFile,
  result: IngestResult,
  named: readonly Report[],
): Promise<IngestResult> {
  const refused = await refuseContradictions(parts, named, new Set(result.accepted));
  if (refused.length === 0) return result;
  const rows = async function* () {
    yield* refused;
  };
  await ingestKept(parts, { ...file, rows }, result.evidenceHash);
  return {
    ...result,
    duplicates: result.duplicates - refused.length,
    refused: [...result.refused, ...refused].slice(0, REFUSED_SHOWN),
    refusedTotal: result.refusedTotal + refused.length,
  };
}

async function parkWhole(
  parts: TakeInParts,
  file: ArrivedFile,
  evidenceHash: string,
  { code, text }: FileFault,
): Promise<Result<never, Parked>> {
  await parkKept(parts, file, evidenceHash, `${code}: ${text}`);
  await parts.book?.note(file, { parked: true });
  return err({ code, text, evidenceHash });
}

interface Counted {
  truncated: number;
  /** Rows under an id of their source's own: of formats whose files are small. */
  readonly named: Report[];
}

async function* counting(
  items: AsyncIterable<Report | RefusedRow>,
  counted: Counted,
): AsyncGenerator<Report | RefusedRow> {
  for await (const row of items) {
    if (!isRefused(row) && row.extra['engawa.notes']?.includes('truncated') === true) counted.truncated++;
    if (!isRefused(row) && row.extra[CONTENT_KEY] !== undefined) counted.named.push(row);
    yield row;
  }
}
