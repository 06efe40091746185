// Requests of the last half minute and what was answered: a repeated one gets the same octets, one that is still at work gets
// nothing (RFC 5080 §2.2.2). Bounded; the clock is an argument.

const KEPT_MS = 30_000;
const MOST_KEPT = 20_000;

interface Entry {
  readonly authenticator: Uint8Array;
  readonly at: number;
  reply?: Uint8Array;
}

export class Answered {
  readonly #entries = new Map<string, Entry>();

  /** `new`: not seen, now it is. `at-work`: seen, not answered yet. Otherwise the answer. */
  take(source: string, packet: { readonly authenticator: Uint8Array }, now: number): 'new' | 'at-work' | Uint8Array {
    const known = this.#entries.get(source);
    if (known !== undefined && now - known.at < KEPT_MS && isEqual(known.authenticator, packet.authenticator))
      return known.reply ?? 'at-work';
    this.#entries.delete(source); // to the end of the order: the oldest stand first
    this.#entries.set(source, { authenticator: packet.authenticator.slice(), at: now });
    this.#forget(now);
    return 'new';
  }

  /** Only while its request is still the last one of this source. */
  answer(source: string, packet: { readonly authenticator: Uint8Array }, reply: Uint8Array): void {
    const entry = this.#entries.get(source);
    if (entry !== undefined && isEqual(entry.authenticator, packet.authenticator)) entry.reply = reply;
  }

  /** It was not answered and may be tried again. */
  drop(source: string): void {
    this.#entries.delete(source);
  }

  #forget(now: number): void {
    for (const [source, { at }] of this.#entries) {
      if (now - at < KEPT_MS && this.#entries.size <= MOST_KEPT) return;
      this.#entries.delete(source);
    }
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((octet, i) => octet === b[i]);
}
