// A held case is decided anew by asking again with its newest report: nothing that held it is taken for granted.
import type { Case } from '../core/casefile/case.ts';
import type { Attributor } from './attribute.ts';
import type { Casebook } from './casebook.ts';
import type { Decider } from './decide.ts';
import type { Store } from './ports.ts';

export interface RedecideParts {
  readonly store: Pick<Store, 'reportsOfCase' | 'case'>;
  readonly attributor: Attributor;
  readonly decider: Decider;
  readonly casebook: Casebook;
}

export type Redecided = 'acted' | 'still-held' | 'no-longer';

/** `approved`: a person above the breaker said yes to this very case. */
export function redecide(parts: RedecideParts, held: Case, approved: boolean): Promise<Redecided> {
  return parts.decider.inTurn(held.lineId, () => decideAnew(parts, held, approved));
}

async function decideAnew(parts: RedecideParts, held: Case, approved: boolean): Promise<Redecided> {
  const reports = await parts.store.reportsOfCase(held.id, 50);
  const newest = reports.reduce<(typeof reports)[number] | undefined>(
    (best, one) => (best === undefined || one.report.observedAt > best.report.observedAt ? one : best),
    undefined,
  );
  if (newest === undefined) return 'still-held';
  const report = parts.decider.canonical(newest.report);
  const found = await parts.attributor.attribute(report);
  const { decision } = await parts.decider.preview(report, found);
  // What held it may be over, and so may the reason to act: the outcome is on record either way.
  if (decision.caseId === held.id)
    await parts.decider.act({ report, found, decision, caseId: held.id, approved, again: true });
  if (decision.kind !== 'act' || decision.caseId !== held.id) return 'no-longer';
  const after = await parts.store.case(held.id);
  return after?.state === 'held' ? 'still-held' : 'acted';
}
