// A line: one access contract, the unit that is quarantined. A new customer on the same line id is a new epoch.
import type { Instant } from '../kernel/time.ts';
import type { Prefix } from '../net/prefix.ts';

export const LINE_CLASSES = ['home', 'business', 'shared', 'public-wifi', 'voip-only', 'wholesale', 'unknown'] as const;
export type LineClass = (typeof LINE_CLASSES)[number];

export interface Line {
  readonly id: string;
  /** Counts customers on this line id from 1; cases and releases belong to (id, epoch). */
  readonly epoch: number;
  /** Joins bindings to the line: User-Name by default. */
  readonly accessKey: string;
  readonly customerNo: string;
  readonly class: LineClass;
  /** Never enforced automatically: emergency, medical, public body. */
  readonly protected: boolean;
  readonly staticPrefixes: readonly Prefix[];
  /** Realm of the static prefixes; default `main`. */
  readonly realm: string;
  readonly email?: string;
  readonly phone?: string;
  /** BCP 47, one of the portal's languages; undefined = the operator's default. */
  readonly language?: string;
  readonly termsVersion?: string;
  readonly contract: 'active' | 'ended';
  /** Since when this customer has this line under this access key: nothing before is theirs. */
  readonly epochStartedAt: Instant;
}
