// Two rules that would both answer for one address at one time, with prefixes of one length: neither is the exception of the other,
// so such rules do not load. Shares of one address by provisioned PSIDs may stand beside each other when their ports do.
import { ip4Number } from './bits.ts';
import { addressesOf } from './lw4o6.ts';
import { type MapERule, shapeOf } from './map-e.ts';
import { portsOf } from './port-set.ts';
import { holdTogether } from './rule.ts';
import { outsideOf } from './rule-index.ts';
import type { SharingRule } from './sharing-rule.ts';

export interface Collision {
  /** Places in the list; `second` is the later one. */
  readonly first: number;
  readonly second: number;
}

/** Each later rule once, with the first it collides with. */
export function collisions(rules: readonly SharingRule[]): readonly Collision[] {
  const found = new Map<number, number>();
  const seen = new Map<string, number[]>();
  const meet = (key: string, place: number) => {
    const others = seen.get(key) ?? [];
    seen.set(key, others);
    const hit = others.find((other) => other !== place && doCollide(rules[other]!, rules[place]!));
    if (hit !== undefined && !found.has(place)) found.set(place, hit);
    if (others.at(-1) !== place) others.push(place);
  };
  for (const [place, rule] of rules.entries()) {
    for (const { ip, length } of outsideOf(rule)) meet(`${rule.realm} ${ip4Number(ip)}/${length}`, place);
    if (rule.kind === 'lw4o6') for (const address of addressesOf(rule)) meet(`${rule.realm} ${address}/32`, place);
  }
  return [...found].map(([second, first]) => ({ first, second })).sort((a, b) => a.second - b.second);
}

function doCollide(a: SharingRule, b: SharingRule): boolean {
  if (!holdTogether(a, b)) return false;
  return !(isProvisioned(a) && isProvisioned(b) && !shareAPort(a, b));
}

type Provisioned = MapERule & Required<Pick<MapERule, 'psid'>>;

function isProvisioned(rule: SharingRule): rule is Provisioned {
  return rule.kind === 'map-e' && rule.psid !== undefined;
}

function shareAPort(a: Provisioned, b: Provisioned): boolean {
  if (a.psidOffset === b.psidOffset && a.psid.length === b.psid.length) return a.psid.value === b.psid.value;
  const [mine, theirs] = [portsOf(shapeOf(a), a.psid.value), portsOf(shapeOf(b), b.psid.value)];
  return mine.some((one) => theirs.some((other) => one.low <= other.high && other.low <= one.high));
}
