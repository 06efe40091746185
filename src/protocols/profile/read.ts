// A list in CSV or JSON under its mapping profile. Of several profiles the one whose text stands in the file's comments or header
// holds; a list that none of them describes is parked, since a wrong profile would read the right cells wrongly.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { FeedFile, FeedReader, FileFault, OpenedFeed } from '../../core/report/feed.ts';
import type { FeedProfile, ProfileFormat } from '../../core/report/feed-profile.ts';
import type { RefusedRow, Report } from '../../core/report/report.ts';
import { CSV_LIMITS, type CsvRecord, csvRecords } from '../csv/reader.ts';
import { CSV_FAULTS, readHeader, rowOf } from '../feed/csv-table.ts';
import { isFields } from '../feed/fields.ts';
import { jsonFeed } from '../feed/json-feed.ts';
import { itemOf } from '../feed/observation.ts';
import { profileReport, type Reading, readingOf } from './row.ts';

type CsvFormat = Extract<ProfileFormat, { kind: 'csv' }>;

/** At least one; all CSV ones of a feed share separator, comment and quotes. */
export function readProfiles(profiles: readonly FeedProfile[]): FeedReader {
  const json = profiles.find((one) => one.format.kind === 'json');
  if (json !== undefined) return jsonReader(readingOf(json));
  return (file) => openCsv(profiles, file);
}

function jsonReader(reading: Reading): FeedReader {
  return jsonFeed((value, place, line) => {
    const cells = new Map<string, string>();
    flatten(value, '', cells);
    return [profileReport(reading, { line, columns: [...cells.keys()], cell: (column) => cells.get(column) }, place)];
  });
}

const MAX_CELLS = 500;

/** Dotted names in lower case, as a profile writes them; lists are left alone. */
function flatten(value: unknown, name: string, cells: Map<string, string>, depth = 0): void {
  if (cells.size >= MAX_CELLS || depth > 8) return;
  if (isFields(value)) {
    for (const [key, child] of Object.entries(value))
      flatten(child, `${name === '' ? '' : `${name}.`}${key.toLowerCase()}`, cells, depth + 1);
  } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    cells.set(name, String(value));
}

async function openCsv(profiles: readonly FeedProfile[], file: FeedFile): Promise<Result<OpenedFeed, FileFault>> {
  const format = profiles[0]!.format as CsvFormat;
  const records = csvRecords(file.bytes, CSV_LIMITS, {
    separator: format.separator,
    quotes: format.quotes,
    ...(format.comment !== undefined && { comment: format.comment }),
  });
  const { comments, first } = await beginning(records, format.comment);
  const opened = openFirst(profiles, comments, first);
  if (!opened.ok) {
    await records.return();
    return opened;
  }
  const { profile, header, rest } = opened.value;
  const reading = readingOf(profile);
  return ok({
    types: [profile.name],
    remarks: [],
    items: items({ reading, header, file, format: profile.format as CsvFormat }, rest, records),
  });
}

const MAX_COMMENTS = 200;

/** Comment lines up to the first record. */
async function beginning(
  records: AsyncGenerator<CsvRecord, void, undefined>,
  comment: string | undefined,
): Promise<{ readonly comments: readonly string[]; readonly first: CsvRecord | undefined }> {
  const comments: string[] = [];
  for (let next = await records.next(); next.done !== true; next = await records.next()) {
    if (!isComment(next.value, comment)) return { comments, first: next.value };
    if (comments.length < MAX_COMMENTS) comments.push(next.value.cells[0] ?? '');
  }
  return { comments, first: undefined };
}

function isComment(
  record: CsvRecord,
  comment: string | undefined,
): record is CsvRecord & { readonly cells: readonly string[] } {
  return (
    comment !== undefined &&
    record.fault === undefined &&
    record.cells.length === 1 &&
    record.cells[0]!.startsWith(comment)
  );
}

interface Opening {
  readonly profile: FeedProfile;
  readonly header: readonly string[];
  /** The first record, when it is a row. */
  readonly rest: readonly CsvRecord[];
}

function openFirst(
  profiles: readonly FeedProfile[],
  comments: readonly string[],
  first: CsvRecord | undefined,
): Result<Opening, FileFault> {
  if (first === undefined && comments.length === 0) return err({ code: 'file-empty', text: 'the file is empty' });
  const told = [...comments, first === undefined || first.fault !== undefined ? '' : first.cells.join(',')]
    .join('\n')
    .toLowerCase();
  const profile = profiles.find((one) => one.toldBy === undefined || told.includes(one.toldBy.toLowerCase()));
  if (profile === undefined)
    return err({
      code: 'profile-differs',
      text: `no profile of this feed describes the file: ${profiles.map((one) => one.toldBy).join(' · ')} is not in its comments or header`,
    });
  const { columns } = profile.format as CsvFormat;
  if (columns !== undefined) return ok({ profile, header: columns, rest: first === undefined ? [] : [first] });
  if (first === undefined) return ok({ profile, header: [], rest: [] });
  const header = readHeader(first, [...profile.time.columns, profile.subscriber.ip]);
  return header.ok ? ok({ profile, header: header.value, rest: [] }) : header;
}

interface Csv {
  readonly reading: Reading;
  readonly header: readonly string[];
  readonly file: FeedFile;
  readonly format: CsvFormat;
}

async function* items(
  csv: Csv,
  rest: readonly CsvRecord[],
  records: AsyncIterable<CsvRecord>,
): AsyncGenerator<Report | RefusedRow> {
  for (const record of rest) yield itemFrom(csv, record);
  for await (const record of records) if (!isComment(record, csv.format.comment)) yield itemFrom(csv, record);
}

function itemFrom({ reading, header, file, format }: Csv, record: CsvRecord): Report | RefusedRow {
  if (record.fault !== undefined) return { line: record.line, code: record.fault, text: CSV_FAULTS[record.fault] };
  const grown = format.mayGrow && record.cells.length > header.length;
  const row = rowOf(header, grown ? { ...record, cells: record.cells.slice(0, header.length) } : record);
  if (!row.ok) return itemOf(record.line, row);
  const cell = (column: string) => row.value.get(column);
  return itemOf(record.line, profileReport(reading, { line: record.line, columns: header, cell }, file));
}
