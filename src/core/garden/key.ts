// What one garden element closes: an address or prefix, or the port set of one household behind a shared address. Where no port
// set is said, it is a plain prefix and is written as one.

import { isPortSet, type PortSet, rangesOf } from '../net/port-set.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix } from '../net/prefix.ts';
import type { PortRange } from '../net/transport.ts';

export interface GardenKey extends Prefix {
  /** Of an IPv4 /32 that several lines share: this household's ports alone. */
  readonly portSet?: PortSet;
}

/** `198.51.100.7`, `2001:db8::/56`, or `198.51.100.7 psid 6/8/52`: PSID offset, length and value. */
export function formatKey(key: GardenKey): string {
  const { portSet } = key;
  if (portSet === undefined) return formatPrefix(key);
  return `${formatPrefix(key)} psid ${portSet.offset}/${portSet.psidLength}/${portSet.psid}`;
}

/** Total; undefined = not what `formatKey` writes. */
export function parseKey(text: string): GardenKey | undefined {
  const at = text.indexOf(' ');
  if (at < 0) return parsePrefix(text);
  const prefix = parsePrefix(text.slice(0, at));
  const digits = /^ psid (\d{1,2})\/(\d{1,2})\/(\d{1,5})$/.exec(text.slice(at));
  if (digits === null || prefix?.ip.family !== 4 || prefix.length !== 32) return undefined;
  const [offset, psidLength, psid] = digits.slice(1).map(Number) as [number, number, number];
  const portSet = { offset, psidLength, psid };
  const key = { ...prefix, portSet };
  return isPortSet(portSet) && formatKey(key) === text ? key : undefined;
}

/** Do a key and what a line holds have anything in common? */
export function keyOverlaps(key: GardenKey, held: { readonly prefix: Prefix; readonly ports?: PortRange }): boolean {
  if (!overlaps(key, held.prefix)) return false;
  const { ports } = held;
  if (key.portSet === undefined || ports === undefined) return true;
  return rangesOf(key.portSet).some((range) => range.low <= ports.high && ports.low <= range.high);
}
