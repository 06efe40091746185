// What an accepted login gets: pure. In the garden the plan gives way; addresses and whatever else is always the line's stay.
import type { NamedAttribute } from '../../../core/dialect/dialect.ts';
import { isBesidePlan, loginReply } from '../../../core/dialect/login.ts';

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

export interface Garden {
  readonly access: 'strict' | 'leaky';
  /** Empty: nothing can be said at login; the plan it is, and the gateway is told afterwards. */
  readonly attributes: readonly NamedAttribute[];
}

export function acceptAttributes(user: AaaUser, garden: Garden | undefined): readonly NamedAttribute[] {
  if (garden === undefined || garden.attributes.length === 0) return [...user.always, ...user.plan];
  const ours = loginReply(garden.attributes, garden.access);
  const replaced = new Set(ours.map((one) => one.name).filter((name) => !isBesidePlan(name)));
  return [
    ...user.always.filter((one) => !replaced.has(one.name)),
    // Class is not what a line may do: it comes back in accounting, where the operator looks for it.
    ...user.plan.filter((one) => one.name === 'Class'),
    ...ours,
  ];
}
