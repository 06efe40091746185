// What an Access-Accept says about a line in the garden: the dialect's login attributes, and the marker that comes back in
// every accounting record of the session, so that these tell how it began.
import type { NamedAttribute } from './dialect.ts';

/** Nothing to say stays nothing: a marker alone would call a session quarantined that is not. */
export function loginReply(
  attributes: readonly NamedAttribute[],
  access: 'strict' | 'leaky',
): readonly NamedAttribute[] {
  const marker: NamedAttribute = { name: 'Class', value: `engawa-${access}` };
  const isMarked = attributes.some(({ name, value }) => name === marker.name && value === marker.value);
  return attributes.length === 0 || isMarked ? attributes : [...attributes, marker];
}

/**
 * What stands beside the plan's values and does not take their place: bags of `key=value` hold things a login cannot do
 * without, and Class is the operator's as much as ours.
 */
export function isBesidePlan(name: string): boolean {
  return name === 'Class' || name.toLowerCase().endsWith('-avpair');
}
