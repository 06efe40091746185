// Which bindings hold their prefix at this moment beyond dispute: what gateway elements and the portal go by.
import type { Instant } from '../kernel/time.ts';
import { overlaps } from '../net/prefix.ts';
import type { Binding } from './binding.ts';

export interface Clocks {
  readonly now: Instant;
  /** How far the clock of this NAS may be off at present, ms. */
  readonly skewMsOf: (nas: string) => number;
}

/** The open ones, unless two access keys hold overlapping parts: then nobody's. `over`: all bindings of one realm. */
export function undisputed(over: readonly Binding[], clocks: Clocks): Binding[] {
  return over.filter(
    (one) =>
      isOpen(one, clocks.now) &&
      over.every(
        (other) =>
          other.accessKey === one.accessKey ||
          !overlaps(one.prefix, other.prefix) ||
          !(isOpen(other, clocks.now) || mayBeLater(other, one, clocks)),
      ),
  );
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
