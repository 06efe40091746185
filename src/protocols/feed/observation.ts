// The last step of every reader but Shadowserver's: what a row said becomes a Report, or is refused. Rules that no format may
// bend stand here: no time from the future, no network as a line, no handshake over UDP, no act from victims or information.
import { hash } from 'node:crypto';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { DAY, type Instant, SECOND } from '../../core/kernel/time.ts';
import { parseIp } from '../../core/net/ip.ts';
import { CONTENT_KEY } from '../../core/report/content.ts';
import type { FeedFile } from '../../core/report/feed.ts';
import type { RefusedRow, Report, ReportClass } from '../../core/report/report.ts';
import { boundedExtra } from './extra.ts';
import { lineAddress, portNumber, protocolNamed, type RowFault } from './fields.ts';

/** 2000-01-01: an older time is an empty clock, not an observation. */
const EARLIEST: Instant = 946_684_800_000;

type Text = string | undefined;

/** What a report needs to know of the delivery it came in. */
export type Place = Pick<FeedFile, 'source' | 'evidenceHash' | 'receivedAt' | 'familyOf'>;

export interface Observation {
  /** The feed's own type name. */
  readonly type: string;
  /** What makes it the same row when it is delivered again: nothing of the file, nothing of the order of columns. */
  readonly identity: readonly unknown[];
  /** For rows with an id of their own: what the source said under it. */
  readonly content?: unknown;
  readonly class: ReportClass;
  readonly mayAct: boolean;
  /** Names the source uses, the best first. */
  readonly families: readonly Text[];
  readonly ip: Text;
  readonly port?: Text;
  readonly protocol?: Text;
  readonly destinationIp?: Text;
  readonly destinationPort?: Text;
  /** undefined = the row's time cannot be read. */
  readonly observedAt: Instant | undefined;
  /** The time as it was written, when that was another zone: midnight is midnight where it was written. */
  readonly writtenAt?: Instant | undefined;
  readonly untilAt?: Instant | undefined;
  readonly precisionMs: number;
  readonly extra: Iterable<readonly [name: string, value: Text]>;
  readonly notes: readonly string[];
}

export function reportOf(file: Place, line: number, seen: Observation): Result<Report, RowFault> {
  const at = timeOf(file, seen);
  if (!at.ok) return at;
  if (seen.ip === undefined) return err({ code: 'ip-missing', text: 'the row names no address' });
  const ip = lineAddress(seen.ip);
  if (!ip.ok) return ip;
  const port = portNumber(seen.port);
  if (!port.ok) return port;
  const protocol = protocolNamed(seen.protocol);
  const grade = gradeOf(seen, protocol);
  const farIp = seen.destinationIp === undefined ? undefined : parseIp(seen.destinationIp);
  const farPort = portNumber(seen.destinationPort);
  const notes = [...seen.notes, ...grade.notes, ...(at.value.isMidnight ? ['midnight'] : [])];
  const extra = boundedExtra(seen.extra, notes);
  if (seen.content !== undefined) extra[CONTENT_KEY] = digest(seen.content);
  return ok({
    id: digest([file.source, ...seen.identity]),
    source: file.source,
    type: seen.type.slice(0, 80).toWellFormed(),
    class: grade.class,
    mayAct: grade.mayAct,
    family: familyNamed(seen.families, file.familyOf),
    ip: ip.value,
    ...(port.value === undefined ? {} : { port: port.value }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(farIp === undefined ? {} : { destinationIp: farIp }),
    ...(farPort.ok && farPort.value !== undefined ? { destinationPort: farPort.value } : {}),
    observedAt: at.value.observedAt,
    ...(at.value.untilAt === undefined ? {} : { untilAt: at.value.untilAt }),
    precisionMs: at.value.isMidnight ? Math.max(DAY, seen.precisionMs) : seen.precisionMs,
    evidence: { hash: file.evidenceHash, line },
    extra,
  });
}

/** One row's answer as an item of the feed. */
export function itemOf(line: number, row: Result<Report, RowFault>): Report | RefusedRow {
  return row.ok ? row.value : { line, code: row.error.code, text: row.error.text };
}

interface Times {
  readonly observedAt: Instant;
  readonly untilAt: Instant | undefined;
  readonly isMidnight: boolean;
}

function timeOf(file: Place, seen: Observation): Result<Times, RowFault> {
  const { observedAt, untilAt } = seen;
  if (observedAt === undefined || observedAt < EARLIEST)
    return err({ code: 'timestamp-bad', text: 'the time is not in the form of this feed, or lies before 2000' });
  const latest = Math.max(observedAt, untilAt ?? observedAt);
  if (latest > file.receivedAt + 2 * SECOND)
    return err({ code: 'timestamp-future', text: 'the time lies after the arrival of the file' });
  if (untilAt !== undefined && untilAt < observedAt)
    return err({ code: 'timestamp-bad', text: 'the last observation lies before the first' });
  return ok({
    observedAt,
    untilAt: untilAt === observedAt ? undefined : untilAt,
    // A date without a time: the whole day is in doubt.
    isMidnight: (seen.writtenAt ?? observedAt) % DAY === 0,
  });
}

interface Grade {
  readonly class: ReportClass;
  readonly mayAct: boolean;
  readonly notes: readonly string[];
}

function gradeOf({ class: said, mayAct }: Observation, protocol: Report['protocol']): Grade {
  const handshake = said === 'infected-handshake' || said === 'attack-handshake';
  // One packet whose source anybody can write: no handshake took place.
  if (handshake && (protocol === 'udp' || protocol === 'icmp'))
    return { class: 'attack-single-packet', mayAct, notes: ['spoofable'] };
  return { class: said, mayAct: mayAct && said !== 'victim' && said !== 'info', notes: [] };
}

/** The first name the closed list has; several may stand in one cell, split at `;` or `,`. */
function familyNamed(names: readonly Text[], familyOf: Place['familyOf']): string {
  for (const cell of names)
    for (const name of (cell ?? '').slice(0, 1024).split(/[;,]/, 32)) {
      const slug = name.trim() === '' ? undefined : familyOf(name.trim().toLowerCase());
      if (slug !== undefined) return slug;
    }
  return 'unknown';
}

function digest(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'hex');
}
