// Columns of numbers that grow together, and an open-addressing index over keys of four words: what a day in memory is made of.
// Plain buffers without objects, so that millions of rows cost the collector nothing and another thread can hand them over.

const KINDS = { u32: Uint32Array, i32: Int32Array, u16: Uint16Array, f64: Float64Array, words: Uint32Array } as const;
type Kind = keyof typeof KINDS;
type ColumnOf<One extends Kind> = InstanceType<(typeof KINDS)[One]>;

export interface TableState {
  readonly size: number;
  readonly columns: Readonly<Record<string, ColumnOf<Kind>>>;
}

const FIRST_CAPACITY = 64;

/** A column of `words` has four numbers a row. Row 0 is never used: in a column that points to rows it means «none». */
export class HotTable<Spec extends Readonly<Record<string, Kind>>> {
  readonly #spec: Spec;
  columns: { [Name in keyof Spec]: ColumnOf<Spec[Name]> };
  size: number;
  #capacity: number;

  constructor(spec: Spec, state?: TableState) {
    this.#spec = spec;
    this.size = state?.size ?? 1;
    this.#capacity = state?.size ?? FIRST_CAPACITY;
    this.columns = (state?.columns ?? this.#resized({}, FIRST_CAPACITY)) as typeof this.columns;
  }

  /** The number of a new row of zeros. */
  add(): number {
    if (this.size === this.#capacity) {
      this.#capacity = Math.ceil(this.#capacity * 1.5);
      this.columns = this.#resized(this.columns, this.#capacity);
    }
    return this.size++;
  }

  #resized(from: Readonly<Record<string, ColumnOf<Kind>>>, capacity: number): typeof this.columns {
    const made: Record<string, ColumnOf<Kind>> = {};
    for (const [name, kind] of Object.entries(this.#spec)) {
      const column = new KINDS[kind](kind === 'words' ? 4 * capacity : capacity);
      const before = from[name];
      if (before !== undefined) column.set(before.subarray(0, column.length));
      made[name] = column;
    }
    return made as typeof this.columns;
  }

  /** For handing over: without the room to grow. */
  state(): TableState {
    return { size: this.size, columns: this.#resized(this.columns, this.size) };
  }

  get bytes(): number {
    return Object.values<ColumnOf<Kind>>(this.columns).reduce((sum, one) => sum + one.byteLength, 0);
  }
}

/** From four words (and a fifth that must match too) to a row. Rows are never taken out. */
export class HotIndex {
  #slots: Uint32Array;
  #used: number;

  constructor(state?: { readonly slots: Uint32Array; readonly used: number }) {
    this.#slots = state?.slots ?? new Uint32Array(2 * FIRST_CAPACITY);
    this.#used = state?.used ?? 0;
  }

  /** The row whose key `isIt` knows, starting where `hash` points; 0 = none. */
  find(hash: number, isIt: (row: number) => boolean): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]!;
      if (row === 0 || isIt(row)) return row;
    }
  }

  /** The row must not be in here yet. */
  add(hash: number, row: number, hashOf: (row: number) => number): void {
    if (2 * ++this.#used > this.#slots.length) {
      const before = this.#slots;
      this.#slots = new Uint32Array(2 * before.length);
      for (const one of before) if (one !== 0) this.#place(hashOf(one), one);
    }
    this.#place(hash, row);
  }

  #place(hash: number, row: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row;
  }

  state() {
    return { slots: this.#slots, used: this.#used };
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }
}
