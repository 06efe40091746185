// From claims to bindings: who held what, from when to when, and how the end is known. A pure function of a set, so that
// the same records in any order give the same bindings. Nothing here ever extends a holder beyond its last evidence.
import type { Instant } from '../kernel/time.ts';
import { overlaps, samePrefix } from '../net/prefix.ts';
import { areApart, type Binding } from './binding.ts';
import { type Claim, mergeBySession, placeText, type StopMark, sameSession } from './claim.ts';

export interface Facts {
  /** Claims on the prefixes asked about, and on every prefix that overlaps one of those. */
  readonly claims: readonly Claim[];
  /** Claims of the same sessions on other prefixes: a session that took another address left this one. */
  readonly elsewhere: readonly Claim[];
  readonly stops: readonly StopMark[];
  /** Accounting-On and -Off of a NAS, ascending. */
  readonly resetsOf: (nas: string) => readonly Instant[];
  readonly interimMsOf: (nas: string) => number;
  readonly now: Instant;
}

/** A Stop with the rounding of its own Acct-Delay-Time may lie a little before the last Interim it follows. */
const STOP_JITTER_MS = 30_000;

const NONE: readonly Claim[] = [];

type End = { readonly at: Instant; readonly by: NonNullable<Binding['closedBy']> };

export function deriveBindings(facts: Facts): Binding[] {
  const claims = mergeBySession(facts.claims);
  const elsewhere = mergeBySession(facts.elsewhere);
  const bindings = claims.every(isWhole)
    ? claims.flatMap((claim) => bindingsOf(claim, claims, elsewhere, facts))
    : shared(claims, elsewhere, facts);
  return bindings.sort((a, b) => a.startAt - b.startAt || (a.id < b.id ? -1 : 1));
}

/** A shared address has hundreds of claims: each is compared only with what can concern it. */
function shared(claims: readonly Claim[], elsewhere: readonly Claim[], facts: Facts): Binding[] {
  const stops = Map.groupBy(facts.stops, (stop) => stop.session);
  return rivals(claims).flatMap((group) =>
    group.flatMap((claim) => bindingsOf(claim, group, elsewhere, { ...facts, stops: stops.get(claim.session) ?? [] })),
  );
}

function isWhole(claim: Claim): boolean {
  return claim.ports === undefined;
}

/**
 * Claims that can be in each other's way: those of whole prefixes; of blocks those that hang together. Who shares an address
 * and who has it whole cannot both be right; which of them is, no time tells.
 */
function rivals(claims: readonly Claim[]): Claim[][] {
  const blocks = claims.filter((claim) => !isWhole(claim));
  const groups = [claims.filter((claim) => isWhole(claim) && !isSharedBy(claim, blocks))];
  let reach = Number.NEGATIVE_INFINITY;
  for (const block of blocks.sort((a, b) => a.ports!.low - b.ports!.low)) {
    if (block.ports!.low > reach) groups.push([]);
    groups.at(-1)!.push(block);
    reach = Math.max(reach, block.ports!.high);
  }
  return groups;
}

function bindingsOf(claim: Claim, rivals: readonly Claim[], elsewhere: readonly Claim[], facts: Facts): Binding[] {
  const others = rivals.length < 2 ? NONE : rivals.filter((other) => other !== claim && inTheWay(claim, other));
  const fellows =
    claim.ports === undefined && elsewhere.length > 0 ? elsewhere.filter((other) => isFellow(claim, other)) : NONE;
  const moves = fellows.length === 0 ? NONE : fellows.filter((other) => !areTogether(claim, other));
  const startAt = startOf(claim, moves.length === 0 ? others : [...others, ...moves]);
  const whole = bindingFrom(claim, startAt, endOf(claim, others, fellows, facts));
  if (others.length + moves.length === 0 && claim.releasedAt === undefined) return [whole];
  const strangers = [...others.filter((other) => other.accessKey !== claim.accessKey), ...moves];
  const wasAway = claim.releasedAt !== undefined && claim.releasedAt < claim.lastAt;
  return wasAway || strangers.some((other) => isInside(claim, other)) ? broken(whole) : [whole];
}

/** Field by field: this is made for every holder that anybody asks about. */
function bindingFrom(
  claim: Claim,
  startAt: Instant,
  end: End | undefined,
): Binding & { readonly certainFromAt: Instant } {
  const { realm, prefix, ports, accessKey, nas, firstAt: certainFromAt, lastAt: certainEndAt } = claim;
  const id = `${claim.session}\u0000${placeText(claim)}\u0000${claim.startAt ?? certainFromAt}`;
  const source = 'accounting';
  const open = { id, realm, prefix, accessKey, source, nas, startAt, certainFromAt, certainEndAt } as const;
  const whole = end === undefined ? open : { ...open, endAt: end.at, closedBy: end.by };
  return ports === undefined ? whole : { ...whole, ports };
}

/** The session names the whole address, and blocks of it elsewhere: then it never had the rest. */
function isSharedBy(claim: Claim, blocks: readonly Claim[]): boolean {
  return blocks.some((block) => block.session === claim.session && samePrefix(block.prefix, claim.prefix));
}

/**
 * Somebody else was seen there between two sightings of this session, or it gave the ports back between them: then only the two sightings themselves are
 * certain, and the session stays a candidate for all of the time between.
 */
function broken(whole: Binding & { readonly certainFromAt: Instant }): Binding[] {
  const { endAt: _endAt, closedBy: _closedBy, ...open } = whole;
  return [
    { ...open, certainEndAt: whole.certainFromAt, endAt: whole.certainEndAt, closedBy: 'superseded' },
    { ...whole, id: `${whole.id}\u0000again`, startAt: whole.certainFromAt, certainFromAt: whole.certainEndAt },
  ];
}

function isInside(claim: Claim, other: Claim): boolean {
  const inside = (at: Instant) => at > claim.firstAt && at < claim.lastAt;
  const around = other.firstAt <= claim.firstAt && other.lastAt >= claim.lastAt && claim.firstAt < claim.lastAt;
  // A stranger around it may have been seen in between as well: its days are summed up, we cannot tell.
  return inside(other.firstAt) || inside(other.lastAt) || (around && other.firstAt < other.lastAt);
}

/** Another session on an overlapping prefix. The same line's next session counts too: it ends the one before. */
function inTheWay(claim: Claim, other: Claim): boolean {
  if (other.realm !== claim.realm || !overlaps(claim.prefix, other.prefix) || sameSession(claim, other)) return false;
  return !areApart(claim, other);
}

/** Another prefix of the same session and slot. */
function isFellow(claim: Claim, other: Claim): boolean {
  if (other.ports !== undefined || other.slot !== claim.slot) return false;
  return sameSession(claim, other) && !samePrefix(other.prefix, claim.prefix);
}

/** A session that holds several of a slot at once does not leave one by naming another beside it. */
function areTogether(claim: Claim, other: Claim): boolean {
  return claim.beside > 0 || other.beside > 0;
}

/** The session may have had the prefix before the first record that names it, but not before others were last seen. */
function startOf(claim: Claim, others: readonly Claim[]): Instant {
  let startAt = Math.min(claim.startAt ?? claim.firstAt, claim.firstAt);
  for (const other of others) {
    if (other.lastAt <= claim.firstAt) startAt = Math.max(startAt, other.lastAt);
    else if (other.firstAt <= claim.firstAt) startAt = claim.firstAt;
  }
  return startAt;
}

function endOf(claim: Claim, others: readonly Claim[], fellows: readonly Claim[], facts: Facts): End | undefined {
  const ends: End[] = [];
  for (const stop of facts.stops)
    if (sameSession(claim, stop) && stop.lastAt >= claim.lastAt - STOP_JITTER_MS)
      ends.push({ at: Math.max(claim.lastAt, stop.firstAt), by: 'stop' });
  if (claim.releasedAt !== undefined && claim.releasedAt >= claim.lastAt)
    ends.push({ at: claim.releasedAt, by: 'stop' });
  const reset = facts.resetsOf(claim.nas).find((at) => at > claim.lastAt);
  if (reset !== undefined) ends.push({ at: reset, by: 'nas-reset' });
  // Evidence of both at one time: nobody knows who was first (two clocks, too), so it may last as long as the other's.
  for (const other of others)
    if (other.lastAt > claim.lastAt) ends.push({ at: afterLast(claim, other), by: 'superseded' });
  const limitAt = claim.lastAt + 2 * facts.interimMsOf(claim.nas);
  // A later record named others of its slot and not this one: left, at the latest when the next record was due.
  for (const other of fellows)
    if (other.lastAt > claim.lastAt) {
      const at = afterLast(claim, other);
      ends.push({ at: areTogether(claim, other) ? Math.min(at, limitAt) : at, by: 'superseded' });
    }
  let first: End | undefined;
  for (const end of ends) if (first === undefined || isBefore(end, first)) first = end;
  if (first !== undefined) return first;
  return limitAt < facts.now ? { at: limitAt, by: 'timeout' } : undefined;
}

/** The first that is known of the other after this one's last evidence. */
function afterLast(claim: Claim, other: Claim): Instant {
  return other.firstAt > claim.lastAt ? other.firstAt : other.lastAt;
}

const RANK = { stop: 0, 'nas-reset': 1, superseded: 2, timeout: 3 } as const;

function isBefore(a: End, b: End): boolean {
  return a.at < b.at || (a.at === b.at && RANK[a.by] < RANK[b.by]);
}
