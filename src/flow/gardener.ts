// Keeps gateway elements equal to wanted × bindings, level-triggered: callers only say which line may have changed.
// One batch at a time, so that an address changing hands can never be put for its old holder after its new one.

import type { Access } from '../core/garden/access.ts';
import {
  type Derived,
  type DerivedElement,
  type DeriveFacts,
  deriveElements,
  type Wanted,
} from '../core/garden/derive.ts';
import { type Instant, MINUTE, SECOND } from '../core/kernel/time.ts';
import type { Binding } from '../core/line/binding.ts';
import { formatPrefix, type Prefix } from '../core/net/prefix.ts';
import type {
  AuditDraft,
  Bindings,
  Clock,
  ElementState,
  EnforcementRecord,
  Enforcer,
  HoldSwitch,
  Log,
  Store,
} from './ports.ts';

export interface GatewayLink {
  readonly name: string;
  readonly enforcer: Enforcer;
  readonly nasIdentities: readonly string[];
  readonly ipv6Lengths: readonly number[];
}

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

type ElementPhase = 'sent' | 'acked' | 'confirmed' | 'unknown';

interface Kept {
  readonly lineId: string;
  readonly element: DerivedElement;
  readonly phase: ElementPhase;
  readonly intentAt: Instant;
  readonly confirmedAt?: Instant;
}

export interface LineProof {
  readonly wanted: Access;
  /** What the gateways prove for every open address of the line; `unknown` as soon as one is in doubt. */
  readonly confirmed: Access | 'unknown';
  readonly partial: boolean;
  readonly elements: readonly {
    readonly gateway: string;
    readonly prefix: string;
    readonly access: Access;
    readonly phase: ElementPhase;
    readonly confirmedAt?: Instant;
  }[];
  readonly uncovered: Derived['uncovered'];
}

const BATCH = 256;
/** Renew when less than half of what the element may live is left. */
const RENEW_SHARE = 0.5;

interface LinePlan {
  readonly lineId: string;
  readonly wanted: LineWanted | undefined;
  readonly derived: Derived;
}

interface Act {
  readonly put: DerivedElement[];
  readonly remove: { readonly gateway: string; readonly prefix: Prefix }[];
}

export class Gardener {
  readonly #parts: GardenerParts;
  readonly #kept = new Map<string, Kept>();
  readonly #keysOfLine = new Map<string, Set<string>>();
  readonly #plans = new Map<string, LinePlan>();
  /** Decided, but never acknowledged by a gateway: the last look happens before each try. */
  readonly #fresh = new Set<string>();
  readonly #dirty = new Map<string, { urgent: boolean; waiters: (() => void)[] }>();
  #running: Promise<void> | undefined;
  #stopped = false;
  /** Until the first full load of the wanted state, nothing is removed as «extra» (invariant 11). */
  #loaded = false;

  constructor(parts: GardenerParts) {
    this.#parts = parts;
    parts.bindings.onChange((change) => {
      for (const ended of change.ended) this.#endPrefix(ended.prefix);
      for (const key of change.accessKeys) this.onAccessKey(key);
    });
  }

  /** Set by the wiring: finds lines in the garden by access key without touching the store for free lines. */
  onAccessKey: (accessKey: string) => void = () => {};

  /** Lines with garden elements or wanting some. */
  known(): Iterable<string> {
    return new Set([...this.#plans.keys(), ...this.#keysOfLine.keys()]);
  }

  /** The line whose element this prefix is, if any: its identity at the portal. */
  lineOfPrefix(prefixText: string): string | undefined {
    for (const gateway of this.#parts.gateways) {
      const kept = this.#kept.get(`${gateway.name} ${prefixText}`);
      if (kept !== undefined) return kept.lineId;
    }
    return undefined;
  }

  /** Prefixes of the line that we put and have not proven gone. */
  prefixesOf(lineId: string): readonly string[] {
    return [...(this.#keysOfLine.get(lineId) ?? [])].map((key) => formatPrefix(this.#kept.get(key)!.element.prefix));
  }

  isPartial(lineId: string): boolean {
    return (this.#plans.get(lineId)?.derived.uncovered.length ?? 0) > 0;
  }

  /** Resolves when a batch that saw the line's state after this call has been acted on and observed. */
  refresh(lineId: string, options: { readonly urgent?: boolean; readonly fresh?: boolean } = {}): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (options.fresh === true) this.#fresh.add(lineId);
    return new Promise((resolve) => {
      const entry = this.#dirty.get(lineId) ?? { urgent: false, waiters: [] };
      entry.urgent ||= options.urgent ?? false;
      entry.waiters.push(resolve);
      this.#dirty.set(lineId, entry);
      this.#running ??= this.#drain().finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** For gardens found at start that no gateway ever acknowledged. */
  markFresh(lineId: string): void {
    this.#fresh.add(lineId);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    while (this.#dirty.size > 0) {
      // Loosening outranks tightening; among equals, the oldest first.
      const batch = [...this.#dirty].sort((a, b) => Number(b[1].urgent) - Number(a[1].urgent)).slice(0, BATCH);
      for (const [lineId] of batch) this.#dirty.delete(lineId);
      try {
        await this.#act(batch.map(([lineId]) => lineId));
      } catch (cause) {
        this.#parts.log.error('GARDENER_BATCH_FAILED', { lines: batch.length, text: String(cause).slice(0, 200) });
      }
      for (const [, entry] of batch) for (const done of entry.waiters) done();
    }
  }

  async #act(lineIds: readonly string[]): Promise<void> {
    const plans = await Promise.all(lineIds.map((lineId) => this.#plan(lineId)));
    const acts = new Map<string, Act>();
    for (const plan of plans) if (plan !== undefined) await this.#diff(plan, acts);
    await Promise.all([...acts].map(([gateway, act]) => this.#perform(gateway, act)));
  }

  async #plan(lineId: string): Promise<LinePlan | undefined> {
    const wanted = await this.#parts.wantedOf(lineId);
    const restricts = wanted !== undefined && (wanted.access === 'leaky' || wanted.access === 'strict');
    if (!restricts) this.#fresh.delete(lineId);
    if (this.#fresh.has(lineId) && restricts && !(await this.#parts.mayTighten(lineId))) {
      this.#parts.log.warn('GARDEN_NOT_TIGHTENED', { reason: 'checks at the moment of enforcing' });
      return undefined;
    }
    const open = restricts ? await this.#parts.bindings.openOf(wanted.accessKey) : [];
    const derived: Derived = restricts ? deriveElements(wanted, open, this.#facts()) : { elements: [], uncovered: [] };
    const plan = { lineId, wanted, derived };
    if (restricts) this.#plans.set(lineId, plan);
    else this.#plans.delete(lineId);
    return plan;
  }

  #facts(): DeriveFacts {
    const gateways = this.#parts.gateways;
    return {
      now: this.#parts.clock.now(),
      interimMsOf: this.#parts.interimMsOf,
      gatewayOf: (binding) => {
        if (binding.nas === undefined) return gateways.length === 1 ? gateways[0] : undefined;
        return gateways.find((gateway) => gateway.nasIdentities.includes(binding.nas!));
      },
    };
  }

  async #diff(plan: LinePlan, acts: Map<string, Act>): Promise<void> {
    const now = this.#parts.clock.now();
    const desired = new Map(plan.derived.elements.map((element) => [keyOf(element.gateway, element.prefix), element]));
    for (const key of this.#keysOfLine.get(plan.lineId) ?? []) {
      const kept = this.#kept.get(key)!;
      if (!desired.has(key)) actOf(acts, kept.element.gateway).remove.push(kept.element);
    }
    for (const [key, element] of desired) {
      const kept = this.#kept.get(key);
      if (kept !== undefined && kept.lineId === plan.lineId && !needsPut(kept, element, now)) continue;
      if (this.#parts.hold.current().on && !(await this.#loosens(element))) continue;
      actOf(acts, element.gateway).put.push(element);
      this.#keep(key, { lineId: plan.lineId, element, phase: 'sent', intentAt: now });
    }
  }

  /** On hold only a step from a proven strict to leaky may still be put: nothing fights the engineer. */
  async #loosens(element: DerivedElement): Promise<boolean> {
    if (element.access !== 'leaky') return false;
    const gateway = this.#parts.gateways.find((one) => one.name === element.gateway);
    const [seen] = (await gateway?.enforcer.observe([element.prefix])) ?? [];
    return seen?.access === 'strict';
  }

  /** Record, act, record: the intent is durable before a packet leaves; answer and proof are appended after. */
  async #perform(gatewayName: string, act: Act): Promise<void> {
    const gateway = this.#parts.gateways.find((one) => one.name === gatewayName);
    if (gateway === undefined || (act.put.length === 0 && act.remove.length === 0)) return;
    await this.#record(gatewayName, act, {});
    const now = this.#parts.clock.now();
    const answer = await gateway.enforcer.apply({
      put: act.put.map((element) => ({ ...element, timeoutSeconds: timeoutSeconds(element, now) })),
      remove: act.remove.map((one) => one.prefix),
    });
    if (!answer.ok) {
      const failure = answer.error.kind === 'refused' ? `refused: ${answer.error.code}` : answer.error.kind;
      this.#parts.log.warn('ENFORCE_FAILED', { gateway: gatewayName, reason: failure });
      for (const one of [...act.put, ...act.remove]) this.#phase(keyOf(gatewayName, one.prefix), 'unknown');
      await this.#record(gatewayName, act, { failure });
      return;
    }
    for (const element of act.put) this.#phase(keyOf(gatewayName, element.prefix), 'acked');
    for (const element of act.put) this.#fresh.delete(this.#kept.get(keyOf(gatewayName, element.prefix))?.lineId ?? '');
    await this.#record(gatewayName, act, { ackedAt: this.#parts.clock.now() });
    await this.#prove(gateway, act);
    if (act.remove.length > 0 || act.put.some((element) => element.access === 'leaky'))
      await this.#forget(gateway, act);
  }

  async #prove(gateway: GatewayLink, act: Act): Promise<void> {
    const seen = await gateway.enforcer.observe([...act.put, ...act.remove].map((one) => one.prefix));
    const now = this.#parts.clock.now();
    const accessOf = new Map(seen.map((state) => [formatPrefix(state.prefix), state.access]));
    const proven: Act = { put: [], remove: [] };
    for (const element of act.put) {
      const confirmed = accessOf.get(formatPrefix(element.prefix)) === element.access;
      this.#phase(keyOf(gateway.name, element.prefix), confirmed ? 'confirmed' : 'unknown', now);
      if (confirmed) proven.put.push(element);
    }
    for (const one of act.remove) {
      if (accessOf.get(formatPrefix(one.prefix)) === 'absent') proven.remove.push(one);
      else this.#phase(keyOf(gateway.name, one.prefix), 'unknown');
    }
    await this.#record(gateway.name, proven, { ackedAt: now, confirmedAt: now });
    for (const one of proven.remove) this.#drop(keyOf(gateway.name, one.prefix));
  }

  async #forget(gateway: GatewayLink, act: Act): Promise<void> {
    const prefixes = [...act.remove, ...act.put.filter((element) => element.access === 'leaky')].map(
      (one) => one.prefix,
    );
    const answer = await gateway.enforcer.forgetSteered(prefixes);
    if (!answer.ok) this.#parts.log.warn('STEERED_FLOWS_KEPT', { gateway: gateway.name, reason: answer.error.kind });
  }

  async #record(
    gateway: string,
    act: Act,
    answer: { readonly ackedAt?: Instant; readonly confirmedAt?: Instant; readonly failure?: string },
  ): Promise<void> {
    const at = this.#parts.clock.now();
    const enforcement: EnforcementRecord[] = [];
    const audit: AuditDraft[] = [];
    const word =
      answer.failure !== undefined
        ? 'refused'
        : answer.confirmedAt !== undefined
          ? 'confirmed'
          : answer.ackedAt !== undefined
            ? 'acked'
            : 'sent';
    for (const [one, access] of [
      ...act.put.map((element) => [element, element.access] as const),
      ...act.remove.map((removed) => [removed, 'open'] as const),
    ]) {
      const kept = this.#kept.get(keyOf(gateway, one.prefix));
      if (kept === undefined) continue;
      const wanted = this.#plans.get(kept.lineId)?.wanted;
      enforcement.push({
        gateway,
        lineId: kept.lineId,
        prefix: one.prefix,
        access,
        intentAt: kept.intentAt,
        ...answer,
      });
      audit.push({
        at,
        actor: { kind: 'reconcile' },
        action: `garden-${word}`,
        ...(wanted === undefined ? {} : { line: { lineId: kept.lineId, epoch: wanted.epoch } }),
        detail: { gateway, access, ...(answer.failure === undefined ? {} : { failure: answer.failure }) },
      });
    }
    if (enforcement.length > 0) await this.#parts.store.commit({ enforcement, audit });
  }

  /** The address is no longer that line's: its element goes now, whoever is in the batch queue. */
  #endPrefix(prefix: Prefix): void {
    const lineId = this.lineOfPrefix(formatPrefix(prefix));
    if (lineId !== undefined) void this.refresh(lineId, { urgent: true });
  }

  #keep(key: string, kept: Kept): void {
    const before = this.#kept.get(key);
    if (before !== undefined && before.lineId !== kept.lineId) this.#keysOfLine.get(before.lineId)?.delete(key);
    this.#kept.set(key, kept);
    const keys = this.#keysOfLine.get(kept.lineId) ?? new Set();
    keys.add(key);
    this.#keysOfLine.set(kept.lineId, keys);
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    const keys = this.#keysOfLine.get(kept.lineId);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOfLine.delete(kept.lineId);
  }

  #phase(key: string, phase: ElementPhase, confirmedAt?: Instant): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.set(key, {
      ...kept,
      phase,
      ...(phase === 'confirmed' && confirmedAt !== undefined ? { confirmedAt } : {}),
    });
  }

  /** What may be said about a line: never beyond what is confirmed (invariant 5). */
  proof(lineId: string, wanted: Access, openPrefixes: number): LineProof {
    const kept = [...(this.#keysOfLine.get(lineId) ?? [])].map((key) => this.#kept.get(key)!);
    const uncovered = this.#plans.get(lineId)?.derived.uncovered ?? [];
    const covered =
      wanted === 'open' || wanted === 'notice' ? kept.length === 0 : kept.length > 0 || openPrefixes === 0;
    const allConfirmed = kept.every((one) => one.phase === 'confirmed' && one.element.access === wanted);
    return {
      wanted,
      confirmed: covered && allConfirmed && this.#loaded ? wanted : 'unknown',
      partial: uncovered.length > 0,
      uncovered,
      elements: kept.map((one) => ({
        gateway: one.element.gateway,
        prefix: formatPrefix(one.element.prefix),
        access: one.element.access,
        phase: one.phase,
        ...(one.confirmedAt === undefined ? {} : { confirmedAt: one.confirmedAt }),
      })),
    };
  }

  /**
   * Takes the kernel's word for what is there: called at start, after a repair and every 5 min with a full read-back.
   * Elements nobody wants are removed, missing ones put again; nothing happens on hold.
   */
  async reconcile(
    gatewayName: string,
    found: readonly ElementState[],
    wantedLineIds: readonly string[],
  ): Promise<{ readonly missing: number; readonly extra: number }> {
    const gateway = this.#parts.gateways.find((one) => one.name === gatewayName);
    if (gateway === undefined) return { missing: 0, extra: 0 };
    const inKernel = new Map(
      found.filter((state) => state.access !== 'absent').map((state) => [keyOf(gatewayName, state.prefix), state]),
    );
    let missing = 0;
    for (const [key, kept] of this.#kept) {
      if (kept.element.gateway !== gatewayName || inKernel.get(key)?.access === kept.element.access) continue;
      this.#phase(key, 'unknown');
      missing++;
    }
    await Promise.all(wantedLineIds.map((lineId) => this.refresh(lineId)));
    this.#loaded = true;
    const extra = [...inKernel].filter(([key]) => !this.#kept.has(key)).map(([, state]) => state.prefix);
    if (extra.length > 0 && !this.#parts.hold.current().on) {
      await gateway.enforcer.apply({ put: [], remove: extra });
      await gateway.enforcer.forgetSteered(extra);
    }
    return { missing, extra: extra.length };
  }

  /** Lines with an element that has lived more than half of its time, or that is not proven: put them again. */
  async renew(): Promise<void> {
    const now = this.#parts.clock.now();
    const due = new Set<string>();
    for (const [lineId, keys] of this.#keysOfLine) {
      for (const key of keys) {
        const kept = this.#kept.get(key)!;
        if (
          kept.phase !== 'confirmed' ||
          kept.element.expiresAt - now < (kept.element.expiresAt - kept.intentAt) * RENEW_SHARE
        )
          due.add(lineId);
      }
    }
    for (const [lineId, plan] of this.#plans) if (plan.derived.elements.length === 0) due.add(lineId);
    for (const lineId of this.#fresh) due.add(lineId);
    await Promise.all([...due].map((lineId) => this.refresh(lineId)));
  }

  /** After `release-all`: the elements are gone from the kernel, so nothing of them is kept here either. */
  forgetAll(): void {
    this.#kept.clear();
    this.#keysOfLine.clear();
    this.#plans.clear();
  }
}

function keyOf(gateway: string, prefix: Prefix): string {
  return `${gateway} ${formatPrefix(prefix)}`;
}

function actOf(acts: Map<string, Act>, gateway: string): Act {
  const act = acts.get(gateway) ?? { put: [], remove: [] };
  acts.set(gateway, act);
  return act;
}

function needsPut(kept: Kept, element: DerivedElement, now: Instant): boolean {
  if (kept.phase === 'unknown' || kept.phase === 'sent') return true;
  if (kept.element.access !== element.access) return true;
  if (portsText(kept.element) !== portsText(element)) return true;
  const left = kept.element.expiresAt - now;
  return element.expiresAt - kept.element.expiresAt > MINUTE && left < (element.expiresAt - now) * RENEW_SHARE;
}

function portsText(element: DerivedElement): string {
  return element.abusedPorts
    .map((one) => `${one.protocol}/${one.port}`)
    .sort()
    .join(' ');
}

function timeoutSeconds(element: DerivedElement, now: Instant): number {
  return Math.max(1, Math.min(259_200, Math.floor((element.expiresAt - now) / SECOND)));
}
