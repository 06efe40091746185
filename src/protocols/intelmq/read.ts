// IntelMQ events (flat dotted keys, JSON lines; the same messages travel through its Redis queue). `classification.type` says
// what the address is accused of. Traps: source ports that live in `extra`, and `ddos`, which names attackers and victims alike.
import { err, type Result } from '../../core/kernel/result.ts';
import { SECOND } from '../../core/kernel/time.ts';
import type { FeedReader } from '../../core/report/feed.ts';
import type { Report, ReportClass } from '../../core/report/report.ts';
import { leavesOf } from '../feed/extra.ts';
import { type Fields, isFields, protocolNamed, type RowFault, textAt } from '../feed/fields.ts';
import { jsonFeed } from '../feed/json-feed.ts';
import { type Place, reportOf } from '../feed/observation.ts';
import { parseOffsetStamp, writtenAt } from '../feed/stamps.ts';
import { parseJson } from '../json/parse.ts';

export interface IntelmqSettings {
  /** 0–100: an event of a feed that is right less often than this never acts. */
  readonly leastAccuracy: number;
}

const MAX_DEPTH = 16;

export function readIntelmq(settings: IntelmqSettings): FeedReader {
  return jsonFeed((value, place, line) => [eventReport(value, place, { line, settings })]);
}

function eventReport(
  written: Fields,
  place: Place,
  { line, settings }: { readonly line: number; readonly settings: IntelmqSettings },
): Result<Report, RowFault> {
  const kind = textAt(written, '__type');
  if (kind !== undefined && kind !== 'Event')
    return err({ code: 'not-an-event', text: `a message of type ${JSON.stringify(kind.slice(0, 32))}, not an Event` });
  const event = withExtra(written);
  const get = (key: string) => textAt(event, key) ?? textAt(event, ...key.split('.'));
  if (get('source.ip') === undefined && get('source.network') !== undefined)
    return err({ code: 'ip-is-network', text: 'source.network alone: it names no single line' });
  const accused = accusationOf(get);
  const time = get('time.source') ?? '';
  const observedAt = parseOffsetStamp(time);
  const accuracy = Number(get('feed.accuracy') ?? 100);
  const isTrusted = accuracy >= settings.leastAccuracy;
  return reportOf(place, line, {
    type: get('classification.type') ?? 'undetermined',
    identity: ['intelmq', sameness(written)],
    class: accused.class,
    mayAct: accused.mayAct && isTrusted,
    families: [get('malware.name'), get('classification.identifier')],
    ip: get('source.ip'),
    // Parsers of Cymru and Spamhaus lists leave the port on the line in `extra`.
    port: get('source.port') ?? get('extra.source_port') ?? get('extra.source.local_port'),
    protocol: get('protocol.transport'),
    destinationIp: get('destination.ip'),
    destinationPort: get('destination.port'),
    observedAt,
    writtenAt: writtenAt(time, observedAt),
    precisionMs: SECOND,
    extra: leavesOf(event, (name) => USED.has(name)),
    notes: [...accused.notes, ...(isTrusted ? [] : ['low-accuracy'])],
  });
}

const USED = new Set([
  ...['__type', 'raw', 'time.source', 'source.ip', 'source.port', 'protocol.transport', 'destination.ip'],
  ...['destination.port', 'classification.type'],
]);

/** Some outputs write `extra` as JSON inside a string. */
function withExtra(event: Fields): Fields {
  const extra = event['extra'];
  if (typeof extra !== 'string') return event;
  const inner = parseJson(extra, MAX_DEPTH);
  return inner.ok && isFields(inner.value) ? { ...event, extra: inner.value } : event;
}

/** All that was said but who said it when: IntelMQ's own deduplication leaves out the same two. */
function sameness(event: Fields): readonly unknown[] {
  return Object.entries(event)
    .filter(([key]) => key !== 'raw' && key !== 'time.observation' && key !== '__type')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

interface Accusation {
  readonly class: ReportClass;
  readonly mayAct: boolean;
  readonly notes: readonly string[];
}

const CLASSES: Readonly<Record<string, ReportClass>> = {
  'infected-system': 'infected-handshake',
  'system-compromise': 'infected-handshake',
  'brute-force': 'attack-handshake',
  spam: 'attack-handshake',
  exploit: 'attack-handshake',
  scanner: 'attack-single-packet',
  'ids-alert': 'attack-single-packet',
  'vulnerable-system': 'exposed',
  'weak-crypto': 'exposed',
  'potentially-unwanted-accessible': 'exposed',
  'ddos-amplifier': 'exposed',
  'information-disclosure': 'exposed',
  proxy: 'exposed',
};
/** Known, and never more than information: command servers, web sites, lists. */
const INFORMATION = new Set([
  ...['c2-server', 'ddos', 'dos', 'blacklist', 'undetermined', 'other', 'tor', 'test', 'dga-domain', 'phishing'],
  ...['malware', 'malware-configuration', 'malware-distribution', 'harmful-speech', 'violence', 'copyright'],
  ...['application-compromise', 'burglary', 'privileged-account-compromise', 'unprivileged-account-compromise'],
  ...['data-leak', 'data-loss', 'masquerade', 'unauthorized-use-of-resources', 'social-engineering', 'sniffing'],
  ...['unauthorised-information-access', 'unauthorised-information-modification', 'misconfiguration', 'outage'],
  ...['sabotage'],
]);

/** What it says of the address; a proxy (`forwarded_by`, a cell of Shadowserver's) hides the one who was seen. */
function accusationOf(get: (key: string) => string | undefined): Accusation {
  const said = accusationByType(get);
  const forwarded = get('extra.forwarded_by')?.toLowerCase() ?? '';
  return ['', '0', 'unknown'].includes(forwarded) ? said : { ...said, mayAct: false, notes: [...said.notes, 'proxy'] };
}

function accusationByType(get: (key: string) => string | undefined): Accusation {
  const type = get('classification.type') ?? 'undetermined';
  const identifier = get('classification.identifier') ?? '';
  const protocol = protocolNamed(get('protocol.transport'));
  // A honeypot that plays amplifier reports the one who is attacked as source.
  if (/\b(?:victim|target|amp)\b|ddos-amp/.test(identifier))
    return { class: 'victim', mayAct: false, notes: ['victim-by-identifier'] };
  // `system-compromise` too, and yet one site among others on the address.
  if (/\bwebsite\b/.test(identifier)) return { class: 'info', mayAct: false, notes: ['web-site'] };
  const found = Object.hasOwn(CLASSES, type) ? CLASSES[type] : undefined;
  if (found === undefined)
    return { class: 'info', mayAct: false, notes: INFORMATION.has(type) ? [] : ['classification-unknown'] };
  // An exploit is a handshake only where the transport says so, and so is an infection.
  if (type === 'exploit' && protocol !== 'tcp') return { class: 'attack-single-packet', mayAct: true, notes: [] };
  if (found === 'infected-handshake' && protocol === undefined) return { class: 'c2-contact', mayAct: true, notes: [] };
  return { class: found, mayAct: true, notes: [] };
}
