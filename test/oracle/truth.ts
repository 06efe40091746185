// What really happened, in ms since the start of the world: who was behind which address and port, and whose access key was whose.
// Nothing here knows a record, a binding or a rule: the judge compares with this alone.
import type { Ip } from '../../src/core/net/ip.ts';
import { formatIp } from '../../src/core/net/ip.ts';
import { containsIp, type Prefix } from '../../src/core/net/prefix.ts';
import type { PortRange } from '../../src/core/net/transport.ts';
import type { Chance } from './chance.ts';

export const MECHANISMS = [
  'dynamic-ipv4',
  'static',
  'ipv6-prefix',
  'map-e',
  'lw4o6',
  'deterministic-cgn',
  'dynamic-pool',
  'cgn-log',
  'cgn-log-unnumbered',
  'ds-lite',
  'nat64',
] as const;
export type Mechanism = (typeof MECHANISMS)[number];

export type Protocol = 'tcp' | 'udp' | 'icmp';

/** One login was behind these addresses and ports from then to then: `toMs` is the first moment at which it was not. */
export interface Activity {
  readonly mechanism: Mechanism;
  readonly accessKey: string;
  readonly prefix: Prefix;
  /** Absent: the address is not shared. */
  readonly ports?: readonly PortRange[];
  readonly protocol?: Protocol;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whose an access key was. */
export interface Contract {
  readonly accessKey: string;
  readonly lineId: string;
  readonly epoch: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Spot {
  readonly ip: Ip;
  readonly port?: number;
  readonly protocol?: Protocol;
}

export class Truth {
  readonly activities: readonly Activity[];
  readonly #contracts: ReadonlyMap<string, readonly Contract[]>;
  /** By /29 and /48: few activities are looked at for each question. */
  readonly #near: ReadonlyMap<string, readonly Activity[]>;
  readonly #current: ReadonlySet<string>;

  constructor(activities: readonly Activity[], contracts: readonly Contract[]) {
    this.activities = activities.filter((one) => one.toMs > one.fromMs);
    this.#contracts = Map.groupBy(contracts, (one) => one.accessKey);
    this.#near = Map.groupBy(this.activities, (one) => nearOf(one.prefix.ip));
    const last = Math.max(...contracts.map((one) => one.toMs));
    const own = Map.groupBy(contracts, holderText);
    this.#current = new Set(
      [...own].filter(([, all]) => all.length === 1 && all[0]!.toMs === last).map(([holder]) => holder),
    );
  }

  /** Everybody who was behind it at any moment of [fromMs, toMs], as `line/epoch`. Of a spot without a port: all who share it. */
  holders(spot: Spot, fromMs: number, toMs: number): ReadonlySet<string> {
    const found = new Set<string>();
    for (const one of this.#at(spot))
      for (const contract of this.#contracts.get(one.accessKey) ?? []) {
        const [from, to] = [Math.max(one.fromMs, contract.fromMs), Math.min(one.toMs, contract.toMs)];
        if (from <= toMs && to > fromMs && from < to) found.add(holderText(contract));
      }
    return found;
  }

  /** Was this one behind it for all of [fromMs, toMs], without a break? */
  holdsThroughout(holder: string, spot: Spot, fromMs: number, toMs: number): boolean {
    const spans = this.#at(spot)
      .flatMap((one) =>
        (this.#contracts.get(one.accessKey) ?? [])
          .filter((contract) => holderText(contract) === holder)
          .map((contract) => [Math.max(one.fromMs, contract.fromMs), Math.min(one.toMs, contract.toMs)] as const),
      )
      .sort((a, b) => a[0] - b[0]);
    let reached = fromMs;
    for (const [from, to] of spans) if (from <= reached && to > reached) reached = to;
    return reached > toMs;
  }

  /** Is this customer on that line at the end of the world, with a login that was theirs all the time? */
  isCurrent(holder: string): boolean {
    return this.#current.has(holder);
  }

  #at({ ip, port, protocol }: Spot): readonly Activity[] {
    return (this.#near.get(nearOf(ip)) ?? []).filter(
      (one) =>
        containsIp(one.prefix, ip) &&
        (one.ports === undefined ||
          port === undefined ||
          one.ports.some(({ low, high }) => low <= port && port <= high)) &&
        (one.protocol === undefined || protocol === undefined || one.protocol === protocol),
    );
  }
}

function nearOf(ip: Ip): string {
  const [a, b, c, d, e, f] = ip.bytes;
  return ip.family === 4 ? `${a}.${b}.${c}.${d! >> 3}` : `${a}.${b}.${c}.${d}.${e}.${f}`;
}

export function holderText(one: { readonly lineId: string; readonly epoch: number }): string {
  return `${one.lineId}/${one.epoch}`;
}

/** A packet of that activity. */
export function spotOf(one: Activity, chance: Chance): Spot {
  const ip = addressIn(one.prefix, chance);
  if (one.ports === undefined) return { ip, port: chance.whole(1024, 65_535), protocol: chance.pick(['tcp', 'udp']) };
  const range = chance.pick(one.ports);
  const port = chance.whole(range.low, range.high);
  return { ip, port, protocol: one.protocol ?? chance.pick(['tcp', 'udp']) };
}

/** Hosts in a home use addresses of their own (RFC 8981), so any of the prefix. */
export function addressIn({ ip, length }: Prefix, chance: Chance): Ip {
  const bytes = ip.bytes.slice();
  for (let bit = length; bit < bytes.length * 8; bit++) if (chance.is(0.5)) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
  return { family: ip.family, bytes };
}

export function spotText({ ip, port, protocol }: Spot): string {
  return `${formatIp(ip)} ${port ?? '-'} ${protocol ?? '-'}`;
}
