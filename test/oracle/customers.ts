// Whose access keys and static prefixes were whose: the operator's own file, as it is imported again at each change. Customers leave,
// others come on the same line, keys go to other lines, lines swap theirs.
import type { Prefix } from '../../src/core/net/prefix.ts';
import type { LineValues } from '../../src/protocols/lines-csv/parse.ts';
import type { Chance } from './chance.ts';
import type { Activity, Contract } from './truth.ts';

/** The whole file, as it was imported then. */
export interface LinesFile {
  readonly atMs: number;
  readonly lines: readonly LineValues[];
}

interface Home {
  readonly lineId: string;
  epoch: number;
  customer: number;
  key: string;
  active: boolean;
  prefixes: Prefix[];
  /** Since when the key is this customer's. */
  sinceMs: number;
}

/** The first import: long before. */
const LONG_AGO_MS = -3_600_000;

export class Customers {
  readonly files: LinesFile[] = [];
  readonly contracts: Contract[] = [];
  readonly statics: Activity[] = [];
  readonly #homes: Home[];
  readonly #chance: Chance;
  readonly #open = new Map<string, { readonly prefix: Prefix; readonly key: string; readonly fromMs: number }>();
  #numbers = 0;

  constructor(
    chance: Chance,
    endMs: number,
    given: readonly { readonly key: string; readonly prefixes: readonly Prefix[] }[],
  ) {
    this.#chance = chance;
    this.#homes = given.map(({ key, prefixes }) => ({ ...this.#home(key, LONG_AGO_MS), prefixes: [...prefixes] }));
    this.#import(LONG_AGO_MS);
    const times = Array.from({ length: chance.whole(3, 7) }, () => chance.whole(600_000, endMs - 600_000));
    for (const ms of times.sort((a, b) => a - b)) {
      this.#change(ms);
      this.#import(ms);
    }
    for (const one of this.#homes) this.#end(one, endMs);
    for (const [id, one] of this.#open) this.#close(id, one, endMs);
  }

  #home(key: string, sinceMs: number): Home {
    const number = this.#numbers++;
    return { lineId: `L${number}`, epoch: 1, customer: number, key, active: true, prefixes: [], sinceMs };
  }

  #change(ms: number): void {
    const chance = this.#chance;
    const active = this.#homes.filter((one) => one.active);
    const [one, other] = [chance.pick(active), chance.pick(active)];
    const what = chance.whole(0, 4);
    if (what === 0) {
      // Somebody else moves in.
      this.#end(one, ms);
      one.epoch++;
      one.customer = this.#numbers++;
    } else if (what === 1) {
      // The line is given up, and another one gets its login.
      this.#end(one, ms);
      one.active = false;
      this.#homes.push({ ...this.#home(one.key, ms), prefixes: one.prefixes });
    } else if (what === 2 && one !== other) {
      // Two lines change logins, each with its customer.
      this.#end(one, ms);
      this.#end(other, ms);
      [one.key, other.key] = [other.key, one.key];
    } else if (what === 3) {
      // A login nobody had.
      this.#end(one, ms);
      one.key = `new${this.#numbers++}`;
    } else if (one !== other && one.prefixes.length > 0) {
      other.prefixes = [...other.prefixes, one.prefixes[0]!];
      one.prefixes = one.prefixes.slice(1);
    }
  }

  #end(one: Home, ms: number): void {
    if (one.active && one.sinceMs < ms)
      this.contracts.push({ accessKey: one.key, lineId: one.lineId, epoch: one.epoch, fromMs: one.sinceMs, toMs: ms });
    one.sinceMs = ms;
  }

  #import(ms: number): void {
    const wanted = new Map<string, { prefix: Prefix; key: string; fromMs: number }>();
    for (const one of this.#homes)
      if (one.active)
        for (const prefix of one.prefixes)
          wanted.set(`${prefix.ip.bytes.join('.')} ${one.key}`, { prefix, key: one.key, fromMs: ms });
    for (const [id, one] of this.#open) if (!wanted.has(id)) this.#close(id, one, ms);
    for (const [id, one] of wanted) if (!this.#open.has(id)) this.#open.set(id, one);
    this.files.push({ atMs: ms, lines: this.#homes.map(valuesOf) });
  }

  #close(
    id: string,
    one: { readonly prefix: Prefix; readonly key: string; readonly fromMs: number },
    ms: number,
  ): void {
    this.statics.push({ mechanism: 'static', accessKey: one.key, prefix: one.prefix, fromMs: one.fromMs, toMs: ms });
    this.#open.delete(id);
  }
}

function valuesOf(one: Home): LineValues {
  return {
    id: one.lineId,
    accessKey: one.key,
    customerNo: `c${one.customer}`,
    class: 'home',
    protected: false,
    staticPrefixes: one.active ? one.prefixes : [],
    realm: 'main',
    contract: one.active ? 'active' : 'ended',
  };
}
