// One observation of one address by one source, as every feed is normalised. What a feed said, not what we think of it.
import type { Instant } from '../kernel/time.ts';
import type { Ip } from '../net/ip.ts';

export const REPORT_CLASSES = [
  'infected-handshake',
  'attack-handshake',
  'attack-single-packet',
  'c2-contact',
  'exposed',
  'victim',
  'info',
] as const;
/** Fixed list of design.md, «Words». */
export type ReportClass = (typeof REPORT_CLASSES)[number];

export interface Report {
  /** Stable over re-delivery: hash of (source, delivery-independent row identity). The store's primary key. */
  readonly id: string;
  readonly source: string;
  /** The feed's own type name, e.g. `event4_honeypot_brute_force`; `api` for POST /v1/reports. */
  readonly type: string;
  readonly class: ReportClass;
  /** Role table: may this feed type ever lead to an act? */
  readonly mayAct: boolean;
  readonly family: string;
  readonly ip: Ip;
  readonly port?: number;
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  readonly destinationIp?: Ip;
  readonly destinationPort?: number;
  readonly observedAt: Instant;
  /** The last of several observations told in one row (n6 `until`): attributed at both ends, and both must be one line. */
  readonly untilAt?: Instant;
  /** Uncertainty of observedAt that the feed states or implies, in ms (1000 for second precision). */
  readonly precisionMs: number;
  /** Hash of the raw evidence file and 1-based line inside it; in a JSON list the place there. */
  readonly evidence: { readonly hash: string; readonly line: number };
  /** Columns nobody asked for survive here, as text, bounded. */
  readonly extra: Readonly<Record<string, string>>;
}

/** A row that did not become a report: never silent, always with place and reason. */
export interface RefusedRow {
  readonly line: number;
  /** Stable code, e.g. `ip-not-canonical`, `timestamp-bad`, `type-unknown`. */
  readonly code: string;
  readonly text: string;
}
