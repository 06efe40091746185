// One row under its role: address, ports, time, class, family, and every column nobody asked for. Judges what the row says
// about itself (spoofable? proxy? midnight?), never whose line it is.
import { parseUtcStamp } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { DAY, type Instant, SECOND } from '../../core/kernel/time.ts';
import { type Ip, parseIp } from '../../core/net/ip.ts';
import type { Report, ReportClass } from '../../core/report/report.ts';
import { REFLECTING, type Role } from './role-table.ts';
import { type Severity, severityNamed } from './severities.ts';

export type FeedRow = ReadonlyMap<string, string>;

export interface RowContext {
  readonly role: Role;
  /** Columns of the file that may be kept as they are (`keepable`): asked once per file, not once per cell. */
  readonly kept: readonly string[];
  /** The others that are of no use to the report itself (`leftOut`). */
  readonly leftOut: readonly string[];
  /** Of the type, for rows that do not say it. */
  readonly severity: Severity | undefined;
  readonly familyOf: (name: string) => string | undefined;
}

export type RowFault = { readonly code: string; readonly text: string };
type Normalised = Omit<Report, 'id' | 'source' | 'type' | 'evidence'>;

const [MAX_EXTRA, MAX_EXTRA_CHARS] = [64, 256];
/** 2000-01-01: an older time is an empty clock, not an observation. */
const EARLIEST: Instant = 946_684_800_000;

export function normaliseRow(
  row: FeedRow,
  { role, kept, leftOut: out, severity, familyOf }: RowContext,
): Result<Normalised, RowFault> {
  const observedAt = parseUtcStamp(row.get('timestamp') ?? '');
  if (observedAt === undefined || observedAt < EARLIEST)
    return err({ code: 'timestamp-bad', text: 'timestamp is not YYYY-MM-DD HH:MM:SS in UTC, or lies before 2000' });
  const [near, far] = ENDS[role.subscriber];
  const ip = subscriberAddress(row.get(near.ip) ?? '', role);
  if (!ip.ok) return ip;
  const port = portOf(row, near.port);
  if (!port.ok) return port;
  const farIp = far === undefined ? undefined : parseIp(row.get(far.ip) ?? '');
  const farPort = far === undefined ? undefined : portOf(row, far.port);
  const protocol = protocolOf(row.get('protocol') ?? '');
  const grade = gradeOf(row, role, protocol, port.value);
  const notes = [...grade.notes, ...(observedAt % DAY === 0 ? ['midnight'] : [])];
  return ok({
    class: grade.class,
    mayAct: grade.mayAct,
    family: familyOfRow(row, familyOf),
    ip: ip.value,
    ...(port.value === undefined ? {} : { port: port.value }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(farIp === undefined ? {} : { destinationIp: farIp }),
    ...(farPort?.ok && farPort.value !== undefined ? { destinationPort: farPort.value } : {}),
    observedAt,
    precisionMs: observedAt % DAY === 0 ? DAY : SECOND, // a date without a time: the whole day is in doubt
    extra: extraOf(row, { kept, out, notes, severity: severityNamed(row.get('severity')) ?? severity }),
  });
}

interface End {
  readonly ip: string;
  readonly port: string;
}
const [SRC, DST, HOST]: readonly [End, End, End] = [
  { ip: 'src_ip', port: 'src_port' },
  { ip: 'dst_ip', port: 'dst_port' },
  { ip: 'ip', port: 'port' },
];
/** The subscriber's end of the row, and the other one. */
const ENDS: Readonly<Record<Role['subscriber'], readonly [End, End | undefined]>> = {
  src: [SRC, DST],
  dst: [DST, SRC],
  ip: [HOST, undefined],
  http_referer: [{ ip: 'http_referer_ip', port: 'http_referer_port' }, undefined],
  none: [HOST, undefined],
};

function subscriberAddress(text: string, role: Role): Result<Ip, RowFault> {
  if (text.includes('/'))
    return err({ code: 'ip-is-network', text: 'the address is a prefix: it names no single line' });
  const ip = parseIp(text);
  if (ip === undefined) return err({ code: 'ip-not-canonical', text: 'not an address in plain IPv4 or RFC 4291 form' });
  if (ip.family === 4 && ip.bytes[3] === 0 && role.mayBeNetwork !== true)
    return err({ code: 'ip-is-network', text: 'an IPv4 address ending in .0 is taken for a network' });
  return ok(ip);
}

/** Empty and 0 mean: not said. Anything else must be a port. */
function portOf(row: FeedRow, column: string): Result<number | undefined, RowFault> {
  const text = row.get(column) ?? '';
  if (text === '' || text === '0') return ok(undefined);
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 65_536;
  return port > 65_535 ? err({ code: 'port-bad', text: `${column} is no port number` }) : ok(port);
}

function protocolOf(text: string): Report['protocol'] {
  const lower = text.toLowerCase();
  return lower === 'tcp' || lower === 'udp' || lower === 'icmp' ? lower : undefined;
}

interface Grade {
  readonly class: ReportClass;
  readonly mayAct: boolean;
  readonly notes: readonly string[];
}

function gradeOf(row: FeedRow, role: Role, protocol: Report['protocol'], port: number | undefined): Grade {
  const plain = gradeByProtocol(row, role, protocol, port);
  // `forwarded_by`: the sinkhole saw a proxy; who stood behind it is not in the row.
  return isSaid(row.get('forwarded_by')) ? { ...plain, mayAct: false, notes: [...plain.notes, 'proxy'] } : plain;
}

function gradeByProtocol(row: FeedRow, role: Role, protocol: Report['protocol'], port: number | undefined): Grade {
  const asTable = { class: role.class, mayAct: role.mayAct, notes: [] };
  const spoofable: Grade = { class: 'attack-single-packet', mayAct: role.mayAct, notes: ['spoofable'] };
  const noAct = (note: string): Grade => ({ class: 'info', mayAct: false, notes: [note] });
  switch (role.grading) {
    case 'fixed':
      return asTable;
    case 'handshake':
      return protocol === 'tcp' || protocol === undefined ? asTable : spoofable;
    case 'handshake-if-tcp':
      return protocol === 'tcp' ? asTable : spoofable;
    case 'darknet':
      if (protocol !== 'tcp') return noAct('not-tcp');
      return isSaid(row.get('infection')) || isSaid(row.get('tag')) ? asTable : noAct('no-infection-named');
    case 'ddos-participant':
      if (protocol !== 'udp' || port === undefined) return asTable;
      if (port === 53) return noAct('open-resolver');
      return REFLECTING.has(port) ? noAct('open-reflector') : asTable;
  }
}

/** Zero and `unknown` are this feed's ways of leaving a cell empty. */
function isSaid(cell: string | undefined): boolean {
  return cell !== undefined && cell !== '' && cell !== '0' && cell.toLowerCase() !== 'unknown';
}

/** infection before family before tag; lists are split at `;` (now) and `,` (older files). */
function familyOfRow(row: FeedRow, familyOf: RowContext['familyOf']): string {
  for (const column of ['infection', 'family', 'tag']) {
    for (const name of (row.get(column) ?? '').slice(0, 1024).split(/[;,]/, 32)) {
      const slug = isSaid(name) ? familyOf(name.trim().toLowerCase()) : undefined;
      if (slug !== undefined) return slug;
    }
  }
  return 'unknown';
}

/** Columns whose cells become `extra`: not those read for the report itself, and none with a name that could mislead. */
export function keepable(header: readonly string[], role: Role): readonly string[] {
  return unused(header, role).filter(isPlainName);
}

export function leftOut(header: readonly string[], role: Role): readonly string[] {
  return unused(header, role).filter((name) => !isPlainName(name));
}

function unused(header: readonly string[], role: Role): readonly string[] {
  const [near, far] = ENDS[role.subscriber];
  const used = new Set(['timestamp', 'protocol', near.ip, near.port, far?.ip, far?.port]);
  return header.filter((name) => !used.has(name));
}

function isPlainName(name: string): boolean {
  return /^[a-z0-9_.]{1,64}$/.test(name) && name !== '__proto__' && !name.startsWith('engawa.');
}

/** Everything else as text, bounded; what the parser noticed stands under `engawa.notes`, also that something was cut, and
 *  the row's severity or its type's under `engawa.severity`. */
function extraOf(
  row: FeedRow,
  {
    kept,
    out,
    notes,
    severity,
  }: { kept: readonly string[]; out: readonly string[]; notes: readonly string[]; severity: Severity | undefined },
): Record<string, string> {
  const extra: Record<string, string> = {};
  let count = 0;
  let cut = out.some((name) => row.get(name) !== '');
  for (const name of kept) {
    const cell = row.get(name) ?? '';
    if (cell === '') continue;
    cut ||= cell.length > MAX_EXTRA_CHARS;
    if (++count > MAX_EXTRA) cut = true;
    else extra[name] = cell.slice(0, MAX_EXTRA_CHARS).toWellFormed();
  }
  const all = cut ? [...notes, 'truncated'] : notes;
  if (all.length > 0) extra['engawa.notes'] = all.join(';');
  if (severity !== undefined) extra['engawa.severity'] = severity;
  return extra;
}
