// What this process believes to be in the gateways, element by element. Belief only: the kernel is read back and wins.
import type { DerivedElement } from '../core/garden/derive.ts';
import { formatKey, type GardenKey } from '../core/garden/key.ts';
import type { Instant } from '../core/kernel/time.ts';

export type ElementPhase = 'sent' | 'acked' | 'confirmed' | 'unknown';

export interface Kept {
  readonly lineId: string;
  readonly epoch: number;
  readonly element: DerivedElement;
  readonly phase: ElementPhase;
  readonly intentAt: Instant;
  /** The last put: renewals move it, the intent stays. */
  readonly putAt: Instant;
  readonly ackedAt?: Instant;
  readonly confirmedAt?: Instant;
  /** On its way out: it identifies nobody any more. */
  readonly leaving: boolean;
  /** The failure that is on record; the same one again is not recorded twice. */
  readonly failure?: string;
}

export class GardenMemory {
  readonly #kept = new Map<string, Kept>();
  readonly #keysOfLine = new Map<string, Set<string>>();

  get(key: string): Kept | undefined {
    return this.#kept.get(key);
  }

  entries(): Iterable<[string, Kept]> {
    return this.#kept;
  }

  ofLine(lineId: string): readonly (readonly [string, Kept])[] {
    return [...(this.#keysOfLine.get(lineId) ?? [])].map((key) => [key, this.#kept.get(key)!]);
  }

  lineIds(): Iterable<string> {
    return this.#keysOfLine.keys();
  }

  set(key: string, kept: Kept): void {
    const before = this.#kept.get(key);
    if (before !== undefined && before.lineId !== kept.lineId) this.#unlink(key, before.lineId);
    this.#kept.set(key, kept);
    const keys = this.#keysOfLine.get(kept.lineId) ?? new Set();
    keys.add(key);
    this.#keysOfLine.set(kept.lineId, keys);
  }

  /** Nothing when the key is not known (any more): `release-all` forgets while answers are still on their way. */
  change(key: string, change: Partial<Kept>): void {
    const kept = this.#kept.get(key);
    if (kept !== undefined) this.#kept.set(key, { ...kept, ...change });
  }

  drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#unlink(key, kept.lineId);
  }

  clear(): void {
    this.#kept.clear();
    this.#keysOfLine.clear();
  }

  #unlink(key: string, lineId: string): void {
    const keys = this.#keysOfLine.get(lineId);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOfLine.delete(lineId);
  }
}

export function keyOf(gateway: string, prefix: GardenKey): string {
  return `${gateway} ${formatKey(prefix)}`;
}
