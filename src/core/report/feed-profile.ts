// A mapping profile: how a list in CSV or JSON that no reader of its own knows becomes reports, as data. Files in deploy/feeds/ become
// these values. What a column means is said, never guessed: above all the zone, and which end of a row is the subscriber's.
import type { ReportClass } from './report.ts';

export const TIME_FORMS = [
  /** `2026-03-04 05:06:07`, also with slashes or `T`. */
  'second',
  /** `2026-03-04 05:06` */
  'minute',
  /** `2026-03-04`: the whole day is in doubt. */
  'date',
  /** ISO 8601 with `Z` or an offset. */
  'offset',
  'epoch-s',
  'epoch-ms',
  /** 100 ns since 1601. */
  'filetime',
] as const;
export type TimeForm = (typeof TIME_FORMS)[number];

export interface FeedProfile {
  readonly name: string;
  readonly version: number;
  readonly format: ProfileFormat;
  /** Text that stands in a comment line (or, without those, in the header): other dialects of the list have another. */
  readonly toldBy?: string | undefined;
  readonly time: {
    /** Two, when date and time of day stand apart. */
    readonly columns: readonly string[];
    readonly form: TimeForm;
    /** IANA name; `unknown` = nobody says: ±14 h, so hardly ever one line. */
    readonly zone: string;
    readonly precisionMs: number;
  };
  readonly subscriber: {
    readonly ip: string;
    readonly port?: string | undefined;
    /** Some lists pack other things into that column: then the row has no port, and a note. */
    readonly portMayBeOther: boolean;
    readonly portInText?: { readonly column: string; readonly pattern: string } | undefined;
  };
  readonly other?: { readonly ip?: string | undefined; readonly port?: string | undefined } | undefined;
  /** Name or IANA number. */
  readonly protocol?: string | undefined;
  readonly protocolInText?: { readonly column: string; readonly pattern: string } | undefined;
  readonly families: readonly string[];
  readonly familyInText?: { readonly column: string; readonly pattern: string } | undefined;
  /** Column whose cell is the type's name; without one it is the profile's. */
  readonly type?: string | undefined;
  readonly class: ProfileClass;
  readonly mayAct: boolean;
  /** Cells that mean: not said. */
  readonly empty: readonly string[];
  /** `192[.]0[.]2[.]1`, `hxxp://`: undone before a cell is read. */
  readonly defanged: boolean;
  /** Columns that are not kept. */
  readonly left: readonly string[];
}

export type ProfileFormat =
  | {
      readonly kind: 'csv';
      readonly separator: string;
      readonly comment?: string | undefined;
      readonly quotes: boolean;
      /** Names of the columns when no row of the file names them. */
      readonly columns?: readonly string[] | undefined;
      /** Columns behind the known ones are let through, unread. */
      readonly mayGrow: boolean;
    }
  /** Columns are dotted names. */
  | { readonly kind: 'json' };

export interface ProfileClass {
  readonly column?: string | undefined;
  /** By that column's cell, in lower case. */
  readonly by: Readonly<Record<string, ReportClass>>;
  readonly otherwise: ReportClass;
  /** A handshake counts only where the row says TCP; else it is one packet that anybody may have sent. */
  readonly onlyWithTcp: boolean;
}

const MAX_PATTERN = 120;
const [MAX_QUANTIFIERS, MAX_REPEAT] = [6, 8];
const TOKEN =
  /\\[dsb.()[\]|:?+*/-]|\[\^?[A-Za-z0-9 _:=,;.#"'/<>@-]{1,40}\]|[A-Za-z0-9 _:=,;#"'/<>@-]|\(\?:|\(|\)|\||\?|\{[0-9]{1,2}(?:,[0-9]{1,2})?\}/y;

/**
 * The pattern of `…InText`, or undefined: one group that captures, repetition up to eight times and nothing unbounded, so that no
 * cell can make it run for long. Not anchored; letters match in either case.
 */
export function boundedPattern(text: string): RegExp | undefined {
  if (text.length === 0 || text.length > MAX_PATTERN) return undefined;
  let [captures, quantifiers, last] = [0, 0, '('];
  for (let at = 0; at < text.length; at += last.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return undefined;
    if (token === '(') captures++;
    if (token === '?' || token.startsWith('{')) {
      // Nothing is repeated but one character or class.
      if (++quantifiers > MAX_QUANTIFIERS || /^(?:\(|\(\?:|\)|\||\?|\{.*)$/.test(last)) return undefined;
      if (token !== '?' && repeatsTooOften(token)) return undefined;
    }
    last = token;
  }
  if (captures !== 1) return undefined;
  try {
    return new RegExp(text, 'i');
  } catch {
    return undefined; // a bracket that never closes
  }
}

function repeatsTooOften(token: string): boolean {
  const [least = 0, most = least] = token.slice(1, -1).split(',').map(Number);
  return most > MAX_REPEAT || least > most;
}
