// Places in a bounded room, with a smaller bound per household. A full household pushes out its own oldest guest that has said
// nothing yet: the silent sockets of a bot never shut the door to the people it lives with.
import type { Household } from './household.ts';

export interface Bounds {
  readonly total: number;
  readonly perHousehold: number;
  /** Of the total, for peers outside our pools: they never take the last place of a customer. Default: a quarter. */
  readonly strangers?: number;
}

/** A prefix that may be one household or many gets this many times the place of one. */
const WIDE_SHARE = 4;

export class Place {
  readonly keys: readonly string[];
  readonly isOurs: boolean;
  readonly leaveNow: (() => void) | undefined;
  isSilent: boolean;
  isGone = false;

  constructor({ key, wide, isOurs }: Household, leaveNow: (() => void) | undefined) {
    this.keys = wide === undefined ? [key] : [key, wide];
    this.isOurs = isOurs;
    this.leaveNow = leaveNow;
    this.isSilent = leaveNow !== undefined;
  }

  /** It has said what it wants: it is not pushed out any more. */
  spoke(): void {
    this.isSilent = false;
  }

  /** It has its answer and may want more: until it does, others are more in need of the place. */
  rests(): void {
    this.isSilent = this.leaveNow !== undefined;
  }
}

export class Places {
  readonly #bounds: Required<Bounds>;
  /** In the order of arrival. */
  readonly #guests = new Map<string, Set<Place>>();
  #count = 0;
  #strangers = 0;

  constructor(bounds: Bounds) {
    this.#bounds = { strangers: Math.ceil(bounds.total / 4), ...bounds };
  }

  /** undefined = no place. Give it back with `leave`. `leaveNow`: how a guest that is still silent is sent away. */
  enter(household: Household, leaveNow?: () => void): Place | undefined {
    const { key, wide, isOurs } = household;
    const { total, perHousehold, strangers } = this.#bounds;
    if (this.#isFull(key, perHousehold) && !this.#pushOut(key)) return undefined;
    if (wide !== undefined && this.#isFull(wide, WIDE_SHARE * perHousehold) && !this.#pushOut(wide)) return undefined;
    if (this.#count >= total || (!isOurs && this.#strangers >= strangers)) return undefined;
    const place = new Place(household, leaveNow);
    for (const one of place.keys) {
      const guests = this.#guests.get(one) ?? new Set();
      this.#guests.set(one, guests.add(place));
    }
    this.#count++;
    if (!isOurs) this.#strangers++;
    return place;
  }

  /** May be told twice. */
  leave(place: Place): void {
    if (place.isGone) return;
    place.isGone = true;
    for (const one of place.keys) {
      const guests = this.#guests.get(one);
      guests?.delete(place);
      if (guests?.size === 0) this.#guests.delete(one);
    }
    this.#count--;
    if (!place.isOurs) this.#strangers--;
  }

  get count(): number {
    return this.#count;
  }

  #isFull(key: string, bound: number): boolean {
    return (this.#guests.get(key)?.size ?? 0) >= bound;
  }

  #pushOut(key: string): boolean {
    for (const place of this.#guests.get(key) ?? []) {
      if (!place.isSilent) continue;
      this.leave(place);
      place.leaveNow?.();
      return true;
    }
    return false;
  }
}
