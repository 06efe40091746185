// Which addresses are in strict, answered from memory for the DNS front: a mirror of what the gateway acknowledged or proved.
// Doubt counts as strict: a free line asked through the front for a moment, rather than a bot's DNS let through.
import { formatKey, type GardenKey } from '../../../core/garden/key.ts';
import { formatIp, type Ip, type Peer } from '../../../core/net/ip.ts';
import { type PortSetShape, portSetAt } from '../../../core/net/port-set.ts';
import { prefixOf } from '../../../core/net/prefix.ts';
import type { StateItem } from '../../../protocols/nftables/messages.ts';

/** What a look-up has to try: a prefix length, or a shape of port sets, and how many strict keys have it. */
interface Form {
  readonly family: 4 | 6;
  readonly length: number;
  readonly shape?: PortSetShape;
  count: number;
}

interface Strict {
  readonly key: GardenKey;
  /** When its element frees itself (Infinity: read back, the kernel knows). */
  readonly until: number;
}

export class StrictMemory {
  readonly #monotonicMs: () => number;
  /** By the key's text. */
  readonly #strict = new Map<string, Strict>();
  readonly #forms = new Map<string, Form>();
  /** Strict port sets per shared address: their texts. */
  readonly #shares = new Map<string, Set<string>>();
  /** Touched while a read-back was under way: newer than what it will say. */
  #touched: Set<string> | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  set(key: GardenKey, timeoutSeconds: number): void {
    const text = formatKey(key);
    this.#touched?.add(text);
    this.#put(key, text, this.#monotonicMs() + timeoutSeconds * 1000);
  }

  remove(key: GardenKey): void {
    const text = formatKey(key);
    this.#touched?.add(text);
    this.#forget(text);
  }

  /** A probe's proof; `unknown` changes nothing. */
  learn(item: StateItem): void {
    if (item.access === 'unknown') return;
    if (item.access !== 'strict') this.remove(item.prefix);
    else if (!this.#strict.has(formatKey(item.prefix))) this.set(item.prefix, Number.POSITIVE_INFINITY);
  }

  beginReadBack(): void {
    this.#touched = new Set();
  }

  /** The whole truth of the kernel, except where an act of ours came in between. undefined = it could not be read. */
  endReadBack(items: readonly StateItem[] | undefined): void {
    const touched = this.#touched ?? new Set();
    this.#touched = undefined;
    if (items === undefined) return;
    const strict = new Map(items.filter((i) => i.access === 'strict').map((i) => [formatKey(i.prefix), i.prefix]));
    for (const text of [...this.#strict.keys()]) if (!strict.has(text) && !touched.has(text)) this.#forget(text);
    for (const [text, key] of strict)
      if (!this.#strict.has(text) && !touched.has(text)) this.#put(key, text, Number.POSITIVE_INFINITY);
  }

  /** At a shared address the port decides; asked without one, any strict line of the address counts. */
  has(peer: Peer): boolean {
    return this.find(peer) !== undefined || (peer.port === undefined && this.#isPartlyStrict(peer));
  }

  /** The strict key that this peer is in. */
  find(peer: Peer): GardenKey | undefined {
    for (const { family, length, shape } of this.#forms.values()) {
      if (family !== peer.family) continue;
      const portSet = shape === undefined || peer.port === undefined ? undefined : portSetAt(shape, peer.port);
      if (shape !== undefined && portSet === undefined) continue;
      const prefix = prefixOf({ family, bytes: peer.bytes }, length);
      const found = this.#alive(formatKey(portSet === undefined ? prefix : { ...prefix, portSet }));
      if (found !== undefined) return found.key;
    }
    return undefined;
  }

  #isPartlyStrict(ip: Ip): boolean {
    for (const text of this.#shares.get(formatIp(ip)) ?? []) if (this.#alive(text) !== undefined) return true;
    return false;
  }

  #alive(text: string): Strict | undefined {
    const found = this.#strict.get(text);
    return found !== undefined && found.until > this.#monotonicMs() ? found : undefined;
  }

  #put(key: GardenKey, text: string, until: number): void {
    if (!this.#strict.has(text)) {
      const { ip, length, portSet } = key;
      const form = this.#forms.get(formText(key));
      if (form !== undefined) form.count++;
      else {
        const shape =
          portSet === undefined ? {} : { shape: { offset: portSet.offset, psidLength: portSet.psidLength } };
        this.#forms.set(formText(key), { family: ip.family, length, ...shape, count: 1 });
      }
      if (portSet !== undefined) {
        const address = formatIp(ip);
        this.#shares.set(address, (this.#shares.get(address) ?? new Set()).add(text));
      }
    }
    this.#strict.set(text, { key, until });
  }

  #forget(text: string): void {
    const strict = this.#strict.get(text);
    if (strict === undefined) return;
    this.#strict.delete(text);
    const form = this.#forms.get(formText(strict.key))!;
    if (--form.count === 0) this.#forms.delete(formText(strict.key));
    const address = formatIp(strict.key.ip);
    const shares = this.#shares.get(address);
    shares?.delete(text);
    if (shares?.size === 0) this.#shares.delete(address);
  }
}

function formText({ ip, length, portSet }: GardenKey): string {
  return portSet === undefined ? `${ip.family}/${length}` : `psid ${portSet.offset}/${portSet.psidLength}`;
}
