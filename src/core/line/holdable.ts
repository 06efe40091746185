// May one line hold this prefix at all? The same answer for imports, accounting and static prefixes.
import { isLinePrefix, overlaps, type Prefix } from '../net/prefix.ts';

export type NotHoldable = 'prefix-length' | 'special-address' | 'infrastructure';

/** `reserved`: infrastructure and lifelines of every gateway. undefined = a line may hold it. */
export function whyNotHoldable(prefix: Prefix, reserved: readonly Prefix[]): NotHoldable | undefined {
  if (isSpecial(prefix)) return 'special-address';
  if (!isLinePrefix(prefix)) return 'prefix-length';
  return reserved.some((other) => overlaps(other, prefix)) ? 'infrastructure' : undefined;
}

/**
 * 0.0.0.0/8, loopback, multicast and above: 255.255.255.254 and .255 in Framed-IP-Address mean «the NAS or the user
 * chooses» (RFC 2865 §5.8), not an address. IPv6: ::/8, link-local and multicast.
 */
function isSpecial(prefix: Prefix): boolean {
  const [first, second] = prefix.ip.bytes as unknown as [number, number];
  if (prefix.ip.family === 4) return first === 0 || first === 127 || first >= 224;
  return first === 0 || first === 0xff || (first === 0xfe && (second & 0xc0) === 0x80);
}
