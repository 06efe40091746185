// Calendar arithmetic (proleptic Gregorian, UTC) without Date: `new Date("2021-03-04 00:00:00")` means local time, and nine
// hours in Tokyo are another subscriber. Knows no time zone names and no leap seconds: second 60 is refused.
import type { Instant } from './time.ts';

const DAY_MS = 86_400_000;

/** Days since 1970-01-01. `month` 1–12; the day is not checked. */
export function daysFromCivil(year: number, month: number, day: number): number {
  // Years start in March, so that the leap day is the last one of its year.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

export function civilFromDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

/** `YYYY-MM-DD HH:MM:SS`, the zone being UTC by agreement with the feed. Nothing else, not even a blank around it. */
export function parseUtcStamp(text: string): Instant | undefined {
  if (text.length !== 19 || text[10] !== ' ') return undefined;
  return secondsOf(text);
}

const RFC3339_TAIL = /^(?:\.([0-9]{1,9}))?(?:(Z)|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))$/;

/** RFC 3339 §5.6 with `T`, `Z` or a numeric offset, up to nine decimals (cut to ms). A time without offset is refused. */
export function parseRfc3339(text: string): Instant | undefined {
  if (text.length < 20 || text.length > 35 || text[10] !== 'T') return undefined;
  const seconds = secondsOf(text);
  const tail = RFC3339_TAIL.exec(text.slice(19));
  if (seconds === undefined || tail === null) return undefined;
  const [, fraction = '', zulu, sign, hours, minutes] = tail;
  const offsetMs = zulu === 'Z' ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return seconds + Number(fraction.padEnd(3, '0').slice(0, 3)) - offsetMs;
}

/** The first 19 characters, whatever stands at position 10. */
function secondsOf(text: string): Instant | undefined {
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return undefined;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (Number.isNaN(year + month + day + hour + minute + second)) return undefined;
  const days = daysFromCivil(year, month, day);
  if (civilFromDays(days).day !== day) return undefined; // 30 February would be 2 March
  return days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return Number.NaN;
    value = value * 10 + c - 48;
  }
  return value;
}

/** RFC 3339 in UTC with milliseconds, `2026-01-02T03:04:05.678Z`: years 0–9999. */
export function formatInstant(instant: Instant): string {
  const days = Math.floor(instant / DAY_MS);
  const { year, month, day } = civilFromDays(days);
  const ms = instant - days * DAY_MS;
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  const clock = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map((part) => pad(Math.floor(part))).join(':');
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${clock}.${pad(Math.floor(ms % 1000), 3)}Z`;
}
