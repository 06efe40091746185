// Which bindings hold their prefix at this moment beyond dispute: what gateway elements and the portal go by.
import type { Instant } from '../kernel/time.ts';
import { overlaps } from '../net/prefix.ts';
import { areApart, type Binding } from './binding.ts';

export interface Clocks {
  readonly now: Instant;
  /** How far the clock of this NAS may be off at present, ms. */
  readonly skewMsOf: (nas: string) => number;
}

/**
 * The open ones, unless two access keys hold overlapping parts: then nobody's. An address of which ports were given to anybody is
 * shared, and no line has the whole of it. `over`: all bindings of one realm.
 */
export function undisputed(over: readonly Binding[], clocks: Clocks): Binding[] {
  return over.filter((one) => isOpen(one, clocks.now) && over.every((other) => !isAgainst(one, other, clocks)));
}

function isAgainst(one: Binding, other: Binding, clocks: Clocks): boolean {
  if (areApart(one, other) || !overlaps(one.prefix, other.prefix)) return false;
  if (one.ports === undefined && other.ports !== undefined) return true;
  if (other.accessKey === one.accessKey || (one.ports !== undefined && other.ports === undefined)) return false;
  return isOpen(other, clocks.now) || mayBeLater(other, one, clocks);
}

/** A session speaks of what is: its Start is not in the future, whatever its NAS's clock says. */
function isOpen(one: Binding, now: Instant): boolean {
  return one.endAt === undefined && (one.source === 'accounting' || one.startAt <= now);
}

/** Set aside for evidence that is younger by two clocks, but perhaps not in truth. */
function mayBeLater(other: Binding, one: Binding, { skewMsOf }: Clocks): boolean {
  if (other.closedBy !== 'superseded' || other.nas === undefined || one.nas === undefined || other.nas === one.nas)
    return false;
  return other.certainEndAt + skewMsOf(other.nas) + skewMsOf(one.nas) > one.certainEndAt;
}

/** Of one line: behind a CGN it is its inner address, and the ports outside serve attribution alone. */
export function hasInner(open: readonly Binding[]): boolean {
  return open.some((one) => one.ports === undefined && one.prefix.ip.family === 4);
}
