// What one row or line of Kea says about one address or prefix: somebody holds it until then, or nobody does any more. Who the line
// is, option 82 or its IPv6 kin says, never a MAC: those move between lines and are cloned.
import type { Instant } from '../../core/kernel/time.ts';
import type { Slot } from '../../core/line/accounting.ts';
import type { Prefix } from '../../core/net/prefix.ts';

interface AnyFact {
  readonly prefix: Prefix;
  readonly slot: Slot;
  /** Hardware address, client id or DUID with IAID: tells two leases of one address apart, and no more. */
  readonly client?: string;
  /** Option 82 sub-option 1 (RFC 3046 §2.0), DHCPv6 option 18 (RFC 8415 §21.18); octets as `0x…` where they are no plain text. */
  readonly circuitId?: string;
  /** Sub-option 2, DHCPv6 option 37 (RFC 4649). */
  readonly remoteId?: string;
}

export interface LeaseHeld extends AnyFact {
  readonly kind: 'held';
  /** Client's last transaction: the lease was granted or renewed then. */
  readonly at: Instant;
  /** Infinity: for good. */
  readonly expiresAt: Instant;
}

export interface LeaseGone extends AnyFact {
  readonly kind: 'gone';
  /** The end, or the last moment that is known of it. */
  readonly at: Instant;
  /** `moment`: `at` is the end. `unseen`: some time between `at` and the reading of it. */
  readonly end: 'moment' | 'unseen';
}

export type LeaseFact = LeaseHeld | LeaseGone;

/** 0xffffffff (RFC 2131 §3.3, RFC 8415 §7.7). */
export const INFINITE_SECONDS = 4_294_967_295;

/** Printable ASCII as it stands, anything else in hexadecimal: the same octets always give the same key. */
export function identifierText(octets: Uint8Array): string | undefined {
  if (octets.length === 0 || octets.length > MAX_IDENTIFIER_OCTETS) return undefined;
  const isText = octets.every((octet) => octet > 0x20 && octet < 0x7f);
  const text = Buffer.from(octets).toString(isText ? 'latin1' : 'hex');
  // Text that looks like our hexadecimal is written in hexadecimal too: two lines must not share a key.
  return isText && !text.startsWith('0x') ? text : `0x${isText ? Buffer.from(octets).toString('hex') : text}`;
}

const MAX_IDENTIFIER_OCTETS = 255;

/** `68:6f:77`, `0x686f77` or `686f77`. */
export function octetsOf(text: string): Uint8Array | undefined {
  const digits = text.replace(/^0x/, '').replaceAll(':', '');
  if (digits.length === 0 || digits.length > 2 * 4096 || digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits))
    return undefined;
  return Buffer.from(digits, 'hex');
}
