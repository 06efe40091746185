// What a line holds by rule beyond what was said of it: the shares of outside addresses that belong to its prefix (MAP-E, lw4o6).
// They begin and end with the prefix, and with the rule. Gateway elements are derived from them; attribution has join.ts.
import type { Instant } from '../kernel/time.ts';
import { formatIp } from '../net/ip.ts';
import { prefixOf } from '../net/prefix.ts';
import type { Binding, Via } from './binding.ts';
import { isWhole } from './join.ts';
import { portSetsOf, type SharingRules } from './sharing/rules.ts';

/** A household has one share, now and then a few. Whoever has more holds a network, and is told from nobody by ports. */
const MOST_SHARES = 16;

/** `open`: what the line holds at this moment beyond dispute. A deterministic CGN is passed over: the line's own address is inside. */
export function sharesByRule(rules: SharingRules, open: readonly Binding[], at: Instant): readonly Binding[] {
  if (rules.rules.length === 0) return [];
  const whole = open.filter((one) => one.ports === undefined && one.prefix.ip.family === 6);
  return whole.flatMap((inner) => sharesBehind(rules, inner, at));
}

function sharesBehind(rules: SharingRules, inner: Binding, at: Instant): readonly Binding[] {
  const sets = portSetsOf(rules, inner, at).flatMap((one) => {
    const rule = rules.rules.find(({ id }) => id === one.ruleId);
    return rule === undefined || rule.kind === 'deterministic-cgn' ? [] : [{ ...one, rule }];
  });
  // Of too many one range each: no element is made of a part, so the line is said to be partial.
  const isTooMany = sets.length > MOST_SHARES;
  return sets.slice(0, MOST_SHARES).flatMap(({ rule, outside, ports }) => {
    const via: Via = { kind: rule.kind, id: rule.id, realm: inner.realm, inside: inner.prefix, bindingId: inner.id };
    const share = { ...inner, realm: rule.realm, prefix: prefixOf(outside), via };
    const idOf = (port: number) => `${inner.id}\u0000${rule.id} ${formatIp(outside)} ${port}`;
    // Not shared: an address of the line's own, whole.
    if (isWhole(ports)) return [{ ...share, id: idOf(0) }];
    const ranges = isTooMany ? ports.slice(0, 1) : ports;
    return ranges.map((range) => ({ ...share, id: idOf(range.low), ports: range }));
  });
}
