// Wakes cases when their time has come. A timer that fires twice is harmless: the case decides whether it is due.
import type { Case } from '../core/casefile/case.ts';
import type { CaseCommand } from '../core/casefile/command.ts';
import { type TimerKind, timersOf } from '../core/casefile/timers.ts';
import { MINUTE } from '../core/kernel/time.ts';
import { ruleOf } from '../core/policy/policy.ts';
import { CASE_TIMER, type Casebook } from './casebook.ts';
import type { Policies } from './decide.ts';
import type { Clock, HoldSwitch, Log, Store, Timer } from './ports.ts';
import { type RedecideParts, redecide } from './redecide.ts';
import { isSure } from './sure-clock.ts';

export interface TimekeeperParts extends RedecideParts {
  readonly store: Pick<Store, 'case' | 'commit' | 'dueTimers' | 'reportsOfCase'>;
  readonly casebook: Casebook;
  readonly policies: Policies;
  readonly clock: Clock;
  readonly hold: HoldSwitch;
  readonly log: Log;
}

/** Paced: what is left comes with the next turn (C08: 10,000 timers at once). */
const BATCH = 200;
/** A timer that failed is tried again after this. */
const FAILED_MS = 5 * MINUTE;
const ACTOR = { kind: 'timer' } as const;

export class Timekeeper {
  readonly #parts: TimekeeperParts;

  constructor(parts: TimekeeperParts) {
    this.#parts = parts;
  }

  /** C06: without a clock that is sure nothing expires and nothing starts: stillness for the mass. */
  async runDue(): Promise<number> {
    if (!isSure(this.#parts.clock.status())) return 0;
    const due = await this.#parts.store.dueTimers(this.#parts.clock.now(), BATCH);
    await Promise.all(due.map((timer) => this.#fire(timer).catch((cause) => this.#setBack(timer, cause))));
    return due.length;
  }

  /** One timer that cannot be handled must not stand before all the others. Throws when the store takes nothing. */
  async #setBack(timer: Timer, cause: unknown): Promise<void> {
    this.#parts.log.error('TIMER_FAILED', { kind: timer.kind, text: String(cause).slice(0, 200) });
    await this.#parts.store.commit({ arm: [{ ...timer, dueAt: this.#parts.clock.now() + FAILED_MS }] });
  }

  async #fire(timer: Timer): Promise<void> {
    const state = timer.kind.startsWith(CASE_TIMER) ? await this.#parts.store.case(timer.key) : undefined;
    if (state === undefined) {
      await this.#parts.store.commit({ disarm: [timer] });
      return;
    }
    const kind = timer.kind.slice(CASE_TIMER.length) as TimerKind;
    // On the engineer's hold nothing is decided anew: it would wait for a person afterwards instead of passing by itself.
    if (kind === 'hold-retry' && !this.#parts.hold.current().on) await redecide(this.#parts, state, false);
    const command = this.#commandFor(kind, state);
    if (command !== undefined) {
      const answer = await this.#parts.casebook.order(state.id, () => [command]);
      if (!answer.ok && answer.error === 'busy') return;
    }
    await this.#rearm(timer, kind);
  }

  #commandFor(kind: TimerKind, state: Case): CaseCommand | undefined {
    switch (kind) {
      case 'expire':
        return { kind: 'expire', actor: ACTOR };
      case 'step-end':
        return { kind: 'endStep', actor: ACTOR, to: this.#accessBefore(state) };
      case 'probation-end':
        return { kind: 'endProbation', actor: ACTOR };
      case 'portal-unseen':
        return { kind: 'portalUnseen', actor: ACTOR };
      default:
        return undefined;
    }
  }

  /** What the ladder falls back to when a step's maximum is over: the garden step before it, or freedom. */
  #accessBefore(state: Case): 'leaky' | 'open' {
    const policy = this.#parts.policies.byVersion(state.policyVersion);
    const ladder = (policy === undefined ? undefined : ruleOf(policy, state.ruleId))?.ladder ?? [];
    return ladder.slice(0, Math.max(0, state.step)).some((step) => step.do === 'leaky') ? 'leaky' : 'open';
  }

  /** Whatever the case did, this very timer never stays due: it is armed anew for later, or gone. */
  async #rearm(timer: Timer, kind: TimerKind): Promise<void> {
    const now = this.#parts.clock.now();
    const state = await this.#parts.store.case(timer.key);
    const next = state === undefined ? undefined : timersOf(state, now).find((one) => one.kind === kind);
    if (next === undefined) {
      await this.#parts.store.commit({ disarm: [timer] });
      return;
    }
    await this.#parts.store.commit({ arm: [{ ...timer, dueAt: Math.max(next.dueAt, now + MINUTE / 6) }] });
  }
}
