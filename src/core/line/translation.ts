// What an address translator (CGN, AFTR, NAT64) said about ports of a shared address: who stood behind them inside, from when
// to when. The join from the inside address to a line is another step, with evidence of its own.
import type { Instant } from '../kernel/time.ts';
import type { Ip } from '../net/ip.ts';
import type { PortRange } from '../net/transport.ts';

export type TranslatedProtocol = 'tcp' | 'udp' | 'icmp';

/** One log record. Blocks and single flows alike: a flow is a range of one port. */
export interface TranslationEvent {
  /** Name of the configured source, and of the instance behind it where it names one: `cgn1`, `cgn1/2`. */
  readonly source: string;
  readonly kind: 'allocated' | 'in-use' | 'released';
  /** On the translator's clock, as the source's configuration corrects it. */
  readonly at: Instant;
  /** When a later record says when the allocation began (Junos `epoch-time-64`). */
  readonly sinceAt?: Instant;
  readonly realm: string;
  readonly outside: Ip;
  readonly ports: PortRange;
  /** Absent: the record is about every protocol (port blocks usually are). */
  readonly protocol?: TranslatedProtocol;
  /** IPv4 behind a NAT44, the B4's IPv6 address for DS-Lite, the host's for NAT64. */
  readonly inside: { readonly realm: string; readonly ip: Ip };
}

/** A span for which a source was heard without a gap: outside of these its silence says nothing. */
export interface CoverageSpan {
  readonly source: string;
  readonly fromAt: Instant;
  readonly toAt: Instant;
}
