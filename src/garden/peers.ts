// Who is at the other end, as a key for limits: one household shares one key, however many addresses its prefix has.
import { formatIp, type Ip, parsePeer } from '../core/net/ip.ts';
import { containsIp, maskIp, parsePrefix } from '../core/net/prefix.ts';

/** Delegated prefixes are /56 or shorter than /64 almost everywhere; limits per /56 hit one household. */
const HOUSEHOLD_BITS = 56;
const LOOPBACK6 = parsePrefix('::1')!;

/** undefined = not a usable unicast text (a zone, an IPv4-mapped oddity). */
export function peerOf(address: string | undefined): Ip | undefined {
  return address === undefined ? undefined : parsePeer(address);
}

export function householdKey(ip: Ip): string {
  return ip.family === 4 ? formatIp(ip) : `${formatIp(maskIp(ip, HOUSEHOLD_BITS))}/${HOUSEHOLD_BITS}`;
}

export function isLoopback(ip: Ip): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : containsIp(LOOPBACK6, ip);
}

/** Places in a bounded room, with a smaller bound per household. */
export class Places {
  readonly #total: number;
  readonly #each: number;
  readonly #taken = new Map<string, number>();
  #count = 0;

  constructor(bounds: { readonly total: number; readonly perHousehold: number }) {
    this.#total = bounds.total;
    this.#each = bounds.perHousehold;
  }

  /** True = taken; give it back with `leave`. */
  enter(key: string): boolean {
    const taken = this.#taken.get(key) ?? 0;
    if (this.#count >= this.#total || taken >= this.#each) return false;
    this.#taken.set(key, taken + 1);
    this.#count++;
    return true;
  }

  leave(key: string): void {
    const taken = this.#taken.get(key) ?? 0;
    if (taken === 0) return;
    if (taken === 1) this.#taken.delete(key);
    else this.#taken.set(key, taken - 1);
    this.#count--;
  }

  get count(): number {
    return this.#count;
  }
}
