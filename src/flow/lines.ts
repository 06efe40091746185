// Lines as the operator's system says they are: stored with their audit entries; what a change means for open cases
// follows at once – protection and the end of a contract free the line, a new customer starts with nothing.
import type { CloseReason } from '../core/casefile/case.ts';
import type { Instant } from '../core/kernel/time.ts';
import type { Line } from '../core/line/line.ts';
import type { Casebook } from './casebook.ts';
import type { Gardener } from './gardener.ts';
import type { AuditDraft, Clock, Store } from './ports.ts';

export interface LineChanges {
  readonly added: readonly Line[];
  readonly changed: readonly Line[];
  /** Line id → names of the fields that differ. */
  readonly fields?: ReadonlyMap<string, readonly string[]>;
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
  const { added, changed, newEpoch, removed } = changes;
  const at = parts.clock.now();
  const fieldsOf = new Map(changes.fields);
  for (const line of [...newEpoch, ...removed]) fieldsOf.set(line.id, ['contract']);
  const all = [...added, ...changed, ...newEpoch, ...removed];
  const counts = { added: added.length, changed: changed.length, newEpoch: newEpoch.length, removed: removed.length };
  const entry = (action: string): AuditDraft => ({ at, actor: { kind: 'staff', name: by }, action, detail: counts });
  // First what is about to happen: a crash in the middle leaves a part of the file, and who began it is on record. The
  // same file again does the rest; open cases of lines freed by then close at the next start.
  await parts.store.commit({ audit: [entry('lines-import-begun')] });
  for (let from = 0; from < all.length; from += PER_COMMIT) {
    const lines = all.slice(from, from + PER_COMMIT);
    const audit = lines.flatMap((line) => lineEntry(line, { at, by, fields: fieldsOf.get(line.id) ?? [] }));
    await parts.store.commit({ lines, audit });
  }
  await parts.store.commit({ audit: [entry('lines-imported')] });
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

/** What may free or bind a line: who changed it is asked for years later. */
const ON_RECORD: ReadonlySet<string> = new Set(['protected', 'class', 'contract', 'accessKey', 'access_key']);

/** By pseudonym; new values only where they name nobody. In the commit of the line itself. */
function lineEntry(
  line: Line,
  change: { readonly at: Instant; readonly by: string; readonly fields: readonly string[] },
): readonly AuditDraft[] {
  const fields = change.fields.filter((field) => ON_RECORD.has(field));
  if (fields.length === 0) return [];
  return [
    {
      at: change.at,
      actor: { kind: 'staff', name: change.by },
      action: 'line-changed',
      line: { lineId: line.id, epoch: line.epoch },
      detail: { fields, protected: line.protected, class: line.class, contract: line.contract },
    },
  ];
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
