// Kea's forensic log (`libdhcp_legal_log`), one lease event a line, in its default wording and in the one its manual builds from
// expressions. The time in front may be written in many ways: one without an offset counts only in UTC or under a name that the
// configuration gives an offset. Lines of the management API name no relay and therefore no line.
import { parseRfc3339, parseUtcStamp } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../core/kernel/time.ts';
import { parseIp } from '../../core/net/ip.ts';
import { parsePrefix, prefixOf } from '../../core/net/prefix.ts';
import { identifierText, type LeaseFact, octetsOf } from './lease.ts';

export type LegalLineFault =
  | 'line-too-long'
  | 'time-bad'
  /** A zone by a name that says nothing: CST is three of them. */
  | 'zone-unknown'
  /** Another wording, or an act that names no address. */
  | 'not-a-lease'
  | 'address-bad'
  | 'duration-bad';

/** Zone name, as the log writes it, → what it is ahead of UTC by, ms. */
export type ZoneNames = ReadonlyMap<string, number>;

const MAX_LINE_CHARS = 16_384;

const LEASE =
  /^(Address|Prefix): ?(\S{2,60}) has been (assigned|renewed|released|declined)(?: for (.{1,80}?))? (?:to|from) a device with /;
const DELETED = /^(?:Administrator|HA partner) deleted the lease for address: (\S{2,60})/;
const HARDWARE = /hardware address: (?:hwtype=\d{1,3} )?([0-9a-fA-F:]{2,60})/;
const DUID = /DUID: ([0-9a-fA-F:]{2,400})/;
const IDS = {
  circuitId: /(?:circuit-id|interface-id): ([0-9a-fA-F:]{2,800})/,
  remoteId: /remote-id: ([0-9a-fA-F:]{2,800})/,
};

export function readLegalLine(line: string, zones: ZoneNames): Result<LeaseFact, LegalLineFault> {
  if (line.length > MAX_LINE_CHARS) return err('line-too-long');
  const head = readTime(line, zones);
  if (!head.ok) return head;
  const { at, text } = head.value;
  const deleted = DELETED.exec(text);
  if (deleted !== null) {
    const place = placeOf('Address', deleted[1]!);
    return place === undefined ? err('address-bad') : ok({ ...place, kind: 'gone', at, end: 'moment' });
  }
  const lease = LEASE.exec(text);
  return lease === null ? err('not-a-lease') : leaseFact(lease, text, at);
}

function leaseFact(lease: RegExpExecArray, text: string, at: Instant): Result<LeaseFact, LegalLineFault> {
  const [, kind, address, act, duration] = lease;
  const place = placeOf(kind!, address!);
  if (place === undefined) return err('address-bad');
  const client = (DUID.exec(text) ?? HARDWARE.exec(text))?.[1]?.toLowerCase();
  // Whatever a client calls itself stands behind the relay's words only in its own hexadecimal: nothing of it can pose as them.
  const relayed = text.slice(Math.max(0, text.indexOf('connected via relay')));
  const hasRelay = text.includes('connected via relay');
  const [circuitId, remoteId] = [IDS.circuitId, IDS.remoteId].map((pattern) =>
    hasRelay ? idOf(pattern.exec(relayed)?.[1]) : undefined,
  );
  const common = {
    ...place,
    ...(client === undefined ? {} : { client }),
    ...(circuitId === undefined ? {} : { circuitId }),
    ...(remoteId === undefined ? {} : { remoteId }),
  };
  if (act === 'released' || act === 'declined') return ok({ ...common, kind: 'gone', at, end: 'moment' });
  const lastsMs = duration === undefined ? undefined : durationMs(duration);
  return lastsMs === undefined ? err('duration-bad') : ok({ ...common, kind: 'held', at, expiresAt: at + lastsMs });
}

function placeOf(kind: string, text: string): Pick<LeaseFact, 'prefix' | 'slot'> | undefined {
  if (kind === 'Prefix') {
    const prefix = parsePrefix(text);
    return prefix?.ip.family === 6 ? { prefix, slot: 'delegated-ipv6' } : undefined;
  }
  const ip = parseIp(text);
  return ip === undefined ? undefined : { prefix: prefixOf(ip), slot: ip.family === 4 ? 'ipv4' : 'address-ipv6' };
}

function idOf(hex: string | undefined): string | undefined {
  const octets = hex === undefined ? undefined : octetsOf(hex.replace(/:$/, ''));
  return octets === undefined ? undefined : identifierText(octets);
}

const UNIT_MS: Readonly<Record<string, number>> = { day: DAY, hr: HOUR, min: MINUTE, sec: SECOND, second: SECOND };

/** `1 days 0 hrs 52 mins 15 secs`, `6735 seconds`, `infinite duration`. */
function durationMs(text: string): number | undefined {
  if (text === 'infinite duration') return Number.POSITIVE_INFINITY;
  const parts = [...text.matchAll(/(\d{1,10}) (day|hr|min|second|sec)s?(?: |$)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit!]!, 0);
}

/** Seconds since 1970, RFC 3339, or date and time followed by an offset or the name of a zone. */
function readTime(
  line: string,
  zones: ZoneNames,
): Result<{ readonly at: Instant; readonly text: string }, LegalLineFault> {
  const epoch = /^([0-9]{9,10})(?:\.([0-9]{1,6}))? /.exec(line);
  if (epoch !== null) {
    const ms = Number((epoch[2] ?? '').padEnd(3, '0').slice(0, 3));
    return ok({ at: Number(epoch[1]) * SECOND + ms, text: line.slice(epoch[0].length) });
  }
  const whole = parseRfc3339(line.slice(0, line.indexOf(' ')));
  if (whole !== undefined) return ok({ at: whole, text: line.slice(line.indexOf(' ') + 1) });
  const local = parseUtcStamp(line.slice(0, 19).replace('T', ' '));
  const tail = /^(?:[.,][0-9]{1,6})? ?([A-Za-z]{1,6}|[+-][0-9]{2}:?[0-9]{2}) /.exec(line.slice(19));
  if (local === undefined) return err('time-bad');
  const aheadMs = tail === null ? undefined : offsetOf(tail[1]!, zones);
  return aheadMs === undefined
    ? err('zone-unknown')
    : ok({ at: local - aheadMs, text: line.slice(19 + tail![0].length) });
}

function offsetOf(zone: string, zones: ZoneNames): number | undefined {
  const numeric = /^([+-])([0-9]{2}):?([0-9]{2})$/.exec(zone);
  if (numeric !== null)
    return (Number(numeric[2]) * HOUR + Number(numeric[3]) * MINUTE) * (numeric[1] === '-' ? -1 : 1);
  return zone === 'UTC' || zone === 'GMT' || zone === 'Z' ? 0 : zones.get(zone);
}
