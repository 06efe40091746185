// Lines by access key as they were read last: a feed names the same bots over and over, and each report asks for its line. Bounded;
// whoever changes lines forgets all of them inside the same transaction, so that nobody reads an old one after the commit.
import type { Line } from '../../../core/line/line.ts';

/** Twice as many at most, a few hundred octets each. */
const KEPT = 32_768;

export class LineCache {
  #young = new Map<string, Line | undefined>();
  #old = new Map<string, Line | undefined>();

  /** `read` is asked when the key is not in here; that there is no such line is kept too. */
  line(accessKey: string, read: () => Line | undefined): Line | undefined {
    const line = this.#young.get(accessKey);
    if (line !== undefined || this.#young.has(accessKey)) return line;
    const found = this.#old.has(accessKey) ? this.#old.get(accessKey) : read();
    if (this.#young.size >= KEPT) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(accessKey, found);
    return found;
  }

  forget(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
