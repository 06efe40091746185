// A clock that was wrong for a while, put right by a person: what its source said is read as if the clock had been true. Nothing
// stored is rewritten; a correction that is taken back leaves no trace in the records.
import { HOUR, type Instant } from '../kernel/time.ts';
import { overlaps } from '../net/prefix.ts';
import { areApart, type Binding } from './binding.ts';
import type { Translation } from './translations.ts';
import { certainFrom } from './window.ts';

export interface ClockCorrection {
  /** Whose clock: a NAS, a translator (both as bindings name them) or a feed. */
  readonly of: 'nas' | 'translator' | 'feed';
  readonly name: string;
  /** What is added to its times, ms: positive when its clock was behind. At most a day either way. */
  readonly offsetMs: number;
  /** On its own clock. */
  readonly fromAt: Instant;
  readonly toAt: Instant;
}

/** A whole zone and a date line: nothing that can be told from a wrong clock lies further off. */
export const MAX_CORRECTION_MS = 26 * HOUR;

/** The correction that holds for this moment of that clock; 0 = none. The last one that was given wins. */
export function correctionMs(
  all: readonly ClockCorrection[],
  of: ClockCorrection['of'],
  name: string,
  at: Instant,
): number {
  return all.findLast((one) => one.of === of && one.name === name && one.fromAt <= at && at <= one.toAt)?.offsetMs ?? 0;
}

/** How much wider one must look to find what a correction may move into the window. */
export function reachMs(all: readonly ClockCorrection[]): number {
  return all.reduce((widest, one) => Math.max(widest, Math.abs(one.offsetMs)), 0);
}

export function correctedBinding(all: readonly ClockCorrection[], one: Binding): Binding {
  if (one.nas === undefined) return one;
  const nas = one.nas;
  return moved(one, (at) => at + correctionMs(all, 'nas', nas, at));
}

/**
 * Of one place. Who ended whom was told by the clocks as they were: where evidence of two holders comes to lie at one time only now,
 * both are in question for as long as either was seen.
 */
export function correctedBindings(all: readonly ClockCorrection[], bindings: readonly Binding[]): readonly Binding[] {
  const put = bindings.map((one) => ({ was: one, now: correctedBinding(all, one) }));
  const shift = ({ was, now }: (typeof put)[number]) => now.certainEndAt - was.certainEndAt;
  if (put.every((one) => one.was.nas === undefined || shift(one) === 0)) return put.map(({ now }) => now);
  return put.map((one) => {
    const met = put.filter(
      (other) => other.was.nas !== undefined && shift(other) !== shift(one) && meets(one.now, other.now),
    );
    if (one.was.nas === undefined || met.length === 0) return one.now;
    const { now } = one;
    const startAt = Math.min(now.startAt, ...met.map((other) => certainFrom(other.now)));
    const from = { startAt, certainFromAt: certainFrom(now) };
    if (now.endAt === undefined) return { ...now, ...from };
    return { ...now, ...from, endAt: Math.max(now.endAt, ...met.map((other) => other.now.certainEndAt)) };
  });
}

/** Somebody else's evidence of the same place at the same time. */
function meets(one: Binding, other: Binding): boolean {
  if (one.accessKey === other.accessKey || areApart(one, other) || !overlaps(one.prefix, other.prefix)) return false;
  return certainFrom(other) <= one.certainEndAt && certainFrom(one) <= other.certainEndAt;
}

export function correctedTranslation(all: readonly ClockCorrection[], one: Translation): Translation {
  const move = (at: Instant) =>
    Number.isFinite(at) ? at + correctionMs(all, 'translator', one.source.split('/')[0]!, at) : at;
  return { ...moved(one, move), coveredUntilAt: move(one.coveredUntilAt) };
}

type Span = Pick<Binding, 'startAt' | 'certainFromAt' | 'certainEndAt' | 'endAt'>;

/** Moved in part only, a beginning may come to lie behind its end: it was in question for all of the time between them. */
function moved<T extends Span>(one: T, move: (at: Instant) => Instant): T {
  const from = move(one.startAt);
  const end = one.endAt === undefined ? undefined : move(one.endAt);
  return {
    ...one,
    startAt: end === undefined ? from : Math.min(from, end),
    certainEndAt: move(one.certainEndAt),
    certainFromAt: move(one.certainFromAt ?? one.startAt),
    ...(end === undefined ? {} : { endAt: Math.max(from, end) }),
  };
}
