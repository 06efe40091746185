// What a line wants, seen over all its cases: the strictest access, the union of the ports to close, and the line-wide
// instants that limits count. A line has one wanted access, however many cases it has.
import { type Access, strictest } from '../garden/access.ts';
import { DAY, type Instant } from '../kernel/time.ts';
import type { ProtocolPort } from '../net/transport.ts';
import { LIMITS } from '../policy/policy.ts';
import { abusedPortsOfFamilies, type FamilyBook } from '../report/family.ts';
import type { Case } from './case.ts';
import { isGarden } from './evolve.ts';

export function wantedOf(cases: readonly Pick<Case, 'access' | 'state'>[]): Access {
  return strictest(cases.filter((one) => one.state !== 'closed').map((one) => one.access));
}

/** Ports of the families whose cases put the line into a garden: a case that only watches closes nothing. */
export function abusedPortsOf(
  cases: readonly Pick<Case, 'access' | 'state' | 'family'>[],
  book: FamilyBook,
): readonly ProtocolPort[] {
  const gardens = cases.filter((one) => one.state !== 'closed' && isGarden(one.access));
  return abusedPortsOfFamilies(
    book,
    gardens.map((one) => one.family),
  );
}

/** The newest moment the line was let go, over all cases: reports observed before it, or in its grace, act no more. */
export function lastReleaseOf(cases: readonly Case[]): Instant | undefined {
  const instants = cases.flatMap((one) => {
    // `not-seen` ends a probation whose release counted already; the other closings let the line go themselves.
    const closing = one.closedAt !== undefined && one.closeReason !== 'not-seen' && one.closeReason !== 'clean';
    return [...(one.releasedAt === undefined ? [] : [one.releasedAt]), ...(closing ? [one.closedAt!] : [])];
  });
  return instants.length === 0 ? undefined : Math.max(...instants);
}

export function isInGrace(cases: readonly Case[], observedAt: Instant): boolean {
  const releasedAt = lastReleaseOf(cases);
  return releasedAt !== undefined && observedAt < releasedAt + LIMITS.graceMs;
}

/** Tightenings of the line in the last 24 h (C13). One act over several cases counts once. */
export function tighteningsOf(cases: readonly Case[], now: Instant): number {
  return new Set(cases.flatMap((one) => one.tightenedAt).filter((at) => at > now - DAY && at <= now)).size;
}

/** Releases ordered on the line itself, oldest first. One act over several cases counts once. */
export function selfReleasesOf(cases: readonly Case[]): readonly Instant[] {
  return [...new Set(cases.flatMap((one) => one.selfReleasedAt))].sort((a, b) => a - b);
}

export function medicalDoorOf(cases: readonly Case[]): Instant | undefined {
  const used = cases.flatMap((one) => (one.medicalDoorAt === undefined ? [] : [one.medicalDoorAt]));
  return used.length === 0 ? undefined : Math.max(...used);
}
