// The port LoginAccess in memory; ready from the start unless a test says otherwise.
import type { LoginAccess } from '../../src/flow/login-access.ts';

type Access = 'strict' | 'leaky';

export class FakeLogins implements LoginAccess {
  timesAsked = 0;
  #isReady = true;
  /** Hold: wanted, and nothing of it may begin. */
  isOnHold = false;
  readonly wanted = new Map<string, Access>();
  readonly #listeners: ((accessKey: string, access: Access | undefined) => void)[] = [];

  get isReady(): boolean {
    this.timesAsked++;
    return this.#isReady;
  }

  set isReady(value: boolean) {
    this.#isReady = value;
  }

  of(accessKey: string): Access | undefined {
    return this.isOnHold ? undefined : this.wanted.get(accessKey);
  }

  all(): Iterable<readonly [accessKey: string, access: Access]> {
    return this.wanted;
  }

  onChange(listener: (accessKey: string, access: Access | undefined) => void): void {
    this.#listeners.push(listener);
  }

  set(accessKey: string, access: Access | undefined): void {
    if (access === undefined) this.wanted.delete(accessKey);
    else this.wanted.set(accessKey, access);
    for (const listener of this.#listeners) listener(accessKey, access);
  }
}
