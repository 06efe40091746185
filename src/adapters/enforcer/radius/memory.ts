// The tellings of one gateway, found by session and by prefix; their rows on disk; and who is strict, from memory. Keeps what
// it is given: teller.ts decides.
import { MINUTE } from '../../../core/kernel/time.ts';
import type { Ip } from '../../../core/net/ip.ts';
import { formatPrefix, type Prefix } from '../../../core/net/prefix.ts';
import type { Log, Tellings } from '../../../flow/ports.ts';
import { StrictMemory } from '../nftables/strict-memory.ts';
import { mostAccess, prefixesOf, sessionKeyOf, type Telling, tellingFrom, tellingJson } from './telling.ts';

export interface MemoryParts {
  readonly gateway: string;
  readonly tellings: Tellings;
  readonly log: Log;
  readonly monotonicMs: () => number;
}

export class TellingMemory {
  readonly #parts: MemoryParts;
  readonly #all = new Set<Telling>();
  readonly #bySession = new Map<string, Telling>();
  readonly #byPrefix = new Map<string, Telling>();
  readonly #textsOf = new Map<Telling, Set<string>>();
  readonly #strict: StrictMemory;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(parts: MemoryParts) {
    this.#parts = parts;
    this.#strict = new StrictMemory(parts.monotonicMs);
  }

  /** What an earlier process wrote down. A row that cannot be read is left out: its session's next record tells more. */
  load(): readonly Telling[] {
    const { gateway, tellings } = this.#parts;
    const found = tellings.load(gateway).flatMap((row) => tellingFrom(row.state) ?? []);
    for (const telling of found) this.take(telling);
    // A session that an address was taken from may still name it: who was asked for it last has it.
    for (const telling of found) this.#linkAsked(telling);
    return found;
  }

  all(): ReadonlySet<Telling> {
    return this.#all;
  }

  ofSession(key: string): Telling | undefined {
    return this.#bySession.get(key);
  }

  ofPrefix(text: string): Telling | undefined {
    return this.#byPrefix.get(text);
  }

  take(telling: Telling): void {
    this.#all.add(telling);
    this.#bySession.set(sessionKeyOf(telling.session), telling);
    this.#linkAsked(telling);
    this.linkHeld(telling);
    this.mirror(telling);
  }

  #linkAsked(telling: Telling): void {
    for (const text of [...telling.wanted.keys(), ...telling.leaving.keys()]) this.link(telling, text);
  }

  /** What its session holds, unless another one was asked for it. true = there was something new. */
  linkHeld(telling: Telling): boolean {
    const free = prefixesOf(telling)
      .map(formatPrefix)
      .filter((text) => !this.#byPrefix.has(text));
    for (const text of free) this.link(telling, text);
    return free.length > 0;
  }

  /** Its prefixes stay; it speaks of another session from now on. */
  moved(telling: Telling, before: Telling['session']): void {
    if (this.#bySession.get(sessionKeyOf(before)) === telling) this.#bySession.delete(sessionKeyOf(before));
    this.#bySession.set(sessionKeyOf(telling.session), telling);
    for (const { prefix } of before.prefixes) this.#notStrict(telling, prefix);
    this.mirror(telling);
  }

  link(telling: Telling, text: string): void {
    this.#byPrefix.set(text, telling);
    const texts = this.#textsOf.get(telling) ?? new Set();
    texts.add(text);
    this.#textsOf.set(telling, texts);
  }

  unlink(telling: Telling, text: string): void {
    this.#textsOf.get(telling)?.delete(text);
    if (this.#byPrefix.get(text) === telling) this.#byPrefix.delete(text);
  }

  drop(telling: Telling): void {
    this.#all.delete(telling);
    const key = sessionKeyOf(telling.session);
    if (this.#bySession.get(key) === telling) this.#bySession.delete(key);
    for (const { prefix } of telling.session.prefixes) this.#notStrict(telling, prefix);
    for (const text of [...(this.#textsOf.get(telling) ?? [])]) this.unlink(telling, text);
    this.#textsOf.delete(telling);
    const { gateway, tellings } = this.#parts;
    tellings.drop(gateway, [telling.key]).catch((cause) => this.#notRecorded(cause));
  }

  /** Durable when it resolves. */
  save(telling: Telling): Promise<void> {
    const { gateway, tellings } = this.#parts;
    return tellings.save([{ gateway, key: telling.key, state: tellingJson(telling) }]);
  }

  /** An answer: what is in the gateway does not depend on its being written down. */
  note(telling: Telling): void {
    if (this.#all.has(telling)) this.save(telling).catch((cause) => this.#notRecorded(cause));
  }

  /** Once a minute: a store that takes nothing would fill the log. */
  #notRecorded(cause: unknown): void {
    const nowMs = this.#parts.monotonicMs();
    if (nowMs - this.#toldMs < MINUTE) return;
    this.#toldMs = nowMs;
    this.#parts.log.error('ANSWER_NOT_RECORDED', { gateway: this.#parts.gateway, text: String(cause).slice(0, 200) });
  }

  /** Doubt counts as strict: what may have been put is remembered until something milder was acknowledged. */
  mirror(telling: Telling): void {
    const isStrict = telling.gone !== 'over' && mostAccess(telling) === 'strict';
    const all = new Map<string, Prefix>(telling.session.prefixes.map(({ prefix }) => [formatPrefix(prefix), prefix]));
    for (const { prefix } of telling.wanted.values()) all.set(formatPrefix(prefix), prefix);
    for (const prefix of all.values())
      if (isStrict) this.#strict.set(prefix, Number.POSITIVE_INFINITY);
      else this.#notStrict(telling, prefix);
  }

  /** Of an address that is another session's by now, this one has nothing to say. */
  #notStrict(telling: Telling, prefix: Prefix): void {
    const holder = this.#byPrefix.get(formatPrefix(prefix));
    if (holder === undefined || holder === telling) this.#strict.remove(prefix);
  }

  strictPrefixOf(ip: Ip): Prefix | undefined {
    return this.#strict.find(ip);
  }
}
