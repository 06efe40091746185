// Which of two secrets a request is signed with while one takes the other's place: the one that was answered last. The secrets
// themselves are known by their place: 0 is the current one, 1 the previous.
import { MINUTE } from '../../../core/kernel/time.ts';

const CURRENT_AGAIN_MS = 10 * MINUTE;

export class SecretChoice {
  readonly #isPair: boolean;
  #best = 0;
  #currentAgainMs = 0;

  constructor(count: number) {
    this.#isPair = count > 1;
  }

  get usesPrevious(): boolean {
    return this.#best === 1;
  }

  /** To begin with. Once in ten minutes one request tries whether the NAS knows the current secret by now; never an urgent one. */
  first(isUrgent: boolean, nowMs: number): number {
    if (this.#best === 0 || isUrgent || nowMs < this.#currentAgainMs) return this.#best;
    this.#currentAgainMs = nowMs + CURRENT_AGAIN_MS;
    return 0;
  }

  /** After a full timeout with that one. */
  other(secret: number): number | undefined {
    return this.#isPair ? 1 - secret : undefined;
  }

  /** true = from now on it is another one than before. */
  answered(secret: number, nowMs: number): boolean {
    if (secret === this.#best) return false;
    this.#best = secret;
    this.#currentAgainMs = nowMs + CURRENT_AGAIN_MS;
    return true;
  }
}
