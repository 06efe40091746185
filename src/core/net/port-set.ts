// The ports of one of several households behind a shared IPv4 address: a PSID in the middle of the port number (RFC 7597 §5.1;
// RFC 7596 §5.1 uses the same). As a masked comparison it is one look-up, however many ranges it has. Who holds it: core/line.
import type { PortRange } from './transport.ts';

export interface PortSetShape {
  /** `a`: bits before the PSID. With a > 0 the ports below 2^(16−a) are nobody's. */
  readonly offset: number;
  /** `k`: bits of the PSID; 2^k households share the address. 1–16, and at most 16 together with the offset. */
  readonly psidLength: number;
}

export interface PortSet extends PortSetShape {
  readonly psid: number;
}

export function isPortSetShape({ offset, psidLength }: PortSetShape): boolean {
  const isWhole = Number.isInteger(offset) && Number.isInteger(psidLength);
  return isWhole && offset >= 0 && offset <= 15 && psidLength >= 1 && offset + psidLength <= 16;
}

export function isPortSet(set: PortSet): boolean {
  return isPortSetShape(set) && Number.isInteger(set.psid) && set.psid >= 0 && set.psid < 1 << set.psidLength;
}

export function sameShape(a: PortSetShape, b: PortSetShape): boolean {
  return a.offset === b.offset && a.psidLength === b.psidLength;
}

function restBits({ offset, psidLength }: PortSetShape): number {
  return 16 - offset - psidLength;
}

/** The bits of a port that are the PSID. */
export function psidMask(shape: PortSetShape): number {
  return ((1 << shape.psidLength) - 1) << restBits(shape);
}

/** What is left of each port of this set under the mask. */
export function maskedPort(set: PortSet): number {
  return set.psid << restBits(set);
}

export function portSetOfMasked(shape: PortSetShape, masked: number): PortSet | undefined {
  const { offset, psidLength } = shape;
  const psid = masked >> restBits(shape);
  return (masked & ~psidMask(shape)) === 0 && masked >= 0 ? { offset, psidLength, psid } : undefined;
}

/** Below it are ports that no household of such an address has. */
export function lowestPort({ offset }: PortSetShape): number {
  return offset === 0 ? 0 : 1 << (16 - offset);
}

/** undefined = a port that nobody has. */
export function portSetAt(shape: PortSetShape, port: number): PortSet | undefined {
  return port < lowestPort(shape) ? undefined : portSetOfMasked(shape, port & psidMask(shape));
}

/** Ascending. One for a = 0, else 2^a − 1. */
export function rangesOf(set: PortSet): readonly PortRange[] {
  const rest = restBits(set);
  const first = set.offset === 0 ? 0 : 1;
  return Array.from({ length: (1 << set.offset) - first }, (_, i) => {
    const low = ((first + i) << (16 - set.offset)) | maskedPort(set);
    return { low, high: low + (1 << rest) - 1 };
  });
}

/**
 * The port sets that lie whole in these ranges. `isExact`: nothing of the ranges is left over – a rest is in no set, since an
 * element must never close a port that is not the line's.
 */
export function portSetsIn(
  shape: PortSetShape,
  ranges: readonly PortRange[],
): { readonly sets: readonly PortSet[]; readonly isExact: boolean } {
  const rest = restBits(shape);
  const size = 1 << rest;
  const found = new Map<number, Set<number>>();
  let isExact = true;
  for (const { low, high } of ranges) {
    if (low % size !== 0 || (high + 1) % size !== 0) isExact = false;
    for (let block = Math.ceil(low / size); (block + 1) * size - 1 <= high; block++) {
      const set = portSetAt(shape, block * size);
      if (set === undefined) isExact = false;
      else found.set(set.psid, (found.get(set.psid) ?? new Set()).add(block));
    }
  }
  const blocks = (1 << shape.offset) - (shape.offset === 0 ? 0 : 1);
  const whole = [...found].filter(([, have]) => have.size === blocks).map(([psid]) => psid);
  const { offset, psidLength } = shape;
  const sets = whole.sort((a, b) => a - b).map((psid) => ({ offset, psidLength, psid }));
  return { sets, isExact: isExact && whole.length === found.size };
}
