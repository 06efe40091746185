// A Shadowserver CSV file as normalised reports: header-driven, streaming, same bytes = same answer. The report type comes
// from the file name; times are UTC by the feed's own rule. What a row means is roles.ts; whose line it is comes later.
import { hash } from 'node:crypto';
import { parseUtcStamp } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { SECOND } from '../../core/kernel/time.ts';
import type { FeedFile, FeedReader } from '../../core/report/feed.ts';
import type { RefusedRow, Report } from '../../core/report/report.ts';
import { type CsvRecord, csvRecords } from '../csv/reader.ts';
import { CSV_FAULTS, readHeader } from '../feed/csv-table.ts';
import { columnRemarks } from './columns.ts';
import { ROLE_TABLE, type Role } from './role-table.ts';
import { roleOf } from './roles.ts';
import { keepable, leftOut, normaliseRow, type RowContext } from './row.ts';
import { defaultSeverity, type Severity } from './severities.ts';

/** `.zip`: unpacked on the way, the name stayed. */
const FILE_NAME = /^(\d{4}-\d{2}-\d{2})-([^-]+)-(.+)\.csv(?:\.zip)?$/;
const TYPE_UNKNOWN = `the role table (version ${ROLE_TABLE.version}, types of ${ROLE_TABLE.snapshot}) does not know this report type`;

export function typeOfFileName(fileName: string): string | undefined {
  const match = FILE_NAME.exec(fileName);
  return match !== null && parseUtcStamp(`${match[1]} 00:00:00`) !== undefined ? match[2] : undefined;
}

export const readShadowserver: FeedReader = async (input) => {
  const type = typeOfFileName(input.fileName);
  if (type === undefined)
    return err({
      code: 'file-name-unknown',
      text: 'the name is not of the form YYYY-MM-DD-TYPE-IDENTIFIER.csv (or .csv.zip)',
    });
  const records = csvRecords(input.bytes);
  const first = await records.next();
  if (first.done === true) return err({ code: 'file-empty', text: 'the file has no header' });
  if (isZip(first.value)) {
    await records.return();
    return err({ code: 'file-compressed', text: 'the file is a zip archive that nobody unpacked' });
  }
  const role = roleOf(type);
  const header = readHeader(first.value, requiredColumns(role));
  if (!header.ok) {
    await records.return();
    return header;
  }
  const columns = header.value;
  const reading = {
    input,
    type,
    role,
    header: columns,
    byName: columns.map((name, i) => ({ name, i })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    kept: role === undefined ? [] : keepable(columns, role),
    leftOut: role === undefined ? [] : leftOut(columns, role),
    severity: defaultSeverity(type),
  };
  return ok({ types: [type], remarks: columnRemarks(type, columns), items: rows(reading, records) });
};

/** The local header of an archive (APPNOTE 4.3.7). */
function isZip(record: CsvRecord): boolean {
  return record.fault === undefined && record.cells[0]?.startsWith('PK\u0003\u0004') === true;
}

function requiredColumns(role: Role | undefined): readonly string[] {
  if (role === undefined || role.subscriber === 'none') return ['timestamp'];
  return ['timestamp', role.subscriber === 'ip' ? 'ip' : `${role.subscriber}_ip`];
}

interface Reading {
  readonly input: FeedFile;
  readonly type: string;
  readonly role: Role | undefined;
  readonly header: readonly string[];
  /** The columns in the order of their names, with their places. */
  readonly byName: readonly { readonly name: string; readonly i: number }[];
  readonly kept: readonly string[];
  readonly leftOut: readonly string[];
  readonly severity: Severity | undefined;
}

async function* rows(
  reading: Reading,
  records: AsyncGenerator<CsvRecord, void, undefined>,
): AsyncGenerator<Report | RefusedRow> {
  for await (const record of records) {
    const row = readRow(reading, record);
    yield row.ok ? row.value : { line: record.line, code: row.error.code, text: row.error.text };
  }
}

function readRow(reading: Reading, record: CsvRecord): Result<Report, { code: string; text: string }> {
  const { input, type, role, header } = reading;
  if (record.fault !== undefined) return err({ code: record.fault, text: CSV_FAULTS[record.fault] });
  if (record.cells.length !== header.length)
    return err({ code: 'cell-count', text: `the header has ${header.length} columns, the row ${record.cells.length}` });
  if (role === undefined) return err({ code: 'type-unknown', text: TYPE_UNKNOWN });
  if (role.subscriber === 'none') return err({ code: 'type-without-line', text: role.why });
  const row = new Map<string, string>();
  for (let i = 0; i < header.length; i++) row.set(header[i]!, record.cells[i] ?? '');
  const { kept, leftOut, severity } = reading;
  const context: RowContext = { role, kept, leftOut, severity, familyOf: input.familyOf };
  const normalised = normaliseRow(row, context);
  if (!normalised.ok) return normalised;
  if (normalised.value.observedAt > input.receivedAt + 2 * SECOND)
    return err({ code: 'timestamp-future', text: 'the time lies after the arrival of the file' });
  return ok({
    id: rowId(reading, record.cells),
    source: input.source,
    type,
    ...normalised.value,
    evidence: { hash: input.evidenceHash, line: record.line },
  });
}

/** Independent of the file's name and the order of its columns, so that a re-delivery is recognised. */
function rowId({ input, type, byName }: Reading, cells: readonly string[]): string {
  const filled: [string, string][] = [];
  for (const { name, i } of byName) if (cells[i] !== '') filled.push([name, cells[i]!]);
  return hash('sha256', JSON.stringify([input.source, type, filled]), 'hex');
}
