// The ports of one of several households behind an address (RFC 7597 §5.1): a PSID in the middle of the port number. The same
// arithmetic serves MAP-E and lw4o6 (RFC 7596 §5.1), which differ in the usual offset.
import type { Prefix } from '../../net/prefix.ts';
import type { PortRange } from '../../net/transport.ts';
import type { RuleFault } from './rule.ts';

export interface PortSetShape {
  /** `a`: bits before the PSID. With a > 0 the ports below 2^(16−a) are nobody's. */
  readonly offset: number;
  /** `q`: bits of the PSID; 2^q households share the address. 0 = it is not shared, and every port is its holder's. */
  readonly psidLength: number;
}

/** Who is behind a port, inside, and all the ports they have. */
export interface Holding {
  readonly prefix: Prefix;
  readonly ports: readonly PortRange[];
}

/** The same from the other side. */
export interface Share {
  readonly outside: Prefix;
  readonly ports: readonly PortRange[];
}

/** Who holds a prefix with more than so many shares in it holds no share, but the whole of a network. */
export const MOST_PORT_SETS = 65_536;

export const ALL_PORTS: PortRange = { low: 0, high: 65_535 };

export function shapeFault({ offset, psidLength }: PortSetShape): RuleFault | undefined {
  if (!isWhole(offset, 0, 15)) return { field: 'psidOffset', expected: 'a PSID offset from 0 to 15' };
  if (!isWhole(psidLength, 0, 16)) return { field: 'psidLength', expected: 'a PSID length from 0 to 16' };
  if (offset + psidLength > 16)
    return { field: 'psidLength', expected: `offset and PSID length of at most 16 bits together (${offset} + …)` };
  return undefined;
}

/** undefined = excluded: a port that no household of this address can have. */
export function psidOf({ offset, psidLength }: PortSetShape, port: number): number | undefined {
  if (psidLength === 0) return 0;
  if (offset > 0 && port >> (16 - offset) === 0) return undefined;
  return (port >> (16 - offset - psidLength)) & ((1 << psidLength) - 1);
}

/** Ascending. One range for a = 0, else 2^a − 1 of them. */
export function portsOf({ offset, psidLength }: PortSetShape, psid: number): readonly PortRange[] {
  if (psidLength === 0) return [ALL_PORTS];
  const restBits = 16 - offset - psidLength;
  const ranges: PortRange[] = [];
  for (let i = offset === 0 ? 0 : 1; i < 1 << offset; i++) {
    const low = (i << (16 - offset)) | (psid << restBits);
    ranges.push({ low, high: low + (1 << restBits) - 1 });
  }
  return ranges;
}

export function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
