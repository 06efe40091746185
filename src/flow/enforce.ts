// Step 4: what the open cases of a line want, the last look before a new garden, and the way back when a later record
// names another holder. The gardener acts; here is decided whether it may.
import type { Case } from '../core/casefile/case.ts';
import { isGarden } from '../core/casefile/evolve.ts';
import { abusedPortsOf, wantedOf } from '../core/casefile/line-view.ts';
import { isTightening } from '../core/garden/access.ts';
import type { Ip } from '../core/net/ip.ts';
import { formatPrefix, type Prefix, prefixOf } from '../core/net/prefix.ts';
import { LIMITS } from '../core/policy/policy.ts';
import type { FamilyBook } from '../core/report/family.ts';
import { type Attributor, insideOf, wasProvisional } from './attribute.ts';
import type { Casebook, Ordered } from './casebook.ts';
import type { Gardener, LineWanted } from './gardener.ts';
import { closeCases, freedBy } from './lines.ts';
import { pause, turn } from './pause.ts';
import type { BindingChange, Bindings, Clock, HoldSwitch, Log, Store, Translations } from './ports.ts';

export interface EnforceParts {
  readonly store: Pick<
    Store,
    'line' | 'lineByAccessKey' | 'openCasesOfLine' | 'commit' | 'reportsOfCase' | 'case' | 'wantedLines' | 'enforcement'
  >;
  readonly casebook: Casebook;
  readonly attributor: Attributor;
  readonly families: FamilyBook;
  readonly bindings: Pick<Bindings, 'onChange'>;
  readonly translations?: Pick<Translations, 'onChange'>;
  readonly clock: Clock;
  readonly hold: HoldSwitch;
  readonly log: Log;
}

/** Reports of a case looked at again when a record touches their address. */
const REPORTS_LOOKED_AT = 50;
/** Lines read before other work gets its turn. */
const LINES_PER_TURN = 200;
const NOISE_MS = 100;
/** Prefix lengths a line may hold (core/net/prefix.ts): static IPv4 of several addresses too, and the bare IPv6 address. */
const V4_LENGTHS = [29, 30, 31, 32];
const V6_LENGTHS = [...Array.from({ length: 17 }, (_, i) => 48 + i), 128];

export class Enforcement {
  readonly #parts: EnforceParts;
  #gardener!: Gardener;
  /** Prefixes in which reports of open garden cases lie: records that name one of them are looked at again. */
  readonly #casesByPrefix = new Map<string, Set<string>>();
  readonly #insideLengths = new Set<number>();
  readonly #prefixesOfCase = new Map<string, ReadonlySet<string>>();
  readonly #lineByAccessKey = new Map<string, string>();
  readonly #watching = new Map<string, Promise<void>>();
  readonly #watchAgain = new Set<string>();
  readonly #rechecking = new Map<string, Promise<void>>();
  #takingUp: Promise<void> = Promise.resolve();
  #isLookDue = false;
  #isLoaded = false;

  constructor(parts: EnforceParts) {
    this.#parts = parts;
    parts.casebook.onOrdered((ordered) => this.#onOrdered(ordered));
    parts.bindings.onChange((change) => this.#onBindings(change));
    parts.translations?.onChange((outside) => this.#onTouched(outside.map((ip) => prefixOf(ip))));
  }

  attach(gardener: Gardener): void {
    this.#gardener = gardener;
    gardener.onAccessKey = (accessKey) => {
      const lineId = this.#lineByAccessKey.get(accessKey);
      if (lineId !== undefined) void gardener.refresh(lineId);
    };
  }

  /** Lines whose open cases want a garden: one look-up. Throws when it cannot be read (invariant 11). */
  async wanted(): Promise<readonly string[]> {
    const wanted = await this.#parts.store.wantedLines();
    return wanted.filter((one) => isGarden(one.access)).map((one) => one.lineId);
  }

  /** Reads the whole wanted state, line by line: for start and the slow check. Throws as `wanted` does. */
  async load(): Promise<readonly string[]> {
    const all = await this.#parts.store.wantedLines();
    const unwatched: string[] = [];
    for (const [i, one] of all.entries()) {
      if (i % LINES_PER_TURN === 0) await turn();
      await this.#freeIfNoLonger(one.lineId, one.epoch);
      const cases = await this.#parts.store.openCasesOfLine(one.lineId, one.epoch);
      for (const { id, access } of cases) if (isGarden(access) && !this.#prefixesOfCase.has(id)) unwatched.push(id);
      if (!this.#isLoaded && (await this.#neverActed(cases))) this.#gardener.markFresh(one.lineId);
    }
    this.#isLoaded = true;
    this.#takingUp = this.#takingUp
      .then(() => this.#takeUp(unwatched))
      .catch((cause) => this.#parts.log.error('RECHECK_FAILED', { text: String(cause).slice(0, 200) }));
    return this.wanted();
  }

  /** In turns, beside the start: gardens need not wait for it. While we were away records may have named another holder, and the
   *  configuration other rules, without anybody left to look. */
  async #takeUp(caseIds: readonly string[]): Promise<void> {
    for (const caseId of caseIds) {
      await turn();
      const state = await this.#parts.store.case(caseId);
      if (state === undefined || !isGarden(state.access) || this.#prefixesOfCase.has(caseId)) continue;
      await this.#watch(state);
      await this.#recheck(caseId);
    }
  }

  /** Protected, ended, or another customer by now: a crash may have left the case open behind the line's change. */
  async #freeIfNoLonger(lineId: string, epoch: number): Promise<void> {
    const line = await this.#parts.store.line(lineId);
    const reason = line === undefined || line.epoch !== epoch ? 'contract-ended' : freedBy(line);
    if (reason !== undefined) await closeCases({ ...this.#parts, gardener: this.#gardener }, lineId, epoch, reason);
  }

  /** A garden decided but never acknowledged (we died in between) is still a *new* garden: it is looked at again. */
  async #neverActed(cases: readonly Case[]): Promise<boolean> {
    const access = wantedOf(cases);
    for (const one of cases) if (one.access === access && (await this.#wasEnforced(one))) return false;
    return isGarden(access);
  }

  async wantedOf(lineId: string): Promise<LineWanted | undefined> {
    const line = await this.#parts.store.line(lineId);
    if (line === undefined) return undefined;
    const cases = await this.#parts.store.openCasesOfLine(lineId, line.epoch);
    // Protection and the end of a contract beat every case, whatever state it was left in.
    const free = line.protected || line.contract === 'ended';
    const access = free ? 'open' : wantedOf(cases);
    if (isGarden(access)) this.#lineByAccessKey.set(line.accessKey, lineId);
    else this.#lineByAccessKey.delete(line.accessKey);
    return {
      lineId,
      epoch: line.epoch,
      accessKey: line.accessKey,
      access,
      abusedPorts: abusedPortsOf(cases, this.#parts.families),
    };
  }

  /** Holder, age, protection, clock and hold at the moment of a new garden. What is wrong for good closes the case. */
  async mayTighten(lineId: string): Promise<boolean> {
    const { state, jumped } = this.#parts.clock.status();
    if (this.#parts.hold.current().on || state === 'unsynchronised' || jumped) return false;
    const line = await this.#parts.store.line(lineId);
    if (line === undefined || line.protected || line.contract === 'ended') return false;
    const cases = await this.#parts.store.openCasesOfLine(lineId, line.epoch);
    const access = wantedOf(cases);
    const gardens = cases.filter((one) => isGarden(one.access));
    for (const one of gardens) if (await this.#closeIfWrongLine(one)) return false;
    // What leads here is the strictest of them; an older, milder case is not asked again.
    const leading = gardens.filter((one) => one.access === access);
    for (const one of leading) if ((await this.#standsOn(one)) || (await this.#wasEnforced(one))) return true;
    for (const one of leading) if (!this.#isFresh(one)) await this.#expire(one);
    return false;
  }

  /** On probation the access loosens: the age of a report is no matter there. */
  #isFresh(one: Case): boolean {
    const isRecent = one.lastObservedAt >= this.#parts.clock.now() - LIMITS.reportFreshMs;
    return isRecent || one.probationEndsAt !== undefined;
  }

  /** At this moment at least one fresh report of it must name this line and nobody else: «unique», no less. */
  async #standsOn(state: Case): Promise<boolean> {
    if (!this.#isFresh(state)) return false;
    if (state.probationEndsAt !== undefined) return true;
    const freshFrom = this.#parts.clock.now() - LIMITS.reportFreshMs;
    for (const { report, outcome } of await this.#parts.store.reportsOfCase(state.id, REPORTS_LOOKED_AT)) {
      if (report.observedAt < freshFrom) continue;
      if ((await this.#parts.attributor.standing(report, state.lineId, outcome)) === 'stands') return true;
    }
    return false;
  }

  /** Has a gateway ever acknowledged what this case wants? */
  async #wasEnforced(one: Case): Promise<boolean> {
    const records = await this.#parts.store.enforcement(one.lineId);
    return records.some(
      ({ access, ackedAt = 0 }) =>
        isGarden(access) && !isTightening(access, one.access) && ackedAt >= (one.quarantinedAt ?? 0),
    );
  }

  /** Its gateway could not be reached for so long that its reports are old news by now: it never began, and never will. */
  async #expire(one: Case): Promise<void> {
    this.#parts.log.warn('GARDEN_NOT_TIGHTENED', { caseId: one.id, reason: 'report-too-old' });
    await this.#parts.casebook.order(one.id, () => [
      { kind: 'close', actor: { kind: 'reconcile' }, reason: 'expired' },
    ]);
  }

  #onOrdered({ before, after, events }: Ordered): void {
    const from = before?.access ?? 'open';
    if (!isGarden(after.access) || after.state === 'closed') this.#unwatch(after.id);
    else if (!isGarden(from) || events.some(({ event }) => event.type === 'report-attached')) this.#watchSoon(after.id);
    if (from === after.access && (before?.state === 'closed') === (after.state === 'closed')) return;
    const fresh = isTightening(from, after.access);
    if (isGarden(from) || isGarden(after.access)) void this.#gardener.refresh(after.lineId, { urgent: !fresh, fresh });
  }

  #onBindings(change: BindingChange): void {
    this.#onTouched([...change.touched, ...(change.named ?? [])].map(({ prefix }) => prefix));
  }

  #onTouched(prefixes: readonly Prefix[]): void {
    if (this.#casesByPrefix.size === 0) return;
    for (const prefix of prefixes)
      for (const text of [formatPrefix(prefix), ...this.#around(prefix)])
        for (const caseId of this.#casesByPrefix.get(text) ?? []) this.#recheckSoon(caseId);
  }

  /** Prefixes behind shared addresses that this one is a part of: a rule derives a /56, and somebody names a /64 in it. */
  #around(prefix: Prefix): string[] {
    const shorter = [...this.#insideLengths].filter((length) => length < prefix.length);
    return prefix.ip.family === 4 ? [] : shorter.map((length) => formatPrefix(prefixOf(prefix.ip, length)));
  }

  /** The facts that answers rested on have changed: every garden is looked at again, and who is another's goes free. In turns, too;
   *  those who ask before it begins share it. */
  recheckAll(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    this.#takingUp = this.#takingUp.then(async () => {
      this.#isLookDue = false;
      for (const caseId of [...this.#prefixesOfCase.keys()]) {
        await turn();
        await this.#recheck(caseId);
      }
    });
  }

  #recheck(caseId: string): Promise<void> {
    this.#recheckSoon(caseId);
    return this.#rechecking.get(caseId) ?? Promise.resolve();
  }

  /** Reports come in hundreds: one look at a time, and one more for those that came meanwhile. */
  #watchSoon(caseId: string): void {
    if (this.#watching.has(caseId)) {
      this.#watchAgain.add(caseId);
      return;
    }
    const watching = this.#watchOn(caseId)
      .catch((cause) => this.#parts.log.error('RECHECK_FAILED', { text: String(cause).slice(0, 200) }))
      .finally(() => this.#watching.delete(caseId));
    this.#watching.set(caseId, watching);
  }

  async #watchOn(caseId: string): Promise<void> {
    do {
      // The first report of a case is watched at once; those of a noisy line in one go.
      await (this.#prefixesOfCase.has(caseId) ? pause(NOISE_MS) : turn());
      this.#watchAgain.delete(caseId);
      const state = await this.#parts.store.case(caseId);
      if (state === undefined || state.state === 'closed' || !isGarden(state.access)) return this.#unwatch(caseId);
      const isNew = !this.#prefixesOfCase.has(caseId);
      await this.#watch(state);
      // A record that came before we listened would never be looked at.
      if (isNew) await this.#closeIfWrongLine(state);
    } while (this.#watchAgain.has(caseId));
  }

  /** One look at a time per case; a look asked for meanwhile follows. */
  #recheckSoon(caseId: string): void {
    const running = this.#rechecking.get(caseId) ?? Promise.resolve();
    const next = running.then(async () => {
      const state = await this.#parts.store.case(caseId);
      if (state !== undefined && state.state !== 'closed') await this.#closeIfWrongLine(state);
    });
    const settled = next
      .catch((cause) => this.#parts.log.error('RECHECK_FAILED', { text: String(cause).slice(0, 200) }))
      .finally(() => {
        if (this.#rechecking.get(caseId) === settled) this.#rechecking.delete(caseId);
      });
    this.#rechecking.set(caseId, settled);
  }

  async settled(): Promise<void> {
    await Promise.all([this.#takingUp, ...this.#watching.values(), ...this.#rechecking.values()]);
  }

  async #closeIfWrongLine(state: Case): Promise<boolean> {
    if (!(await this.#isWrongLine(state))) return false;
    this.#parts.log.warn('WRONG_LINE', { caseId: state.id });
    await this.#parts.casebook.order(state.id, () => [
      { kind: 'close', actor: { kind: 'reconcile' }, reason: 'wrong-line' },
    ]);
    return true;
  }

  /** One report that names another holder is enough. An answer taken from an open tail that a later record cut short is
   *  withdrawn; the case goes when nothing else of it stands. Silence and purged records withdraw nothing. */
  async #isWrongLine(state: Case): Promise<boolean> {
    const reports = await this.#parts.store.reportsOfCase(state.id, REPORTS_LOOKED_AT);
    const freshFrom = this.#parts.clock.now() - LIMITS.reportFreshMs;
    let [withdrawn, stands] = [false, false];
    for (const { report, outcome } of reports) {
      const standing = await this.#parts.attributor.standing(report, state.lineId, outcome);
      if (standing === 'another-holder') return true;
      if (standing === 'stands' || !wasProvisional(outcome)) stands = true;
      else if (standing === 'ended' && report.observedAt >= freshFrom) withdrawn = true;
    }
    return withdrawn && !stands;
  }

  async #watch(state: Case): Promise<void> {
    const reports = await this.#parts.store.reportsOfCase(state.id, REPORTS_LOOKED_AT);
    const inside = reports.flatMap(({ outcome }) => insideOf(outcome));
    for (const { ip, length } of inside) if (ip.family === 6) this.#insideLengths.add(length);
    const prefixes = new Set(
      [...reports.map(({ report }) => report.ip), ...inside.map(({ ip }) => ip)].flatMap(prefixTexts),
    );
    this.#unwatch(state.id);
    this.#prefixesOfCase.set(state.id, prefixes);
    for (const prefix of prefixes) {
      const cases = this.#casesByPrefix.get(prefix) ?? new Set();
      cases.add(state.id);
      this.#casesByPrefix.set(prefix, cases);
    }
  }

  #unwatch(caseId: string): void {
    for (const prefix of this.#prefixesOfCase.get(caseId) ?? []) {
      const cases = this.#casesByPrefix.get(prefix);
      cases?.delete(caseId);
      if (cases?.size === 0) this.#casesByPrefix.delete(prefix);
    }
    this.#prefixesOfCase.delete(caseId);
  }
}

/** Every prefix a record could name this address by. */
export function prefixTexts(ip: Ip): string[] {
  const lengths = ip.family === 4 ? V4_LENGTHS : V6_LENGTHS;
  return lengths.map((length) => formatPrefix(prefixOf(ip, length)));
}
