// From leases to accounting records: which session a row begins, keeps or ends. Remembers the leases that are held, so that a lease
// nobody released ends when it expires. No files here, no clock of its own.
import type { Instant } from '../../../core/kernel/time.ts';
import type { SessionRecord } from '../../../core/line/accounting.ts';
import { whyNotHoldable } from '../../../core/line/holdable.ts';
import { formatPrefix, type Prefix } from '../../../core/net/prefix.ts';
import type { LeaseFact, LeaseGone, LeaseHeld } from '../../../protocols/kea/lease.ts';

export interface LeaseSource {
  readonly name: string;
  readonly realm: string;
  /** Which of the relay's words names the line. */
  readonly accessKey: 'circuit-id' | 'remote-id' | 'remote-id/circuit-id';
  readonly reserved: readonly Prefix[];
}

export type LeaseCount = 'records' | 'no-line-id' | 'prefix-refused' | 'book-full';

interface Open {
  readonly sessionId: string;
  readonly accessKey: string;
  readonly startAt: Instant;
  lastAt: Instant;
  expiresAt: Instant;
  readonly prefix: Prefix;
  readonly slot: LeaseFact['slot'];
}

/** About 400 MB; a server with more leases keeps them in a database. */
const MAX_OPEN = 2_000_000;

export class LeaseBook {
  readonly #source: LeaseSource;
  readonly #open = new Map<string, Open>();
  readonly #counts = new Map<LeaseCount, number>();

  constructor(source: LeaseSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#open.size;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** `seenAt`: when the row was read as it was written; undefined: it is older, nobody knows since when. */
  take(fact: LeaseFact, seenAt: Instant | undefined): SessionRecord[] {
    const place = formatPrefix(fact.prefix);
    const records = fact.kind === 'gone' ? this.#gone(fact, place, seenAt) : this.#held(fact, place);
    this.#count('records', records.length);
    return records;
  }

  /** Leases past their end without a word about them. Looks at all of them: every few seconds, not at each row. */
  expired(now: Instant): SessionRecord[] {
    const records: SessionRecord[] = [];
    for (const [place, open] of this.#open) {
      if (open.expiresAt > now) continue;
      this.#open.delete(place);
      records.push(this.#record('stop', open, open.expiresAt));
    }
    this.#count('records', records.length);
    return records;
  }

  #held(fact: LeaseHeld, place: string): SessionRecord[] {
    const before = this.#open.get(place);
    if (before !== undefined && fact.at < before.lastAt) return []; // an older row, read again
    const accessKey = this.#accessKeyOf(fact);
    const refused = whyNotHoldable(fact.prefix, this.#source.reserved);
    if (accessKey === undefined || refused !== undefined) {
      this.#count(accessKey === undefined ? 'no-line-id' : 'prefix-refused', 1);
      return this.#end(before, place, fact.at);
    }
    const sessionId = `${fact.client ?? '-'} ${place}`;
    const continues =
      before?.sessionId === sessionId && before.accessKey === accessKey && before.expiresAt >= fact.at
        ? before
        : undefined;
    const ended = continues === undefined ? this.#end(before, place, fact.at) : [];
    if (continues === undefined && this.#open.size >= MAX_OPEN) {
      this.#count('book-full', 1);
      return ended;
    }
    const { prefix, slot, expiresAt } = fact;
    const open = {
      sessionId,
      accessKey,
      startAt: continues?.startAt ?? fact.at,
      lastAt: fact.at,
      expiresAt,
      prefix,
      slot,
    };
    this.#open.set(place, open);
    return [...ended, this.#record(continues === undefined ? 'start' : 'interim', open, fact.at)];
  }

  #gone(fact: LeaseGone, place: string, seenAt: Instant | undefined): SessionRecord[] {
    const before = this.#open.get(place);
    if (before === undefined || (fact.client !== undefined && !before.sessionId.startsWith(`${fact.client} `)))
      return [];
    if (fact.at < before.lastAt) return []; // of an earlier lease of this client
    this.#open.delete(place);
    if (fact.end === 'moment') return [this.#record('stop', before, Math.min(fact.at, before.expiresAt))];
    // Read as it was written, the row is a second old at most: it was held until then, or until it expired.
    if (seenAt !== undefined && seenAt >= before.lastAt)
      return [this.#record('stop', before, Math.min(seenAt, before.expiresAt))];
    return [{ ...this.#record('stop', before, before.lastAt), endUnseen: true }];
  }

  /** Somebody else's from `at` on: it had expired by then, or ended some time since it was last heard of. */
  #end(before: Open | undefined, place: string, at: Instant): SessionRecord[] {
    if (before === undefined) return [];
    this.#open.delete(place);
    if (before.expiresAt <= at) return [this.#record('stop', before, before.expiresAt)];
    return [{ ...this.#record('stop', before, at), endUnseen: true }];
  }

  #record(status: SessionRecord['status'], open: Open, eventAt: Instant): SessionRecord {
    const { sessionId, accessKey, startAt, prefix, slot } = open;
    const { name: nas, realm } = this.#source;
    return { status, nas, realm, sessionId, accessKey, startAt, eventAt, prefixes: [{ slot, prefix }] };
  }

  #accessKeyOf({ circuitId, remoteId }: LeaseFact): string | undefined {
    switch (this.#source.accessKey) {
      case 'circuit-id':
        return circuitId;
      case 'remote-id':
        return remoteId;
      case 'remote-id/circuit-id':
        // Where a circuit is named the same on every access node, both together name the line.
        return remoteId === undefined || circuitId === undefined ? undefined : `${remoteId}/${circuitId}`;
    }
  }

  #count(name: LeaseCount, by: number): void {
    if (by > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }
}
