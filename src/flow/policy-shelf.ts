// Every policy version that was ever active, by its SHA-256: open cases keep the one they were opened under. The texts
// live in the store; parsing is handed in, because files are not the flow's business.
import type { Result } from '../core/kernel/result.ts';
import type { Policy } from '../core/policy/policy.ts';
import type { Policies } from './decide.ts';
import { OperationRefused } from './operations.ts';
import type { Clock, Json, Store } from './ports.ts';

const ACTIVE = 'policy-active';
const SHELF = 'policy-shelf';

export interface PolicyText {
  readonly version: string;
  readonly name: string;
  readonly text: string;
  readonly activatedAt: number;
  readonly by: string;
}

export type ParsePolicy<Fault> = (text: string, name: string) => Result<Policy, readonly Fault[]>;

export class PolicyShelf<Fault> implements Policies {
  readonly #store: Pick<Store, 'setting' | 'commit'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #parse: ParsePolicy<Fault>;
  readonly #parseNew: ParsePolicy<Fault>;
  readonly #byVersion = new Map<string, Policy>();
  #texts: readonly PolicyText[] = [];
  #active: Policy | undefined;

  constructor(parts: {
    readonly store: Pick<Store, 'setting' | 'commit'>;
    readonly clock: Pick<Clock, 'now'>;
    readonly parse: ParsePolicy<Fault>;
    /** Stricter words for what is to be activated: what is active already stays, whatever was configured since. */
    readonly parseNew?: ParsePolicy<Fault>;
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#parse = parts.parse;
    this.#parseNew = parts.parseNew ?? parts.parse;
  }

  /** `missing`: one was active and does not parse any more; nothing takes its place until a person activates one. Other
   *  versions that do not parse are left out: their cases go to a person. */
  async load(): Promise<'none' | 'active' | 'missing'> {
    this.#texts = ((await this.#store.setting(SHELF)) ?? []) as unknown as readonly PolicyText[];
    for (const one of this.#texts) {
      const parsed = this.#parse(one.text, one.name);
      if (parsed.ok) this.#byVersion.set(one.version, parsed.value);
    }
    const version = await this.#store.setting(ACTIVE);
    if (version === undefined) return 'none';
    this.#active = this.#byVersion.get(String(version));
    return this.#active === undefined ? 'missing' : 'active';
  }

  get isMissing(): boolean {
    return this.#active === undefined;
  }

  /** Faults change nothing. Activating the active one again changes nothing either. */
  async activate(
    text: string,
    name: string,
    by: string,
  ): Promise<Result<{ readonly policy: Policy; readonly changed: boolean }, readonly Fault[]>> {
    const parsed = this.#parseNew(text, name);
    if (!parsed.ok) return parsed;
    const policy = parsed.value;
    if (this.#active?.version === policy.version) return { ok: true, value: { policy, changed: false } };
    const at = this.#clock.now();
    const fresh: PolicyText = { version: policy.version, name, text, activatedAt: at, by };
    const texts = [...this.#texts.filter((one) => one.version !== policy.version), fresh];
    await this.#store.commit({
      settings: { [SHELF]: texts as unknown as Json, [ACTIVE]: policy.version },
      audit: [
        {
          at,
          actor: { kind: 'staff', name: by },
          action: 'policy-activated',
          policyVersion: policy.version,
          detail: { name },
        },
      ],
    });
    this.#texts = texts;
    this.#byVersion.set(policy.version, policy);
    this.#active = policy;
    return { ok: true, value: { policy, changed: true } };
  }

  active(): Policy {
    if (this.#active !== undefined) return this.#active;
    throw new OperationRefused({
      kind: 'not-done',
      code: 'policy-missing',
      text: 'the active policy does not load any more: nothing is decided. Next: engawa policy activate FILE',
    });
  }

  byVersion(version: string): Policy | undefined {
    return this.#byVersion.get(version);
  }

  texts(): readonly PolicyText[] {
    return this.#texts;
  }
}
