// Step 6: evidence after the fact. Deny counters of the abused ports are read as deltas; they may refuse a self-release
// and say «still seen at T», they never tighten access: that takes a report.
import { isGarden } from '../core/casefile/evolve.ts';
import { formatKey } from '../core/garden/key.ts';
import type { Instant } from '../core/kernel/time.ts';
import type { Casebook } from './casebook.ts';
import type { Gardener } from './gardener.ts';
import type { GatewayLink } from './gateway-acts.ts';
import type { Clock, DenyCount, Log, Store } from './ports.ts';

export interface VerifyParts {
  readonly store: Pick<Store, 'line' | 'openCasesOfLine'>;
  readonly casebook: Casebook;
  readonly gardener: Pick<Gardener, 'lineOfPrefix'>;
  readonly gateways: readonly GatewayLink[];
  readonly clock: Clock;
  readonly log: Log;
}

export class Verifier {
  readonly #parts: VerifyParts;
  /** Packets at the last reading, per gateway, element and port. Replaced whole, so what is gone is forgotten. */
  readonly #last = new Map<string, ReadonlyMap<string, number>>();
  readonly #roseAt = new Map<string, Instant>();
  #readAt: Instant | undefined;
  #since: Instant | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: VerifyParts) {
    this.#parts = parts;
  }

  /** Last time a deny counter of the line was seen to have risen; undefined = not since we started looking. */
  lastRiseAt(lineId: string): Instant | undefined {
    return this.#roseAt.get(lineId);
  }

  /** When all gateways' counters were last read; undefined = one of them could not be read last time. */
  lastReadAt(): Instant | undefined {
    return this.#readAt;
  }

  /** The first reading of all gateways in this process. */
  watchedSince(): Instant | undefined {
    return this.#since;
  }

  /** Reads all gateways now; shared by callers during a reading. */
  poll(): Promise<void> {
    this.#running ??= Promise.all(this.#parts.gateways.map((gateway) => this.#read(gateway)))
      .then((read) => {
        this.#readAt = read.every((one) => one) ? this.#parts.clock.now() : undefined;
        this.#since ??= this.#readAt;
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #read(gateway: GatewayLink): Promise<boolean> {
    const answer = await gateway.enforcer.denyCounts();
    if (!answer.ok) {
      this.#parts.log.warn('COUNTERS_UNREAD', { gateway: gateway.name, reason: answer.error.kind });
      return false;
    }
    const before = this.#last.get(gateway.name);
    this.#last.set(gateway.name, new Map(answer.value.map((one) => [keyOf(one), one.packets])));
    const rising = new Set<string>();
    for (const one of answer.value) {
      const known = before?.get(keyOf(one));
      // The first reading after a start is the base line. Lower than before = the element was made anew.
      const rose =
        before !== undefined && (known === undefined || one.packets < known ? one.packets > 0 : one.packets > known);
      const lineId = rose ? this.#parts.gardener.lineOfPrefix(formatKey(one.prefix)) : undefined;
      if (lineId !== undefined) rising.add(lineId);
    }
    await Promise.all([...rising].map((lineId) => this.#stillSeen(lineId)));
    return true;
  }

  async #stillSeen(lineId: string): Promise<void> {
    const seenAt = this.#parts.clock.now();
    this.#roseAt.set(lineId, seenAt);
    const line = await this.#parts.store.line(lineId);
    if (line === undefined) return;
    const cases = await this.#parts.store.openCasesOfLine(lineId, line.epoch);
    for (const one of cases) {
      if (!isGarden(one.access)) continue;
      await this.#parts.casebook.order(one.id, () => [
        { kind: 'stillSeen', actor: { kind: 'reconcile' }, seenAt, from: 'deny-counter' },
      ]);
    }
  }
}

function keyOf(one: DenyCount): string {
  return `${formatKey(one.prefix)} ${one.protocol} ${one.port}`;
}
