// AbuseHUB's CSV (abusehubcsv-1.0.0): local time without a marker, so its zone is configured, never guessed. The original row
// in the same mail knows better and wins; when the two differ by anything but the zone offset, the file is parked.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { HOUR, type Instant, SECOND } from '../../core/kernel/time.ts';
import type { FeedFile, FeedReader, FileFault } from '../../core/report/feed.ts';
import type { RefusedRow, Report } from '../../core/report/report.ts';
import { openTable, type Table, type TableRecord, type TableRow } from '../feed/csv-table.ts';
import { protocolNamed, type RowFault } from '../feed/fields.ts';
import { itemOf, reportOf } from '../feed/observation.ts';
import { parseWallStamp } from '../feed/stamps.ts';
import { instantsOf, type WallTime } from '../feed/zone.ts';
import { type ComparedField, differenceOf, MAX_ORIGINALS, type Original, originalsOf } from './original.ts';
import { classOfHubType } from './types.ts';

export interface AbusehubSettings {
  /** IANA name of the zone the hub writes its times in. */
  readonly timeZone: string;
}

const REQUIRED = ['report_type', 'event_date', 'event_time', 'src_ip'];

export function readAbusehub({ timeZone }: AbusehubSettings): FeedReader {
  return async (file) => {
    const table = await openTable(file.bytes, REQUIRED);
    if (!table.ok) return table;
    const originals = await originalsOf(file.beside ?? []);
    if (!originals.ok) return originals;
    if (originals.value === undefined)
      return ok({ types: [], remarks: noOriginal(file), items: items(table.value, file, timeZone) });
    const joined = await join(table.value, originals.value, timeZone);
    if (!joined.ok) return joined;
    return ok({ types: [], remarks: [], items: joinedItems(joined.value, file, timeZone) });
  };
}

function noOriginal(file: FeedFile) {
  const text = 'no original row came along, or none with a readable time: the times rest on the configured zone';
  return (file.beside ?? []).length === 0 ? [] : [{ code: 'original-unreadable', text }];
}

async function* items(table: Table, file: FeedFile, timeZone: string): AsyncGenerator<Report | RefusedRow> {
  for await (const record of table.records) yield itemOf(record.line, hubReport(record, undefined, file, timeZone));
}

interface Joined {
  readonly record: TableRecord;
  readonly original: Original;
}

/** Row by row; a file whose rows are not those of the original is not taken in. */
async function join(
  table: Table,
  originals: readonly Original[],
  timeZone: string,
): Promise<Result<readonly Joined[], FileFault>> {
  const joined: Joined[] = [];
  for await (const record of table.records) {
    const original = originals[joined.length];
    if (original === undefined || joined.length > MAX_ORIGINALS)
      return differs(`it has more rows than the original (${originals.length})`);
    if (record.row.ok) {
      const wall = wallOf(record.row.value);
      const instants = wall === undefined ? [] : instantsOf(wall, timeZone);
      const what = differenceOf(comparable(record.row.value), instants, original);
      if (what !== undefined) return differs(`line ${record.line}: ${what} is not that of the original row`);
    }
    joined.push({ record, original });
  }
  if (joined.length < originals.length)
    return differs(`it has ${joined.length} rows, the original ${originals.length}`);
  return ok(joined);
}

function differs(text: string): Result<never, FileFault> {
  return err({
    code: 'hub-differs-from-original',
    text: `the hub's file and the original beside it disagree: ${text}`,
  });
}

async function* joinedItems(
  joined: readonly Joined[],
  file: FeedFile,
  timeZone: string,
): AsyncGenerator<Report | RefusedRow> {
  for (const { record, original } of joined) yield itemOf(record.line, hubReport(record, original, file, timeZone));
}

function comparable(row: TableRow): Readonly<Record<ComparedField, string>> {
  const cell = (name: string) => row.get(name) ?? '';
  return {
    ip: cell('src_ip'),
    port: cell('src_port'),
    asn: cell('src_asn'),
    protocol: cell('protocol'),
    infection: cell('infection_type'),
    destinationIp: cell('dst_ip'),
    destinationPort: cell('dst_port'),
  };
}

function wallOf(row: TableRow): WallTime | undefined {
  return parseWallStamp(`${row.get('event_date') ?? ''} ${row.get('event_time') ?? ''}`)?.wall;
}

function hubReport(
  { line, row: read }: TableRecord,
  original: Original | undefined,
  file: FeedFile,
  timeZone: string,
): Result<Report, RowFault> {
  if (!read.ok) return read;
  const row = read.value;
  const at = timeOf(row, original, timeZone);
  if (!at.ok) return at;
  const said = { ...comparable(row), ...filled(original) };
  const type = row.get('report_type')!;
  const reportClass = classOfHubType(type, protocolNamed(said.protocol));
  if (reportClass === undefined)
    return err({ code: 'type-unknown', text: 'the table of report types does not know this one' });
  return reportOf(file, line, {
    type,
    identity: ['abusehub', [...row].filter(([, cell]) => cell !== '').sort(([a], [b]) => (a < b ? -1 : 1))],
    class: reportClass,
    mayAct: original?.isProxy !== true,
    families: [said.infection],
    ip: said.ip,
    port: said.port,
    protocol: said.protocol,
    destinationIp: said.destinationIp,
    destinationPort: said.destinationPort,
    ...at.value,
    extra: [...row].filter(([name]) => !USED.has(name)),
    notes: [
      ...at.value.notes,
      original === undefined ? 'no-original' : 'original-row',
      ...(original?.isProxy === true ? ['proxy'] : []),
    ],
  });
}

const USED = new Set([
  ...['src_ip', 'src_port', 'protocol', 'dst_ip', 'dst_port', 'event_date', 'event_time'],
  // Whose mailbox complained is nobody's business here.
  ...['original_hotmail_recipient', 'src_email', 'dst_email'],
]);

function filled(original: Original | undefined): Partial<Record<ComparedField, string>> {
  if (original === undefined) return {};
  return Object.fromEntries(Object.entries(original.fields).filter(([, value]) => value !== ''));
}

interface Time {
  readonly observedAt: Instant;
  readonly writtenAt: WallTime;
  readonly precisionMs: number;
  readonly notes: readonly string[];
}

function timeOf(row: TableRow, original: Original | undefined, timeZone: string): Result<Time, RowFault> {
  const wall = wallOf(row);
  if (wall === undefined)
    return err({ code: 'timestamp-bad', text: 'event_date and event_time are not YYYY-MM-DD and HH:MM:SS' });
  if (original !== undefined)
    return ok({
      observedAt: original.observedAt,
      // Its own midnight is the one that matters.
      writtenAt: original.observedAt,
      precisionMs: SECOND,
      notes: [],
    });
  const [first, second] = instantsOf(wall, timeZone);
  if (first === undefined)
    return err({ code: 'time-does-not-exist', text: `in ${timeZone} the clock was put forward over this time` });
  if (second === undefined) return ok({ observedAt: first, writtenAt: wall, precisionMs: SECOND, notes: [] });
  // The clock showed this time twice: the first, with so much doubt that the second lies within.
  return ok({
    observedAt: first,
    writtenAt: wall,
    precisionMs: Math.max(HOUR, second - first) + SECOND,
    notes: ['clock-put-back'],
  });
}
