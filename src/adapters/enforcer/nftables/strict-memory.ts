// Which addresses are in strict, answered from memory for the DNS front: a mirror of what the gateway acknowledged or proved.
// Doubt counts as strict: a free line asked through the front for a moment, rather than a bot's DNS let through.
import type { Ip } from '../../../core/net/ip.ts';
import { formatPrefix, type Prefix, prefixOf } from '../../../core/net/prefix.ts';
import type { StateItem } from '../../../protocols/nftables/messages.ts';

export class StrictMemory {
  readonly #monotonicMs: () => number;
  /** Text of the prefix → when its element frees itself (Infinity: read back, the kernel knows). */
  #strict = new Map<string, number>();
  /** How many strict prefixes there are per `family/length`: the lengths a look-up has to try. */
  #lengths = new Map<string, { readonly family: 4 | 6; readonly length: number; count: number }>();
  /** Touched while a read-back was under way: newer than what it will say. */
  #touched: Set<string> | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  set(prefix: Prefix, timeoutSeconds: number): void {
    const key = formatPrefix(prefix);
    this.#touched?.add(key);
    this.#put(prefix, key, this.#monotonicMs() + timeoutSeconds * 1000);
  }

  remove(prefix: Prefix): void {
    const key = formatPrefix(prefix);
    this.#touched?.add(key);
    if (!this.#strict.delete(key)) return;
    const length = this.#lengths.get(lengthKey(prefix))!;
    if (--length.count === 0) this.#lengths.delete(lengthKey(prefix));
  }

  /** A probe's proof; `unknown` changes nothing. */
  learn(item: StateItem): void {
    if (item.access === 'unknown') return;
    if (item.access !== 'strict') this.remove(item.prefix);
    else if (!this.#strict.has(formatPrefix(item.prefix))) this.set(item.prefix, Number.POSITIVE_INFINITY);
  }

  beginReadBack(): void {
    this.#touched = new Set();
  }

  /** The whole truth of the kernel, except where an act of ours came in between. undefined = it could not be read. */
  endReadBack(items: readonly StateItem[] | undefined): void {
    const touched = this.#touched ?? new Set();
    this.#touched = undefined;
    if (items === undefined) return;
    const before = this.#strict;
    const strict = new Map(items.filter((i) => i.access === 'strict').map((i) => [formatPrefix(i.prefix), i.prefix]));
    for (const key of [...before.keys()]) {
      if (!strict.has(key) && !touched.has(key)) this.#forgetKey(key);
    }
    for (const [key, prefix] of strict) {
      if (!before.has(key) && !touched.has(key)) this.#put(prefix, key, Number.POSITIVE_INFINITY);
    }
  }

  has(ip: Ip): boolean {
    return this.find(ip) !== undefined;
  }

  /** The strict prefix that this address is in. */
  find(ip: Ip): Prefix | undefined {
    for (const { family, length } of this.#lengths.values()) {
      if (family !== ip.family) continue;
      const prefix = prefixOf(ip, length);
      const until = this.#strict.get(formatPrefix(prefix));
      if (until !== undefined && until > this.#monotonicMs()) return prefix;
    }
    return undefined;
  }

  #put(prefix: Prefix, key: string, until: number): void {
    if (!this.#strict.has(key)) {
      const lengthOf = lengthKey(prefix);
      const known = this.#lengths.get(lengthOf) ?? { family: prefix.ip.family, length: prefix.length, count: 0 };
      known.count++;
      this.#lengths.set(lengthOf, known);
    }
    this.#strict.set(key, until);
  }

  #forgetKey(key: string): void {
    this.#strict.delete(key);
    // Only the count per length is needed: the text carries it.
    const [address, digits] = key.split('/');
    const family = address!.includes(':') ? 6 : 4;
    const lengthOf = `${family}/${digits ?? (family === 4 ? 32 : 128)}`;
    const length = this.#lengths.get(lengthOf)!;
    if (--length.count === 0) this.#lengths.delete(lengthOf);
  }
}

function lengthKey(prefix: Prefix): string {
  return `${prefix.ip.family}/${prefix.length}`;
}
