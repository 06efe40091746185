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
/** Different addresses; the kernel's set takes more. The last quarter is kept for names that the pack spells out. */
const MAX_PER_PACK = 4096;
const MAX_BELOW_WILDCARDS = 3072;
/** Below a wildcard anybody may invent names: what one household alone brought in so is bounded, or its bot shuts the pack for all. */
const MAX_PER_HOUSEHOLD = 64;
/** Names are remembered only to tell a change; the oldest are forgotten, and cost nothing but that. */
const MAX_NAMES = 4096;

/** One live address of a pack: until when, and the household that brought it below a wildcard while nobody else asks for it. */
interface Live {
  until: number;
  payer: string | undefined;
}

interface PackState {
  readonly addresses: Map<string, Live>;
  /** name → address → forget at (monotonic ms). */
  readonly names: Map<string, Map<string, number>>;
  /** household → addresses it alone brought. */
  readonly brought: Map<string, number>;
  sweptAtMs: number;
}

const SWEEP_MS = 1000;

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
  readonly #packs = new Map<string, PackState>();

  constructor(packs: readonly Pack[], options: { readonly own: readonly Prefix[]; readonly keepMs: number }) {
    this.#rules = packs.flatMap((pack) => pack.dnsNames.flatMap((text) => ruleOf(text, pack)));
    this.#own = options.own;
    this.#keepMs = options.keepMs;
  }

  match(name: string): Pack | undefined {
    return this.#rules.find((r) => (r.below ? name.endsWith(`.${r.name}`) : name === r.name))?.pack;
  }

  /** Decides and remembers. An address that is live in the pack costs nothing, under whatever name it comes again. */
  admit(ask: {
    readonly pack: Pack;
    readonly name: string;
    readonly addresses: readonly Ip[];
    /** Who asks, as a key for limits. */
    readonly household: string;
    readonly nowMs: number;
  }): Admission {
    const { pack, name, nowMs, household } = ask;
    const state = this.#stateOf(pack, nowMs);
    const mine = state.names.get(name) ?? new Map<string, number>();
    const known = mine.size > 0;
    const payer = this.#isSpelt(pack, name) ? undefined : household;
    const tally = { admitted: [] as Ip[], toLearn: [] as Ip[], special: 0, own: 0, capped: 0, changed: 0 };
    for (const ip of ask.addresses) {
      if (pack.prefixes.some((p) => containsIp(p, ip))) {
        if (tally.admitted.length < MAX_PER_ANSWER) tally.admitted.push(ip);
        continue;
      }
      const refusal = refusalOf(ip, this.#own);
      const text = formatIp(ip);
      const isNew = !mine.has(text);
      const full = tally.admitted.length >= MAX_PER_ANSWER || (isNew && mine.size >= MAX_PER_NAME);
      if (refusal !== undefined) tally[refusal]++;
      else if (full || !take(state, text, payer, nowMs + this.#keepMs)) tally.capped++;
      else {
        if (isNew && known) tally.changed++;
        mine.set(text, nowMs + this.#keepMs);
        tally.admitted.push(ip);
        tally.toLearn.push(ip);
      }
    }
    if (mine.size > 0) rememberName(state, name, mine);
    return tally;
  }

  #isSpelt(pack: Pack, name: string): boolean {
    return this.#rules.some((r) => !r.below && r.name === name && r.pack.name === pack.name);
  }

  #stateOf(pack: Pack, nowMs: number): PackState {
    const fresh = { addresses: new Map(), names: new Map(), brought: new Map(), sweptAtMs: nowMs };
    const state = this.#packs.get(pack.name) ?? fresh;
    this.#packs.set(pack.name, state);
    if (nowMs - state.sweptAtMs >= SWEEP_MS) forgetOld(state, nowMs);
    return state;
  }
}

/** False = no room for another address. */
function take(state: PackState, text: string, payer: string | undefined, until: number): boolean {
  const live = state.addresses.get(text);
  if (live !== undefined) {
    live.until = until;
    // Asked for by somebody else as well: it is the pack's, and no longer on one household's account.
    if (live.payer !== payer) disown(state, live);
    return true;
  }
  const brought = payer === undefined ? 0 : (state.brought.get(payer) ?? 0);
  const room = payer === undefined ? MAX_PER_PACK : MAX_BELOW_WILDCARDS;
  if (state.addresses.size >= room || brought >= MAX_PER_HOUSEHOLD) return false;
  state.addresses.set(text, { until, payer });
  if (payer !== undefined) state.brought.set(payer, brought + 1);
  return true;
}

function disown(state: PackState, live: Live): void {
  if (live.payer === undefined) return;
  const left = (state.brought.get(live.payer) ?? 1) - 1;
  if (left > 0) state.brought.set(live.payer, left);
  else state.brought.delete(live.payer);
  live.payer = undefined;
}

function rememberName(state: PackState, name: string, mine: Map<string, number>): void {
  state.names.delete(name); // re-inserted: the map's order is the order of last use
  state.names.set(name, mine);
  if (state.names.size > MAX_NAMES) state.names.delete(state.names.keys().next().value!);
}

function forgetOld(state: PackState, nowMs: number): void {
  state.sweptAtMs = nowMs;
  for (const [text, live] of state.addresses) {
    if (live.until > nowMs) continue;
    disown(state, live);
    state.addresses.delete(text);
  }
  for (const [name, live] of state.names) {
    for (const [ip, until] of live) if (until <= nowMs) live.delete(ip);
    if (live.size === 0) state.names.delete(name);
  }
}

function ruleOf(text: string, pack: Pack): Rule[] {
  const below = text.startsWith('*.');
  const name = canonicalName(below ? text.slice(2) : text);
  return name === undefined || name === '' ? [] : [{ name, below, pack }];
}
