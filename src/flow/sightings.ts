// Reports of one line that only add to cases it has, recorded in one commit: a file names the same bot over and over, and most of what
// it says changes nothing but a count. Whatever opens a case, tightens or is refused is left to the one-by-one way of decide.ts.
import type { Case } from '../core/casefile/case.ts';
import { commandsFor } from '../core/casefile/commands-for.ts';
import type { DecideInput, Decision } from '../core/policy/decision.ts';
import type { Report } from '../core/report/report.ts';
import type { Attributed } from './attribute.ts';
import type { Casebook, Ordered } from './casebook.ts';
import { insertByTime, outcomeOf } from './outcome.ts';
import type { ReportOutcome, Store } from './ports.ts';

export interface Sighting {
  readonly report: Report;
  readonly found: Attributed;
}

export interface SightingParts {
  readonly store: Pick<Store, 'casesOfLine'>;
  readonly casebook: Casebook;
  readonly preview: (
    report: Report,
    found: Attributed,
    history: readonly Report[],
    cases: readonly Case[],
  ) => Promise<{ readonly decision: Decision; readonly input: DecideInput }>;
}

/** In one commit: it holds the event loop for as long as it takes to write them. */
const MOST_TOGETHER = 100;

export class Sightings {
  readonly #parts: SightingParts;

  constructor(parts: SightingParts) {
    this.#parts = parts;
  }

  /**
   * Records as many from the start of the list as belong together, and returns how many; they are in `history` then. 0 = nothing was
   * recorded, and nothing has changed: also when the case moved meanwhile.
   */
  async record(group: readonly Sighting[], history: Report[]): Promise<number> {
    const line = group[0]?.found.line;
    if (line === undefined || group.length < 2) return 0;
    const cases = new Map((await this.#parts.store.casesOfLine(line.id, line.epoch)).map((one) => [one.id, one]));
    if (cases.size === 0) return 0;
    const ordered = new Map<string, Ordered>();
    const reportOutcomes: ReportOutcome[] = [];
    for (const { report, found } of group.slice(0, MOST_TOGETHER)) {
      const { decision } = await this.#parts.preview(report, found, history, [...cases.values()]);
      const step = this.#stepOf(report, decision, cases);
      if (step === undefined) break;
      const before = ordered.get(step.after.id);
      ordered.set(
        step.after.id,
        before === undefined ? step : { ...step, before: before.before, events: [...before.events, ...step.events] },
      );
      cases.set(step.after.id, step.after);
      reportOutcomes.push({ ...outcomeOf(report, found, decision), caseId: step.after.id });
      insertByTime(history, report);
    }
    if (reportOutcomes.length > 1) {
      const answer = await this.#parts.casebook.commit([...ordered.values()], { reportOutcomes });
      if (answer.ok) return reportOutcomes.length;
    }
    for (const { report } of group.slice(0, reportOutcomes.length)) history.splice(history.lastIndexOf(report), 1);
    return 0;
  }

  /** undefined = more than a sighting. */
  #stepOf(report: Report, decision: Decision, cases: ReadonlyMap<string, Case>): Ordered | undefined {
    const known = decision.kind === 'act' || decision.caseId === undefined ? undefined : cases.get(decision.caseId);
    if (known === undefined) return undefined;
    const fresh = { caseId: known.id, checkCode: known.checkCode, lineId: known.lineId, epoch: known.epoch };
    const step = this.#parts.casebook.decide(known, commandsFor({ decision, report, fresh, open: known }));
    return step.ok ? step.value : undefined;
  }
}
