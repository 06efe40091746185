// Lines as the operator's system says they are: stored with their audit entries; what a change means for open cases
// follows at once – protection and the end of a contract free the line, a new customer starts with nothing.
import type { CloseReason } from '../core/casefile/case.ts';
import type { Line } from '../core/line/line.ts';
import type { Casebook } from './casebook.ts';
import type { Gardener } from './gardener.ts';
import type { AuditDraft, Clock, Store } from './ports.ts';

export interface LineChanges {
  readonly added: readonly Line[];
  readonly changed: readonly Line[];
  /** Another customer on a known line id. */
  readonly newEpoch: readonly Line[];
  readonly removed: readonly Line[];
}

export interface LinesParts {
  readonly store: Pick<Store, 'commit' | 'openCasesOfLine'>;
  readonly casebook: Casebook;
  readonly gardener: Pick<Gardener, 'refresh' | 'isKnown'>;
  readonly clock: Pick<Clock, 'now'>;
}

const PER_COMMIT = 1000;

export async function applyLines(
  parts: LinesParts,
  changes: LineChanges,
  by: string,
): Promise<{ readonly casesClosed: number }> {
  const all = [...changes.added, ...changes.changed, ...changes.newEpoch, ...changes.removed];
  for (let from = 0; from < all.length; from += PER_COMMIT)
    await parts.store.commit({ lines: all.slice(from, from + PER_COMMIT) });
  const { added, changed, newEpoch, removed } = changes;
  const counts = { added: added.length, changed: changed.length, newEpoch: newEpoch.length, removed: removed.length };
  const entry: AuditDraft = {
    at: parts.clock.now(),
    actor: { kind: 'staff', name: by },
    action: 'lines-imported',
    detail: counts,
  };
  await parts.store.commit({ audit: [entry] });
  let casesClosed = 0;
  for (const line of newEpoch) casesClosed += await closeCases(parts, line.id, line.epoch - 1, 'contract-ended');
  for (const line of [...changed, ...removed]) {
    const reason = freedBy(line);
    if (reason !== undefined) casesClosed += await closeCases(parts, line.id, line.epoch, reason);
  }
  // Another access key holds other addresses: what the old one holds is no longer this line's.
  const known = [...changed, ...newEpoch].filter((line) => parts.gardener.isKnown(line.id));
  await Promise.all(known.map((line) => parts.gardener.refresh(line.id, { urgent: true })));
  return { casesClosed };
}

/** Why a line may not be in any garden, whatever its cases say. */
export function freedBy(line: Line): Extract<CloseReason, 'protected' | 'contract-ended'> | undefined {
  if (line.contract === 'ended') return 'contract-ended';
  return line.protected ? 'protected' : undefined;
}

export async function closeCases(
  parts: Pick<LinesParts, 'store' | 'casebook' | 'gardener'>,
  lineId: string,
  epoch: number,
  reason: CloseReason,
): Promise<number> {
  const open = await parts.store.openCasesOfLine(lineId, epoch);
  for (const state of open)
    await parts.casebook.order(state.id, () => [{ kind: 'close', actor: { kind: 'reconcile' }, reason }]);
  if (open.length > 0) await parts.gardener.refresh(lineId, { urgent: true });
  return open.length;
}
