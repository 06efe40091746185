// Instants in the readers' zone, zone named. Easy Japanese gets readings, because the days of a month have names of their own.
import { HOUR, type Instant } from '../../core/kernel/time.ts';

export interface Dates {
  /** Day, time and zone. */
  full(at: Instant): string;
  /** Day and time, for places where the zone stands already. */
  short(at: Instant): string;
}

/** U+2060: no line ends between a month and its day, an hour and its minutes. */
const JOIN = '\u2060';

export function datesFor(tag: string, timeZone: string): Dates {
  if (tag === 'ja-easy') return easyDates(timeZone);
  const locale = tag === 'en' ? 'en-GB' : tag;
  const short = new Intl.DateTimeFormat(locale, {
    timeZone,
    weekday: tag === 'ja' ? 'short' : 'long',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const zone = inOnePiece(zoneName(tag === 'en' ? 'en' : tag, timeZone));
  const day = (at: Instant) => {
    const part = partsOf(short, at);
    return tag === 'ja'
      ? `${part['month']}月${JOIN}${part['day']}日${JOIN}（${part['weekday']}）${part['hour']}時${JOIN}${part['minute']}分`
      : `${part['weekday']} ${part['day']}\u00a0${part['month']}, ${part['hour']}:${part['minute']}`;
  };
  return { short: day, full: (at) => (tag === 'ja' ? `${day(at)}（${zone}）` : `${day(at)} (${zone})`) };
}

const IRREGULAR_DAYS: Readonly<Record<number, string>> = {
  1: 'ついたち',
  2: 'ふつか',
  3: 'みっか',
  4: 'よっか',
  5: 'いつか',
  6: 'むいか',
  7: 'なのか',
  8: 'ようか',
  9: 'ここのか',
  10: 'とおか',
  14: 'じゅうよっか',
  20: 'はつか',
  24: 'にじゅうよっか',
};

function easyDates(timeZone: string): Dates {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  const zone = zoneName('ja', timeZone).startsWith('日本')
    ? '{日本|にほん}の {時間|じかん}'
    : zoneName('en', timeZone, 'shortOffset');
  const short = (at: Instant) => {
    const part = partsOf(format, at);
    const [day, hour, minute] = [Number(part['day']), Number(part['hour']), Number(part['minute'])];
    const dayText = IRREGULAR_DAYS[day] === undefined ? `${day}{日|にち}` : `{${day}日|${IRREGULAR_DAYS[day]}}`;
    const half = hour < 12 ? '{午前|ごぜん}' : '{午後|ごご}';
    const past = minute === 0 ? '' : `${JOIN}${minute}{分|${[2, 5, 7, 9].includes(minute % 10) ? 'ふん' : 'ぷん'}}`;
    return `${part['month']}{月|がつ}${JOIN}${dayText} ${half}${JOIN}${hour % 12}{時|じ}${past}`;
  };
  return { short, full: (at) => `${short(at)}（${zone}）` };
}

/** A short name stays on one line; a long one may end where it likes. */
export function inOnePiece(name: string): string {
  return name.length <= 21 ? name.replaceAll(' ', '\u00a0') : name;
}

function partsOf(format: Intl.DateTimeFormat, at: Instant): Readonly<Record<string, string>> {
  return Object.fromEntries(format.formatToParts(at).map((p) => [p.type, p.value]));
}

function zoneName(locale: string, timeZone: string, style: 'longGeneric' | 'shortOffset' = 'longGeneric'): string {
  const format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: style });
  return format.formatToParts(0).find((p) => p.type === 'timeZoneName')?.value ?? timeZone;
}

/** When «tonight» and «Saturday» are for these readers: 21:00 today, and Saturday 21:00; undefined when too near. */
export function laterChoices(
  now: Instant,
  timeZone: string,
): { readonly tonight?: Instant; readonly saturday: Instant } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  const part = partsOf(format, now);
  const today = now - (now % 60_000) + (21 - Number(part['hour'])) * HOUR - Number(part['minute']) * 60_000;
  const weekday = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(part['weekday'] ?? '');
  const days = weekday === 6 ? 7 : 6 - weekday;
  return { saturday: today + days * 24 * HOUR, ...(today - now >= 2 * HOUR ? { tonight: today } : {}) };
}
