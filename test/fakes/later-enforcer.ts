// A gateway that takes orders and answers when the test says so: what was ordered, and the words it has not said yet.
import { ok, type Result } from '../../src/core/kernel/result.ts';
import { formatPrefix, type Prefix } from '../../src/core/net/prefix.ts';
import type { ElementState, EnforceError, Enforcer, GardenElement, GatewayWord } from '../../src/flow/ports.ts';

export class LaterEnforcer implements Enforcer {
  readonly gateway: string;
  /** `strict 192.0.2.130`, `open 192.0.2.130`, in the order in which they came. */
  readonly orders: string[] = [];
  /** What it would prove, by prefix. */
  readonly proven = new Map<string, ElementState>();
  isSilent = false;
  #listeners: ((words: readonly GatewayWord[]) => void)[] = [];

  constructor(gateway: string) {
    this.gateway = gateway;
  }

  async apply(change: {
    readonly put: readonly GardenElement[];
    readonly remove: readonly Prefix[];
  }): Promise<Result<void, EnforceError>> {
    this.orders.push(...change.remove.map((prefix) => `open ${formatPrefix(prefix)}`));
    this.orders.push(...change.put.map(({ prefix, access }) => `${access} ${formatPrefix(prefix)}`));
    return ok(undefined);
  }

  onWord(listener: (words: readonly GatewayWord[]) => void): void {
    this.#listeners.push(listener);
  }

  say(...words: readonly GatewayWord[]): void {
    for (const { prefix, access, word } of words) {
      if (word !== 'confirmed') this.proven.delete(formatPrefix(prefix));
      else if (access === 'open') this.proven.delete(formatPrefix(prefix));
      else this.proven.set(formatPrefix(prefix), { prefix, access });
    }
    for (const listener of this.#listeners) listener(words);
  }

  async observe(prefixes: readonly Prefix[]): Promise<readonly ElementState[]> {
    return prefixes.map((prefix) => this.proven.get(formatPrefix(prefix)) ?? { prefix, access: 'unknown' });
  }

  async readBack(): Promise<Result<readonly ElementState[], EnforceError>> {
    return ok([...this.proven.values()]);
  }

  async skeleton(): Promise<'intact' | 'unknown'> {
    return this.isSilent ? 'unknown' : 'intact';
  }

  async install(): Promise<Result<'adopted', EnforceError>> {
    return ok('adopted');
  }

  async forgetSteered(): Promise<Result<void, EnforceError>> {
    return ok(undefined);
  }

  async denyCounts(): Promise<Result<readonly [], EnforceError>> {
    return ok([]);
  }

  async close(): Promise<void> {
    this.#listeners = [];
  }
}
