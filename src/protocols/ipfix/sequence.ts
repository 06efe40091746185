// Whether records of one observation domain were lost on the way (RFC 7011 §3.1): a message says how many data records went before it.
export type SequenceWord =
  /** The first that is heard, or the first after what could not be counted. */
  | 'begun'
  | 'in-order'
  /** Records are missing between the last message and this one. */
  | 'lost'
  /** From before what was heard already: late, or twice. What it fills was counted as lost and stays so. */
  | 'late';

const MODULUS = 2 ** 32;

export class Sequence {
  #expected: number | undefined;
  /** What the last loss left out: a message from in there is late. */
  #hole: { readonly from: number; readonly size: number } | undefined;
  #lost = 0;

  /** Records that did not come when they should have, as far as they can be counted. */
  get lost(): number {
    return this.#lost;
  }

  /** `counted` undefined: what the message held is not known. */
  take(sequence: number, counted: number | undefined): SequenceWord {
    const word = this.#judge(sequence);
    if (word !== 'late') this.#expected = counted === undefined ? undefined : (sequence + counted) % MODULUS;
    return word;
  }

  #judge(sequence: number): SequenceWord {
    if (this.#expected === undefined) return 'begun';
    if (sequence === this.#expected) return 'in-order';
    if (this.#hole !== undefined && ahead(this.#hole.from, sequence) < this.#hole.size) return 'late';
    const missing = ahead(this.#expected, sequence);
    // More than half the circle is backwards: an exporter that began anew, or a message twice. What is missing nobody knows.
    const isForwards = missing < MODULUS / 2;
    this.#hole = isForwards ? { from: this.#expected, size: missing } : undefined;
    if (isForwards) this.#lost += missing;
    return 'lost';
  }
}

function ahead(from: number, to: number): number {
  return (to - from + MODULUS) % MODULUS;
}
