// Which instants a local time can mean in an IANA zone: none (skipped in spring), one, or two (repeated in autumn). Exact for
// every transition the runtime's zone database knows; never the machine's own zone, never a guess.
import { civilFromDays, daysFromCivil } from '../../core/kernel/civil.ts';
import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../core/kernel/time.ts';

/** Wall-clock time as if it were UTC: `2026-10-25 02:30:00` in any zone is this instant «in UTC». */
export type WallTime = number;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** Offset by quarter of an hour: transitions of our times lie on them. */
  readonly offsets: Map<number, number>;
}

const QUARTER = 15 * MINUTE;
/** An offset that holds for a shorter time than this was never in force anywhere. */
const STEP = 3 * HOUR;
const FURTHEST = 15 * HOUR;
const MAX_CACHED = 4096;
const zones = new Map<string, Zone>();

/** Throws RangeError on a zone the runtime does not know; configuration is checked for that at load. */
export function instantsOf(wall: WallTime, timeZone: string): readonly Instant[] {
  const zone = zoneNamed(timeZone);
  const offsets = new Set<number>();
  for (let by = -FURTHEST; by <= FURTHEST; by += STEP) offsets.add(offsetAt(zone, wall + by));
  return [...offsets]
    .map((offset) => wall - offset)
    .filter((at) => offsetAt(zone, at) === wall - at)
    .sort((a, b) => a - b);
}

export function wallTimeOf(at: Instant, timeZone: string): WallTime {
  return at + offsetAt(zoneNamed(timeZone), at);
}

function zoneNamed(timeZone: string): Zone {
  const known = zones.get(timeZone);
  if (known !== undefined) return known;
  const part = 'numeric' as const;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    ...{ year: part, month: part, day: part, hour: part, minute: part, second: part },
  });
  const zone = { format, offsets: new Map() };
  zones.set(timeZone, zone);
  return zone;
}

function offsetAt(zone: Zone, at: Instant): number {
  const quarter = Math.floor(at / QUARTER);
  const cached = zone.offsets.get(quarter);
  if (cached !== undefined) return cached;
  const offset = computedOffset(zone, quarter * QUARTER);
  if (zone.offsets.size >= MAX_CACHED) zone.offsets.clear();
  zone.offsets.set(quarter, offset);
  return offset;
}

function computedOffset(zone: Zone, at: Instant): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of zone.format.formatToParts(at)) parts[type] = Number(value);
  const day = daysFromCivil(parts['year']!, parts['month']!, parts['day']!) * DAY;
  return day + parts['hour']! * HOUR + parts['minute']! * MINUTE + parts['second']! * SECOND - at;
}

/** `2026-10-25 02:30:00`, for texts about a doubt. */
export function formatWallTime(wall: WallTime): string {
  const days = Math.floor(wall / DAY);
  const { year, month, day } = civilFromDays(days);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const rest = wall - days * DAY;
  const clock = [rest / HOUR, (rest / MINUTE) % 60, (rest / SECOND) % 60].map(two).join(':');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)} ${clock}`;
}
