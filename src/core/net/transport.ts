// The unit of permission is address + protocol + port: a tuple.
import type { Prefix } from './prefix.ts';

export type Protocol = 'tcp' | 'udp';

export interface PortRange {
  /** 0–65535, low ≤ high. */
  readonly low: number;
  readonly high: number;
}

export interface ProtocolPort {
  readonly protocol: Protocol;
  readonly port: number;
}

export interface Destination {
  readonly prefix: Prefix;
  readonly protocol: Protocol;
  readonly ports: PortRange;
}

export function portsOverlap(a: PortRange, b: PortRange): boolean {
  return a.low <= b.high && b.low <= a.high;
}

export function hasPort(range: PortRange, port: number): boolean {
  return port >= range.low && port <= range.high;
}
