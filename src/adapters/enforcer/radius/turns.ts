// Whose turn it is: one request of a session at a time, its others behind it in order; sessions towards freedom before all
// others, each in order of arrival. A session that waits with a release counts as a whole: what stands before the release
// belongs before it, or the later one would undo it. Knows no clock.

export interface Turn {
  readonly session: string;
  readonly urgent: boolean;
}

interface Session<T> {
  readonly key: string;
  readonly waiting: T[];
  urgent: number;
  isBusy: boolean;
  /** Place in LANES; undefined while it is busy. */
  lane: number | undefined;
}

/** Urgent put back, urgent, put back, others. */
const LANES = 4;

export class Turns<T extends Turn> {
  readonly #sessions = new Map<string, Session<T>>();
  readonly #lanes = Array.from({ length: LANES }, () => new Set<Session<T>>());
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<T>();

  get size(): number {
    return this.#waiting.size;
  }

  get oldest(): T | undefined {
    return this.#waiting.values().next().value;
  }

  all(): readonly T[] {
    return [...this.#waiting];
  }

  get hasNext(): boolean {
    return this.#lanes.some((lane) => lane.size > 0);
  }

  add(one: T): void {
    let session = this.#sessions.get(one.session);
    if (session === undefined) {
      session = { key: one.session, waiting: [], urgent: 0, isBusy: false, lane: undefined };
      this.#sessions.set(one.session, session);
    }
    session.waiting.push(one);
    this.#enter(session, one, false);
  }

  /** One that had its turn goes before all others of its kind. */
  putBack(one: T): void {
    const session = this.#sessions.get(one.session)!;
    session.isBusy = false;
    session.waiting.unshift(one);
    this.#enter(session, one, true);
  }

  /** Its session is busy until `done` or `putBack`. */
  next(): T | undefined {
    for (const lane of this.#lanes)
      for (const session of lane) {
        const one = session.waiting[0]!;
        session.isBusy = true;
        this.remove(one);
        return one;
      }
    return undefined;
  }

  done(one: T): void {
    const session = this.#sessions.get(one.session)!;
    session.isBusy = false;
    this.#place(session, false);
  }

  /** false = it does not wait. */
  remove(one: T): boolean {
    if (!this.#waiting.delete(one)) return false;
    const session = this.#sessions.get(one.session)!;
    session.waiting.splice(session.waiting.indexOf(one), 1);
    if (one.urgent) session.urgent -= 1;
    this.#place(session, false);
    return true;
  }

  #enter(session: Session<T>, one: T, isFirst: boolean): void {
    this.#waiting.add(one);
    if (one.urgent) session.urgent += 1;
    this.#place(session, isFirst);
  }

  /** Keeps its place as long as it stays of the same kind. */
  #place(session: Session<T>, isFirst: boolean): void {
    const stays = !session.isBusy && session.waiting.length > 0;
    const kind = session.urgent > 0 ? 0 : 2;
    if (stays && session.lane !== undefined && (session.lane & 2) === kind) return;
    if (session.lane !== undefined) this.#lanes[session.lane]!.delete(session);
    session.lane = stays ? kind + (isFirst ? 0 : 1) : undefined;
    if (session.lane !== undefined) this.#lanes[session.lane]!.add(session);
    else if (!session.isBusy) this.#sessions.delete(session.key);
  }
}
