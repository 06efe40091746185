// Step 3: every accepted report, oldest first, becomes an outcome with its reason: recorded with the case events it led
// to in one commit, so that a crash at any point decides it again and never twice.
import type { Case } from '../core/casefile/case.ts';
import { commandsFor } from '../core/casefile/commands-for.ts';
import { DAY, type Instant } from '../core/kernel/time.ts';
import type { Attribution } from '../core/line/attribution.ts';
import type { Binding } from '../core/line/binding.ts';
import type { Line } from '../core/line/line.ts';
import type { Ip } from '../core/net/ip.ts';
import {
  type Admit,
  type BreakerState,
  NEW_BREAKER,
  resetTrips,
  restoreBreaker,
  type Trip,
  tryAdmit,
} from '../core/policy/breaker.ts';
import { decide } from '../core/policy/decide.ts';
import type { DecideInput, Decision, Plan } from '../core/policy/decision.ts';
import { isSupportOpen, LIMITS, type Policy } from '../core/policy/policy.ts';
import { canonicalFamily, type FamilyBook } from '../core/report/family.ts';
import type { Report } from '../core/report/report.ts';
import type { Attributed, Attributor } from './attribute.ts';
import type { Casebook } from './casebook.ts';
import { localTime } from './local-time.ts';
import { insertByTime, outcomeOf } from './outcome.ts';
import type { Clock, HoldSwitch, Ids, Json, Log, ReportOutcome, Store } from './ports.ts';
import { type Sighting, Sightings } from './sightings.ts';
import type { SourceQuality } from './source-quality.ts';

export interface Policies {
  active(): Policy;
  /** The active one does not load any more: active() throws, and nothing is decided until a person activates another. */
  readonly isMissing?: boolean;
  byVersion(version: string): Policy | undefined;
}

export interface DecideParts {
  readonly store: Pick<Store, 'pendingReports' | 'casesOfLine' | 'reportsOfLine' | 'commit' | 'lineCount' | 'setting'>;
  readonly casebook: Casebook;
  readonly attributor: Attributor;
  readonly policies: Policies;
  readonly families: FamilyBook;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hold: HoldSwitch;
  readonly log: Log;
  readonly gatewayNameOf: (binding: Binding) => string;
  /** Source → who runs it: sources of one origin never corroborate each other. */
  readonly origins: Readonly<Record<string, string>>;
  /** Left out: no source is ever demoted. */
  readonly quality?: Pick<SourceQuality, 'isDemoted' | 'note'>;
  /** Whose pool the address lies in; undefined = no gateway's of ours. */
  readonly gatewayOfAddress?: (ip: Ip) => string | undefined;
}

export interface Decided {
  readonly report: Report;
  readonly attribution: Attribution;
  readonly decision: Decision;
}

const BATCH = 2000;
/** Lines whose reports a run keeps in memory: a file names the same bots over and over. */
const HISTORIES_KEPT = 2000;
/** Design allows no wider ceiling than 50. */
const MOST_KEPT = 50;
/** Setting: the breaker's window and shut scopes, on the wall clock. */
const BREAKER = 'breaker';

interface BreakerText {
  readonly admissions: readonly { readonly source: string; readonly gateway: string; readonly at: Instant }[];
  readonly trips: readonly { readonly scope: Trip['scope']; readonly name: string; readonly at: Instant }[];
}

export class Decider {
  readonly #parts: DecideParts;
  readonly #histories = new Map<string, Report[]>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #sightings: Sightings;
  #breaker: BreakerState = NEW_BREAKER;
  #running: Promise<number> | undefined;
  /** Somebody asked since the last look: reports stored during the last turn of a run are not left to the next one. */
  #asked = false;
  #stopped = false;

  constructor(parts: DecideParts) {
    this.#parts = parts;
    this.#sightings = new Sightings({ ...parts, preview: (...asked) => this.preview(...asked) });
  }

  breaker(): BreakerState {
    return this.#breaker;
  }

  /** Decides everything pending; callers during a run share it. Returns how many reports were decided. */
  run(): Promise<number> {
    this.#asked = true;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
      this.#histories.clear();
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => 0);
  }

  async #drain(): Promise<number> {
    await Promise.resolve();
    let total = 0;
    try {
      while (!this.#stopped) {
        this.#asked = false;
        const batch = await this.#parts.store.pendingReports(BATCH);
        if (batch.length === 0 && !this.#asked) break;
        await this.#decideBatch(batch);
        total += batch.length;
      }
      return total;
    } finally {
      // In the same breath as the last look: whoever asks next starts a new run instead of sharing one that is over.
      this.#running = undefined;
    }
  }

  async #decideBatch(batch: readonly Report[]): Promise<void> {
    const asked = await Promise.allSettled(
      batch.map(async (report) => {
        const found = await this.#parts.attributor.attribute(report);
        return { report: observedAs(this.canonical(report), found), found };
      }),
    );
    const attributed = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const { report, found } of attributed)
      this.#parts.quality?.note(report.source, found.attribution, this.#parts.gatewayOfAddress?.(report.ip));
    const byLine = Map.groupBy(attributed, ({ found }) => found.line?.id ?? '');
    const nobodys = byLine.get('') ?? [];
    byLine.delete('');
    const quiet: ReportOutcome[] = [];
    const decided = [...byLine].map(([key, group]) => this.inTurn(key, () => this.#decideLine(group, quiet)));
    // In the same turn as the first of the lines: then one transaction takes both.
    await Promise.all([this.#decideNobodys(nobodys), ...decided]);
    if (quiet.length > 0) await this.#parts.store.commit({ reportOutcomes: quiet });
    // One that cannot be asked about waits, and holds up nobody else of its batch.
    const failed = asked.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #decideNobodys(reports: readonly Sighting[]): Promise<void> {
    const outcomes: ReportOutcome[] = [];
    for (const { report, found } of reports) outcomes.push(...(await this.#decideOne(report, found, [])));
    if (outcomes.length > 0) await this.#parts.store.commit({ reportOutcomes: outcomes });
  }

  /** One line's reports in order: each may change what the next one meets. Its history is read once per run. */
  async #decideLine(group: readonly Sighting[], quiet: ReportOutcome[]): Promise<void> {
    const history = await this.#keptHistory(group[0]?.found.line);
    let mayBeTogether = true;
    for (let done = 0; done < group.length; ) {
      const together = mayBeTogether ? await this.#sightings.record(group.slice(done), history) : 0;
      done += together;
      const next = together > 0 ? undefined : group[done++];
      if (next === undefined) continue;
      const outcomes = await this.#decideOne(next.report, next.found, history);
      quiet.push(...outcomes);
      insertByTime(history, next.report);
      // Nothing new of its cases, nothing new for the rest.
      mayBeTogether = outcomes.length === 0;
    }
  }

  /** Preview and act of one line are one thing: two decisions that looked at the same state would both tighten (C13). */
  inTurn<T>(lineId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(lineId);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#turns.set(lineId, mine);
    const leave = () => {
      if (this.#turns.get(lineId) === mine) this.#turns.delete(lineId);
    };
    mine.then(leave, leave);
    return mine;
  }

  /** Reports of a line are decided here alone, so that within a run what was read and what was added since is all. */
  async #keptHistory(line: Line | undefined): Promise<Report[]> {
    if (line === undefined) return [];
    const key = `${line.id} ${line.epoch}`;
    const kept = this.#histories.get(key);
    if (kept !== undefined) return kept;
    if (this.#histories.size >= HISTORIES_KEPT) this.#histories.clear();
    const history = await this.#historyOf(line);
    this.#histories.set(key, history);
    return history;
  }

  async #historyOf(line: Line | undefined): Promise<Report[]> {
    if (line === undefined) return [];
    const { store, clock, policies } = this.#parts;
    const now = clock.now();
    return [...(await store.reportsOfLine(line.id, line.epoch, now - longestWindow(policies.active()), now))];
  }

  canonical(report: Report): Report {
    return { ...report, family: canonicalFamily(this.#parts.families, report.family) };
  }

  /** What would happen now, nothing recorded: `--dry-run`, `why`, and the first half of every decision. */
  async preview(
    report: Report,
    found: Attributed,
    history?: readonly Report[],
    knownCases?: readonly Case[],
  ): Promise<{ readonly decision: Decision; readonly input: DecideInput }> {
    const { store, clock, policies, hold } = this.#parts;
    const now = clock.now();
    const policy = policies.active();
    const line = found.line;
    const cases = knownCases ?? (line === undefined ? [] : await store.casesOfLine(line.id, line.epoch));
    const reports = history ?? (await this.#historyOf(line));
    const open = cases.find((one) => one.state !== 'closed' && one.family === report.family);
    const casePolicy = open === undefined ? undefined : policies.byVersion(open.policyVersion);
    const hours = (casePolicy ?? policy).supportHours;
    const input: DecideInput = {
      report: observedAs(report, found),
      attribution: found.attribution,
      line,
      history: { cases, reports },
      origins: this.#parts.origins,
      policy,
      ...(casePolicy === undefined ? {} : { casePolicy }),
      now,
      clockOk: this.clockOk(),
      sourceDemoted: this.#parts.quality?.isDemoted(report.source) === true,
      // Asked where a step is about to act and nowhere else: the hold is a file that is read anew each time.
      get hold() {
        return hold.current().on;
      },
      get supportOpen() {
        return hours === undefined || isSupportOpen(hours, localTime(now, hours.timeZone));
      },
    };
    return { decision: decide(input), input };
  }

  clockOk(): boolean {
    const { state, jumped } = this.#parts.clock.status();
    return state !== 'unsynchronised' && !jumped;
  }

  /** Returns the outcome when nothing but the outcome is to be recorded; otherwise it went with the case. */
  async #decideOne(report: Report, found: Attributed, history: readonly Report[]): Promise<readonly ReportOutcome[]> {
    const { decision, input } = await this.preview(report, found, history);
    if (!touchesCase(decision)) return [outcomeOf(report, found, decision)];
    const caseId = decision.caseId ?? this.#parts.ids.id();
    const known = input.history.cases.find((one) => one.id === decision.caseId);
    const recorded = await this.act({
      report,
      found,
      decision,
      caseId,
      approved: false,
      ...(known === undefined ? {} : { known }),
    });
    if (recorded) return [];
    // The case moved meanwhile (a release, another report): decide anew from what is true now.
    const again = await this.preview(report, found, history);
    if (!touchesCase(again.decision)) return [outcomeOf(report, found, again.decision)];
    const lastId = again.decision.caseId ?? this.#parts.ids.id();
    if (await this.act({ report, found, decision: again.decision, caseId: lastId, approved: false })) return [];
    return [{ ...outcomeOf(report, found, again.decision), decision: 'review', reason: 'case-refused' }];
  }

  /** Case events and outcome in one commit; false when the case refused the order. */
  async act(work: {
    readonly report: Report;
    readonly found: Attributed;
    readonly decision: Decision;
    readonly caseId: string;
    readonly approved: boolean;
    /** A held case decided anew: its report is on it already. */
    readonly again?: boolean;
    /** The case as it was decided upon. */
    readonly known?: Case;
  }): Promise<boolean> {
    const { report, found, decision, caseId } = work;
    const plan = decision.kind === 'act' ? await this.#admit(decision.plan, report, found, work.approved) : undefined;
    const final: Decision = decision.kind === 'act' && plan !== undefined ? { ...decision, plan } : decision;
    const extra = () => ({
      reportOutcomes: [{ ...outcomeOf(report, found, final), caseId }],
      ...(plan?.newGarden === true ? { settings: { [BREAKER]: this.#breakerText() } } : {}),
    });
    const line = { lineId: found.line?.id ?? '', epoch: found.line?.epoch ?? 0 };
    const fresh = { caseId, checkCode: this.#parts.ids.checkCode(), ...line };
    const full = (open: Case | undefined) =>
      commandsFor({
        decision: final,
        report,
        fresh,
        again: work.again === true,
        ...(open === undefined ? {} : { open }),
      });
    const ordered = await this.#parts.casebook.order(caseId, full, extra, work.known);
    if (ordered.ok || plan === undefined) return ordered.ok;
    // «Not tighter» and the like: the report still belongs to the case.
    return (await this.#parts.casebook.order(caseId, (open) => full(open).slice(0, -1), extra)).ok;
  }

  async #admit(plan: Plan, report: Report, found: Attributed, approved: boolean): Promise<Plan> {
    if (plan.hold !== undefined || !plan.newGarden) return plan;
    const binding = found.attribution.binding;
    const lineCount = await this.#parts.store.lineCount();
    const answer: Admit = tryAdmit(this.#breaker, {
      source: report.source,
      gateway: binding === undefined ? '' : this.#parts.gatewayNameOf(binding),
      atMonotonicMs: this.#parts.clock.monotonicMs(),
      lineCount,
      limits: this.#parts.policies.active().breaker,
      approved,
    });
    this.#breaker = answer.state;
    if (answer.admitted) return plan;
    if (answer.tripped) this.#parts.log.error('BREAKER_TRIPPED', { scope: answer.by.scope, name: answer.by.name });
    return { ...plan, hold: 'breaker' };
  }

  /** A restart makes no room: gardens of the last window and shut scopes count as if we had never been away. */
  async loadBreaker(): Promise<void> {
    const kept = (await this.#parts.store.setting(BREAKER)) as unknown as BreakerText | undefined;
    if (kept === undefined) return;
    const { clock } = this.#parts;
    const ageMs = (one: { readonly at: Instant }) => Math.max(0, clock.now() - one.at);
    const admissions = kept.admissions.map((one) => ({ ...one, ageMs: ageMs(one) }));
    const restored = restoreBreaker(admissions, clock.monotonicMs());
    const trips = kept.trips.map(({ scope, name, at }) => ({
      scope,
      name,
      atMonotonicMs: clock.monotonicMs() - ageMs({ at }),
    }));
    this.#breaker = { ...restored, trips };
  }

  /** A person has looked: shut scopes open again, inside what the window still allows. */
  async resetBreaker(): Promise<void> {
    this.#breaker = resetTrips(this.#breaker);
    await this.#parts.store.commit({ settings: { [BREAKER]: this.#breakerText() } });
  }

  #breakerText(): Json {
    const { clock, policies } = this.#parts;
    const at = (one: { readonly atMonotonicMs: number }) => clock.now() - (clock.monotonicMs() - one.atMonotonicMs);
    // No cap is wider than the ceiling, so older ones than these can never matter.
    const newest = this.#breaker.admissions.slice(-Math.min(policies.active().breaker.ceiling, MOST_KEPT));
    return {
      admissions: newest.map((one) => ({ source: one.source, gateway: one.gateway, at: at(one) })),
      trips: this.#breaker.trips.map((one) => ({ scope: one.scope, name: one.name, at: at(one) })),
    };
  }
}

/** Where a person has put the feed's clock right, everything goes by the true time. */
function observedAs(report: Report, { observedAt }: Attributed): Report {
  return observedAt === undefined ? report : { ...report, observedAt };
}

function touchesCase(decision: Decision): boolean {
  return decision.kind === 'act' || decision.kind === 'watch' || decision.caseId !== undefined;
}

/** Everything a rule or a corroboration may look back at. */
function longestWindow(policy: Policy): number {
  const windows = policy.rules.map((rule) => rule.match.minReports?.withinMs ?? 0);
  return Math.max(LIMITS.reportFreshMs, policy.corroborationMs, 7 * DAY, ...windows);
}
