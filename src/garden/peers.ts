// The address at the other end of a socket of ours. Whose household it is: core/net/household.ts.
import { type Ip, type Peer, parsePeer } from '../core/net/ip.ts';
import { containsIp, parsePrefix } from '../core/net/prefix.ts';

const LOOPBACK6 = parsePrefix('::1')!;

/** undefined = not a usable unicast text (a zone, an IPv4-mapped oddity). */
export function peerOf(address: string | undefined, port: number | undefined): Peer | undefined {
  return address === undefined ? undefined : parsePeer(address, port);
}

export function isLoopback(ip: Ip): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : containsIp(LOOPBACK6, ip);
}
