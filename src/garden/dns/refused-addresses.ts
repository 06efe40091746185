// Which answered addresses may become a permission. A pack's owner may point its name anywhere: into our own network (rebinding),
// at another subscriber, at nonsense. Documentation ranges are not listed: nobody routes them, and the lab lives in them.
import type { Ip } from '../../core/net/ip.ts';
import { containsIp, type Prefix, parsePrefix } from '../../core/net/prefix.ts';

/** Never the address of a service, not even of a lifeline (whose peers may well be private). The helper refuses them too. */
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

export function isUnusable(ip: Ip): boolean {
  return UNUSABLE.some((prefix) => containsIp(prefix, ip));
}

export function isSpecial(ip: Ip): boolean {
  if (isUnusable(ip) || SPECIAL.some((prefix) => containsIp(prefix, ip))) return true;
  return ip.family === 6 && !containsIp(GLOBAL6, ip);
}

export type AddressRefusal = 'special' | 'own';

/** `own`: infrastructure, subscriber pools, portal, sinks. */
export function refusalOf(ip: Ip, own: readonly Prefix[]): AddressRefusal | undefined {
  if (isSpecial(ip)) return 'special';
  return own.some((prefix) => containsIp(prefix, ip)) ? 'own' : undefined;
}
