// What every rule of address sharing has, whatever its arithmetic.
import type { Instant } from '../../kernel/time.ts';

export interface RuleHead {
  /** Unique over all rules: a rule that changes is another rule with another id. */
  readonly id: string;
  /** Of the shared outside addresses. */
  readonly realm: string;
  /** Of the inside addresses and prefixes; default `main`. */
  readonly insideRealm: string;
  /** First moment it held; undefined = since ever. */
  readonly validFromAt?: Instant;
  /** First moment it held no more; undefined = until further notice. */
  readonly validToAt?: Instant;
}

/** A value of a rule that cannot be: which, and what would be right. */
export interface RuleFault {
  readonly field: string;
  readonly expected: string;
}

/** Why a port of a shared address is nobody's. */
export type NoHolder = 'port-excluded' | 'port-reserved' | 'port-unassigned';

export function isValidAt(rule: RuleHead, at: Instant): boolean {
  return (rule.validFromAt ?? Number.NEGATIVE_INFINITY) <= at && at < (rule.validToAt ?? Number.POSITIVE_INFINITY);
}

export function holdTogether(a: RuleHead, b: RuleHead): boolean {
  const from = Math.max(a.validFromAt ?? Number.NEGATIVE_INFINITY, b.validFromAt ?? Number.NEGATIVE_INFINITY);
  return from < Math.min(a.validToAt ?? Number.POSITIVE_INFINITY, b.validToAt ?? Number.POSITIVE_INFINITY);
}
