// Which rows stand for which garden, and what has to change for them to do so. Pure.

import type { NamedAttribute } from '../../../core/dialect/dialect.ts';
import { MARKERS } from '../../../core/dialect/marker.ts';
import { ok, type Result } from '../../../core/kernel/result.ts';
import { serverAttributes } from '../../../protocols/radius/freeradius.ts';

export type GardenAccess = 'strict' | 'leaky';

/** The group, like the marker that its members get. */
export const GROUPS = MARKERS;
export type GroupName = (typeof GROUPS)[GardenAccess];

export interface ReplyRow {
  readonly attribute: string;
  readonly op: ':=' | '+=' | '!*';
  readonly value: string;
}

/** What FreeRADIUS finds in radreply for the user alone comes before them: `!*` takes that away too. */
export function replyRows(
  attributes: readonly NamedAttribute[],
): Result<readonly ReplyRow[], { readonly index: number; readonly text: string }> {
  const told = serverAttributes(attributes);
  if (!told.ok) return told;
  const rows = told.value.flatMap(({ attribute, name, values, how }): readonly ReplyRow[] => [
    ...(how === 'replace' ? [{ attribute, op: '!*', value: values[0]! } as const] : []),
    ...values.map((value, i) => ({ attribute: name, op: how === 'replace' && i === 0 ? ':=' : '+=', value }) as const),
  ]);
  return ok(rows);
}

export function sameRows(found: readonly ReplyRow[], wanted: readonly ReplyRow[]): boolean {
  return (
    found.length === wanted.length &&
    found.every(({ attribute, op, value }, i) => {
      const other = wanted[i]!;
      return attribute === other.attribute && op === other.op && value === other.value;
    })
  );
}

export interface Membership {
  readonly id: number;
  readonly user: string;
  readonly group: string;
  readonly priority: number;
}

/** `as-it-is`: on hold nothing begins and nothing is repaired; a row that is there stays. */
export type WantedGroup = GroupName | 'as-it-is';

export interface MembershipChanges {
  readonly remove: readonly number[];
  readonly add: readonly { readonly user: string; readonly group: GroupName }[];
}

/** One row for each wanted user, none for others. `found`: of our groups alone. */
export function membershipChanges(
  found: readonly Membership[],
  wanted: ReadonlyMap<string, WantedGroup>,
  priority: number,
): MembershipChanges {
  const remove: number[] = [];
  const settled = new Set<string>();
  for (const row of found) {
    const group = wanted.get(row.user);
    if (group === 'as-it-is') settled.add(row.user);
    else if (group === row.group && row.priority === priority && !settled.has(row.user)) settled.add(row.user);
    else remove.push(row.id);
  }
  const add = [...wanted].flatMap(([user, group]) =>
    group === 'as-it-is' || settled.has(user) ? [] : [{ user, group }],
  );
  return { remove, add };
}
