// A time as a log writes it: an instant, or a reading of a clock on a wall somewhere. The second kind becomes an instant only
// with a zone that somebody stated; an hour that exists twice, or never, is said to be so and not guessed.
import { civilFromDays, daysFromCivil } from './civil.ts';
import { err, ok, type Result } from './result.ts';
import { DAY, HOUR, type Instant, MINUTE } from './time.ts';

export interface WallTime {
  /** RFC 3164 §4.1.2 writes none. */
  readonly year?: number;
  /** 1–12. */
  readonly month: number;
  readonly day: number;
  /** Milliseconds since midnight. */
  readonly ms: number;
}

export type Stamp = { readonly at: Instant } | { readonly wall: WallTime };

/** What the clock on the wall is ahead of UTC by at an instant, ms. */
export type OffsetAt = (at: Instant) => number;

export type StampFault = 'zone-missing' | 'time-impossible' | 'time-ambiguous';

export interface Placing {
  /** Absent: nobody stated a zone. */
  readonly offsetAt?: OffsetAt;
  /** When it was heard, or when the file ends: names the year, and which of two hours that read alike. */
  readonly nearAt: Instant;
}

/** A live record is heard within this: enough to tell two hours that read alike apart. */
const HEARD_WITHIN_MS = 20 * MINUTE;

export function placeStamp(stamp: Stamp, placing: Placing): Result<Instant, StampFault> {
  if ('at' in stamp) return ok(stamp.at);
  const { offsetAt, nearAt } = placing;
  if (offsetAt === undefined) return err('zone-missing');
  if (stamp.wall.year !== undefined) return pick(instantsOf(stamp.wall, stamp.wall.year, offsetAt), nearAt);
  const { year } = civilFromDays(Math.floor((nearAt + offsetAt(nearAt)) / DAY));
  // The latest year that does not lie in the future: on New Year's Day a line of 31 December is last year's.
  for (const one of [year + 1, year, year - 1]) {
    const utc = utcOf(stamp.wall, one); // none: 29 February of another year
    // An hour that was left out that year is no hour of the year before.
    if (utc !== undefined && utc - offsetAt(utc) <= nearAt + DAY)
      return pick(instantsOf(stamp.wall, one, offsetAt), nearAt);
  }
  return err('time-impossible');
}

function pick(found: readonly Instant[], nearAt: Instant): Result<Instant, StampFault> {
  if (found.length === 0) return err('time-impossible');
  if (found.length === 1) return ok(found[0]!);
  const near = found.filter((at) => Math.abs(at - nearAt) <= HEARD_WITHIN_MS);
  return near.length === 1 ? ok(near[0]!) : err('time-ambiguous');
}

/** None in the hour that a change of the clock leaves out, two in the hour that it repeats; ascending. */
export function instantsOf(wall: WallTime, year: number, offsetAt: OffsetAt): Instant[] {
  const utc = utcOf(wall, year);
  if (utc === undefined) return [];
  // Offsets on both sides of any change near it: a zone lies within a day of UTC.
  const offsets = new Set([offsetAt(utc - DAY), offsetAt(utc + DAY), offsetAt(utc - offsetAt(utc))]);
  return [...offsets]
    .map((offset) => utc - offset)
    .filter((at) => at + offsetAt(at) === utc)
    .sort((a, b) => a - b);
}

/** The same reading of a clock in UTC. */
function utcOf({ month, day, ms }: WallTime, year: number): Instant | undefined {
  const days = daysFromCivil(year, month, day);
  return civilFromDays(days).day === day ? days * DAY + ms : undefined;
}

/** Offsets change on quarters of an hour of UTC, so that one answer serves until the next. */
const QUARTER_MS = HOUR / 4;

/** Of an IANA zone. Throws RangeError on a name that the runtime does not know; configuration is checked for that at load. */
export function offsetsOf(timeZone: string): OffsetAt {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  const cache = new Map<number, number>();
  return (at) => {
    const quarter = Math.floor(at / QUARTER_MS);
    const known = cache.get(quarter);
    if (known !== undefined) return known;
    if (cache.size >= 10_000) cache.clear();
    const offset = readOffset(format, quarter * QUARTER_MS);
    cache.set(quarter, offset);
    return offset;
  };
}

function readOffset(format: Intl.DateTimeFormat, at: Instant): number {
  const parts = Object.fromEntries(format.formatToParts(at).map((part) => [part.type, Number(part.value)]));
  const days = daysFromCivil(parts['year']!, parts['month']!, parts['day']!);
  return days * DAY + ((parts['hour']! * 60 + parts['minute']!) * 60 + parts['second']!) * 1000 - at;
}
