// The Linux gateway as the flow sees it: Enforcer and AllowList over the way to its helper. Small changes are sent at once and
// share kernel transactions inside the helper; nothing here decides what may be an element.
import type { GardenKey } from '../../../core/garden/key.ts';
import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { Ip, Peer } from '../../../core/net/ip.ts';
import type { AllowList, DenyCount, ElementState, EnforceError, Enforcer, GardenElement } from '../../../flow/ports.ts';
import type { Offload } from '../../../protocols/nftables/flowtables.ts';
import { type Answer, type HelperError, MAX_ITEMS, type Operation } from '../../../protocols/nftables/messages.ts';
import { HelperConnection } from './connection.ts';
import type { LinkTrouble } from './link.ts';
import type { SshTarget } from './ssh.ts';
import { StrictMemory } from './strict-memory.ts';
import type { HelperTarget } from './transport.ts';

/** Elements and removals in one apply(); more is refused with `too-many`, since it could not be one transaction. */
export const MAX_APPLY = MAX_ITEMS;

export type NftablesEnforcerOptions = {
  /** Name of the gateway, as in its spec. */
  readonly gateway: string;
  readonly deadlines?: Partial<Deadlines>;
  /** Told once per reason; undefined = the helper answers again. */
  readonly onTrouble?: (trouble: LinkTrouble | undefined) => void;
} & ({ readonly socketPath: string } | { readonly ssh: Omit<SshTarget, 'kind'> });

export interface Deadlines {
  /** apply, observe, allow, lifeline, dnsAlive, dnsOff: longer than the helper's own patience with nft (5 s). */
  readonly actMs: number;
  /** install, skeleton, forgetSteered. */
  readonly checkMs: number;
  /** readBack, denyCounts, releaseAll. */
  readonly readMs: number;
}

/** A large change is given more time, as the helper gives nft. */
const MS_PER_TUPLE = 4;
const DEADLINES: Deadlines = { actMs: 8000, checkMs: 45_000, readMs: 180_000 };

export class NftablesEnforcer implements Enforcer, AllowList {
  readonly gateway: string;
  readonly #connection: HelperConnection;
  readonly #deadlines: Deadlines;
  readonly #strict = new StrictMemory(() => performance.now());
  #isSeeded = false;

  constructor(options: NftablesEnforcerOptions) {
    this.gateway = options.gateway;
    this.#deadlines = { ...DEADLINES, ...options.deadlines };
    const target: HelperTarget =
      'ssh' in options ? { kind: 'ssh', ...options.ssh } : { kind: 'socket', path: options.socketPath };
    const { onTrouble } = options;
    this.#connection = new HelperConnection({ target, ...(onTrouble === undefined ? {} : { onTrouble }) });
  }

  /** The way to the helper is open at this moment: a warning when not. */
  get isConnected(): boolean {
    return this.#connection.isUp;
  }

  /** Why it is not, as far as that is known. */
  get trouble(): LinkTrouble | undefined {
    return this.#connection.trouble;
  }

  /** isStrict() has seen the kernel's own list once. Until then it knows only what this process put. */
  get isSeeded(): boolean {
    return this.#isSeeded;
  }

  async apply(change: {
    readonly put: readonly GardenElement[];
    readonly remove: readonly GardenKey[];
  }): Promise<Result<void, EnforceError>> {
    if (change.put.length + change.remove.length > MAX_APPLY) {
      return err({
        kind: 'refused',
        code: 'too-many',
        text: `more than ${MAX_APPLY} elements are no single transaction`,
      });
    }
    const tuples = change.put.reduce((sum, element) => sum + 1 + element.abusedPorts.length, change.remove.length);
    const done = await this.#do({ op: 'apply', ...change }, this.#deadlines.actMs + MS_PER_TUPLE * tuples);
    if (done.ok || done.error.kind === 'timeout') this.#note(change, done.ok);
    return done;
  }

  /** Doubt leaves a prefix strict: what may have been put is remembered, what may have been removed is not forgotten. */
  #note(
    change: { readonly put: readonly GardenElement[]; readonly remove: readonly GardenKey[] },
    isAcked: boolean,
  ): void {
    if (isAcked) for (const prefix of change.remove) this.#strict.remove(prefix);
    for (const { prefix, access, timeoutSeconds } of change.put) {
      if (access === 'strict') this.#strict.set(prefix, timeoutSeconds);
      else if (isAcked) this.#strict.remove(prefix);
    }
  }

  async observe(prefixes: readonly GardenKey[]): Promise<readonly ElementState[]> {
    const states: ElementState[] = [];
    for (let i = 0; i < prefixes.length; i += MAX_ITEMS) {
      const asked = prefixes.slice(i, i + MAX_ITEMS);
      const answer = await this.#connection.call({ op: 'observe', prefixes: asked }, this.#deadlines.actMs);
      const items = answer.ok && answer.value.kind === 'states' ? answer.value.items : [];
      const isWhole = items.length === asked.length;
      states.push(...(isWhole ? items : asked.map((prefix) => ({ prefix, access: 'unknown' as const }))));
    }
    for (const state of states) this.#strict.learn(state);
    return states;
  }

  async readBack(): Promise<Result<readonly ElementState[], EnforceError>> {
    this.#strict.beginReadBack();
    const answer = await this.#call({ op: 'readBack' }, this.#deadlines.readMs);
    const items = answer.ok && answer.value.kind === 'states' ? answer.value.items : undefined;
    this.#strict.endReadBack(items);
    if (items !== undefined) this.#isSeeded = true;
    if (!answer.ok) return answer;
    return items === undefined ? err(notUnderstood) : ok(items);
  }

  async skeleton(): Promise<'intact' | 'changed' | 'missing' | 'unknown'> {
    const answer = await this.#call({ op: 'skeleton' }, this.#deadlines.checkMs);
    const word = answer.ok && answer.value.kind === 'word' ? answer.value.word : 'unknown';
    return word === 'intact' || word === 'changed' || word === 'missing' ? word : 'unknown';
  }

  /** Seeds isStrict() from what it found. */
  async install(): Promise<Result<'adopted' | 'installed' | 'repaired', EnforceError>> {
    const answer = await this.#call({ op: 'install' }, this.#deadlines.checkMs);
    if (!answer.ok) return answer;
    const word = answer.value.kind === 'word' ? answer.value.word : '';
    if (word !== 'adopted' && word !== 'installed' && word !== 'repaired') return err(notUnderstood);
    const seeded = await this.readBack();
    return seeded.ok ? ok(word) : seeded;
  }

  async forgetSteered(prefixes: readonly GardenKey[]): Promise<Result<void, EnforceError>> {
    for (let i = 0; i < prefixes.length; i += MAX_ITEMS) {
      const some = prefixes.slice(i, i + MAX_ITEMS);
      const done = await this.#do({ op: 'forgetSteered', prefixes: some }, this.#deadlines.checkMs);
      if (!done.ok) return done;
    }
    return ok(undefined);
  }

  async denyCounts(): Promise<Result<readonly DenyCount[], EnforceError>> {
    const answer = await this.#call({ op: 'denyCounts' }, this.#deadlines.readMs);
    if (!answer.ok) return answer;
    return answer.value.kind === 'counts' ? ok(answer.value.items) : err(notUnderstood);
  }

  /** Flowtables on access interfaces: what they take is never judged. undefined = it cannot be told now. */
  async offload(): Promise<readonly Offload[] | undefined> {
    const answer = await this.#call({ op: 'offload' }, this.#deadlines.checkMs);
    return answer.ok && answer.value.kind === 'offloads' ? answer.value.items : undefined;
  }

  /** Every line out of the garden, whatever put it there: needs no memory and no list. */
  async releaseAll(): Promise<Result<void, EnforceError>> {
    const done = await this.#do({ op: 'releaseAll' }, this.#deadlines.readMs);
    if (done.ok) {
      this.#strict.beginReadBack();
      this.#strict.endReadBack([]);
    }
    return done;
  }

  allow(
    entries: readonly { readonly pack: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
  ): Promise<Result<void, EnforceError>> {
    const named = entries.map(({ pack, ip, timeoutSeconds }) => ({ name: pack, ip, timeoutSeconds }));
    return this.#do({ op: 'allow', entries: named }, this.#deadlines.actMs);
  }

  lifeline(
    entries: readonly { readonly lifeline: string; readonly ip: Ip; readonly timeoutSeconds: number }[],
  ): Promise<Result<void, EnforceError>> {
    const named = entries.map(({ lifeline, ip, timeoutSeconds }) => ({ name: lifeline, ip, timeoutSeconds }));
    return this.#do({ op: 'lifeline', entries: named }, this.#deadlines.actMs);
  }

  dnsAlive(): Promise<Result<void, EnforceError>> {
    return this.#do({ op: 'dnsAlive' }, this.#deadlines.actMs);
  }

  dnsOff(): Promise<Result<void, EnforceError>> {
    return this.#do({ op: 'dnsOff' }, this.#deadlines.actMs);
  }

  /** The element that makes this peer strict: exactly one household. From memory. */
  strictPrefixOf(peer: Peer): GardenKey | undefined {
    return this.#strict.find(peer);
  }

  isStrict(peer: Peer): boolean {
    return this.#strict.has(peer);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  async #do(operation: Operation, deadlineMs: number): Promise<Result<void, EnforceError>> {
    const answer = await this.#call(operation, deadlineMs);
    return answer.ok ? ok(undefined) : answer;
  }

  async #call(operation: Operation, deadlineMs: number): Promise<Result<Answer, EnforceError>> {
    const answer = await this.#connection.call(operation, deadlineMs);
    return answer.ok ? answer : err(toEnforceError(answer.error));
  }
}

const notUnderstood: EnforceError = { kind: 'unavailable', text: 'the helper answered something else' };

function toEnforceError(error: HelperError): EnforceError {
  return error.kind === 'unknown' ? { kind: 'timeout', afterMs: error.afterMs } : error;
}
