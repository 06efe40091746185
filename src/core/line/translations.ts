// From a translator's log to who stood behind a port, from when to when: a pure function of a set of records, so that order and
// repetition cannot matter. Silence proves nothing unless the source was heard without a gap; a lost record never extends anybody.
import type { Instant } from '../kernel/time.ts';
import { formatIp, sameIp } from '../net/ip.ts';
import { hasPort, portsOverlap } from '../net/transport.ts';
import type { CoverageSpan, TranslatedProtocol, TranslationEvent } from './translation.ts';

export interface Translation
  extends Pick<TranslationEvent, 'source' | 'realm' | 'outside' | 'ports' | 'protocol' | 'inside'> {
  /** Stable over the order of the records. */
  readonly id: string;
  /** When it may have begun; −Infinity = nobody knows. */
  readonly startAt: Instant;
  readonly certainFromAt: Instant;
  /** Last moment for which a record exists. */
  readonly certainEndAt: Instant;
  /** Up to when it answers: its records, or as far as its source would have told of the end. */
  readonly coveredUntilAt: Instant;
  /** Undefined while open. */
  readonly endAt?: Instant;
  readonly closedBy?: 'stop' | 'superseded';
}

export interface TranslationFacts {
  /** Every record over ports that overlap those asked about, and over ports that overlap these. */
  readonly events: readonly TranslationEvent[];
  /** Holders of this port alone are told, the others are evidence against them: one record of all ports has every flow beside it. */
  readonly port?: number;
  /** Spans without a gap, ascending and apart; empty = this source cannot tell whether something was lost. */
  readonly heardOf: (source: string) => readonly CoverageSpan[];
  /** How often the source repeats what is open, ms; undefined = it does not. */
  readonly interimMsOf: (source: string) => number | undefined;
  readonly now: Instant;
}

export function deriveTranslations(facts: TranslationFacts): Translation[] {
  const { events, port } = facts;
  const groups = Map.groupBy(port === undefined ? events : events.filter((one) => hasPort(one.ports, port)), keyOf);
  return [...groups.values()].flatMap((own) => {
    const strangers = events.filter((other) => isAgainst(own[0]!, other)).sort(byTime);
    return runsOf(own.toSorted(byTime)).flatMap((run) => pieces(run, strangers, facts));
  });
}

export function compatible(a: TranslatedProtocol | undefined, b: TranslatedProtocol | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

/** One allocation as its records show it. */
interface Run {
  /** Ascending; the first may be the release alone. */
  readonly events: readonly TranslationEvent[];
  /** A later allocation to the same holder ended it unseen. */
  readonly againAt?: Instant;
}

function runsOf(events: readonly TranslationEvent[]): Run[] {
  const runs: TranslationEvent[][] = [];
  let open: TranslationEvent[] | undefined;
  for (const event of inOrder(events)) {
    if (open === undefined || event.kind === 'allocated' || isNewer(event, open)) {
      open = [event];
      runs.push(open);
    } else open.push(event);
    if (event.kind === 'released') open = undefined;
  }
  return runs.map((run, i) => {
    const next = runs[i + 1];
    const unseen = next !== undefined && run.at(-1)!.kind !== 'released';
    return { events: run, ...(unseen ? { againAt: sinceOf(next[0]!) } : {}) };
  });
}

const RELEASED_FIRST = ['released', 'allocated', 'in-use'];
const ALLOCATED_FIRST = ['allocated', 'in-use', 'released'];

/** At one instant a holder gives back what it has before it gets it anew; what it does not get anew was its own up to the release. */
function* inOrder(events: readonly TranslationEvent[]): Generator<TranslationEvent> {
  let isOpen = false;
  for (let i = 0; i < events.length; ) {
    let j = i;
    while (j < events.length && events[j]!.at === events[i]!.at) j++;
    const together = events.slice(i, j);
    const isAnew = isOpen && together.some((one) => one.kind === 'allocated');
    const order = isAnew ? RELEASED_FIRST : ALLOCATED_FIRST;
    const rank = (one: TranslationEvent) => order.indexOf(one.kind);
    const now = together.sort((a, b) => rank(a) - rank(b) || sinceOf(a) - sinceOf(b));
    for (const event of now) {
      yield event;
      isOpen = event.kind !== 'released';
    }
    i = j;
  }
}

/** It speaks of an allocation that began after the records we have: the end of those was lost. */
function isNewer(event: TranslationEvent, open: readonly TranslationEvent[]): boolean {
  return event.sinceAt !== undefined && event.sinceAt > open.at(-1)!.at;
}

function sinceOf(event: TranslationEvent): Instant {
  return Math.min(event.sinceAt ?? event.at, event.at);
}

/**
 * A run is cut wherever somebody else was seen on these ports between two of its records, or where records may have been lost:
 * then only the records themselves are certain, and the holder stays a candidate for the time between.
 */
function pieces(run: Run, strangers: readonly TranslationEvent[], facts: TranslationFacts): Translation[] {
  const found: Translation[] = [];
  let from = firstOf(run.events[0]!, strangers);
  let last = run.events[0]!;
  for (const event of run.events.slice(1)) {
    const cutAt = cutBetween(last, event, strangers, facts);
    if (cutAt !== undefined) {
      found.push(piece(run, from, { certainEndAt: last.at, coveredUntilAt: cutAt, endAt: event.at, by: 'superseded' }));
      from = { startAt: last.at, certainFromAt: event.at };
    }
    last = event;
  }
  found.push(piece(run, from, endOf(run, last, strangers, facts)));
  return found;
}

interface From {
  readonly startAt: Instant;
  readonly certainFromAt: Instant;
}

function firstOf(event: TranslationEvent, strangers: readonly TranslationEvent[]): From {
  const since = sinceOf(event);
  const before = strangers.findLast((one) => one.at <= event.at)?.at ?? Number.NEGATIVE_INFINITY;
  if (event.kind !== 'allocated' && event.sinceAt === undefined) return { startAt: before, certainFromAt: event.at };
  // Somebody else was there after it is said to have begun: one of the two clocks is wrong.
  return { startAt: since, certainFromAt: before > since ? event.at : since };
}

/** Up to when the earlier of two records still answers, when the time between them is not certain; else undefined. */
function cutBetween(
  last: TranslationEvent,
  next: TranslationEvent,
  strangers: readonly TranslationEvent[],
  facts: TranslationFacts,
): Instant | undefined {
  if (strangers.some((one) => one.at > last.at && one.at < next.at)) return last.at;
  if (next.sinceAt !== undefined && next.sinceAt <= last.at) return undefined;
  const heard = facts.heardOf(last.source);
  // Nobody would have noticed a release, another holder and a new allocation that were lost; a repetition in time says it is the same.
  if (isRepetition(last, next, facts)) return undefined;
  const span = spanAt(heard, last.at);
  return span !== undefined && span.toAt >= next.at ? undefined : Math.max(last.at, span?.toAt ?? last.at);
}

/** Repetitions count from the allocation: those of a later one come at other times, and the first of them later than due. */
function isRepetition(last: TranslationEvent, next: TranslationEvent, facts: TranslationFacts): boolean {
  const interimMs = facts.interimMsOf(last.source);
  return next.at === last.at || (interimMs !== undefined && next.at - last.at <= 1.5 * interimMs);
}

interface End {
  readonly certainEndAt: Instant;
  readonly coveredUntilAt: Instant;
  readonly endAt?: Instant;
  readonly by?: 'stop' | 'superseded';
}

function endOf(run: Run, last: TranslationEvent, strangers: readonly TranslationEvent[], facts: TranslationFacts): End {
  const certain = { certainEndAt: last.at, coveredUntilAt: last.at };
  if (last.kind === 'released') return { ...certain, endAt: last.at, by: 'stop' };
  const nextAt = strangers.find((one) => one.at > last.at)?.at ?? Number.POSITIVE_INFINITY;
  const endAt = Math.min(nextAt, run.againAt ?? Number.POSITIVE_INFINITY);
  if (endAt < Number.POSITIVE_INFINITY) return { ...certain, endAt: Math.max(endAt, last.at), by: 'superseded' };
  return { certainEndAt: last.at, coveredUntilAt: tailOf(last, facts) };
}

/** A repetition that did not come ends the tail where the last one was: its release, and the next holder, may have been lost. */
function tailOf(last: TranslationEvent, facts: TranslationFacts): Instant {
  const interimMs = facts.interimMsOf(last.source);
  const dueAt = interimMs === undefined ? last.at : last.at + 2 * interimMs;
  const repeated = facts.now > dueAt ? last.at : dueAt;
  return Math.max(repeated, spanAt(facts.heardOf(last.source), last.at)?.toAt ?? last.at);
}

function spanAt(heard: readonly CoverageSpan[], at: Instant): CoverageSpan | undefined {
  return heard.find((span) => span.fromAt <= at && span.toAt >= at);
}

function piece(run: Run, from: From, end: End): Translation {
  const { source, realm, outside, ports, protocol, inside } = run.events[0]!;
  return {
    id: `${source}\u0000${formatIp(outside)} ${ports.low}-${ports.high} ${protocol ?? ''}\u0000${from.certainFromAt}`,
    source,
    realm,
    outside,
    ports,
    ...(protocol === undefined ? {} : { protocol }),
    inside,
    ...from,
    certainEndAt: end.certainEndAt,
    coveredUntilAt: Math.max(end.coveredUntilAt, from.certainFromAt),
    ...(end.endAt === undefined ? {} : { endAt: end.endAt, closedBy: end.by ?? 'superseded' }),
  };
}

function keyOf(event: TranslationEvent): string {
  const { source, ports, protocol, inside } = event;
  return `${source}\u0000${ports.low}-${ports.high}\u0000${protocol ?? ''}\u0000${inside.realm}\u0000${formatIp(inside.ip)}`;
}

/** Ports of one address can be only one holder's: a record about another one on any of them is against this one. */
function isAgainst(own: TranslationEvent, other: TranslationEvent): boolean {
  if (!portsOverlap(own.ports, other.ports) || !compatible(own.protocol, other.protocol)) return false;
  return own.inside.realm !== other.inside.realm || !sameIp(own.inside.ip, other.inside.ip);
}

function byTime(a: TranslationEvent, b: TranslationEvent): number {
  return a.at - b.at;
}
