// A gateway and its resolver: every order goes to both, every answer comes from the gateway alone. The resolver follows as well as
// it can; where it cannot, that is told and the gateway's own word stands. What is read back from the gateway brings it in step.
import { formatKey, type GardenKey } from '../../../core/garden/key.ts';
import type { Result } from '../../../core/kernel/result.ts';
import { formatPrefix } from '../../../core/net/prefix.ts';
import type {
  DenyCount,
  ElementState,
  EnforceError,
  Enforcer,
  GardenElement,
  GatewayWord,
} from '../../../flow/ports.ts';

export interface CompanionOptions {
  /** Told when the resolver stops following, and with undefined when it follows again. */
  readonly onTrouble?: (text: string | undefined) => void;
}

/** Longer than two read-backs of the gateway (5 min): what is missed by both ends by itself. */
const FOLLOWED_SECONDS = 900;
const MOST_AT_ONCE = 5000;

type Change = { readonly put: readonly GardenElement[]; readonly remove: readonly GardenKey[] };

export class AccompaniedEnforcer implements Enforcer {
  readonly gateway: string;
  readonly #main: Enforcer;
  readonly #companion: Enforcer;
  readonly #onTrouble: (text: string | undefined) => void;
  #trouble: string | undefined;
  /** What was changed while a read-back is being followed: newer than what it said. */
  readonly #watches = new Set<Set<string>>();
  readonly onWord?: (listener: (words: readonly GatewayWord[]) => void) => void;

  constructor(main: Enforcer, companion: Enforcer, options: CompanionOptions = {}) {
    this.gateway = main.gateway;
    this.#main = main;
    this.#companion = companion;
    this.#onTrouble = options.onTrouble ?? (() => {});
    if (main.onWord !== undefined) this.onWord = (listener) => main.onWord?.(listener);
  }

  async apply(change: Change): Promise<Result<void, EnforceError>> {
    for (const touched of this.#watches)
      for (const prefix of [...change.remove, ...change.put.map((element) => element.prefix)])
        touched.add(formatKey(prefix));
    const done = await this.#main.apply(change);
    // A release reaches the resolver whatever the gateway said of it; a garden that the gateway refused is none.
    const known = wholeOnly(change);
    if (done.ok || done.error.kind === 'timeout') this.#follow(this.#companion.apply(known));
    else if (known.remove.length > 0) this.#follow(this.#companion.apply({ put: [], remove: known.remove }));
    return done;
  }

  #follow(order: Promise<Result<unknown, EnforceError>>): void {
    order.then(
      (done) =>
        this.#tell(done.ok ? undefined : 'text' in done.error ? done.error.text : 'the resolver did not answer'),
      (cause: unknown) => this.#tell(String(cause).slice(0, 200)),
    );
  }

  #tell(text: string | undefined): void {
    if (text === this.#trouble) return;
    this.#trouble = text;
    this.#onTrouble(text);
  }

  observe(prefixes: readonly GardenKey[]): Promise<readonly ElementState[]> {
    return this.#main.observe(prefixes);
  }

  async readBack(): Promise<Result<readonly ElementState[], EnforceError>> {
    const touched = new Set<string>();
    this.#watches.add(touched);
    const found = await this.#main.readBack();
    void this.#bringInStep(found.ok ? found.value : undefined, touched)
      .catch((cause: unknown) => this.#tell(String(cause).slice(0, 200)))
      .finally(() => this.#watches.delete(touched));
    return found;
  }

  /** What the gateway is sure of; a line it is unsure of stays with the resolver as it is. */
  async #bringInStep(states: readonly ElementState[] | undefined, touched: ReadonlySet<string>): Promise<void> {
    if (states === undefined) return;
    const installed = await this.#companion.install();
    const followed = installed.ok ? await this.#companion.readBack() : installed;
    if (!followed.ok) return this.#follow(Promise.resolve(followed));
    const whole = states.filter((state) => state.prefix.portSet === undefined);
    const wanted = new Map(whole.map((state) => [formatPrefix(state.prefix), state]));
    const there = new Map(followed.value.map((state) => [formatPrefix(state.prefix), state.access]));
    const put = [...wanted].flatMap(([key, { prefix, access }]) =>
      (access === 'strict' || access === 'leaky') && there.get(key) !== access && !touched.has(key)
        ? [{ prefix, access, abusedPorts: [], timeoutSeconds: FOLLOWED_SECONDS }]
        : [],
    );
    const remove = followed.value.flatMap(({ prefix }) => {
      const key = formatPrefix(prefix);
      const access = wanted.get(key)?.access ?? 'absent';
      return access === 'absent' && !touched.has(key) ? [prefix] : [];
    });
    for (let i = 0; i < Math.max(put.length, remove.length); i += MOST_AT_ONCE) {
      const some = { put: put.slice(i, i + MOST_AT_ONCE), remove: remove.slice(i, i + MOST_AT_ONCE) };
      this.#follow(this.#companion.apply(some));
    }
  }

  skeleton(): Promise<'intact' | 'changed' | 'missing' | 'unknown'> {
    return this.#main.skeleton();
  }

  install(): Promise<Result<'adopted' | 'installed' | 'repaired', EnforceError>> {
    this.#follow(this.#companion.install());
    return this.#main.install();
  }

  forgetSteered(prefixes: readonly GardenKey[]): Promise<Result<void, EnforceError>> {
    return this.#main.forgetSteered(prefixes);
  }

  denyCounts(): Promise<Result<readonly DenyCount[], EnforceError>> {
    return this.#main.denyCounts();
  }

  async close(): Promise<void> {
    await Promise.all([this.#main.close(), this.#companion.close()]);
  }
}

/** A resolver is asked by an address: of one that lines share it could only take all of them. */
function wholeOnly({ put, remove }: Change): Change {
  return {
    put: put.filter((element) => element.prefix.portSet === undefined),
    remove: remove.filter((key) => key.portSet === undefined),
  };
}
