// The wrong line was restricted: one act frees it, keeps the words of the apology that went to the household, and finds everything
// else that was decided on the same evidence, since a mapping that was wrong once was wrong for its neighbours too.
import type { Case } from '../core/casefile/case.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { Casebook, OrderRefusal } from './casebook.ts';
import type { Gardener } from './gardener.ts';
import type { Json, ReportOutcome, Store } from './ports.ts';

export interface WrongLineParts {
  readonly store: Pick<Store, 'case' | 'reportsOfCase' | 'reportsResting'>;
  readonly casebook: Pick<Casebook, 'order'>;
  readonly gardener: Pick<Gardener, 'refresh'>;
  readonly sha256: (text: string) => string;
}

/** Another decision that rested on the same bindings. */
export interface Rested {
  readonly reportId: string;
  readonly lineId: string;
  readonly caseId?: string;
  readonly decision: string;
  readonly isOpen: boolean;
}

export interface RolledBack {
  readonly case: Case;
  /** SHA-256 of the apology as it is kept. */
  readonly apology: string;
  /** What the wrong answer rested on: bindings by their ids, rules and translations by theirs. */
  readonly on: Ground;
  readonly others: readonly Rested[];
  readonly more: boolean;
}

const REPORTS_LOOKED_AT = 200;
const OTHERS_SHOWN = 500;

export async function rollBackWrongLine(
  parts: WrongLineParts,
  state: Case,
  act: { readonly by: string; readonly reason: string; readonly apology: string },
): Promise<Result<RolledBack, OrderRefusal>> {
  const actor = { kind: 'staff', name: act.by } as const;
  const apology = parts.sha256(act.apology);
  const ordered = await parts.casebook.order(
    state.id,
    (now) => [
      { kind: 'note', actor, text: `Wrong line: ${act.reason}; apology ${apology.slice(0, 16)}` },
      ...(now?.state === 'closed' ? [] : [{ kind: 'close', actor, reason: 'wrong-line' } as const]),
    ],
    // The very words, addressed by their hash: what was said to the household can be shown later.
    () => ({ pages: [{ hash: apology, html: act.apology }] }),
  );
  if (!ordered.ok) return err(ordered.error);
  await parts.gardener.refresh(state.lineId, { urgent: true });
  const on = await groundOf(parts, state);
  return ok({ case: ordered.value.after, apology, on, ...(await restedOn(parts, state, on)) });
}

interface Ground {
  readonly bindings: readonly string[];
  readonly steps: readonly string[];
}

async function groundOf(parts: WrongLineParts, state: Case): Promise<Ground> {
  const reports = await parts.store.reportsOfCase(state.id, REPORTS_LOOKED_AT);
  const all = reports.map(({ outcome }) => attributionOf(outcome));
  const texts = (values: readonly (Json | undefined)[]) => [
    ...new Set(values.filter((one) => typeof one === 'string')),
  ];
  return {
    bindings: texts(all.map((one) => one?.bindingId)),
    steps: texts(all.flatMap((one) => one?.via ?? []).map(({ id }) => id)),
  };
}

async function restedOn(parts: WrongLineParts, state: Case, on: Ground): Promise<Pick<RolledBack, 'others' | 'more'>> {
  const found = await parts.store.reportsResting(on, OTHERS_SHOWN + REPORTS_LOOKED_AT);
  const others: Rested[] = [];
  for (const { report, outcome } of found) {
    if (outcome?.lineId === undefined || outcome.caseId === state.id) continue;
    const other = outcome.caseId === undefined ? undefined : await parts.store.case(outcome.caseId);
    others.push({
      reportId: report.id,
      lineId: outcome.lineId,
      ...(outcome.caseId === undefined ? {} : { caseId: outcome.caseId }),
      decision: outcome.decision,
      isOpen: other !== undefined && other.state !== 'closed',
    });
  }
  return { others: others.slice(0, OTHERS_SHOWN), more: others.length > OTHERS_SHOWN };
}

interface KeptAttribution {
  readonly bindingId?: Json;
  readonly via?: readonly { readonly id?: Json }[];
}

function attributionOf(outcome: ReportOutcome | undefined): KeptAttribution | undefined {
  return (outcome?.evidence as { readonly attribution?: KeptAttribution } | undefined)?.attribution;
}
