// What the gateway has to say, gathered and told after whoever asked has its own answer: the order is on record before what
// came of it.
import type { GatewayWord } from '../../../flow/ports.ts';

export class Words {
  readonly #listeners: ((words: readonly GatewayWord[]) => void)[] = [];
  #waiting: GatewayWord[] = [];
  #isScheduled = false;

  onWord(listener: (words: readonly GatewayWord[]) => void): void {
    this.#listeners.push(listener);
  }

  say({ prefix, access, word, failure }: GatewayWord): void {
    this.#waiting.push({ prefix, access, word, ...(failure === undefined ? {} : { failure: failure.slice(0, 200) }) });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const words = this.#waiting;
      this.#waiting = [];
      for (const listener of this.#listeners) listener(words);
    });
  }
}
