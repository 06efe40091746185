// What one record of a translator's log says, before its source's configuration gives it a realm and a time. One dialect per file
// beside this one; each takes a line's text and returns what stands in it, or why it says nothing. Total, bounded, no clock.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Stamp } from '../../core/kernel/stamp.ts';
import type { Instant } from '../../core/kernel/time.ts';
import type { TranslatedProtocol, TranslationEvent } from '../../core/line/translation.ts';
import { type Ip, parseIp } from '../../core/net/ip.ts';
import type { PortRange } from '../../core/net/transport.ts';

export interface CgnRecord extends Pick<TranslationEvent, 'kind' | 'outside' | 'ports' | 'protocol'> {
  readonly inside: Ip;
  /** The routing instance that the inside address belongs to, where one is named: another one's 10.0.0.1 is another line. */
  readonly vrf?: string;
  /** The record's own time; it beats that of the line's head, which is the sender's or a relay's. */
  readonly own?: Stamp;
  readonly sinceAt?: Instant;
}

export type CgnRefusal =
  /** Something else the box has to say: no allocation and no release. */
  | 'not-a-binding'
  /** Of a protocol without ports of ours (GRE, ESP): says nothing about TCP, UDP and ICMP. */
  | 'other-protocol'
  /** Both ends of a session, and the documents do not say which of them is the translated one. */
  | 'session-form'
  | 'address-bad'
  | 'ports-bad'
  | 'protocol-bad'
  | 'time-bad'
  | 'event-unknown'
  | 'malformed'
  | 'too-many-records';

export type CgnResult = Result<CgnRecord, CgnRefusal>;

/** At least one result per line. */
export type CgnDialect = (body: string) => readonly CgnResult[];

export const NOT_A_BINDING: readonly CgnResult[] = [err('not-a-binding')];

/** The parts of a record as text; `high` absent: one port. */
export interface Parts {
  readonly kind: CgnRecord['kind'];
  readonly inside: string | undefined;
  readonly outside: string | undefined;
  readonly low: string | undefined;
  readonly high?: string | undefined;
  /** Name or number (RFC 5237); absent or `-`: every protocol. */
  readonly protocol?: string | undefined;
  readonly vrf?: string | undefined;
  readonly own?: Stamp | undefined;
  readonly sinceAt?: Instant | undefined;
}

export function recordOf(parts: Parts): CgnResult {
  const [inside, outside] = [parseIp(parts.inside ?? ''), parseIp(parts.outside ?? '')];
  // What others see is an IPv4 address: IPv6 is not shared by ports.
  if (inside === undefined || outside?.family !== 4) return err('address-bad');
  const ports = portsOf(parts.low, parts.high ?? parts.low);
  if (ports === undefined) return err('ports-bad');
  const protocol = protocolOf(parts.protocol);
  if (protocol === 'bad') return err('protocol-bad');
  if (protocol === 'other') return err('other-protocol');
  return ok({
    kind: parts.kind,
    inside,
    outside,
    ports,
    ...(protocol === undefined ? {} : { protocol }),
    ...(parts.vrf === undefined ? {} : { vrf: parts.vrf.slice(0, MAX_VRF_CHARS) }),
    ...(parts.own === undefined ? {} : { own: parts.own }),
    ...(parts.sinceAt === undefined ? {} : { sinceAt: parts.sinceAt }),
  });
}

const MAX_VRF_CHARS = 64;

export function portsOf(low: string | undefined, high: string | undefined): PortRange | undefined {
  const range = { low: portOf(low), high: portOf(high) };
  return range.low <= range.high ? range : undefined; // false for NaN
}

function portOf(text: string | undefined): number {
  const port = text !== undefined && /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : Number.NaN;
}

const NAMED: Readonly<Record<string, TranslatedProtocol>> = {
  tcp: 'tcp',
  udp: 'udp',
  icmp: 'icmp',
  6: 'tcp',
  17: 'udp',
  1: 'icmp',
  58: 'icmp',
};

export function protocolOf(text: string | undefined): TranslatedProtocol | 'other' | 'bad' | undefined {
  if (text === undefined || text === '-' || text === '') return undefined;
  const lower = text.toLowerCase();
  if (Object.hasOwn(NAMED, lower)) return NAMED[lower];
  return /^(?:[0-9]{1,3}|[a-z][a-z0-9-]{1,15})$/.test(lower) ? 'other' : 'bad';
}
