// Names of packs, and which of their answered addresses become permissions. The owner of a name decides where it points, not we:
// so addresses are checked, counted and capped per name and per pack, and a change is put on record (of the pack, never of who asked).
import type { Pack } from '../../core/garden/gateway.ts';
import { formatIp, type Ip } from '../../core/net/ip.ts';
import { containsIp, type Prefix } from '../../core/net/prefix.ts';
import { canonicalName } from '../../protocols/dns/name.ts';
import { refusalOf } from './refused-addresses.ts';

/** One answer, one name over the life of its elements, one pack. 10,000 A records (E25) end at the first. */
const MAX_PER_ANSWER = 8;
const MAX_PER_NAME = 32;
const MAX_PER_PACK = 1024;

interface Rule {
  readonly name: string;
  readonly below: boolean;
  readonly pack: Pack;
}

export interface Admission {
  readonly admitted: readonly Ip[];
  /** Those of them that the gateway does not know from the pack's own prefixes. */
  readonly toLearn: readonly Ip[];
  readonly special: number;
  readonly own: number;
  readonly capped: number;
  /** Admitted addresses that a name known before did not have. */
  readonly changed: number;
}

export class PackNames {
  readonly #rules: readonly Rule[];
  readonly #own: readonly Prefix[];
  readonly #keepMs: number;
  /** pack → name → address → forget at (monotonic ms). */
  readonly #live = new Map<string, Map<string, Map<string, number>>>();

  constructor(packs: readonly Pack[], options: { readonly own: readonly Prefix[]; readonly keepMs: number }) {
    this.#rules = packs.flatMap((pack) => pack.dnsNames.flatMap((text) => ruleOf(text, pack)));
    this.#own = options.own;
    this.#keepMs = options.keepMs;
  }

  match(name: string): Pack | undefined {
    return this.#rules.find((r) => (r.below ? name.endsWith(`.${r.name}`) : name === r.name))?.pack;
  }

  /** Decides and remembers. Addresses already live under this name never count against the caps. */
  admit(pack: Pack, name: string, addresses: readonly Ip[], nowMs: number): Admission {
    const names = this.#live.get(pack.name) ?? new Map<string, Map<string, number>>();
    this.#live.set(pack.name, names);
    forgetOld(names, nowMs);
    const mine = names.get(name) ?? new Map<string, number>();
    const known = mine.size > 0;
    let elsewhere = 0;
    for (const [other, live] of names) if (other !== name) elsewhere += live.size;
    const tally = { admitted: [] as Ip[], toLearn: [] as Ip[], special: 0, own: 0, capped: 0, changed: 0 };
    for (const ip of addresses) {
      if (pack.prefixes.some((p) => containsIp(p, ip))) {
        if (tally.admitted.length < MAX_PER_ANSWER) tally.admitted.push(ip);
        continue;
      }
      const refusal = refusalOf(ip, this.#own);
      const text = formatIp(ip);
      const isNew = !mine.has(text);
      const full = mine.size >= MAX_PER_NAME || elsewhere + mine.size >= MAX_PER_PACK;
      if (refusal !== undefined) tally[refusal]++;
      else if (tally.admitted.length >= MAX_PER_ANSWER || (isNew && full)) tally.capped++;
      else {
        if (isNew && known) tally.changed++;
        mine.set(text, nowMs + this.#keepMs);
        tally.admitted.push(ip);
        tally.toLearn.push(ip);
      }
    }
    if (mine.size > 0) names.set(name, mine);
    return tally;
  }
}

function ruleOf(text: string, pack: Pack): Rule[] {
  const below = text.startsWith('*.');
  const name = canonicalName(below ? text.slice(2) : text);
  return name === undefined || name === '' ? [] : [{ name, below, pack }];
}

function forgetOld(names: Map<string, Map<string, number>>, nowMs: number): void {
  for (const [name, live] of names) {
    for (const [ip, until] of live) if (until <= nowMs) live.delete(ip);
    if (live.size === 0) names.delete(name);
  }
}
