// What of a garden's login attributes stands beside those of the plan instead of taking their place: bags of `key=value` hold
// things a login cannot do without, and Class is the operator's as much as ours.

export function isBesidePlan(attribute: string): boolean {
  return attribute === 'Class' || attribute.toLowerCase().endsWith('-avpair');
}
