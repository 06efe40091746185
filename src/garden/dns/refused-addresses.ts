// Why an answered address may not become a permission: the helper asks the same of every address again (src/helper/guard.ts).
import type { Ip } from '../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../core/net/prefix.ts';
import { isSpecial } from '../../core/net/special.ts';

export type AddressRefusal = 'special' | 'own';

/** `own`: infrastructure, subscriber pools, portal, sinks. */
export function refusalOf(ip: Ip, own: readonly Prefix[]): AddressRefusal | undefined {
  if (isSpecial(ip)) return 'special';
  return own.some((prefix) => containsIp(prefix, ip)) ? 'own' : undefined;
}
