// One Change, one savepoint: everything the flow decided together, and its audit entries, or nothing of it.
import type { Change } from '../../../flow/ports.ts';
import { appendAudit, entriesOf, readHead } from './audit-rows.ts';
import { putCase } from './case-rows.ts';
import type { Connection } from './database.ts';
import { reopen } from './desk-rows.ts';
import type { StoreKeys } from './keys.ts';
import { putLine } from './line-rows.ts';
import { putOutcome } from './report-rows.ts';
import {
  armTimer,
  disarmTimer,
  putEnforcement,
  putMessage,
  putPage,
  putSetting,
  takeJournalIds,
  useToken,
} from './work-rows.ts';

/** Throws a Refusal for the two expected failures. Returns the sequence of the last audit entry. */
export function applyChange(
  tx: Connection,
  change: Change,
  context: { readonly keys: StoreKeys; readonly now: number },
): number {
  if (!takeJournal(tx, change)) return readHead(tx).tree.size;
  for (const token of change.useTokens ?? []) useToken(tx, token);
  const cases = (change.cases ?? []).map((one) => ({ change: one, rows: putCase(tx, one) }));
  for (const outcome of change.reportOutcomes ?? []) putOutcome(tx, outcome);
  reopen(tx, change.reopen ?? []);
  for (const line of change.lines ?? []) putLine(tx, line);
  for (const record of change.enforcement ?? []) putEnforcement(tx, record);
  for (const timer of change.disarm ?? []) disarmTimer(tx, timer);
  for (const timer of change.arm ?? []) armTimer(tx, timer);
  for (const [key, value] of Object.entries(change.settings ?? {})) putSetting(tx, key, value);
  for (const page of change.pages ?? []) putPage(tx, page, context.now);
  for (const message of change.messages ?? []) putMessage(tx, message);
  return appendAudit(tx, context.keys, entriesOf(context.keys, change.audit ?? [], cases));
}

/** False = this journal entry has acted on these cases before. Acting again could free a line quarantined since. */
function takeJournal(tx: Connection, change: Change): boolean {
  const ids = change.journalIds ?? [];
  const cases = change.cases ?? [];
  // One entry releases a line, and a line may have several cases, each in a change of its own.
  const keys = cases.length === 0 ? ids : ids.flatMap((id) => cases.map((one) => `${id} ${one.caseId}`));
  return keys.length === 0 || takeJournalIds(tx, keys);
}
