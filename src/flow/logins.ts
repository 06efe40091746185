// What AAA is told when somebody logs in: the garden that is wanted of a line at this moment, by access key and from memory.
// Only gardens that may be in force stand here: a new one that waits for its last look does not begin by a login.
import type { LoginAccess } from './login-access.ts';

type GardenAccess = 'leaky' | 'strict';
type Listener = (accessKey: string, access: GardenAccess | undefined) => void;

export class Logins implements LoginAccess {
  readonly #wanted = new Map<string, GardenAccess>();
  readonly #listeners: Listener[] = [];
  readonly #isOnHold: () => boolean;
  #isReady = false;

  /** On hold nothing of ours begins, by a login neither. */
  constructor(isOnHold: () => boolean) {
    this.#isOnHold = isOnHold;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The whole wanted state was read once: from now on absence means «free». */
  ready(): void {
    this.#isReady = true;
  }

  of(accessKey: string): GardenAccess | undefined {
    return this.#isOnHold() ? undefined : this.#wanted.get(accessKey);
  }

  all(): Iterable<readonly [accessKey: string, access: GardenAccess]> {
    return this.#wanted;
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  set(accessKey: string, access: GardenAccess | undefined): void {
    if (accessKey === '' || this.#wanted.get(accessKey) === access) return;
    if (access === undefined) this.#wanted.delete(accessKey);
    else this.#wanted.set(accessKey, access);
    for (const listener of this.#listeners) listener(accessKey, access);
  }

  /** After `release-all`. */
  clear(): void {
    for (const accessKey of [...this.#wanted.keys()]) this.set(accessKey, undefined);
  }
}
