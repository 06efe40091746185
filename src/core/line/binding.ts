// Which line held an address, prefix or port block, from when to when, how certain. Bindings are never rewritten to
// lengthen a holder: a lost Stop never extends one beyond `certainEndAt`.
import type { Instant } from '../kernel/time.ts';
import type { Prefix } from '../net/prefix.ts';
import { type PortRange, portsOverlap } from '../net/transport.ts';

export interface Binding {
  /** Stable: derived from source, session and address, so the same records in any order name it the same. */
  readonly id: string;
  readonly realm: string;
  readonly prefix: Prefix;
  /** Present for shared addresses only. */
  readonly ports?: PortRange;
  /** The access key the source named; joined to a line at look-up time. */
  readonly accessKey: string;
  readonly source: 'static' | 'accounting';
  /** NAS identity for accounting; undefined for static. */
  readonly nas?: string;
  /** When it may have begun (the session's own account of itself); never before other evidence of another holder. */
  readonly startAt: Instant;
  /** First moment for which a record names this prefix; undefined = startAt. Between the two nothing is certain. */
  readonly certainFromAt?: Instant;
  /** Last moment for which evidence exists. */
  readonly certainEndAt: Instant;
  /** Set when closed; undefined while open. */
  readonly endAt?: Instant;
  readonly closedBy?: 'stop' | 'superseded' | 'nas-reset' | 'timeout';
  /** Joined over two steps: up to when both of them answer, open tails included. */
  readonly coveredUntilAt?: Instant;
  /** Joined: what stood behind the shared address and port, and how that is known. */
  readonly via?: Via;
}

export interface Via {
  readonly kind: 'map-e' | 'lw4o6' | 'deterministic-cgn' | 'translation-log';
  /** Of the rule or the translation. */
  readonly id: string;
  readonly realm: string;
  readonly inside: Prefix;
  /** Of whoever held that; absent when nobody of ours did. */
  readonly bindingId?: string;
}

/** Different blocks of one shared address: neither says anything about the other. */
export function areApart(a: { readonly ports?: PortRange }, b: { readonly ports?: PortRange }): boolean {
  return a.ports !== undefined && b.ports !== undefined && !portsOverlap(a.ports, b.ports);
}
