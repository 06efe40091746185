// The head of one syslog line: RFC 5424 §6, RFC 3164 §4.1, and what boxes and collectors make of them (RFC 3339 stamps in the old
// form, a year beside the month). What follows the head is handed on as it stands; no host name and no priority is judged.
import { parseRfc3339 } from '../../core/kernel/civil.ts';
import { err, ok, type Result } from '../../core/kernel/result.ts';
import type { Stamp } from '../../core/kernel/stamp.ts';

export interface SyslogMessage {
  /** Undefined: NILVALUE (RFC 5424 §6.2.3), or a line without a head. */
  readonly stamp?: Stamp;
  readonly host?: string;
  /** Everything behind the host: application, message id, structured data and text. */
  readonly body: string;
}

export type SyslogFault = 'line-too-long' | 'stamp-bad';

/** RFC 5424 §6.1 asks for 2,048 at least; boxes that put several records into one line send more. */
export const MAX_LINE_CHARS = 16_384;

const PRI = /^<[0-9]{1,3}>/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(${MONTHS.join('|')})`;
const CLOCK = '([0-2][0-9]):([0-5][0-9]):([0-5][0-9])(?:\\.([0-9]{1,6}))?';
/** `Mmm dd hh:mm:ss`, with a year behind the day or the clock where a box writes one. */
const OLD = new RegExp(`^[*.]?${MONTH} +([0-9]{1,2})(?: +([0-9]{4}))? +${CLOCK}(?: ([0-9]{4}))?(?=[ :]|$):? ?`);
/** `1 2026 Mar 04 05:06:07`: IOS-XR, version 1 with a stamp of its own. */
const YEAR_FIRST = new RegExp(`^([0-9]{4}) ${MONTH} +([0-9]{1,2}) +${CLOCK} `);
const PLAIN = new RegExp(`^([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]${CLOCK}(?=[ :]|$)`);

export function readSyslog(line: string): Result<SyslogMessage, SyslogFault> {
  if (line.length > MAX_LINE_CHARS) return err('line-too-long');
  const pri = PRI.exec(line)?.[0] ?? '';
  const rest = pri === '' ? line : line.slice(pri.length);
  return pri !== '' && rest.startsWith('1 ') ? readVersion1(rest.slice(2)) : readOld(rest);
}

function readVersion1(rest: string): Result<SyslogMessage, SyslogFault> {
  const own = YEAR_FIRST.exec(rest);
  if (own !== null) {
    const [whole, year, month, day, hour, minute, second, fraction] = own;
    const stamp = wallStamp(Number(year), MONTHS.indexOf(month!) + 1, Number(day), [hour!, minute!, second!, fraction]);
    return stamp === undefined ? err('stamp-bad') : ok({ stamp, ...splitHost(rest.slice(whole.length)) });
  }
  const blank = rest.indexOf(' ');
  const text = blank < 0 ? rest : rest.slice(0, blank);
  const tail = splitHost(blank < 0 ? '' : rest.slice(blank + 1));
  if (text === '-') return ok(tail);
  const at = parseRfc3339(text);
  return at === undefined ? err('stamp-bad') : ok({ stamp: { at }, ...tail });
}

function readOld(rest: string): Result<SyslogMessage, SyslogFault> {
  const old = OLD.exec(rest);
  if (old !== null) {
    const [whole, month, day, year, hour, minute, second, fraction, yearBehind] = old;
    const written = year ?? yearBehind;
    const clock = [hour!, minute!, second!, fraction] as const;
    const stamp = wallStamp(
      written === undefined ? undefined : Number(written),
      MONTHS.indexOf(month!) + 1,
      Number(day),
      clock,
    );
    return stamp === undefined ? err('stamp-bad') : ok({ stamp, ...splitHost(rest.slice(whole.length)) });
  }
  const word = /^\S{20,35}(?= )/.exec(rest)?.[0];
  const at = word === undefined ? undefined : parseRfc3339(word);
  if (at !== undefined) return ok({ stamp: { at }, ...splitHost(rest.slice(word!.length + 1)) });
  const plain = readPlainStamp(rest);
  if (plain !== undefined) return ok({ stamp: plain.stamp, body: rest.slice(plain.length).trimStart() });
  return ok({ body: rest });
}

/** `YYYY-MM-DD hh:mm:ss` without a zone at the start of a text, as some boxes write into the text itself. */
export function readPlainStamp(text: string): { readonly stamp: Stamp; readonly length: number } | undefined {
  const match = PLAIN.exec(text);
  if (match === null) return undefined;
  const [whole, year, month, day, hour, minute, second, fraction] = match;
  const stamp = wallStamp(Number(year), Number(month), Number(day), [hour!, minute!, second!, fraction]);
  return stamp === undefined ? undefined : { stamp, length: whole.length };
}

function wallStamp(
  year: number | undefined,
  month: number,
  day: number,
  [hour, minute, second, fraction = '']: readonly [string, string, string, string | undefined],
): Stamp | undefined {
  if (month < 1 || month > 12 || day < 1 || day > 31 || Number(hour) > 23) return undefined;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  const ms = seconds * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3));
  return { wall: { ...(year === undefined ? {} : { year }), month, day, ms } };
}

function splitHost(text: string): { readonly host?: string; readonly body: string } {
  const blank = text.indexOf(' ');
  // `tag:` or `tag[12]:` right behind the stamp: this sender leaves its name out.
  const isHost = blank > 0 && !text.slice(0, blank).endsWith(':');
  return isHost ? { host: text.slice(0, blank), body: text.slice(blank + 1) } : { body: text };
}
