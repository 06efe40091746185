// What the listener knows of one client while it runs: how much it may send, what became of what it sent, which secret it used.
// Bounded by the configuration: strangers have no state.
import type { AccountingClient } from './client.ts';

/** Words for the metrics; each datagram adds to exactly one of the first nine. */
export const COUNTS = [
  'stored',
  'ignored',
  'unknown-client',
  'over-rate',
  'malformed',
  'bad-authenticator',
  'no-message-authenticator',
  'overload',
  'not-stored',
  'prefix-refused',
  'attribute-odd',
  'previous-secret',
] as const;
export type AccountingCount = (typeof COUNTS)[number];
export type AccountingCounts = Readonly<Record<AccountingCount, number>>;

/** A NAS with 100,000 sessions that comes back from a reboot is through in ten seconds. */
const PACKETS_PER_SECOND = 10_000;

export class Counter {
  readonly #counts = new Map<AccountingCount, number>(COUNTS.map((name) => [name, 0]));

  add(name: AccountingCount, by: number): void {
    this.#counts.set(name, this.#counts.get(name)! + by);
  }

  all(): AccountingCounts {
    return Object.fromEntries(this.#counts) as Record<AccountingCount, number>;
  }
}

export class ClientState {
  readonly client: AccountingClient;
  readonly counter = new Counter();
  readonly #now: () => number;
  /** When each count last rose. */
  readonly #lastAt = new Map<AccountingCount, number>();
  #tokens: number;
  #filledAt: number;

  constructor(client: AccountingClient, monotonic: () => number) {
    this.client = client;
    this.#now = monotonic;
    this.#tokens = this.#rate;
    this.#filledAt = monotonic();
  }

  get #rate(): number {
    return this.client.packetsPerSecond ?? PACKETS_PER_SECOND;
  }

  /** Asked before anything is verified: what is too much costs nothing more. */
  mayPass(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(this.#rate, this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate);
    this.#filledAt = now;
    return this.#tokens >= 1;
  }

  /** Of genuine datagrams only: nobody else may use up what the client has. */
  pass(): void {
    this.#tokens--;
  }

  count(name: AccountingCount, by = 1): void {
    this.counter.add(name, by);
    this.#lastAt.set(name, this.#now());
  }

  /** How long ago this was last counted; undefined = never since the start. */
  agoMs(name: AccountingCount): number | undefined {
    const at = this.#lastAt.get(name);
    return at === undefined ? undefined : this.#now() - at;
  }
}
