// The only way a case changes: load, ask core, append with the expected version, its audit entries and timers in one
// commit. A conflict is an ordinary answer: reload and decide again.
import type { Case, CaseEvent } from '../core/casefile/case.ts';
import type { CaseCommand, CaseRefusal } from '../core/casefile/command.ts';
import { decideAll, type Outcome } from '../core/casefile/decide.ts';
import { type CaseTimer, timersOf } from '../core/casefile/timers.ts';
import { err, ok, type Result } from '../core/kernel/result.ts';
import type { Instant } from '../core/kernel/time.ts';
import type { AuditDraft, CaseChange, Change, Clock, Json, OutboundMessage, Store, Timer } from './ports.ts';

export type OrderRefusal = CaseRefusal | 'token-used' | 'busy';

export interface Ordered {
  readonly before: Case | undefined;
  readonly after: Case;
  readonly events: Outcome['events'];
}

/** What rides in the same commit as the events. */
export type Extra = Omit<Change, 'cases'>;

/** Most tries when others write the same case meanwhile. */
const TRIES = 8;
/** Timers of cases carry this before the kind that core gives them. */
export const CASE_TIMER = 'case-';

export interface CasebookParts {
  readonly store: Pick<Store, 'case' | 'commit'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Asked at every change: what else must be durable together with these events (messages to send). */
  readonly riders?: readonly ((ordered: Ordered) => Extra)[];
}

export class Casebook {
  readonly #parts: CasebookParts;
  readonly #listeners: ((ordered: Ordered) => void)[] = [];

  constructor(parts: CasebookParts) {
    this.#parts = parts;
  }

  /** Told after each durable change of a case. */
  onOrdered(listener: (ordered: Ordered) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Runs the commands in order against the case (a new one when the first is openCase), all or nothing. `commands` is
   * called again with the reloaded case after a conflict; `extra` with what is about to be recorded.
   */
  async order(
    caseId: string,
    commands: (state: Case | undefined) => readonly CaseCommand[],
    extra: (ordered: Ordered) => Extra = () => ({}),
    /** The case as the caller has just read it: saves the first look. Old news is a conflict, and then it is read. */
    known?: Case,
  ): Promise<Result<Ordered, OrderRefusal>> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const before = attempt === 0 && known !== undefined ? known : await this.#parts.store.case(caseId);
      const decided = this.decide(before, commands(before));
      if (!decided.ok) return decided;
      const answer = await this.commit([decided.value], extra(decided.value));
      if (answer.ok) return ok(decided.value);
      if (answer.error === 'token-used') return err('token-used');
    }
    return err('busy');
  }

  /** What the commands would lead to now; nothing is recorded. */
  decide(before: Case | undefined, commands: readonly CaseCommand[]): Result<Ordered, CaseRefusal> {
    const decided = decideAll(commands, before, this.#parts.clock.now());
    if (!decided.ok) return err(decided.error.refusal);
    return ok({ before, after: decided.value.folded, events: decided.value.events });
  }

  /** Several cases (a release covers the cases it names) and what belongs to them, in one commit. */
  async commit(ordered: readonly Ordered[], extra: Extra = {}): Promise<Result<void, 'conflict' | 'token-used'>> {
    const changed = ordered.filter((one) => one.events.length > 0);
    if (changed.length === 0 && Object.keys(extra).length === 0) return ok(undefined);
    const now = this.#parts.clock.now();
    const riders = changed.flatMap((one) => (this.#parts.riders ?? []).map((rider) => rider(one)));
    const answer = await this.#parts.store.commit(
      joinChange([...changed.map((one) => changeOf(one, now)), ...riders, extra]),
    );
    if (!answer.ok) return err(answer.error.kind);
    for (const one of changed) for (const listener of this.#listeners) listener(one);
    return ok(undefined);
  }
}

/** Only what these events changed about the timers is written: most attach a report and move none. */
function changeOf({ before, after, events }: Ordered, now: Instant): Change {
  const [was, due] = [before === undefined ? [] : timersOf(before, now), timersOf(after, now)];
  const isArmed = (one: CaseTimer) => was.some((old) => old.kind === one.kind && old.dueAt === one.dueAt);
  const isGone = (old: CaseTimer) => !due.some((one) => one.kind === old.kind);
  const nameOf = (one: CaseTimer) => ({ kind: CASE_TIMER + one.kind, key: after.id });
  return {
    cases: [{ caseId: after.id, expectedVersion: before?.version ?? 0, events, folded: after }],
    audit: events.map((recorded) => auditOf(after, recorded)),
    arm: due.filter((one) => !isArmed(one)).map((one) => ({ ...nameOf(one), dueAt: one.dueAt })),
    disarm: was.filter(isGone).map(nameOf),
  };
}

function joinChange(parts: readonly Change[]): Change {
  const all = <T>(pick: (part: Change) => readonly T[] | undefined): T[] => parts.flatMap((part) => pick(part) ?? []);
  return {
    ...parts.at(-1),
    cases: all<CaseChange>((part) => part.cases),
    audit: all<AuditDraft>((part) => part.audit),
    arm: all<Timer>((part) => part.arm),
    disarm: all((part) => part.disarm),
    messages: all<OutboundMessage>((part) => part.messages),
  };
}

/** Words a person typed stay in the case; the log keeps that they exist, never what they say. */
const KEPT_OUT_OF_THE_LOG = new Set(['type', 'text', 'lineId', 'epoch', 'caseId', 'checkCode', 'by']);

function auditOf(
  state: Case,
  { at, actor, event }: { at: Instant; actor: Ordered['events'][number]['actor']; event: CaseEvent },
): AuditDraft {
  const detail = Object.fromEntries(
    Object.entries(event).filter(([key, value]) => value !== undefined && !KEPT_OUT_OF_THE_LOG.has(key)),
  ) as Record<string, Json>;
  return {
    at,
    actor,
    action: event.type,
    caseId: state.id,
    line: { lineId: state.lineId, epoch: state.epoch },
    policyVersion: state.policyVersion,
    legalBasis: state.legalBasis,
    detail,
  };
}
