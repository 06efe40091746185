// What an accepted login gets: pure. In the garden the plan gives way; addresses and whatever else is always the line's stay.

import { isBesidePlan } from '../../../core/dialect/beside-plan.ts';
import type { NamedAttribute } from '../../../core/dialect/dialect.ts';

export interface AaaUser {
  /** As an access key is written: text, or `0x…` where it is none. */
  readonly name: string;
  /** A clear one does for PAP and CHAP, a hash for PAP alone. */
  readonly password: { readonly clear: string } | { readonly hash: string };
  /** Whatever is wanted of the line: Framed-IP-Address, Delegated-IPv6-Prefix, Acct-Interim-Interval. */
  readonly always: readonly NamedAttribute[];
  /** Its plan, unless it is in the garden. */
  readonly plan: readonly NamedAttribute[];
}

/** `garden`: what a login in it gets, the marker in Class among it; undefined = the line is not in one. */
export function acceptAttributes(
  user: AaaUser,
  garden: readonly NamedAttribute[] | undefined,
): readonly NamedAttribute[] {
  if (garden === undefined) return [...user.always, ...user.plan];
  const replaced = new Set(garden.map((one) => one.name).filter((name) => !isBesidePlan(name)));
  return [
    ...user.always.filter((one) => !replaced.has(one.name)),
    // Class is not what a line may do: it comes back in accounting, where the operator looks for it.
    ...user.plan.filter((one) => one.name === 'Class'),
    ...garden,
  ];
}
