// The operator's lines as a CSV file: header-driven, all faults at once with their line numbers; one fault and nothing is
// imported. Says what the file says; what changes is diff.ts, what is stored is the flow's.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Line } from '../../core/line/line.ts';
import { formatPrefix, overlaps, type Prefix } from '../../core/net/prefix.ts';
import type { RefusedRow } from '../../core/report/report.ts';
import { type CsvRecord, csvRecords } from '../csv/reader.ts';
import * as cell from './cells.ts';
import { CellFault, type Column, OPTIONAL_COLUMNS, REQUIRED_COLUMNS } from './cells.ts';
import { overlappingPairs } from './overlaps.ts';

export type LineValues = Omit<Line, 'epoch' | 'epochStartedAt'>;

export interface ParsedLine {
  /** 1-based line in the file. */
  readonly row: number;
  readonly values: LineValues;
}

export interface ParsedLines {
  /** Columns the file has: what it does not name stays as it is. */
  readonly columns: ReadonlySet<Column>;
  readonly lines: readonly ParsedLine[];
}

export interface LinesInput {
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Addresses of the network itself and of lifelines: never part of a line. */
  readonly reserved: readonly Prefix[];
}

/** Faults shown; the file is refused at the first one anyway. */
const MAX_FAULTS = 1000;

export async function parseLines(input: LinesInput): Promise<Result<ParsedLines, readonly RefusedRow[]>> {
  const records = csvRecords(input.bytes);
  const first = await records.next();
  if (first.done === true)
    return err([{ line: 1, code: 'file-empty', text: 'the file is empty: nothing was changed' }]);
  const header = readHeader(first.value);
  if (!header.ok) return header;
  const lines: ParsedLine[] = [];
  const faults: RefusedRow[] = [];
  for await (const record of records) {
    const line = readLine(record, header.value);
    if (line.ok) lines.push(line.value);
    else if (faults.length < MAX_FAULTS) faults.push(line.error);
  }
  if (lines.length === 0 && faults.length === 0)
    return err([{ line: 1, code: 'file-empty', text: 'the file has a header and no line: nothing was changed' }]);
  faults.push(...twice(lines), ...heldTwice(lines), ...reservedFaults(lines, input.reserved));
  if (faults.length > 0) return err(faults.sort((a, b) => a.line - b.line).slice(0, MAX_FAULTS));
  return ok({ columns: new Set(header.value), lines });
}

function readHeader(record: CsvRecord): Result<readonly Column[], readonly RefusedRow[]> {
  const fault = (code: string, text: string) => err([{ line: record.line, code, text }]);
  if (record.fault !== undefined) return fault('header-broken', 'the header cannot be read');
  const known: readonly string[] = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS];
  const names = record.cells.map((name) => name.trim().toLowerCase());
  const stray = names.find((name, i) => !known.includes(name) || names.indexOf(name) !== i);
  // A misspelt `protected` would silently protect nobody: unknown columns are faults here, not extras.
  if (stray !== undefined)
    return fault(
      'column-unknown',
      `column ${JSON.stringify(stray.slice(0, 60))}; known, once each: ${known.join(', ')}`,
    );
  const missing = REQUIRED_COLUMNS.find((name) => !names.includes(name));
  if (missing !== undefined) return fault('column-missing', `column ${missing} is missing`);
  return ok(names as Column[]);
}

function readLine(record: CsvRecord, header: readonly Column[]): Result<ParsedLine, RefusedRow> {
  if (record.fault !== undefined) return err({ line: record.line, code: record.fault, text: 'the row cannot be read' });
  if (record.cells.length !== header.length)
    return err({
      line: record.line,
      code: 'cell-count',
      text: `the header has ${header.length} columns, the row ${record.cells.length}`,
    });
  const cells = new Map(header.map((name, i) => [name, record.cells[i] ?? '']));
  try {
    return ok({ row: record.line, values: readValues((column) => cells.get(column) ?? '') });
  } catch (fault) {
    if (!(fault instanceof CellFault)) throw fault;
    return err({ line: record.line, code: fault.code, text: fault.message });
  }
}

function readValues(of: (column: Column) => string): LineValues {
  const optional = {
    email: cell.email(of('email')),
    phone: cell.phone(of('phone')),
    language: cell.language(of('language')),
    termsVersion: cell.optional(of('terms_version'), 'terms_version'),
  };
  return {
    id: cell.required(of('line_id'), 'line_id'),
    accessKey: cell.required(of('access_key'), 'access_key'),
    customerNo: cell.required(of('customer_no'), 'customer_no'),
    class: cell.lineClass(of('class')),
    protected: cell.yesNo(of('protected'), 'protected'),
    staticPrefixes: cell.prefixes(of('static_prefixes')),
    realm: cell.realm(of('realm')),
    contract: cell.contract(of('contract')),
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<Line>),
  };
}

/** A line id or an access key on two rows: whose report would it be? */
function twice(lines: readonly ParsedLine[]): readonly RefusedRow[] {
  const faults: RefusedRow[] = [];
  const [ids, keys] = [new Map<string, number>(), new Map<string, number>()];
  for (const { row, values } of lines) {
    const [sameId, sameKey] = [ids.get(values.id), keys.get(values.accessKey)];
    if (sameId !== undefined)
      faults.push({ line: row, code: 'line-twice', text: `this line_id stands on line ${sameId} too` });
    ids.set(values.id, row);
    if (values.contract === 'ended') continue;
    if (sameKey !== undefined)
      faults.push({ line: row, code: 'access-key-twice', text: `this access_key stands on line ${sameKey} too` });
    keys.set(values.accessKey, row);
  }
  return faults;
}

function heldTwice(lines: readonly ParsedLine[]): readonly RefusedRow[] {
  const held = lines.flatMap(({ row, values }) =>
    values.contract === 'ended'
      ? []
      : values.staticPrefixes.map((prefix) => ({ owner: row, realm: values.realm, prefix })),
  );
  return overlappingPairs(held).map(([one, other]) => ({
    line: Math.max(one.owner, other.owner),
    code: 'prefix-overlap',
    text: `${formatPrefix(other.prefix)} lies in ${formatPrefix(one.prefix)} of line ${Math.min(one.owner, other.owner)}`,
  }));
}

function reservedFaults(lines: readonly ParsedLine[], reserved: readonly Prefix[]): readonly RefusedRow[] {
  return lines.flatMap(({ row, values }) =>
    values.staticPrefixes.flatMap((prefix) => {
      const hit = reserved.find((one) => overlaps(one, prefix));
      if (hit === undefined) return [];
      const text = `${formatPrefix(prefix)} covers ${formatPrefix(hit)}, which belongs to the network or a lifeline`;
      return [{ line: row, code: 'prefix-reserved', text }];
    }),
  );
}
