// One accounting record as the rules see it, and when it happened. Bytes and attributes: protocols/radius.
import { DAY, type Instant, MINUTE, SECOND } from '../kernel/time.ts';
import type { Prefix } from '../net/prefix.ts';
import type { PortRange } from '../net/transport.ts';

/** Which of a session's addresses: a session may change one while it keeps the others. */
export type Slot = 'ipv4' | 'framed-ipv6' | 'delegated-ipv6' | 'address-ipv6';

/** Of a prefix that a session names in two slots the first counts, in the store as in the rules. */
export const SLOTS: readonly Slot[] = ['ipv4', 'framed-ipv6', 'delegated-ipv6', 'address-ipv6'];

export interface NamedPrefix {
  readonly slot: Slot;
  readonly prefix: Prefix;
}

/** Ports of an address that several lines share (RFC 8045): given to the session, or taken back. */
export interface PortBlock {
  /** The shared IPv4 address, as seen from outside. */
  readonly prefix: Prefix;
  readonly ports: PortRange;
  readonly isReleased: boolean;
}

/** Attribute name (RFC spelling) → its values as text, in the order of the record. Octets as `0x…`. */
export type SessionFacts = Readonly<Record<string, readonly string[]>>;

interface AnyRecord {
  readonly nas: string;
  readonly realm: string;
  readonly eventAt: Instant;
  /** What the NAS's clock was behind ours by, late delivery included; undefined = the record carried no usable time. */
  readonly clockLagMs?: number;
  /** The same, where it is so much that the NAS's time was not used. */
  readonly wrongClockMs?: number;
}

export interface SessionRecord extends AnyRecord {
  readonly status: 'start' | 'interim' | 'stop';
  readonly sessionId: string;
  readonly accessKey: string;
  /** Start: the event itself; else the event minus Acct-Session-Time, when it was given. */
  readonly startAt?: Instant;
  readonly prefixes: readonly NamedPrefix[];
  readonly blocks?: readonly PortBlock[];
  /** A Stop for a session that the NAS found over after it came back: up to when it lasted, nobody saw. */
  readonly endUnseen?: boolean;
  /** What a request about this session to its NAS may have to name; only from clients whose gateway is asked so. */
  readonly facts?: SessionFacts;
}

/** Accounting-On and -Off: every session of the NAS that began before is over, since we do not know when. */
export interface ResetRecord extends AnyRecord {
  readonly status: 'on' | 'off';
}

export type AccountingRecord = SessionRecord | ResetRecord;

export function isReset(record: AccountingRecord): record is ResetRecord {
  return record.status === 'on' || record.status === 'off';
}

/** A NAS clock further ahead than this, or further behind than MAX_LATE_MS, is wrong and its time is not used. */
const MAX_AHEAD_MS = 10 * MINUTE;
const MAX_LATE_MS = 30 * DAY;

/**
 * Event-Timestamp (RFC 2869 §5.3) when it can be true, else arrival minus Acct-Delay-Time (RFC 2866 §5.2). Decided on this
 * one record alone, so that the order of arrival cannot matter. A retransmission with a larger delay is the same event.
 */
export function eventTime(record: {
  readonly arrivedAt: Instant;
  readonly delaySeconds?: number;
  readonly eventTimestampSeconds?: number;
}): Pick<AnyRecord, 'eventAt' | 'clockLagMs' | 'wrongClockMs'> {
  const delayMs = (record.delaySeconds ?? 0) * SECOND;
  // No NAS tries for longer than that: an unset clock was subtracted from a set one.
  const sentAt = record.arrivedAt - (delayMs > MAX_LATE_MS ? 0 : delayMs);
  if (record.eventTimestampSeconds === undefined) return { eventAt: sentAt };
  const stampedAt = record.eventTimestampSeconds * SECOND;
  const clockLagMs = sentAt - stampedAt;
  if (clockLagMs < -MAX_AHEAD_MS || clockLagMs > MAX_LATE_MS) return { eventAt: sentAt, wrongClockMs: clockLagMs };
  return { eventAt: stampedAt, clockLagMs };
}
