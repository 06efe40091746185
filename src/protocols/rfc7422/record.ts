// The configuration record of a deterministic CGN (RFC 7422 §2.3): one line at every change, so that an old event can be computed with
// what was configured then. Says nothing about the dynamic pool, whose holders are in the CGN's own log.

import { daysFromCivil } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../core/kernel/time.ts';
import {
  type DeterministicRule,
  deterministicFaults,
  insideCount,
  outsideCount,
  type PoolHosts,
  reservedPorts,
} from '../../core/line/sharing/deterministic.ts';
import { type Prefix, parsePrefix } from '../../core/net/prefix.ts';
import type { PortRange } from '../../core/net/transport.ts';

export interface Rfc7422Record {
  /** The stamp has no zone: wall-clock time, read as if it were UTC. */
  readonly writtenAt: Instant;
  readonly inside: Prefix;
  readonly outside: Prefix;
  readonly dynamicFactor: number;
  /** Ports a user may have at most, the dynamic ones among them: no part of the mapping. */
  readonly mostPorts: number;
  readonly algorithm: number;
  readonly reserved: readonly PortRange[];
}

const LONGEST = 8192;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const STAMP = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4})$/;
/** Stamp; inside and outside prefix with their lengths; D, M, A; R; a full stop may end it. IPv6 prefixes hold colons, too. */
const RECORD =
  /^\[([^\]]{1,40})\]:([0-9a-fA-F:.]{2,45}):([0-9]{1,3}):([0-9.]{7,15}):([0-9]{1,2}):([0-9]{1,5}):([0-9]{1,5}):([0-9]):([0-9,-]*)\.?$/;

export function parseRfc7422Record(line: string): Result<Rfc7422Record, string> {
  const text = line.trim();
  const parts = text.length > LONGEST ? null : RECORD.exec(text);
  if (parts === null)
    return err('[DATE]:INSIDE:LENGTH:OUTSIDE:LENGTH:DYNAMIC:MAX-PORTS:ALGORITHM:RESERVED-PORTS (RFC 7422 §2.3)');
  const [, stamp, insideIp, insideBits, outsideIp, outsideBits, dynamic, most, algorithm, ports] = parts;
  const writtenAt = readStamp(stamp!);
  if (writtenAt === undefined) return err('a date such as Wed Oct 11 14:32:52 2000');
  const inside = parsePrefix(`${insideIp}/${insideBits}`);
  const outside = parsePrefix(`${outsideIp}/${outsideBits}`);
  if (inside === undefined) return err('an inside prefix without host bits');
  if (outside === undefined) return err('an outside prefix without host bits');
  const reserved = readPorts(ports!);
  if (reserved === undefined) return err('reserved ports such as 1-1023,5004,5060');
  const [dynamicFactor, mostPorts] = [Number(dynamic), Number(most)];
  return ok({ writtenAt, inside, outside, dynamicFactor, mostPorts, algorithm: Number(algorithm), reserved });
}

export interface RecordOptions {
  readonly id: string;
  readonly realm: string;
  readonly insideRealm: string;
  readonly hosts: PoolHosts;
  readonly outsideHosts: PoolHosts;
  readonly insideLength: number;
  /** Of the CGN's clock, ms east of UTC. */
  readonly zoneMs: number;
  readonly validToAt?: Instant;
}

/** Valid from when it was written. The ratio stands in no field: it is inside hosts per outside address. */
export function ruleOf(record: Rfc7422Record, options: RecordOptions): Result<DeterministicRule, string> {
  // Only the sequential algorithm can be computed from these fields.
  if (record.algorithm !== 0) return err(`algorithm 0, sequential (it is ${record.algorithm}: its log is needed)`);
  const { id, realm, insideRealm, insideLength, hosts, outsideHosts, zoneMs, validToAt } = options;
  const bare: DeterministicRule = {
    kind: 'deterministic-cgn',
    ...{ id, realm, insideRealm, insideLength, outsideHosts },
    insideHosts: hosts,
    inside: record.inside,
    outside: [record.outside],
    ratio: 1,
    dynamicFactor: record.dynamicFactor,
    reserved: reservedPorts(record.reserved),
    validFromAt: record.writtenAt - zoneMs,
    ...(validToAt !== undefined && { validToAt }),
  };
  const ratio = insideCount(bare) / outsideCount(bare);
  if (!Number.isInteger(ratio)) return err('inside hosts that divide evenly among the outside addresses');
  const rule = { ...bare, ratio };
  const fault = deterministicFaults(rule)[0];
  return fault === undefined ? ok(rule) : err(fault.expected);
}

function readStamp(text: string): Instant | undefined {
  const parts = STAMP.exec(text);
  if (parts === null) return undefined;
  const month = MONTHS.indexOf(parts[1]!) + 1;
  const [day, hour, minute, second, year] = parts.slice(2).map(Number) as [number, number, number, number, number];
  const isOfCalendar = month > 0 && day >= 1 && day <= daysIn(year, month) && hour < 24 && minute < 60 && second < 60;
  if (!isOfCalendar) return undefined;
  return daysFromCivil(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND;
}

function daysIn(year: number, month: number): number {
  const [nextYear, nextMonth] = month === 12 ? [year + 1, 1] : [year, month + 1];
  return daysFromCivil(nextYear, nextMonth, 1) - daysFromCivil(year, month, 1);
}

function readPorts(text: string): readonly PortRange[] | undefined {
  if (text === '') return [];
  const ranges: PortRange[] = [];
  for (const part of text.split(',')) {
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(part);
    if (match === null) return undefined;
    const [low, high] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (low > high || high > 65_535) return undefined;
    ranges.push({ low, high });
  }
  return ranges;
}
