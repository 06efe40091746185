// Bindings in memory over the same rules as the real store. `tellTwice` and `failNext` are its bad days.
import type { Instant } from '../../src/core/kernel/time.ts';
import { type AccountingRecord, isReset } from '../../src/core/line/accounting.ts';
import type { Binding } from '../../src/core/line/binding.ts';
import { type Claim, claimsOf, type StopMark, stopOf } from '../../src/core/line/claim.ts';
import { deriveBindings } from '../../src/core/line/intervals.ts';
import type { Line } from '../../src/core/line/line.ts';
import { hasInner, undisputed } from '../../src/core/line/open.ts';
import type { Ip, Peer } from '../../src/core/net/ip.ts';
import { containsIp, formatPrefix, overlaps, type Prefix, prefixOf } from '../../src/core/net/prefix.ts';
import type { BindingChange, Bindings, Holders } from '../../src/flow/ports.ts';

export class MemoryBindings implements Bindings {
  readonly #now: () => Instant;
  readonly #interimMs: number;
  readonly #claims: Claim[] = [];
  readonly #stops: StopMark[] = [];
  readonly #resets = new Map<string, Instant[]>();
  readonly #lags = new Map<string, number>();
  readonly #listeners: ((change: BindingChange) => void)[] = [];
  #statics: Binding[] = [];
  /** The next record() throws, as a full disk would. */
  failNext = false;
  /** Every change is told twice. */
  tellTwice = false;

  constructor(options: { readonly now: () => Instant; readonly interimMs?: number }) {
    this.#now = options.now;
    this.#interimMs = options.interimMs ?? 600_000;
  }

  onChange(listener: (change: BindingChange) => void): void {
    this.#listeners.push(listener);
  }

  async record(batch: readonly AccountingRecord[]): Promise<void> {
    if (this.failNext) {
      this.failNext = false;
      throw new Error('disk full');
    }
    const before = this.#open();
    const named: Claim[] = [];
    for (const record of batch) {
      if (record.clockLagMs !== undefined)
        this.#lags.set(record.nas, Math.min(record.clockLagMs, this.#lags.get(record.nas) ?? Number.POSITIVE_INFINITY));
      if (isReset(record)) {
        this.#resets.set(
          record.nas,
          [...(this.#resets.get(record.nas) ?? []), record.eventAt].sort((a, b) => a - b),
        );
        continue;
      }
      named.push(...claimsOf(record));
      const stop = stopOf(record);
      if (stop !== undefined) this.#stops.push(stop);
    }
    this.#claims.push(...named);
    this.#tell(before, named);
  }

  async refreshStatic(lines: Iterable<Line>): Promise<void> {
    const before = this.#open();
    const now = this.#now();
    const wanted = new Map<string, Binding>();
    for (const line of lines)
      for (const prefix of line.contract === 'ended' ? [] : line.staticPrefixes)
        wanted.set(`${line.accessKey}\u0000${formatPrefix(prefix)}`, {
          id: `static\u0000${line.accessKey}\u0000${formatPrefix(prefix)}`,
          realm: line.realm,
          prefix,
          accessKey: line.accessKey,
          source: 'static',
          startAt: this.#statics.length === 0 ? line.epochStartedAt : Math.max(now, line.epochStartedAt),
          certainEndAt: now,
        });
    const kept = this.#statics.map((one): Binding => {
      if (one.endAt !== undefined || wanted.delete(`${one.accessKey}\u0000${formatPrefix(one.prefix)}`)) return one;
      return { ...one, certainEndAt: now, endAt: now, closedBy: 'superseded' };
    });
    this.#statics = [...kept, ...wanted.values()];
    this.#tell(before, []);
  }

  async holders(realm: string, ip: Ip, fromAt: Instant, toAt: Instant): Promise<Holders> {
    return this.over(realm, prefixOf(ip), fromAt, toAt);
  }

  async over(realm: string, prefix: Prefix, fromAt: Instant, toAt: Instant): Promise<Holders> {
    const bindings = this.#all().filter(
      (one) =>
        one.realm === realm &&
        overlaps(one.prefix, prefix) &&
        one.startAt <= toAt &&
        (one.closedBy === 'timeout' || (one.endAt ?? toAt) >= fromAt),
    );
    const lags = bindings.map((one) => Math.abs(this.#lags.get(one.nas ?? '') ?? 0));
    return { bindings, skewMs: Math.max(0, ...lags), interimMs: this.#interimMs };
  }

  async openOf(accessKey: string): Promise<readonly Binding[]> {
    const open = this.#open().filter((one) => one.accessKey === accessKey);
    return hasInner(open) ? open.filter((one) => one.ports === undefined) : open;
  }

  async holderNow(realm: string, peer: Peer): Promise<Binding | undefined> {
    const hasPort = ({ ports }: Binding) =>
      ports === undefined || (peer.port !== undefined && ports.low <= peer.port && peer.port <= ports.high);
    return this.#open()
      .filter((one) => hasPort(one) && one.realm === realm && containsIp(one.prefix, peer))
      .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  }

  #all(): Binding[] {
    const now = this.#now();
    const derived = deriveBindings({
      claims: this.#claims,
      elsewhere: this.#claims,
      stops: this.#stops,
      resetsOf: (nas) => this.#resets.get(nas) ?? [],
      interimMsOf: () => this.#interimMs,
      now,
    });
    const statics = this.#statics.map((one) => (one.endAt === undefined ? { ...one, certainEndAt: now } : one));
    return [...statics, ...derived];
  }

  #open(): Binding[] {
    const all = this.#all();
    const skewMsOf = (nas: string) => Math.abs(this.#lags.get(nas) ?? 0);
    return [...new Set(all.map((one) => one.realm))].flatMap((realm) =>
      undisputed(
        all.filter((one) => one.realm === realm),
        { now: this.#now(), skewMsOf },
      ),
    );
  }

  #tell(before: readonly Binding[], named: readonly Claim[]): void {
    const after = new Set(this.#open().map(holding));
    const was = new Set(before.map(holding));
    const ended = before.filter((one) => !after.has(holding(one)));
    const begun = this.#open().filter((one) => !was.has(holding(one)));
    if (ended.length + begun.length + named.length === 0) return;
    const change: BindingChange = {
      touched: [...named, ...ended, ...begun].map(({ realm, prefix }) => ({ realm, prefix })),
      accessKeys: [...new Set([...ended, ...begun].map((one) => one.accessKey))],
      ended: ended.map(({ accessKey, realm, prefix, nas }) => ({ accessKey, realm, prefix, ...(nas ? { nas } : {}) })),
      named: named.map((one) => ({ ...place(one), fromAt: one.firstAt, toAt: one.lastAt })),
    };
    for (const listener of this.#listeners) for (let i = this.tellTwice ? 0 : 1; i < 2; i++) listener(change);
  }
}

function place(one: Claim): { accessKey: string; realm: string; prefix: Prefix } {
  return { accessKey: one.accessKey, realm: one.realm, prefix: one.prefix };
}

function holding(one: Binding): string {
  return `${one.realm}\u0000${formatPrefix(one.prefix)}\u0000${one.accessKey}`;
}
