// When an element that is there must be put again, and how it may change while nothing may get stricter. Pure.
import { isTightening } from '../core/garden/access.ts';
import type { DerivedElement } from '../core/garden/derive.ts';
import { type Instant, MINUTE } from '../core/kernel/time.ts';
import type { Kept } from './garden-memory.ts';

/** Renew when less than half of what the element may live is left. */
const RENEW_SHARE = 0.5;

/** A gateway took it, as far as we know. */
export function isInForce(kept: Kept): boolean {
  return !kept.leaving && (kept.ackedAt !== undefined || kept.phase === 'confirmed');
}

export function isDue(kept: Kept, now: Instant): boolean {
  return kept.phase !== 'confirmed' || kept.leaving || isOld(kept, now);
}

/** Less than half of what it may live is left. */
export function isOld(kept: Kept, now: Instant): boolean {
  return kept.element.expiresAt - now < (kept.element.expiresAt - kept.putAt) * RENEW_SHARE;
}

/** Not stricter than what is there; nothing where nothing is. */
export function frozen(derived: DerivedElement, kept: Kept | undefined): DerivedElement | undefined {
  if (kept === undefined || !isInForce(kept)) return undefined;
  const { access, abusedPorts } = kept.element;
  return { ...derived, abusedPorts, access: isTightening(access, derived.access) ? access : derived.access };
}

/** `isLater`: the gateway has the order and tries by itself; only one that may not have reached it is given again. */
export function needsPut(kept: Kept, element: DerivedElement, now: Instant, isLater = false): boolean {
  const isDoubtful = isLater ? kept.phase === 'unknown' : kept.phase !== 'confirmed';
  if (isDoubtful || !isSameGarden(kept.element, element)) return true;
  const left = kept.element.expiresAt - now;
  return element.expiresAt - kept.element.expiresAt > MINUTE && left < (element.expiresAt - now) * RENEW_SHARE;
}

export function isSameGarden(a: DerivedElement, b: DerivedElement): boolean {
  return a.access === b.access && portsText(a) === portsText(b);
}

function portsText(element: DerivedElement): string {
  return element.abusedPorts
    .map((one) => `${one.protocol}/${one.port}`)
    .sort()
    .join(' ');
}
