// Facts about the network that a person supplies while the service runs: rules by which addresses are shared, and clocks that were
// wrong for a while. Kept in the store with who and when; every attribution after that goes by them, and old ones can be asked anew.
import type { Instant } from '../core/kernel/time.ts';
import type { ClockCorrection } from '../core/line/corrections.ts';
import { NO_SHARING, type SharingRules } from '../core/line/sharing/rules.ts';
import type { Clock, Json, Store } from './ports.ts';

export interface GivenCorrection extends ClockCorrection {
  readonly id: string;
  readonly by: string;
  readonly at: Instant;
  readonly reason: string;
}

export interface GivenSharing {
  /** The file as it was given, and its name. */
  readonly text: string;
  readonly name: string;
  readonly version: string;
  readonly by: string;
  readonly at: Instant;
  /** What the configuration said then: when it says something else later, somebody has written newer rules there. */
  readonly configured: string;
}

export interface FactParts {
  readonly store: Pick<Store, 'setting' | 'commit'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Throws nothing: a text that was accepted once and no longer loads gives undefined. */
  readonly parseSharing: (text: string, name: string) => SharingRules | undefined;
  /** As configured; what a person loads later takes its place. */
  readonly configured: SharingRules;
}

const CORRECTIONS = 'clock-corrections';
const SHARING = 'sharing-rules';
const MOST_CORRECTIONS = 500;
const HISTORY_KEPT = 20;

export class NetworkFacts {
  readonly #parts: FactParts;
  #corrections: readonly GivenCorrection[] = [];
  #given: readonly GivenSharing[] = [];
  #rules: SharingRules;
  readonly #listeners: (() => void)[] = [];
  /** Each list is written whole: two givers at one time would each write the other's away. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: FactParts) {
    this.#parts = parts;
    this.#rules = parts.configured;
  }

  /**
   * Before anything is attributed. Returns false when rules that were given no longer load: then none hold, since older ones might
   * name the wrong households, and nobody of a shared address is named until a person gives them again.
   */
  async load(): Promise<boolean> {
    this.#corrections = ((await this.#parts.store.setting(CORRECTIONS)) ?? []) as unknown as readonly GivenCorrection[];
    this.#given = ((await this.#parts.store.setting(SHARING)) ?? []) as unknown as readonly GivenSharing[];
    const newest = this.#given.at(-1);
    if (newest === undefined || newest.configured !== this.#parts.configured.version) return true;
    const rules = this.#parts.parseSharing(newest.text, newest.name);
    this.#rules = rules ?? NO_SHARING;
    return rules !== undefined;
  }

  /** Told after each durable change: what rested on the facts before is looked at again. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  readonly corrections = (): readonly GivenCorrection[] => this.#corrections;
  readonly sharing = (): SharingRules => this.#rules;
  readonly history = (): readonly GivenSharing[] => this.#given;

  /** The rules must have been parsed without a fault. Durable when it resolves. */
  giveSharing(
    rules: SharingRules,
    file: { readonly text: string; readonly name: string; readonly by: string },
  ): Promise<void> {
    return this.#inTurn(() => this.#giveSharing(rules, file));
  }

  async #giveSharing(
    rules: SharingRules,
    file: { readonly text: string; readonly name: string; readonly by: string },
  ): Promise<void> {
    const { text, name, by } = file;
    const at = this.#parts.clock.now();
    const configured = this.#parts.configured.version;
    const given = [...this.#given, { text, name, version: rules.version, by, at, configured }].slice(-HISTORY_KEPT);
    const detail = { name, version: rules.version, rules: rules.rules.length, before: this.#rules.version };
    await this.#record({ [SHARING]: given as unknown as Json }, 'sharing-rules-given', by, detail);
    this.#given = given;
    this.#rules = rules;
    this.#tell();
  }

  /** Durable when it resolves; false when there are too many already. */
  correct(correction: Omit<GivenCorrection, 'at'>): Promise<boolean> {
    return this.#inTurn(() => this.#correct(correction));
  }

  async #correct(correction: Omit<GivenCorrection, 'at'>): Promise<boolean> {
    if (this.#corrections.length >= MOST_CORRECTIONS) return false;
    const given = [...this.#corrections, { ...correction, at: this.#parts.clock.now() }];
    const { by, id: _id, ...detail } = correction;
    await this.#record({ [CORRECTIONS]: given as unknown as Json }, 'clock-corrected', by, detail);
    this.#corrections = given;
    this.#tell();
    return true;
  }

  takeBack(id: string, by: string): Promise<boolean> {
    return this.#inTurn(() => this.#takeBack(id, by));
  }

  async #takeBack(id: string, by: string): Promise<boolean> {
    const kept = this.#corrections.filter((one) => one.id !== id);
    if (kept.length === this.#corrections.length) return false;
    await this.#record({ [CORRECTIONS]: kept as unknown as Json }, 'clock-correction-taken-back', by, { id });
    this.#corrections = kept;
    this.#tell();
    return true;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #record(
    settings: Readonly<Record<string, Json>>,
    action: string,
    by: string,
    detail: Readonly<Record<string, Json>>,
  ): Promise<void> {
    const audit = [{ at: this.#parts.clock.now(), actor: { kind: 'staff' as const, name: by }, action, detail }];
    const committed = await this.#parts.store.commit({ settings, audit });
    if (!committed.ok) throw new Error('a setting met a conflict');
  }
}
