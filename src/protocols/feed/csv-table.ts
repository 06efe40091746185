// A CSV file with a header as rows by column name: the header checked once, each record refused or handed on with its line.
// What the columns mean is the format's business.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { FeedFile, FileFault } from '../../core/report/feed.ts';
import { CSV_LIMITS, type CsvDialect, type CsvFault, type CsvRecord, csvRecords } from '../csv/reader.ts';
import type { RowFault } from './fields.ts';

export type TableRow = ReadonlyMap<string, string>;

export interface TableRecord {
  readonly line: number;
  readonly row: Result<TableRow, RowFault>;
}

export interface Table {
  /** Names in lower case, in the order of the file. */
  readonly header: readonly string[];
  readonly records: AsyncIterable<TableRecord>;
}

export const CSV_FAULTS: Readonly<Record<CsvFault, string>> = {
  'row-too-long': 'the row is longer than 256 KiB',
  'too-many-columns': 'the row has more than 1,000 cells',
  'quote-misplaced': 'a quote stands inside a cell that is not quoted',
  'quote-open': 'a quote opens here and never closes: this row reaches to the end of the file',
};

export async function openTable(
  bytes: FeedFile['bytes'],
  required: readonly string[],
  dialect: CsvDialect = {},
): Promise<Result<Table, FileFault>> {
  const records = csvRecords(bytes, CSV_LIMITS, dialect);
  const first = await records.next();
  if (first.done === true) return err({ code: 'file-empty', text: 'the file has no header' });
  const header = readHeader(first.value, required);
  if (header.ok) return ok({ header: header.value, records: rows(header.value, records) });
  await records.return();
  return header;
}

/** All faults a header can have, for every CSV of ours. */
export function readHeader(record: CsvRecord, required: readonly string[]): Result<readonly string[], FileFault> {
  if (record.fault !== undefined) return err({ code: 'header-broken', text: CSV_FAULTS[record.fault] });
  const names = record.cells.map((cell) => cell.trim().toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    return err({ code: 'header-duplicate', text: `the column ${JSON.stringify(twice.slice(0, 64))} stands twice` });
  const missing = required.find((name) => !names.includes(name));
  if (missing !== undefined) return err({ code: 'column-missing', text: `the column ${missing} is missing` });
  return ok(names);
}

async function* rows(
  header: readonly string[],
  records: AsyncGenerator<CsvRecord, void, undefined>,
): AsyncGenerator<TableRecord> {
  for await (const record of records) yield { line: record.line, row: rowOf(header, record) };
}

/** One record under its header. */
export function rowOf(header: readonly string[], record: CsvRecord): Result<TableRow, RowFault> {
  if (record.fault !== undefined) return err({ code: record.fault, text: CSV_FAULTS[record.fault] });
  if (record.cells.length !== header.length)
    return err({ code: 'cell-count', text: `the header has ${header.length} columns, the row ${record.cells.length}` });
  return ok(new Map(header.map((name, i) => [name, record.cells[i]!] as const)));
}
