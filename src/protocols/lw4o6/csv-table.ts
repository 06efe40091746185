// A binding table as CSV: `ipv4,psid,psid_length,psid_offset,b4`, the offset optional (0). One fault and nothing of it is used.

import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Lw4o6Entry } from '../../core/line/sharing/lw4o6.ts';
import { CsvReader, type CsvRecord } from '../csv/reader.ts';
import { isEntry, MOST_ENTRIES, MOST_FAULTS, readEntry, type TableFault } from './table.ts';

const COLUMNS = ['ipv4', 'psid', 'psid_length', 'psid_offset', 'b4'] as const;
type Column = (typeof COLUMNS)[number];
const LIMITS = { maxRecordChars: 1000, maxColumns: 16 };
/** Read in pieces, so that the records of a large table never stand in memory beside its entries. */
const PIECE = 64 * 1024;

export function parseCsvTable(text: string): Result<readonly Lw4o6Entry[], readonly TableFault[]> {
  const entries: Lw4o6Entry[] = [];
  const faults: TableFault[] = [];
  let header: readonly Column[] | undefined;
  const fault = (line: number, expected: string, got: string) => {
    if (faults.length < MOST_FAULTS) faults.push({ line, column: 1, expected, got: got.slice(0, 60) });
  };
  for (const record of recordsOf(text)) {
    if (record.fault !== undefined) fault(record.line, 'a row of CSV', record.fault);
    else if (header === undefined) {
      header = headerOf(record.cells);
      if (header === undefined) {
        fault(record.line, `the columns ${COLUMNS.join(', ')} (psid_offset may be absent)`, record.cells.join(','));
        break;
      }
    } else if (record.cells.length !== header.length)
      fault(record.line, `${header.length} cells`, String(record.cells.length));
    else if (entries.length === MOST_ENTRIES) {
      fault(record.line, `at most ${MOST_ENTRIES} entries`, 'more');
      break;
    } else {
      const read = entryOf(record.cells, header);
      if (isEntry(read)) entries.push(read);
      else fault(record.line, read.expected, read.got);
    }
  }
  if (header === undefined && faults.length === 0) fault(1, `a header: ${COLUMNS.join(', ')}`, 'an empty file');
  return faults.length > 0 ? err(faults) : ok(entries);
}

function* recordsOf(text: string): Generator<CsvRecord, void, undefined> {
  const reader = new CsvReader(LIMITS);
  for (let at = 0; at < text.length; at += PIECE) yield* reader.push(text.slice(at, at + PIECE));
  yield* reader.end();
}

function headerOf(cells: readonly string[]): readonly Column[] | undefined {
  const names = cells.map((name) =>
    name
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase(),
  );
  const known = names.filter(
    (name, i): name is Column => COLUMNS.some((one) => one === name) && names.indexOf(name) === i,
  );
  const complete = COLUMNS.every((name) => name === 'psid_offset' || known.includes(name));
  return complete && known.length === names.length ? known : undefined;
}

function entryOf(cells: readonly string[], header: readonly Column[]): ReturnType<typeof readEntry> {
  const cell = (column: Column) => {
    const text = cells[header.indexOf(column)]?.trim();
    return text === '' ? undefined : text;
  };
  return readEntry({
    ipv4: cell('ipv4'),
    psid: cell('psid') ?? '',
    psidLength: cell('psid_length'),
    offset: cell('psid_offset'),
    b4: cell('b4'),
  });
}
