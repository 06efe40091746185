// From an IPFIX record to what it says about ports of a shared address (RFC 8158). Whose line the inside address is, another step says.
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { DAY, type Instant } from '../../core/kernel/time.ts';
import type { TranslatedProtocol, TranslationEvent } from '../../core/line/translation.ts';
import { type Ip, ipFromBytes } from '../../core/net/ip.ts';
import type { PortRange } from '../../core/net/transport.ts';
import { IE, NAT_EVENTS } from './elements.ts';
import type { IpfixRecord } from './message.ts';

export interface NatRecord extends Pick<TranslationEvent, 'kind' | 'at' | 'outside' | 'ports' | 'protocol'> {
  readonly inside: Ip;
  /** internalAddressRealm, else ingressVRFID, else natInstanceID, as far as they are said and not zero. */
  readonly vrf?: string;
}

export type NatRefusal =
  | 'not-a-binding'
  /** An address binding (14, 15) of a pool that several hosts share says nothing about ports. */
  | 'address-binding'
  | 'other-protocol'
  | 'address-bad'
  | 'ports-bad'
  /** A range with holes: who has the ports between, it does not say. */
  | 'ports-stepped'
  | 'time-bad';

export interface NatReading {
  readonly exportAt: Instant;
  /** Outside addresses are each one host's: then an address binding is about all ports. */
  readonly isOneToOne: boolean;
}

export function natRecordOf(record: IpfixRecord, reading: NatReading): Result<NatRecord, NatRefusal> {
  const event = NAT_EVENTS[numberOf(record, IE.natEvent) ?? -1];
  if (event === undefined) return err('not-a-binding');
  if (event.of === 'address' && !reading.isOneToOne) return err('address-binding');
  // DS-Lite and NAT64 say both: the IPv6 address is the line's, an IPv4 one beside it the host's behind the B4.
  const inside = addressOf(record, IE.sourceIPv6Address) ?? addressOf(record, IE.sourceIPv4Address);
  const outside = addressOf(record, IE.postNATSourceIPv4Address);
  if (inside === undefined || outside?.family !== 4) return err('address-bad');
  const ports = event.of === 'address' ? ok(ALL_PORTS) : portsOf(record);
  if (!ports.ok) return ports;
  const protocol = event.of === 'port' ? protocolOf(numberOf(record, IE.protocolIdentifier)) : undefined;
  if (protocol === 'other') return err('other-protocol');
  const at = timeOf(record, reading.exportAt);
  if (at === undefined) return err('time-bad');
  const vrf = realmOf(record);
  return ok({
    kind: event.kind,
    at,
    inside,
    outside,
    ports: ports.value,
    ...(protocol === undefined ? {} : { protocol }),
    ...(vrf === undefined ? {} : { vrf }),
  });
}

const ALL_PORTS: PortRange = { low: 0, high: 65_535 };

function portsOf(record: IpfixRecord): Result<PortRange, NatRefusal> {
  const low = numberOf(record, IE.portRangeStart) ?? numberOf(record, IE.postNAPTSourceTransportPort);
  if (low === undefined || low > 65_535) return err('ports-bad');
  if (!record.has(IE.portRangeStart)) return ok({ low, high: low });
  const step = numberOf(record, IE.portRangeStepSize) ?? 1;
  if (step > 1) return err('ports-stepped');
  const count = numberOf(record, IE.portRangeNumPorts);
  const end = numberOf(record, IE.portRangeEnd);
  const high = end !== undefined && end !== 0 ? end : count !== undefined ? low + count - 1 : low;
  return high >= low && high <= 65_535 ? ok({ low, high }) : err('ports-bad');
}

/** 0 is an exporter's way to leave it out (HOPOPT translates nothing). */
function protocolOf(number: number | undefined): TranslatedProtocol | 'other' | undefined {
  switch (number) {
    case undefined:
    case 0:
    case 255:
      return undefined;
    case 6:
      return 'tcp';
    case 17:
      return 'udp';
    case 1:
    case 58:
      return 'icmp';
    default:
      return 'other';
  }
}

/** Its own time, else that of the message. A day between the two, and one of the clocks is wrong. */
function timeOf(record: IpfixRecord, exportAt: Instant): Instant | undefined {
  const ms = numberOf(record, IE.observationTimeMilliseconds);
  const seconds = numberOf(record, IE.observationTimeSeconds);
  const at = ms ?? (seconds === undefined ? exportAt : seconds * 1000);
  return Math.abs(at - exportAt) <= DAY ? at : undefined;
}

function realmOf(record: IpfixRecord): string | undefined {
  const name = record.get(IE.internalAddressRealm);
  const text = name === undefined ? '' : Buffer.from(name).toString('latin1').replace(/\0+$/, '');
  if (text !== '')
    return /^[\x20-\x7e]{1,64}$/.test(text) ? text : `0x${Buffer.from(text, 'latin1').toString('hex').slice(0, 62)}`;
  const id = numberOf(record, IE.ingressVRFID) || numberOf(record, IE.natInstanceID) || 0;
  return id === 0 ? undefined : String(id);
}

function addressOf(record: IpfixRecord, element: number): Ip | undefined {
  const octets = record.get(element);
  const ip = octets === undefined ? undefined : ipFromBytes(octets);
  return ip?.bytes.every((octet) => octet === 0) === true ? undefined : ip;
}

/** Unsigned, in as many octets as the template says (RFC 7011 §6.2). */
function numberOf(record: IpfixRecord, element: number): number | undefined {
  const octets = record.get(element);
  if (octets === undefined || octets.length === 0 || octets.length > 8) return undefined;
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return Number.isSafeInteger(value) ? value : undefined;
}
