// One look at who held what: every question of one act shares it, so that what a session said is read once however many
// of its prefixes are asked about. Short-lived: what is recorded after it was made need not be seen.
import type { Instant } from '../../../core/kernel/time.ts';
import type { Binding } from '../../../core/line/binding.ts';
import type { Claim, StopMark } from '../../../core/line/claim.ts';
import { deriveBindings } from '../../../core/line/intervals.ts';
import { overlaps, type Prefix, samePrefix } from '../../../core/net/prefix.ts';
import type { Span } from './bindings-blocks.ts';
import type { BindingDays } from './bindings-days.ts';
import { staticsOver } from './bindings-static.ts';
import type { Connection } from './database.ts';

export interface Place {
  readonly realm: string;
  readonly prefix: Prefix;
}

export interface Sources {
  readonly read: Connection;
  readonly days: BindingDays;
  readonly staticLengths: ReadonlySet<number>;
  readonly resetsOf: (nas: string) => readonly Instant[];
  readonly interimMsOf: (nas: string) => number;
}

interface Said {
  readonly claims: readonly Claim[];
  readonly stops: readonly StopMark[];
}

export class Look {
  readonly #from: Sources;
  readonly #days: readonly number[];
  readonly #now: Instant;
  readonly #span: Span;
  readonly #sessions = new Map<string, Said>();

  /** Over the evidence of [fromAt, toAt], as things stand `now`. */
  constructor(from: Sources, span: Span, now: Instant) {
    this.#from = from;
    this.#span = span;
    this.#days = from.days.between(span.fromAt, span.toAt);
    this.#now = now;
  }

  /** Everything the session said in this span. */
  session(id: string): Said {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const { read, days } = this.#from;
    const said = { claims: days.ofSession(read, this.#days, id), stops: days.stopsOf(read, this.#days, id) };
    this.#sessions.set(id, said);
    return said;
  }

  ofAccessKey(accessKey: string): Claim[] {
    return this.#from.days.ofAccessKey(this.#from.read, this.#days, accessKey);
  }

  ofNas(nas: string, seenSince: Instant): Claim[] {
    return this.#from.days.ofNas(this.#from.read, this.#days, nas, seenSince);
  }

  /** Claims on every prefix that overlaps this one. */
  near(place: Place): Claim[] {
    const { read, days } = this.#from;
    const near = days.containing(read, this.#days, place.realm, place.prefix);
    for (const claim of days.inside(read, this.#days, place.realm, place.prefix)) near.push(claim);
    return near;
  }

  statics(place: Place): Binding[] {
    return staticsOver(this.#from.read, this.#from.staticLengths, { ...place, now: this.#now });
  }

  /** Every binding over this place. */
  over(place: Place): Binding[] {
    const statics = this.statics(place);
    const near = this.near(place);
    const blocks = this.blocks(place);
    if (near.length + blocks.length === 0) return statics;
    const sessions = new Set(near.map((claim) => claim.session));
    const said = [...sessions].map((session) => this.session(session));
    const elsewhere = said.flatMap((one) => one.claims);
    const isHere = (claim: Claim) => samePrefix(claim.prefix, place.prefix);
    const allHere = near.every(isHere);
    const derived = deriveBindings({
      claims: joined(allHere ? near : this.#contested(near, place), blocks),
      // What a session said about this very prefix is no sign that it left it.
      elsewhere: allHere ? elsewhere.filter((claim) => !isHere(claim)) : elsewhere,
      stops: joined(
        said.flatMap((one) => one.stops),
        this.#stopsOf(blocks, sessions),
      ),
      resetsOf: this.#from.resetsOf,
      interimMsOf: this.#from.interimMsOf,
      now: this.#now,
    });
    return [...statics, ...derived.filter((one) => overlaps(one.prefix, place.prefix))];
  }

  blocks(place: Place): Claim[] {
    return this.#from.days.blocks(this.#from.read, this.#days, place, this.#span);
  }

  /** Of blocks that were not given back it matters when their sessions ended, and nothing else that these said. */
  #stopsOf(blocks: readonly Claim[], but: ReadonlySet<string>): StopMark[] {
    if (blocks.length === 0) return [];
    const kept = blocks.filter((block) => block.releasedAt !== block.lastAt);
    const sessions = [...new Set(kept.map((block) => block.session))].filter((session) => !but.has(session));
    return sessions.flatMap((session) => this.#from.days.stopsOf(this.#from.read, this.#days, session));
  }

  /** Claims inside the ones found contest them too, wherever in them the address lies. */
  #contested(near: readonly Claim[], place: Place): Claim[] {
    const claims = new Map(near.map((claim) => [claimId(claim), claim]));
    for (const one of distinct(near))
      if (!samePrefix(one.prefix, place.prefix))
        for (const claim of this.#from.days.inside(this.#from.read, this.#days, one.realm, one.prefix))
          claims.set(claimId(claim), claim);
    return [...claims.values()];
  }
}

/** Most addresses are nobody's to share: then nothing is copied. */
function joined<One>(first: readonly One[], second: readonly One[]): readonly One[] {
  return second.length === 0 ? first : [...first, ...second];
}

export function distinct(places: readonly Place[]): Place[] {
  const found = new Map<string, Place>();
  for (const one of places) {
    const id = placeId(one, '');
    if (!found.has(id)) found.set(id, { realm: one.realm, prefix: one.prefix });
  }
  return [...found.values()];
}

export function placeId(place: Place, accessKey: string): string {
  const { ip, length } = place.prefix;
  // One character per octet: nothing shorter tells two prefixes apart, and text for people costs ten times as much.
  const octets = String.fromCharCode.apply(null, ip.bytes as unknown as number[]);
  return `${octets}/${length}\u0000${place.realm}\u0000${accessKey}`;
}

function claimId(claim: Claim): string {
  return `${placeId(claim, claim.session)}\u0000${claim.startAt ?? ''}\u0000${claim.firstAt}`;
}
