// One day's claims and stops in memory, as rows of numbers: the same rows as the day's tables, widened by the same rules
// (bindings-day-sql.ts), and found by prefix and by session. Derived from SQLite, which stays the truth; knows no file and no clock.
import { DAY } from '../../../core/kernel/time.ts';
import { HotIndex, HotTable, type TableState } from './hot-table.ts';

/** A row of claim_d…, octets as they are stored. */
export interface HotClaim {
  readonly realm: number;
  readonly ip: Uint8Array;
  readonly length: number;
  readonly start: number;
  readonly session: Uint8Array;
  readonly slot: number;
  readonly several: number;
  readonly nas: number;
  readonly accessKey: string;
  readonly startAt: number | null;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** A claim as it is read: its prefix and its session by number. */
export interface HotRow extends Omit<HotClaim, 'ip' | 'session' | 'start'> {
  readonly place: number;
  readonly session: Words;
}

/** A row of stop_d…. */
export interface HotStop {
  readonly session: Uint8Array;
  readonly start: number;
  readonly startAt: number | null;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** realmAndLength: realm × 256 + length. head, next…, place, session, claim, stop: numbers of rows. first, last: ms of the day. */
const PLACES = { words: 'words', realmAndLength: 'u32', head: 'u32' } as const;
const CLAIMS = {
  ...({ place: 'u32', session: 'u32', nextHere: 'u32', nextOfSession: 'u32', slot: 'u16', several: 'u16' } as const),
  ...({ start: 'i32', startAt: 'f64', first: 'u32', last: 'u32' } as const),
};
const SESSIONS = { words: 'words', nas: 'u32', key: 'u32', keyLength: 'u32', claim: 'u32', stop: 'u32' } as const;
const STOPS = { next: 'u32', start: 'i32', startAt: 'f64', first: 'u32', last: 'u32' } as const;

export interface HotDayState {
  readonly day: number;
  readonly places: TableState;
  readonly claims: TableState;
  readonly sessions: TableState;
  readonly stops: TableState;
  readonly byPlace: ReturnType<HotIndex['state']>;
  readonly bySession: ReturnType<HotIndex['state']>;
  readonly keys: Uint8Array;
  readonly keysUsed: number;
  readonly lengths: readonly (readonly [family: 4 | 6, length: number])[];
}

export class HotDay {
  readonly day: number;
  readonly #beganAt: number;
  readonly #places: HotTable<typeof PLACES>;
  readonly #claims: HotTable<typeof CLAIMS>;
  readonly #sessions: HotTable<typeof SESSIONS>;
  readonly #stops: HotTable<typeof STOPS>;
  readonly #byPlace: HotIndex;
  readonly #bySession: HotIndex;
  #keys: Buffer;
  #keysUsed: number;
  /** Lengths of the prefixes of each family. */
  readonly #lengths = { 4: new Set<number>(), 6: new Set<number>() };

  constructor(day: number, state?: HotDayState) {
    this.day = day;
    this.#beganAt = day * DAY;
    this.#places = new HotTable(PLACES, state?.places);
    this.#claims = new HotTable(CLAIMS, state?.claims);
    this.#sessions = new HotTable(SESSIONS, state?.sessions);
    this.#stops = new HotTable(STOPS, state?.stops);
    this.#byPlace = new HotIndex(state?.byPlace);
    this.#bySession = new HotIndex(state?.bySession);
    this.#keys =
      state === undefined
        ? Buffer.alloc(1024)
        : Buffer.from(state.keys.buffer, state.keys.byteOffset, state.keys.length);
    this.#keysUsed = state?.keysUsed ?? 0;
    for (const [family, length] of state?.lengths ?? []) this.#lengths[family].add(length);
  }

  /** Everything, to be handed to another thread: this one is not used after it. */
  state(): HotDayState {
    const lengths = ([4, 6] as const).flatMap((family) =>
      [...this.#lengths[family]].map((length) => [family, length] as const),
    );
    const tables = { places: this.#places, claims: this.#claims, sessions: this.#sessions, stops: this.#stops };
    const states = Object.fromEntries(Object.entries(tables).map(([name, one]) => [name, one.state()]));
    const indexes = { byPlace: this.#byPlace.state(), bySession: this.#bySession.state() };
    const keys = new Uint8Array(this.#keys.subarray(0, this.#keysUsed));
    return { day: this.day, ...states, ...indexes, keys, keysUsed: this.#keysUsed, lengths } as unknown as HotDayState;
  }

  get bytes(): number {
    const parts = [this.#places, this.#claims, this.#sessions, this.#stops, this.#byPlace, this.#bySession];
    return parts.reduce((sum, one) => sum + one.bytes, this.#keys.length);
  }

  get claims(): number {
    return this.#claims.size - 1;
  }

  // ------------------------------------------------------------- what was said

  put(row: HotClaim): void {
    const session = this.#sessionFor(row);
    const place = this.#placeFor(row);
    const { columns } = this.#claims;
    const [first, last] = [row.firstAt - this.#beganAt, row.lastAt - this.#beganAt];
    const startAt = row.startAt ?? Number.NaN;
    for (let claim = this.#places.columns.head[place]!; claim !== 0; claim = columns.nextHere[claim]!)
      if (columns.session[claim] === session && columns.start[claim] === row.start) {
        columns.slot[claim] = Math.min(columns.slot[claim]!, row.slot);
        columns.several[claim] = Math.max(columns.several[claim]!, row.several);
        columns.startAt[claim] = Math.min(columns.startAt[claim]!, startAt);
        columns.first[claim] = Math.min(columns.first[claim]!, first);
        columns.last[claim] = Math.max(columns.last[claim]!, last);
        return;
      }
    this.#add(row, { place, session, first, last, startAt });
  }

  #add(
    row: HotClaim,
    at: { readonly place: number; readonly session: number; first: number; last: number; startAt: number },
  ): void {
    const claim = this.#claims.add();
    const { columns } = this.#claims;
    const [here, mine] = [this.#places.columns.head, this.#sessions.columns.claim];
    columns.place[claim] = at.place;
    columns.session[claim] = at.session;
    columns.nextHere[claim] = here[at.place]!;
    columns.nextOfSession[claim] = mine[at.session]!;
    columns.slot[claim] = row.slot;
    columns.several[claim] = row.several;
    columns.start[claim] = row.start;
    columns.startAt[claim] = at.startAt;
    columns.first[claim] = at.first;
    columns.last[claim] = at.last;
    here[at.place] = claim;
    mine[at.session] = claim;
  }

  /** A Stop of a session without any claim of the day is kept as well: it may have held its prefixes the day before. */
  putStop(row: HotStop): void {
    const session = this.#sessionFor({ ...row, nas: 0, accessKey: '' });
    const [first, last] = [row.firstAt - this.#beganAt, row.lastAt - this.#beganAt];
    const startAt = row.startAt ?? Number.NaN;
    const { columns } = this.#stops;
    for (let stop = this.#sessions.columns.stop[session]!; stop !== 0; stop = columns.next[stop]!)
      if (columns.start[stop] === row.start) {
        columns.startAt[stop] = Math.min(columns.startAt[stop]!, startAt);
        columns.first[stop] = Math.min(columns.first[stop]!, first);
        columns.last[stop] = Math.max(columns.last[stop]!, last);
        return;
      }
    const stop = this.#stops.add();
    const fresh = this.#stops.columns;
    fresh.next[stop] = this.#sessions.columns.stop[session]!;
    fresh.start[stop] = row.start;
    fresh.startAt[stop] = startAt;
    fresh.first[stop] = first;
    fresh.last[stop] = last;
    this.#sessions.columns.stop[session] = stop;
  }

  #sessionFor(row: Pick<HotClaim, 'session' | 'nas' | 'accessKey'>): number {
    const words = wordsOf(row.session);
    const found = this.#session(words);
    const session = found === 0 ? this.#sessions.add() : found;
    const { columns } = this.#sessions;
    if (found === 0) {
      columns.words.set(words, 4 * session);
      this.#bySession.add(words[0], session, (one) => this.#sessions.columns.words[4 * one]!);
    }
    // A Stop may have come first: then it is not known yet whose session it is.
    if (columns.nas[session] === 0 && row.nas !== 0) {
      columns.nas[session] = row.nas;
      columns.key[session] = this.#keysUsed;
      columns.keyLength[session] = this.#keep(row.accessKey);
    }
    return session;
  }

  #keep(key: string): number {
    const length = Buffer.byteLength(key);
    if (this.#keysUsed + length > this.#keys.length) {
      const grown = Buffer.alloc(Math.ceil(1.5 * this.#keys.length) + length);
      this.#keys.copy(grown);
      this.#keys = grown;
    }
    this.#keys.write(key, this.#keysUsed);
    this.#keysUsed += length;
    return length;
  }

  #placeFor(row: HotClaim): number {
    const words = wordsOf(row.ip);
    const realmAndLength = 256 * row.realm + row.length;
    const found = this.#place(words, realmAndLength);
    if (found !== 0) return found;
    const place = this.#places.add();
    this.#places.columns.words.set(words, 4 * place);
    this.#places.columns.realmAndLength[place] = realmAndLength;
    this.#byPlace.add(hashOf(words, realmAndLength), place, (one) => this.#hashOfPlace(one));
    this.#lengths[isIpv4(words) ? 4 : 6].add(row.length);
    return place;
  }

  #hashOfPlace(place: number): number {
    return hashOf(wordsAt(this.#places.columns.words, place), this.#places.columns.realmAndLength[place]!);
  }

  #place(words: Words, realmAndLength: number): number {
    const { columns } = this.#places;
    return this.#byPlace.find(
      hashOf(words, realmAndLength),
      (row) => columns.realmAndLength[row] === realmAndLength && isAt(columns.words, row, words),
    );
  }

  #session(words: Words): number {
    const { columns } = this.#sessions;
    return this.#bySession.find(words[0], (row) => isAt(columns.words, row, words));
  }

  // ------------------------------------------------------------- who held it

  /** Numbers of the claims on exactly this prefix. */
  on(realm: number, ip: Uint8Array, length: number): number[] {
    const found: number[] = [];
    const place = this.#place(wordsOf(ip), 256 * realm + length);
    for (let one = this.#places.columns.head[place]!; one !== 0; one = this.#claims.columns.nextHere[one]!)
      found.push(one);
    return found;
  }

  /** Numbers of the claims of this session. */
  of(session: Words): number[] {
    const found: number[] = [];
    const row = this.#session(session);
    for (let one = this.#sessions.columns.claim[row]!; one !== 0; one = this.#claims.columns.nextOfSession[one]!)
      found.push(one);
    return found;
  }

  /** A claim by its number. */
  claim(number: number): HotRow {
    const { columns } = this.#claims;
    const [place, session] = [columns.place[number]!, columns.session[number]!];
    const { words, nas, key, keyLength } = this.#sessions.columns;
    const realmAndLength = this.#places.columns.realmAndLength[place]!;
    const startAt = columns.startAt[number]!;
    return {
      place,
      realm: realmAndLength >>> 8,
      length: realmAndLength & 255,
      session: wordsAt(words, session),
      slot: columns.slot[number]!,
      several: columns.several[number]!,
      nas: nas[session]!,
      accessKey: this.#keys.toString('utf8', key[session]!, key[session]! + keyLength[session]!),
      startAt: Number.isNaN(startAt) ? null : startAt,
      firstAt: this.#beganAt + columns.first[number]!,
      lastAt: this.#beganAt + columns.last[number]!,
    };
  }

  /** Of the place of a claim. */
  octets(place: number): Uint8Array {
    return octetsOf(wordsAt(this.#places.columns.words, place));
  }

  stops(session: Words): Omit<HotStop, 'session'>[] {
    const found: Omit<HotStop, 'session'>[] = [];
    const { columns } = this.#stops;
    const row = this.#session(session);
    for (let one = this.#sessions.columns.stop[row]!; one !== 0; one = columns.next[one]!) {
      const startAt = columns.startAt[one]!;
      found.push({
        start: columns.start[one]!,
        startAt: Number.isNaN(startAt) ? null : startAt,
        firstAt: this.#beganAt + columns.first[one]!,
        lastAt: this.#beganAt + columns.last[one]!,
      });
    }
    return found;
  }

  /** Number of the session of a claim. */
  sessionOf(claim: number): number {
    return this.#claims.columns.session[claim]!;
  }

  /** The number by which a session goes on this day; 0 = it said nothing. */
  session(words: Words): number {
    return this.#session(words);
  }

  wasStopped(session: number): boolean {
    return this.#sessions.columns.stop[session] !== 0;
  }

  /** Did the session name another prefix of the family than this one? */
  hasMoved(session: number, ip: Uint8Array, length: number): boolean {
    const { columns } = this.#claims;
    const { words, realmAndLength } = this.#places.columns;
    const here = wordsOf(ip);
    for (let one = this.#sessions.columns.claim[session]!; one !== 0; one = columns.nextOfSession[one]!) {
      const place = columns.place[one]!;
      const isHere = (realmAndLength[place]! & 255) === length && isAt(words, place, here);
      if (!isHere && isIpv4(wordsAt(words, place)) === isIpv4(here)) return true;
    }
    return false;
  }

  /** May there be a claim on a longer prefix of the family than this? */
  hasLonger(family: 4 | 6, length: number): boolean {
    for (const one of this.#lengths[family]) if (one > length) return true;
    return false;
  }
}

/** Sixteen octets as numbers. */
export type Words = readonly [number, number, number, number];

const HEX = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'));

export function hexOf(words: Words): string {
  const [a, b, c, d] = words;
  const left = HEX[a >>> 16]! + HEX[a & 65_535]! + HEX[b >>> 16]! + HEX[b & 65_535]!;
  return left + HEX[c >>> 16]! + HEX[c & 65_535]! + HEX[d >>> 16]! + HEX[d & 65_535]!;
}

export function wordsOfHex(hex: string): Words {
  const word = (at: number) => Number.parseInt(hex.slice(at, at + 8), 16);
  return [word(0), word(8), word(16), word(24)];
}

export function wordsOf(octets: Uint8Array): Words {
  return [wordAt(octets, 0), wordAt(octets, 4), wordAt(octets, 8), wordAt(octets, 12)];
}

function wordAt(octets: Uint8Array, at: number): number {
  return ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0;
}

function octetsOf(words: Words): Uint8Array {
  const octets = new Uint8Array(16);
  for (let i = 0; i < 16; i++) octets[i] = words[i >> 2]! >>> (24 - 8 * (i & 3));
  return octets;
}

function wordsAt(words: Uint32Array, row: number): Words {
  return [words[4 * row]!, words[4 * row + 1]!, words[4 * row + 2]!, words[4 * row + 3]!];
}

function isAt(words: Uint32Array, row: number, key: Words): boolean {
  const at = 4 * row;
  return words[at] === key[0] && words[at + 1] === key[1] && words[at + 2] === key[2] && words[at + 3] === key[3];
}

/** ::ffff:0:0/96. */
function isIpv4(words: Words): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

function hashOf(words: Words, more: number): number {
  let mixed = Math.imul(words[0] ^ Math.imul(words[1], 0x9e3779b1), 0x85ebca6b) ^ words[2];
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) ^ words[3] ^ Math.imul(more, 0x297a2d39);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
