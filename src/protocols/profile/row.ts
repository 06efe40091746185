// One row under a mapping profile. Cells are read as the profile says and not otherwise: what it calls empty is not said, a zone
// it does not know costs fourteen hours of certainty, and a local time that does not exist is refused.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { HOUR, type Instant, SECOND } from '../../core/kernel/time.ts';
import { boundedPattern, type FeedProfile } from '../../core/report/feed-profile.ts';
import type { Report, ReportClass } from '../../core/report/report.ts';
import { portNumber, protocolNamed, type RowFault } from '../feed/fields.ts';
import { type Place, reportOf } from '../feed/observation.ts';
import {
  parseEpoch,
  parseFileTime,
  parseOffsetStamp,
  parseWallDate,
  parseWallStamp,
  writtenAt,
} from '../feed/stamps.ts';
import { instantsOf, type WallTime } from '../feed/zone.ts';

/** RFC 6302 §3 asks for traceable clocks; without a zone a time may be any of those in use, UTC−12 to UTC+14. */
const UNKNOWN_ZONE_MS = 14 * HOUR;
const MAX_SEARCHED = 512;

/** Cell of a column by its name in lower case, as it is written. */
export type Cell = (column: string) => string | undefined;

export interface Reading {
  readonly profile: FeedProfile;
  readonly portInText: RegExp | undefined;
  readonly protocolInText: RegExp | undefined;
  readonly familyInText: RegExp | undefined;
}

export function readingOf(profile: FeedProfile): Reading {
  const compiled = (one: { readonly pattern: string } | undefined) => one && boundedPattern(one.pattern);
  return {
    profile,
    portInText: compiled(profile.subscriber.portInText),
    protocolInText: compiled(profile.protocolInText),
    familyInText: compiled(profile.familyInText),
  };
}

export function profileReport(
  reading: Reading,
  row: { readonly line: number; readonly columns: readonly string[]; readonly cell: Cell },
  place: Place,
): Result<Report, RowFault> {
  const { profile } = reading;
  const get = (column: string | undefined) => (column === undefined ? undefined : said(profile, row.cell(column)));
  const at = timeOf(profile, get);
  if (!at.ok) return at;
  const port = portOf(reading, get);
  const protocol = get(profile.protocol) ?? found(reading.protocolInText, get(profile.protocolInText?.column));
  const used = usedColumns(profile);
  return reportOf(place, row.line, {
    type: get(profile.type)?.toLowerCase() ?? profile.name,
    identity: [
      'profile',
      profile.name,
      row.columns
        .map((column) => [column, row.cell(column) ?? ''])
        .filter(([, cell]) => cell !== '')
        .sort(([a], [b]) => (a! < b! ? -1 : 1)),
    ],
    class: classOf(profile, get, protocol),
    mayAct: profile.mayAct,
    families: [...profile.families.map(get), found(reading.familyInText, get(profile.familyInText?.column))],
    ip: get(profile.subscriber.ip),
    port: port.text,
    protocol,
    destinationIp: get(profile.other?.ip),
    destinationPort: get(profile.other?.port),
    ...at.value,
    extra: row.columns.filter((column) => !used.has(column)).map((column) => [column, get(column)] as const),
    notes: [...at.value.notes, ...port.notes],
  });
}

function usedColumns({ time, subscriber, other, protocol, left }: FeedProfile): ReadonlySet<string | undefined> {
  return new Set([...time.columns, subscriber.ip, subscriber.port, other?.ip, other?.port, protocol, ...left]);
}

function said(profile: FeedProfile, cell: string | undefined): string | undefined {
  const text = cell?.trim();
  if (text === undefined || text === '' || profile.empty.includes(text)) return undefined;
  return profile.defanged ? refanged(text) : text;
}

/** Only what has one meaning: brackets around a dot or colon, and hxxp. */
export function refanged(text: string): string {
  return text
    .replace(/\[(\.|:|:\/\/)\]|\((\.)\)|\[dot\]/gi, (_all, a?: string, b?: string) => a ?? b ?? '.')
    .replace(/^hxxp(s?):/i, 'http$1:');
}

function found(pattern: RegExp | undefined, text: string | undefined): string | undefined {
  return pattern === undefined || text === undefined
    ? undefined
    : pattern.exec(text.slice(0, MAX_SEARCHED))?.[1]?.trim();
}

type Get = (column: string | undefined) => string | undefined;

function portOf(
  { profile: { subscriber }, portInText }: Reading,
  get: Get,
): { text?: string; notes: readonly string[] } {
  const text = get(subscriber.port) ?? found(portInText, get(subscriber.portInText?.column));
  if (text === undefined) return { notes: [] };
  if (subscriber.portMayBeOther && !portNumber(text).ok) return { notes: ['port-unreadable'] };
  return { text, notes: [] };
}

function classOf({ class: rule }: FeedProfile, get: Get, protocol: string | undefined): ReportClass {
  const word = get(rule.column)?.toLowerCase();
  const chosen = word !== undefined && Object.hasOwn(rule.by, word) ? rule.by[word]! : rule.otherwise;
  const isHandshake = chosen === 'infected-handshake' || chosen === 'attack-handshake';
  return isHandshake && rule.onlyWithTcp && protocolNamed(protocol) !== 'tcp' ? 'attack-single-packet' : chosen;
}

interface Time {
  readonly observedAt: Instant;
  readonly writtenAt: WallTime;
  readonly precisionMs: number;
  readonly notes: readonly string[];
}

function timeOf({ time }: FeedProfile, get: Get): Result<Time, RowFault> {
  const text = time.columns
    .map((column) => get(column) ?? '')
    .join(' ')
    .trim();
  const { precisionMs } = time;
  const absolute = absoluteTime(time.form, text);
  if (absolute !== undefined)
    return ok({
      observedAt: absolute,
      writtenAt: time.form === 'offset' ? (writtenAt(text, absolute) ?? absolute) : absolute,
      precisionMs,
      notes: [],
    });
  const wall = wallTime(time.form, text);
  if (wall === undefined) return err({ code: 'timestamp-bad', text: `the time is not of the form ${time.form}` });
  if (time.zone === 'unknown')
    return ok({
      observedAt: wall,
      writtenAt: wall,
      precisionMs: precisionMs + UNKNOWN_ZONE_MS,
      notes: ['zone-unknown'],
    });
  const [first, second] = instantsOf(wall, time.zone);
  if (first === undefined)
    return err({ code: 'time-does-not-exist', text: `in ${time.zone} the clock was put forward over this time` });
  if (second === undefined) return ok({ observedAt: first, writtenAt: wall, precisionMs, notes: [] });
  const widened = Math.max(HOUR, second - first) + Math.max(precisionMs, SECOND);
  return ok({ observedAt: first, writtenAt: wall, precisionMs: widened, notes: ['clock-put-back'] });
}

function absoluteTime(form: FeedProfile['time']['form'], text: string): Instant | undefined {
  if (form === 'offset') return parseOffsetStamp(text);
  if (form === 'filetime') return parseFileTime(text);
  return form === 'epoch-s' || form === 'epoch-ms' ? parseEpoch(text, form === 'epoch-s' ? 's' : 'ms') : undefined;
}

function wallTime(form: FeedProfile['time']['form'], text: string): WallTime | undefined {
  if (form === 'date') return parseWallDate(text);
  const stamp = form === 'second' || form === 'minute' ? parseWallStamp(text) : undefined;
  // A list that promises seconds and leaves them out is not the list that was described.
  return stamp !== undefined && stamp.hasSeconds === (form === 'second') ? stamp.wall : undefined;
}
