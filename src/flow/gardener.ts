// Keeps gateway elements equal to wanted × bindings, level-triggered: callers only say which line may have changed.
// One batch at a time, so that an address changing hands can never be put for its old holder after its new one.
import { type Access, isTightening } from '../core/garden/access.ts';
import {
  type Derived,
  type DerivedElement,
  type DeriveFacts,
  deriveElements,
  type Wanted,
} from '../core/garden/derive.ts';
import type { GardenKey } from '../core/garden/key.ts';
import { type Instant, SECOND } from '../core/kernel/time.ts';
import type { Binding } from '../core/line/binding.ts';
import { formatPrefix, overlaps, type Prefix } from '../core/net/prefix.ts';
import { frozen, isDue, isInForce, isOld, isSameGarden, needsPut } from './element-rules.ts';
import { GardenMemory, type Kept, keyOf } from './garden-memory.ts';
import { answersLater, GatewayActs, type GatewayLink, gatewayOf, type Move } from './gateway-acts.ts';
import { type LineProof, lineProof } from './line-proof.ts';
import { LineQueue } from './line-queue.ts';
import { Logins } from './logins.ts';
import type { BindingChange, Bindings, Clock, ElementState, HoldSwitch, Log, Store } from './ports.ts';

export interface LineWanted extends Wanted {
  readonly lineId: string;
  readonly epoch: number;
  readonly accessKey: string;
}

export interface GardenerParts {
  readonly store: Pick<Store, 'commit'>;
  readonly bindings: Bindings;
  readonly gateways: readonly GatewayLink[];
  readonly clock: Clock;
  readonly hold: HoldSwitch;
  readonly log: Log;
  readonly interimMsOf: (binding: Binding) => number;
  /** What the open cases of the line want now; undefined = no such line, wants nothing. */
  readonly wantedOf: (lineId: string) => Promise<LineWanted | undefined>;
  /** Holder, age, protection, clock and hold, checked at the very moment of a new garden. False = do not tighten now. */
  readonly mayTighten: (lineId: string) => Promise<boolean>;
}

/** Extras taken out in one transaction. */
const BATCH = 256;
/** A step towards freedom that a gateway did not take is tried again after this, whatever the slower checks do. */
const RETRY_MS = 5 * SECOND;

interface LinePlan {
  readonly lineId: string;
  readonly epoch: number;
  readonly accessKey: string;
  readonly wanted: LineWanted | undefined;
  readonly derived: Derived;
  /** A new garden that may not begin now: what is there stays, goes or is renewed, nothing gets stricter. */
  readonly isFrozen: boolean;
}

export class Gardener {
  readonly #parts: GardenerParts;
  readonly #memory = new GardenMemory();
  readonly #acts: GatewayActs;
  readonly #plans = new Map<string, LinePlan>();
  /** Decided, but never acknowledged by a gateway: the last look happens before each try. */
  readonly #fresh = new Set<string>();
  readonly #toldFrozen = new Set<string>();
  /** Lines whose wanted state could not be read: nothing of theirs may be taken for extra. */
  readonly #failed = new Set<string>();
  readonly #queue = new LineQueue((lineIds) => this.#actSafely(lineIds));
  /** What ceased to be somebody's since the running batch was planned. */
  #ended: BindingChange['ended'][number][] = [];
  /** Read back from a gateway and not yet taken over. */
  readonly #adoptable = new Map<string, ElementState>();
  readonly #strays = new Map<string, ElementState>();
  /** Gateways read back whole since the start; until then nothing is removed as «extra» (invariant 11). */
  readonly #loaded = new Set<string>();
  readonly #silent = new Set<string>();
  /** Gateways with a queue of their own: they try by themselves and say what came of it. */
  readonly #later: ReadonlySet<string>;
  #retry: NodeJS.Timeout | undefined;
  /** Words are recorded one after another, in the order in which they were said. */
  #hearing: Promise<void> = Promise.resolve();

  /** What a login of a line must get: AAA asks this, and is told of changes. */
  readonly logins: Logins;

  constructor(parts: GardenerParts) {
    this.#parts = parts;
    this.logins = new Logins(() => parts.hold.current().on);
    this.#acts = new GatewayActs({ ...parts, memory: this.#memory, onAcked: (lineId) => this.#fresh.delete(lineId) });
    this.#later = new Set(parts.gateways.filter(answersLater).map((gateway) => gateway.name));
    for (const gateway of parts.gateways)
      gateway.enforcer.onWord?.((words) => {
        // What was found there and asked out is proven gone: nothing of it stands against anybody's freedom.
        for (const { prefix, access, word } of words)
          if (access === 'open' && word === 'confirmed') this.#strays.delete(keyOf(gateway.name, prefix));
        this.#hearing = this.#hearing.then(() => this.#acts.hear(gateway, words));
      });
    parts.bindings.onChange((change) => {
      if (this.#queue.isRunning) this.#ended.push(...change.ended);
      for (const ended of change.ended) this.#endPrefix(ended.prefix);
      for (const key of change.accessKeys) this.onAccessKey(key);
    });
  }

  /** Set by the wiring: finds lines in the garden by access key without touching the store for free lines. */
  onAccessKey: (accessKey: string) => void = () => {};

  /** Lines with garden elements or wanting some. */
  known(): ReadonlySet<string> {
    return new Set([...this.#plans.keys(), ...this.#memory.lineIds()]);
  }

  /** Of the lines that have a garden or want one. */
  *accessKeys(): Iterable<string> {
    for (const { accessKey } of this.#plans.values()) if (accessKey !== '') yield accessKey;
  }

  isKnown(lineId: string): boolean {
    return this.#plans.has(lineId) || this.#memory.ofLine(lineId).length > 0;
  }

  /** The line whose element this prefix is, if any: its identity at the portal. */
  lineOfPrefix(prefixText: string): string | undefined {
    for (const gateway of this.#parts.gateways) {
      const kept = this.#memory.get(`${gateway.name} ${prefixText}`);
      if (kept !== undefined && !kept.leaving) return kept.lineId;
    }
    return undefined;
  }

  /** Keys of the line's elements that we put there and have not proven gone. */
  keysOf(lineId: string, gateway: string): readonly GardenKey[] {
    const own = this.#memory.ofLine(lineId).filter(([, kept]) => kept.element.gateway === gateway);
    return own.map(([, kept]) => kept.element.prefix);
  }

  isPartial(lineId: string): boolean {
    return (this.#plans.get(lineId)?.derived.uncovered.length ?? 0) > 0;
  }

  partialCount(): number {
    let partial = 0;
    for (const plan of this.#plans.values()) if (plan.derived.uncovered.length > 0) partial++;
    return partial;
  }

  /** Resolves when a batch that saw the line's state after this call has been acted on and observed. */
  refresh(lineId: string, options: { readonly urgent?: boolean; readonly fresh?: boolean } = {}): Promise<void> {
    if (options.fresh === true) this.#fresh.add(lineId);
    return this.#queue.ask(lineId, options.urgent === true);
  }

  /** Facts about the network changed: what each line holds may be something else. */
  refreshAll(): void {
    for (const lineId of this.known()) void this.refresh(lineId);
  }

  /** For gardens found at start that no gateway ever acknowledged. */
  markFresh(lineId: string): void {
    this.#fresh.add(lineId);
  }

  /** Ends with the batch that is running; what is left is found again at the next start. */
  async stop(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#queue.stop();
    await this.#hearing;
  }

  async #actSafely(lineIds: readonly string[]): Promise<void> {
    try {
      await this.#act(lineIds);
    } catch (cause) {
      this.#parts.log.error('GARDENER_BATCH_FAILED', { lines: lineIds.length, text: String(cause).slice(0, 200) });
      for (const lineId of lineIds) {
        this.#failed.add(lineId);
        for (const [key] of this.#memory.ofLine(lineId)) this.#memory.change(key, { phase: 'unknown' });
      }
    }
    this.#retrySoon(lineIds);
  }

  async #act(lineIds: readonly string[]): Promise<void> {
    this.#ended = [];
    const plans = await Promise.all(lineIds.map((lineId) => this.#plan(lineId)));
    const moves = new Map<string, Map<string, Move>>();
    const add = (move: Move, gateway: string) => {
      const known = moves.get(gateway) ?? new Map<string, Move>();
      // An address that changes hands inside a batch: the new holder's element replaces the old one's.
      if (move.put !== undefined || known.get(move.key)?.put === undefined) known.set(move.key, move);
      moves.set(gateway, known);
    };
    for (const plan of plans) await this.#diff(plan, add);
    await Promise.all(
      this.#parts.gateways.map(async (gateway) => {
        const own = [...(moves.get(gateway.name)?.values() ?? [])];
        if (own.length > 0) await this.#acts.perform(gateway, own);
      }),
    );
  }

  async #plan(lineId: string): Promise<LinePlan> {
    const wanted = await this.#parts.wantedOf(lineId);
    const restricts = wanted !== undefined && (wanted.access === 'leaky' || wanted.access === 'strict');
    const open = restricts ? await this.#parts.bindings.openOf(wanted.accessKey) : [];
    const derived: Derived = restricts ? deriveElements(wanted, open, this.#facts()) : { elements: [], uncovered: [] };
    const epoch = wanted?.epoch ?? this.#plans.get(lineId)?.epoch ?? 0;
    for (const element of derived.elements) this.#adopt({ lineId, epoch, element });
    if (!restricts || this.#isInForce(lineId, derived)) this.#fresh.delete(lineId);
    const isFrozen = this.#fresh.has(lineId) && !(await this.#parts.mayTighten(lineId));
    this.#tellFrozen(lineId, isFrozen);
    const plan = { lineId, epoch, accessKey: wanted?.accessKey ?? '', wanted, derived, isFrozen };
    this.#tellLogins(plan);
    if (restricts) this.#plans.set(lineId, plan);
    else this.#plans.delete(lineId);
    this.#failed.delete(lineId);
    return plan;
  }

  /** Everywhere as strict as wanted already: what comes is no new garden, whoever asked for it. */
  #isInForce(lineId: string, { elements }: Derived): boolean {
    const isThere = (element: DerivedElement) => {
      const kept = this.#memory.get(keyOf(element.gateway, element.prefix));
      return kept?.lineId === lineId && isInForce(kept) && !isTightening(kept.element.access, element.access);
    };
    return elements.length > 0 && elements.every(isThere);
  }

  /** A line that changed its access key leaves nothing behind under the old one. */
  #tellLogins({ lineId, accessKey, wanted, isFrozen }: LinePlan): void {
    const before = this.#plans.get(lineId)?.accessKey;
    if (before !== undefined && before !== accessKey) this.logins.set(before, undefined);
    const access = wanted?.access;
    this.logins.set(accessKey, !isFrozen && (access === 'leaky' || access === 'strict') ? access : undefined);
  }

  #tellFrozen(lineId: string, isFrozen: boolean): void {
    if (!isFrozen) {
      this.#toldFrozen.delete(lineId);
    } else if (!this.#toldFrozen.has(lineId)) {
      this.#toldFrozen.add(lineId);
      this.#parts.log.warn('GARDEN_NOT_TIGHTENED', { reason: 'checks at the moment of enforcing' });
    }
  }

  #facts(): DeriveFacts {
    const gateways = this.#parts.gateways;
    return {
      now: this.#parts.clock.now(),
      interimMsOf: this.#parts.interimMsOf,
      gatewayOf: (binding) => gatewayOf(gateways, binding),
    };
  }

  async #diff(plan: LinePlan, add: (move: Move, gateway: string) => void): Promise<void> {
    const now = this.#parts.clock.now();
    const desired = this.#desired(plan);
    for (const [key, kept] of this.#memory.ofLine(plan.lineId))
      if (!desired.has(key) && !this.#isAskedOut(kept)) add(this.#removal(key, kept, now), kept.element.gateway);
    for (const [key, element] of desired) {
      const kept = this.#memory.get(key);
      const own = kept?.lineId === plan.lineId && !kept.leaving ? kept : undefined;
      if (own !== undefined && !needsPut(own, element, now, this.#later.has(element.gateway))) continue;
      const loosens = this.#parts.hold.current().on && (await this.#loosens(element));
      if (this.#parts.hold.current().on && !loosens) continue;
      add(this.#putting({ key, plan, element, own, loosens, now }), element.gateway);
    }
  }

  /** A gateway that answers later has the order and tries by itself. */
  #isAskedOut(kept: Kept): boolean {
    return kept.leaving && kept.phase !== 'unknown' && this.#later.has(kept.element.gateway);
  }

  /** What this line's elements shall be. */
  #desired(plan: LinePlan): ReadonlyMap<string, DerivedElement> {
    const desired = new Map<string, DerivedElement>();
    for (const derived of plan.derived.elements) {
      const key = keyOf(derived.gateway, derived.prefix);
      const kept = this.#memory.get(key);
      const element = plan.isFrozen ? frozen(derived, kept?.lineId === plan.lineId ? kept : undefined) : derived;
      const before = desired.get(key);
      if (element !== undefined && (before === undefined || before.expiresAt < element.expiresAt))
        desired.set(key, element);
    }
    return desired;
  }

  /** The kernel has it already: ours since before the start. Its age is not known, so it is due for renewal. */
  #adopt({ lineId, epoch, element }: Pick<LinePlan, 'lineId' | 'epoch'> & { readonly element: DerivedElement }): void {
    const key = keyOf(element.gateway, element.prefix);
    const found = this.#adoptable.get(key);
    if (found === undefined || found.access === 'absent' || this.#memory.get(key) !== undefined) return;
    const now = this.#parts.clock.now();
    const isKnown = found.access !== 'unknown';
    this.#memory.set(key, {
      lineId,
      epoch,
      element: { ...element, access: found.access === 'unknown' ? element.access : found.access, expiresAt: now },
      phase: isKnown ? 'confirmed' : 'unknown',
      intentAt: now,
      putAt: now,
      ...(isKnown && !this.#fresh.has(lineId) ? { ackedAt: now, confirmedAt: now } : {}),
      leaving: false,
    });
  }

  /** On hold only a step from a proven strict to leaky may still be put: nothing fights the engineer. */
  async #loosens(element: DerivedElement): Promise<boolean> {
    if (element.access !== 'leaky') return false;
    const gateway = this.#parts.gateways.find((one) => one.name === element.gateway);
    const [seen] = (await gateway?.enforcer.observe([element.prefix])) ?? [];
    return seen?.access === 'strict';
  }

  #removal(key: string, kept: Kept, now: Instant): Move {
    const isAgain = kept.leaving;
    if (!isAgain) {
      const { ackedAt: _, confirmedAt: __, failure: ___, ...rest } = kept;
      this.#memory.set(key, { ...rest, leaving: true, phase: 'sent', intentAt: now });
    }
    return {
      key,
      lineId: kept.lineId,
      epoch: kept.epoch,
      prefix: kept.element.prefix,
      access: 'open',
      isAgain,
      // Unless the address was given to another line's element meanwhile.
      isStillRight: () => this.#memory.get(key)?.lineId === kept.lineId,
    };
  }

  #putting(one: {
    readonly key: string;
    readonly plan: LinePlan;
    readonly element: DerivedElement;
    readonly own: Kept | undefined;
    readonly loosens: boolean;
    readonly now: Instant;
  }): Move {
    const { key, plan, element, own, loosens, now } = one;
    const isAgain =
      own !== undefined &&
      isSameGarden(own.element, element) &&
      (own.ackedAt !== undefined || own.failure !== undefined || own.phase === 'sent');
    this.#memory.set(key, {
      ...(isAgain ? own : {}),
      lineId: plan.lineId,
      epoch: plan.epoch,
      element,
      phase: isAgain && own.phase !== 'unknown' ? own.phase : 'sent',
      intentAt: isAgain ? own.intentAt : now,
      putAt: now,
      leaving: false,
    });
    this.#strays.delete(key);
    const { accessKey } = plan;
    return {
      key,
      lineId: plan.lineId,
      epoch: plan.epoch,
      prefix: element.prefix,
      access: element.access,
      put: element,
      accessKey,
      isAgain,
      isStillRight: () =>
        (loosens || !this.#parts.hold.current().on) &&
        !this.#queue.isUrgent(plan.lineId) &&
        this.#memory.get(key)?.lineId === plan.lineId &&
        !this.#ended.some((ended) => ended.accessKey === accessKey && mayEnd(ended.prefix, element)),
    };
  }

  /** The address is no longer that line's: its element goes now, before whatever waits in the queue. */
  #endPrefix(prefix: Prefix): void {
    const lineId = this.lineOfPrefix(formatPrefix(prefix));
    if (lineId !== undefined) void this.refresh(lineId, { urgent: true });
  }

  #retrySoon(lineIds: readonly string[]): void {
    const isOwed = (lineId: string) =>
      this.#failed.has(lineId) ||
      this.#memory
        .ofLine(lineId)
        .some(
          ([, kept]) =>
            !this.#later.has(kept.element.gateway) &&
            (kept.leaving || (kept.phase === 'unknown' && kept.element.access === 'leaky')),
        );
    if (this.#queue.isStopped || this.#retry !== undefined || !lineIds.some(isOwed)) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      const owed = new Set([...this.#failed, ...this.#memory.lineIds()].filter(isOwed));
      for (const lineId of owed) void this.refresh(lineId, { urgent: true });
    }, RETRY_MS);
    this.#retry.unref();
  }

  /** What may be said about a line that holds these bindings now. */
  proof(lineId: string, wanted: Access, open: readonly Binding[]): LineProof {
    const isSure = (gateway: string) => this.#loaded.has(gateway) && !this.#silent.has(gateway);
    return lineProof({
      wanted,
      open,
      kept: this.#memory.ofLine(lineId).map(([, kept]) => kept),
      uncovered: this.#plans.get(lineId)?.derived.uncovered ?? [],
      strays: [...this.#strays.values()].map((state) => state.prefix),
      isSure,
      areAllSure: this.#parts.gateways.every((gateway) => this.#loaded.has(gateway.name)),
      now: this.#parts.clock.now(),
    });
  }

  /** A gateway that does not answer proves nothing at this moment. */
  setSilent(gateway: string, isSilent: boolean): void {
    if (isSilent) this.#silent.add(gateway);
    else this.#silent.delete(gateway);
  }

  /**
   * Takes the kernel's word for what is there: called at start, after a repair and every 5 min with a full read-back.
   * `readAt`: when the reading began; what was proven later than that is not judged by it. Elements nobody wants are
   * removed, missing ones put again; on hold it only looks.
   */
  async reconcile(
    gateway: GatewayLink,
    found: readonly ElementState[],
    wantedLineIds: readonly string[],
    readAt: Instant,
  ): Promise<{ readonly missing: number; readonly extra: number }> {
    const inKernel = new Map(
      found.filter((state) => state.access !== 'absent').map((state) => [keyOf(gateway.name, state.prefix), state]),
    );
    let missing = 0;
    const due = new Set<string>(this.#failed);
    for (const [key, kept] of this.#memory.entries()) {
      if (kept.element.gateway !== gateway.name) continue;
      if (kept.phase !== 'confirmed') due.add(kept.lineId);
      else if ((kept.confirmedAt ?? 0) <= readAt && inKernel.get(key)?.access !== kept.element.access) {
        this.#memory.change(key, { phase: 'unknown' });
        due.add(kept.lineId);
        missing++;
      }
    }
    const wanted = new Set(wantedLineIds);
    for (const lineId of wanted) if (this.#isBehind(lineId)) due.add(lineId);
    for (const lineId of this.known()) if (!wanted.has(lineId)) due.add(lineId);
    for (const [key, state] of inKernel) this.#adoptable.set(key, state);
    await Promise.all([...due].map((lineId) => this.refresh(lineId)));
    for (const key of inKernel.keys()) this.#adoptable.delete(key);
    // Some lines could not be read: what looks extra may be theirs.
    if (this.#failed.size > 0) return { missing, extra: 0 };
    this.#loaded.add(gateway.name);
    return { missing, extra: await this.#removeExtra(gateway, inKernel) };
  }

  /** Wanted, but not planned yet, nothing to put, or planned and held back (hold, a failed check) before it was put. */
  #isBehind(lineId: string): boolean {
    const elements = this.#plans.get(lineId)?.derived.elements ?? [];
    return (
      elements.length === 0 ||
      elements.some((one) => this.#memory.get(keyOf(one.gateway, one.prefix))?.lineId !== lineId)
    );
  }

  async #removeExtra(gateway: GatewayLink, inKernel: ReadonlyMap<string, ElementState>): Promise<number> {
    for (const [key] of this.#strays) if (key.startsWith(`${gateway.name} `)) this.#strays.delete(key);
    const extra = [...inKernel].filter(([key]) => this.#memory.get(key) === undefined);
    for (const [key, state] of extra) this.#strays.set(key, state);
    if (extra.length === 0 || this.#parts.hold.current().on) return extra.length;
    const prefixes = extra.map(([, state]) => state.prefix);
    for (let from = 0; from < prefixes.length; from += BATCH) {
      const remove = prefixes.slice(from, from + BATCH);
      await gateway.enforcer.apply({ put: [], remove });
      for (const state of await gateway.enforcer.observe(remove))
        if (state.access === 'absent') this.#strays.delete(keyOf(gateway.name, state.prefix));
      await gateway.enforcer.forgetSteered(remove);
    }
    return extra.length;
  }

  /** Lines whose wanted state differs from what was planned, whose elements are not proven, or grow old. */
  async renew(wantedLineIds: readonly string[]): Promise<void> {
    const now = this.#parts.clock.now();
    const due = new Set<string>([...this.#fresh, ...this.#failed]);
    const wanted = new Set(wantedLineIds);
    for (const lineId of wanted) if (this.#isBehind(lineId)) due.add(lineId);
    for (const lineId of this.#plans.keys()) if (!wanted.has(lineId)) due.add(lineId);
    for (const [, kept] of this.#memory.entries())
      if (this.#later.has(kept.element.gateway) ? isOld(kept, now) : isDue(kept, now)) due.add(kept.lineId);
    await Promise.all([...due].map((lineId) => this.refresh(lineId)));
  }

  /** For tests and the stop: everything that was said so far is on record. */
  async heard(): Promise<void> {
    await this.#hearing;
  }

  /** After `release-all`: the elements are gone from the kernel, so nothing of them is kept here either. */
  forgetAll(): void {
    this.#memory.clear();
    this.#plans.clear();
    this.#strays.clear();
    this.logins.clear();
  }
}

/** A share of an address is held by way of something else: whatever of the line ended may have been that. */
function mayEnd(ended: Prefix, { prefix }: DerivedElement): boolean {
  return prefix.portSet !== undefined || overlaps(ended, prefix);
}
