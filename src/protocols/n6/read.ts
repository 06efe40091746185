// Events of n6 (CERT.PL) as its REST API and stream give them: a JSON list or one object a line. One event may name several
// addresses and stand for many observations between `time` and `until`. How pages are asked for is the collector's.
import { err, type Result } from '../../core/kernel/result.ts';
import { SECOND } from '../../core/kernel/time.ts';
import type { FeedReader } from '../../core/report/feed.ts';
import type { Report, ReportClass } from '../../core/report/report.ts';
import { leavesOf } from '../feed/extra.ts';
import { type Fields, protocolNamed, type RowFault, textAt } from '../feed/fields.ts';
import { jsonFeed } from '../feed/json-feed.ts';
import { type Place, reportOf } from '../feed/observation.ts';
import { parseOffsetStamp } from '../feed/stamps.ts';

const MAX_ADDRESSES = 100;

export const readN6: FeedReader = jsonFeed(eventReports);

function eventReports(event: Fields, place: Place, line: number): readonly Result<Report, RowFault>[] {
  const id = textAt(event, 'id');
  if (id === undefined || id.length > 128)
    return [err({ code: 'id-missing', text: 'the event has no id of at most 128 characters' })];
  const addresses = event['address'];
  if (!Array.isArray(addresses) || addresses.length === 0)
    return [err({ code: 'ip-missing', text: 'the event names no address' })];
  if (addresses.length > MAX_ADDRESSES)
    return [err({ code: 'too-many-addresses', text: `more than ${MAX_ADDRESSES} addresses in one event` })];
  return addresses.map((one) => addressReport(event, textAt(one, 'ip'), { id, place, line, of: addresses.length }));
}

function addressReport(
  event: Fields,
  ip: string | undefined,
  { id, place, line, of }: { readonly id: string; readonly place: Place; readonly line: number; readonly of: number },
): Result<Report, RowFault> {
  const until = textAt(event, 'until');
  const untilAt = until === undefined ? undefined : parseOffsetStamp(until);
  if (until !== undefined && untilAt === undefined)
    return err({ code: 'timestamp-bad', text: 'until is not RFC 3339 with Z or an offset' });
  const grade = gradeOf(event);
  const port = of === 1 ? textAt(event, 'sport') : undefined;
  const notes = [...grade.notes];
  // One connection has one source: which of the addresses had this port nobody says.
  if (of > 1) notes.push('one-of-several-addresses');
  return reportOf(place, line, {
    type: textAt(event, 'category') ?? 'other',
    // An aggregated event comes again under its id when it grew: its new end is news, the rest is not.
    identity: ['n6', id, until ?? null, ip ?? null],
    class: grade.class,
    mayAct: grade.mayAct,
    families: [textAt(event, 'name')],
    ip,
    port,
    protocol: textAt(event, 'proto'),
    destinationIp: textAt(event, 'dip'),
    destinationPort: textAt(event, 'dport'),
    observedAt: parseOffsetStamp(textAt(event, 'time') ?? ''),
    untilAt,
    precisionMs: SECOND,
    extra: leavesOf(event, (name) => USED.has(name)),
    notes,
  });
}

const USED = new Set(['address', 'time', 'until', 'proto', 'dip', 'dport', 'sport', 'category']);

interface Grade {
  readonly class: ReportClass;
  readonly mayAct: boolean;
  readonly notes: readonly string[];
}

const CLASSES: Readonly<Record<string, ReportClass>> = {
  'dos-victim': 'victim',
  'dos-attacker': 'c2-contact',
  scanning: 'attack-single-packet',
  spam: 'attack-handshake',
  amplifier: 'exposed',
  vulnerable: 'exposed',
  proxy: 'exposed',
};
/** Where a TCP connection of the bot itself was seen. */
const SAW_THE_BOT = new Set([undefined, 'sinkhole', 'c2', 'dropzone', 'honeypot', 'proxy']);

function gradeOf(event: Fields): Grade {
  const notes: string[] = [];
  if (textAt(event, 'confidence') === 'low') notes.push('low-confidence');
  // Blacklists: `time` is that of the entry, not of anything somebody saw.
  if (textAt(event, 'status') !== undefined || textAt(event, 'expires') !== undefined) notes.push('list-entry');
  const found = classOf(event);
  return { class: found, mayAct: found !== 'info' && notes.length === 0, notes };
}

function classOf(event: Fields): ReportClass {
  const category = textAt(event, 'category') ?? '';
  const origin = textAt(event, 'origin');
  const isTcp = protocolNamed(textAt(event, 'proto')) === 'tcp';
  if (category === 'bots') {
    if (origin === 'darknet') return 'attack-single-packet';
    return isTcp && SAW_THE_BOT.has(origin) ? 'infected-handshake' : 'c2-contact';
  }
  if (category === 'server-exploit') return isTcp ? 'attack-handshake' : 'attack-single-packet';
  return Object.hasOwn(CLASSES, category) ? CLASSES[category]! : 'info';
}
