// Suricata's eve.json: alerts alone, each judged by the operator's own list of signatures, since a rule's author does not know
// what it proves here. Either end may be ours, whatever «source» says: an alert on an answer has the server as its source.
import { err, type Result } from '../../core/kernel/result.ts';
import { SECOND } from '../../core/kernel/time.ts';
import { parseIp } from '../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../core/net/prefix.ts';
import type { FeedReader } from '../../core/report/feed.ts';
import type { Report, ReportClass } from '../../core/report/report.ts';
import { leavesOf } from '../feed/extra.ts';
import { type Fields, type RowFault, textAt } from '../feed/fields.ts';
import { jsonFeed } from '../feed/json-feed.ts';
import { type Place, reportOf } from '../feed/observation.ts';
import { parseOffsetStamp } from '../feed/stamps.ts';

/** What an alert means here. The first rule that fits holds; without one an alert is information. */
export interface AlertRule {
  /** Numbers of signatures. */
  readonly signatures: readonly number[];
  /** Names of categories, as in `alert.category`. */
  readonly categories: readonly string[];
  readonly class: ReportClass;
  /** Which end of the packet the class speaks of; `home` = whichever is ours. */
  readonly accuses: 'source' | 'destination' | 'home';
  readonly family?: string | undefined;
}

export interface SuricataSettings {
  /** Addresses of our lines as the sensor sees them. */
  readonly homeNet: readonly Prefix[];
  readonly alerts: readonly AlertRule[];
}

export function readSuricata(settings: SuricataSettings): FeedReader {
  return jsonFeed((value, place, line) => [alertReport(value, place, { line, settings })]);
}

function alertReport(
  event: Fields,
  place: Place,
  { line, settings }: { readonly line: number; readonly settings: SuricataSettings },
): Result<Report, RowFault> {
  if (textAt(event, 'event_type') !== 'alert')
    return err({
      code: 'not-an-alert',
      text: `an event of type ${JSON.stringify(textAt(event, 'event_type')?.slice(0, 32) ?? '')}`,
    });
  const end = ourEnd(event, settings.homeNet);
  if (!end.ok) return end;
  const [near, far] = end.value === 'source' ? (['src', 'dest'] as const) : (['dest', 'src'] as const);
  const rule = settings.alerts.find((one) => fits(one, event));
  const isAccused = rule !== undefined && (rule.accuses === 'home' || rule.accuses === end.value);
  return reportOf(place, line, {
    type: 'alert',
    identity: [
      'eve',
      ...IDENTITY.map((key) => textAt(event, key) ?? null),
      textAt(event, 'alert', 'signature_id') ?? null,
    ],
    class: isAccused ? rule.class : 'info',
    mayAct: isAccused,
    families: isAccused ? [rule.family] : [],
    ip: textAt(event, `${near}_ip`),
    port: textAt(event, `${near}_port`),
    protocol: textAt(event, 'proto'),
    destinationIp: textAt(event, `${far}_ip`),
    destinationPort: textAt(event, `${far}_port`),
    observedAt: parseOffsetStamp(textAt(event, 'timestamp') ?? ''),
    precisionMs: SECOND,
    extra: leavesOf(event, (name) => USED.has(name)),
    notes: [...(rule === undefined ? ['no-rule'] : isAccused ? [] : ['other-end']), `ours-is-${end.value}`],
  });
}

const IDENTITY = ['timestamp', 'flow_id', 'src_ip', 'src_port', 'dest_ip', 'dest_port', 'proto'];
const USED = new Set([
  ...['timestamp', 'event_type', 'src_ip', 'src_port', 'dest_ip', 'dest_port', 'proto', 'payload', 'packet'],
  ...['payload_printable', 'packet_info'],
]);

function ourEnd(event: Fields, homeNet: readonly Prefix[]): Result<'source' | 'destination', RowFault> {
  const [source, destination] = ['src_ip', 'dest_ip'].map((key) => {
    const ip = parseIp(textAt(event, key) ?? '');
    return ip === undefined ? undefined : homeNet.some((prefix) => containsIp(prefix, ip));
  });
  if (source === undefined || destination === undefined)
    return err({ code: 'ip-not-canonical', text: 'src_ip or dest_ip is no address in plain IPv4 or RFC 4291 form' });
  if (source && destination)
    return err({ code: 'both-ends-ours', text: 'both ends lie in homeNet: whom the alert means is not said' });
  if (!source && !destination) return err({ code: 'no-end-ours', text: 'neither end lies in homeNet' });
  return { ok: true, value: source ? 'source' : 'destination' };
}

function fits(rule: AlertRule, event: Fields): boolean {
  const signature = Number(textAt(event, 'alert', 'signature_id'));
  const category = textAt(event, 'alert', 'category') ?? '';
  return rule.signatures.includes(signature) || rule.categories.includes(category);
}
