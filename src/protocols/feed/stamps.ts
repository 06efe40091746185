// Times as feeds write them, each form by its own rule and nothing guessed: `Date` would read a stamp without a zone as local.
// A form without offset gives wall time; which zone that is, the feed's configuration says.
import { parseRfc3339, parseUtcStamp } from '../../core/kernel/civil.ts';
import { HOUR, type Instant, MINUTE } from '../../core/kernel/time.ts';
import type { WallTime } from './zone.ts';

/** ISO 8601 with `Z` or an offset, the colon of the offset optional (Suricata writes `+0000`), a blank for `T` allowed. */
export function parseOffsetStamp(text: string): Instant | undefined {
  if (text.length < 20 || text.length > 40) return undefined;
  const match = /^(.{10})[T ]([0-9:.]{8,18})(?:(Z)|([+-][0-9]{2}):?([0-9]{2}))$/.exec(text);
  if (match === null) return undefined;
  const [, date, clock, zulu, hours, minutes] = match;
  return parseRfc3339(`${date}T${clock}${zulu ?? `${hours}:${minutes}`}`);
}

/** What the clock showed that wrote a stamp with an offset: whether it is midnight is judged there, not in UTC. */
export function writtenAt(text: string, at: Instant | undefined): WallTime | undefined {
  const match = /([+-])([0-9]{2}):?([0-9]{2})(?: *\([^()]{0,32}\))?$/.exec(text.trim().slice(-44));
  if (at === undefined || match === null) return at;
  const offset = Number(match[2]) * HOUR + Number(match[3]) * MINUTE;
  return match[1] === '-' ? at - offset : at + offset;
}

/** `YYYY-MM-DD` (or with slashes), then a blank or `T`, then `HH:MM:SS` or `HH:MM`; no zone. */
export function parseWallStamp(text: string): { readonly wall: WallTime; readonly hasSeconds: boolean } | undefined {
  if (text.length < 16 || text.length > 19) return undefined;
  const match = /^([0-9]{4})([-/])([0-9]{2})\2([0-9]{2})[ T]([0-9]{2}:[0-9]{2})(:[0-9]{2})?$/.exec(text);
  if (match === null) return undefined;
  const [, year, , month, day, minutes, seconds] = match;
  const wall = parseUtcStamp(`${year}-${month}-${day} ${minutes}${seconds ?? ':00'}`);
  return wall === undefined ? undefined : { wall, hasSeconds: seconds !== undefined };
}

/** `YYYY-MM-DD` or with slashes: the start of that day. */
export function parseWallDate(text: string): WallTime | undefined {
  const match = /^([0-9]{4})([-/])([0-9]{2})\2([0-9]{2})$/.exec(text);
  return match === null ? undefined : parseUtcStamp(`${match[1]}-${match[3]}-${match[4]} 00:00:00`);
}

/** Seconds since 1970, decimals allowed; or whole milliseconds. */
export function parseEpoch(text: string, unit: 's' | 'ms'): Instant | undefined {
  const match = /^([0-9]{1,14})(?:\.([0-9]{1,9}))?$/.exec(text);
  if (match === null || (unit === 'ms' && match[2] !== undefined)) return undefined;
  const whole = Number(match[1]);
  return unit === 'ms' ? whole : whole * 1000 + Number((match[2] ?? '').padEnd(3, '0').slice(0, 3));
}

/** 100 ns since 1601 (Windows): beyond 2^53, so never through a double. */
export function parseFileTime(text: string): Instant | undefined {
  if (!/^[0-9]{17,19}$/.test(text)) return undefined;
  return Number(BigInt(text) / 10_000n - 11_644_473_600_000n);
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MAIL_DATE =
  /^(?:[A-Za-z]{3}, *)?([0-9]{1,2}) ([A-Za-z]{3}) ([0-9]{4}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))? (?:(GMT|UTC?)|([+-])([0-9]{2})([0-9]{2}))(?: *\([^()]{0,32}\))?$/;

/** RFC 5322 §3.3 with a numeric offset, or `GMT`. Other zone names (§4.3) are refused: `CST` is America to some, China to others. */
export function parseMailDate(text: string): Instant | undefined {
  const match = text.length > 80 ? null : MAIL_DATE.exec(text.trim());
  if (match === null) return undefined;
  const [, day, name, year, hour, minute, second = '00', gmt, sign, hours, minutes] = match;
  const [offsetHours, offsetMinutes] = gmt === undefined ? [Number(hours), Number(minutes)] : [0, 0];
  // -0000 means that nobody says which zone it is (§3.3).
  if (sign === '-' && offsetHours + offsetMinutes === 0) return undefined;
  const month = MONTHS.indexOf(name!.toLowerCase()) + 1;
  if (month === 0 || offsetHours > 14 || offsetMinutes > 59) return undefined;
  const date = `${year}-${String(month).padStart(2, '0')}-${day!.padStart(2, '0')}`;
  const wall = parseUtcStamp(`${date} ${hour}:${minute}:${second}`);
  if (wall === undefined) return undefined;
  return wall - (offsetHours * HOUR + offsetMinutes * MINUTE) * (sign === '-' ? -1 : 1);
}
