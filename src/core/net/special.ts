// Which addresses cannot be a service of the public net. A pack's owner may point its name anywhere: into our own network
// (rebinding), at nonsense. Documentation ranges are not listed: nobody routes them, and the lab lives in them.
import type { Ip } from './ip.ts';
import { containsIp, type Prefix, parsePrefix } from './prefix.ts';

/** Never a host that a flow goes to, not even a lifeline's (whose peers may well be private). */
const UNUSABLE = prefixes('0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/3', '::/3 fe80::/10 ff00::/8');

/** RFC 6890 and its registries. 2000::/3 is asked for separately: everything else in IPv6 is special. */
const SPECIAL = prefixes(
  '10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.0.0.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15',
  // Teredo and 6to4 carry an IPv4 address inside; ORCHIDs are no locators.
  '2001::/32 2001:10::/28 2001:20::/28 2002::/16',
);
const GLOBAL6 = parsePrefix('2000::/3')!;

function prefixes(...lists: readonly string[]): Prefix[] {
  return lists.flatMap((list) => list.split(' ')).map((text) => parsePrefix(text)!);
}

/** Unspecified, loopback, link-local, multicast. */
export function isUnusable(ip: Ip): boolean {
  return UNUSABLE.some((prefix) => containsIp(prefix, ip));
}

/** Outside the public net as well: RFC 1918, RFC 6598, translations, and everything but 2000::/3. */
export function isSpecial(ip: Ip): boolean {
  if (isUnusable(ip) || SPECIAL.some((prefix) => containsIp(prefix, ip))) return true;
  return ip.family === 6 && !containsIp(GLOBAL6, ip);
}
