// One X-ARF document in JSON: v4 (xarf.org), and v3 in both shapes that are about – `SourceIp` beside the other fields, and
// `Source: {IP, Type}`. Evidence payloads stay in the original.
import { err, type Result } from '../../core/kernel/result.ts';
import { DAY } from '../../core/kernel/time.ts';
import type { Report } from '../../core/report/report.ts';
import { leavesOf } from '../feed/extra.ts';
import { type Fields, protocolNamed, type RowFault, textAt } from '../feed/fields.ts';
import { type Observation, type Place, reportOf } from '../feed/observation.ts';
import { parseOffsetStamp, writtenAt } from '../feed/stamps.ts';
import { classOfType } from './classes.ts';

export interface XarfSettings {
  /** How far the clock of an unknown reporter may be off, in ms. */
  readonly clockMs: number;
}

interface Context {
  readonly place: Place;
  readonly line: number;
  readonly settings: XarfSettings;
}

export function documentReport(document: Fields, context: Context): Result<Report, RowFault> {
  const version = textAt(document, 'xarf_version') ?? textAt(document, 'Version') ?? '';
  if (/^4(?:\.|$)/.test(version)) return v4Report(document, context);
  if (/^3(?:\.|$)/.test(version)) return v3Report(document, context);
  return err({ code: 'xarf-version', text: 'neither xarf_version 4 nor Version 3' });
}

const REQUIRED = ['report_id', 'timestamp', 'source_identifier', 'category', 'type'];
const LEAST_CONFIDENCE = 0.5;

function v4Report(document: Fields, { place, line, settings }: Context): Result<Report, RowFault> {
  const missing = [
    ...REQUIRED.filter((key) => textAt(document, key) === undefined),
    ...['reporter', 'sender'].filter((key) => textAt(document, key, 'org') === undefined),
  ];
  if (missing.length > 0) return err({ code: 'xarf-incomplete', text: `${missing[0]} is missing` });
  const [category, type] = [textAt(document, 'category')!, textAt(document, 'type')!];
  const source = textAt(document, 'source_identifier')!;
  if (!looksLikeAddress(source)) return notAnAddress();
  const isSure = Number(textAt(document, 'confidence') ?? 1) >= LEAST_CONFIDENCE;
  const said = { ...document };
  for (const key of NOT_SAID) delete said[key];
  return reportOf(place, line, {
    type: `${category}/${type}`,
    identity: ['xarf4', textAt(document, 'report_id')],
    content: said,
    class: classOfType(category, type, protocolNamed(textAt(document, 'protocol'))),
    mayAct: isSure,
    families: [textAt(document, 'malware_family'), textAt(document, 'malware_name'), ...tagFamilies(document)],
    ip: source,
    port: textAt(document, 'source_port'),
    protocol: textAt(document, 'protocol'),
    destinationIp: textAt(document, 'destination_ip'),
    destinationPort: textAt(document, 'destination_port'),
    ...timesOf(document),
    precisionMs: settings.clockMs,
    extra: leavesOf(said, (name) => V4_USED.has(name)),
    notes: isSure ? [] : ['low-confidence'],
  });
}

/**
 * Of `first_seen`, `timestamp` and `last_seen` none is surely the moment of the port, and `timestamp` may be that of the letter: all
 * that lies between must be one line.
 */
function timesOf(document: Fields): Pick<Observation, 'observedAt' | 'writtenAt' | 'untilAt'> {
  const texts = ['first_seen', 'timestamp', 'last_seen'].flatMap((key) => textAt(document, key) ?? []);
  const times = texts.map((text) => ({ text, at: parseOffsetStamp(text) }));
  const known = times.flatMap(({ at }) => at ?? []);
  if (known.length < times.length) return { observedAt: undefined };
  const written = times.map(({ text, at }) => writtenAt(text, at)!);
  return {
    observedAt: Math.min(...known),
    untilAt: Math.max(...known),
    // One date without a time among them puts the whole in doubt.
    writtenAt: written.find((at) => at % DAY === 0) ?? written[0],
  };
}

const NOT_SAID = ['evidence', '_internal'];
const V4_USED = new Set([
  ...['source_identifier', 'source_port', 'protocol', 'destination_ip', 'destination_port', 'timestamp'],
]);

/** `malware:conficker` */
function tagFamilies(document: Fields): readonly string[] {
  const tags = document['tags'];
  if (!Array.isArray(tags)) return [];
  return tags.slice(0, 20).flatMap((tag) => (typeof tag === 'string' && /^malware:/.test(tag) ? [tag.slice(8)] : []));
}

function v3Report(document: Fields, { place, line, settings }: Context): Result<Report, RowFault> {
  const at = (...path: readonly string[]) => textAt(document, 'Report', ...path);
  const type = at('ReportType');
  const source = at('SourceIp') ?? at('Source', 'IP');
  if (type === undefined || (source === undefined && at('Source', 'Type') === undefined))
    return err({ code: 'xarf-incomplete', text: 'Report.ReportType or Report.SourceIp is missing' });
  if (source === undefined || !looksLikeAddress(source)) return notAnAddress();
  const date = at('Date') ?? '';
  const observedAt = parseOffsetStamp(date);
  const protocol = at('TransportProtocol') ?? at('Protocol');
  return reportOf(place, line, {
    type: `${at('ReportClass') ?? '-'}/${type}`.toLowerCase(),
    identity: ['xarf3', document['Report'] ?? null],
    class: classOfType(undefined, type, protocolNamed(protocol)),
    mayAct: true,
    families: [at('BotnetName'), at('MalwareName'), at('AdditionalInfo', 'MalwareFamily')],
    ip: source,
    port: at('SourcePort') ?? at('Source', 'Port'),
    protocol,
    destinationIp: at('DestinationIp') ?? at('Destination', 'IP'),
    destinationPort: at('DestinationPort') ?? at('Destination', 'Port'),
    observedAt,
    writtenAt: writtenAt(date, observedAt),
    precisionMs: settings.clockMs,
    extra: leavesOf(document, (name) => V3_USED.has(name)),
    notes: [],
  });
}

const V3_USED = new Set([
  ...['report.sourceip', 'report.sourceport', 'report.source', 'report.transportprotocol', 'report.protocol'],
  ...['report.destinationip', 'report.destinationport', 'report.date', 'report.samples', 'report.attachment'],
]);

/** A name, a URL or a mail address is somebody else's business; whether an address is a good one is judged later. */
function looksLikeAddress(text: string): boolean {
  return /^[0-9.]{3,}(?:\/|$)|:.*:/.test(text) && !text.includes('//');
}

function notAnAddress(): Result<Report, RowFault> {
  return err({ code: 'source-not-address', text: 'the source is a name or a URL, not an address' });
}
