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

export class Look {
  readonly #from: Sources;
  readonly #days: readonly number[];
  readonly #now: Instant;
  readonly #span: Span;
  readonly #claims = new Map<string, readonly Claim[]>();
  readonly #stops = new Map<string, readonly StopMark[]>();

  /** Over the evidence of [fromAt, toAt], as things stand `now`. */
  constructor(from: Sources, span: Span, now: Instant) {
    this.#from = from;
    this.#span = span;
    this.#days = from.days.between(span.fromAt, span.toAt);
    this.#now = now;
  }

  /** Everything the session claimed in this span. */
  ofSession(session: string): readonly Claim[] {
    const known = this.#claims.get(session);
    const claims = known ?? this.#from.days.ofSession(this.#from.read, this.#days, session);
    if (known === undefined) this.#claims.set(session, claims);
    return claims;
  }

  #stopsOf(session: string): readonly StopMark[] {
    const known = this.#stops.get(session);
    const stops = known ?? this.#from.days.stopsOf(this.#from.read, this.#days, session);
    if (known === undefined) this.#stops.set(session, stops);
    return stops;
  }

  ofAccessKey(accessKey: string): Claim[] {
    return this.#from.days.ofAccessKey(this.#from.read, this.#days, accessKey);
  }

  ofNas(nas: string, seenSince: Instant): Claim[] {
    return this.#from.days.ofNas(this.#from.read, this.#days, nas, seenSince);
  }

  /** Claims on every prefix that overlaps this one. */
  near(place: Place): readonly Claim[] {
    const { read, days } = this.#from;
    const { claims } = days.containing(read, this.#days, place.realm, place.prefix);
    return joined(claims, days.inside(read, this.#days, place.realm, place.prefix));
  }

  statics(place: Place): Binding[] {
    return staticsOver(this.#from.read, this.#from.staticLengths, { ...place, now: this.#now });
  }

  /** Every binding over this place. */
  over(place: Place): Binding[] {
    const { read, days } = this.#from;
    const statics = this.statics(place);
    const held = days.containing(read, this.#days, place.realm, place.prefix);
    const inside = days.inside(read, this.#days, place.realm, place.prefix);
    const blocks = this.blocks(place);
    if (held.claims.length + inside.length + blocks.length === 0) return statics;
    for (const { session } of inside) {
      held.moved.add(session);
      held.stopped.add(session);
    }
    const near = joined(held.claims, inside);
    const isHere = (claim: Claim) => samePrefix(claim.prefix, place.prefix);
    const derived = deriveBindings({
      claims: joined(near.every(isHere) ? near : this.#contested(near, place), blocks),
      elsewhere: [...held.moved].flatMap((session) => this.ofSession(session)),
      stops: joined(
        [...held.stopped].flatMap((session) => this.#stopsOf(session)),
        this.#stopsOfBlocks(blocks, near),
      ),
      resetsOf: this.#from.resetsOf,
      interimMsOf: this.#from.interimMsOf,
      now: this.#now,
    });
    const over = derived.filter((one) => overlaps(one.prefix, place.prefix));
    return statics.length === 0 ? over : [...statics, ...over];
  }

  blocks(place: Place): Claim[] {
    return this.#from.days.blocks(this.#from.read, this.#days, place, this.#span);
  }

  /** Of blocks that were not given back it matters when their sessions ended, and nothing else that these said. */
  #stopsOfBlocks(blocks: readonly Claim[], near: readonly Claim[]): readonly StopMark[] {
    if (blocks.length === 0) return [];
    const but = new Set(near.map((claim) => claim.session));
    const kept = blocks.filter((block) => block.releasedAt !== block.lastAt);
    const sessions = [...new Set(kept.map((block) => block.session))].filter((session) => !but.has(session));
    return sessions.flatMap((session) => this.#stopsOf(session));
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
