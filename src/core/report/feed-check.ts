// A feed file looked at before it is let in: what its rows are, what they could do, and what in their times makes one doubt the
// zone. Counts and judges what the reader gave; looks up no line and knows no policy.
import { DAY, HOUR, type Instant, MINUTE } from '../kernel/time.ts';
import { needsSecondSource } from './corroboration.ts';
import type { RefusedRow, Report, ReportClass } from './report.ts';

export interface Doubt {
  readonly code:
    | 'all-at-midnight'
    | 'many-at-midnight'
    | 'minutes-only'
    | 'times-ahead'
    | 'day-begins-elsewhere'
    | 'zone-unknown'
    | 'clock-put-back';
  readonly text: string;
  /** Rows of it would name other households: not to be let in before it is cleared. */
  readonly grave: boolean;
}

export interface TypeCount {
  readonly type: string;
  readonly class: ReportClass;
  readonly mayAct: boolean;
  readonly reports: number;
}

export interface RefusedCount {
  readonly code: string;
  readonly rows: number;
  /** The first of them. */
  readonly line: number;
  readonly text: string;
}

export interface FeedCheck {
  readonly rows: number;
  readonly reports: number;
  /** Rows that say again what an earlier row of the file said. */
  readonly repeated: number;
  readonly refused: readonly RefusedCount[];
  readonly types: readonly TypeCount[];
  readonly span: { readonly from: Instant; readonly to: Instant; readonly precisionMs: number } | undefined;
  /** By what the row says of itself; lines, protection and policy come after. */
  readonly acts: {
    readonly alone: number;
    readonly withSecondSource: number;
    readonly never: number;
    /** Of those that may act: older than any report that acts. */
    readonly tooOld: number;
  };
  readonly withPort: number;
  readonly doubts: readonly Doubt[];
}

/** More of a file's own words than this are not told apart. */
const MAX_GROUPS = 200;
const ENOUGH_ROWS = 10;
const CLOCK_MS = 2000;

/** Fed row by row. `now`: when the file is let in; `freshMs`: how old a report may be that acts. */
export class FeedChecker {
  readonly #now: Instant;
  readonly #freshMs: number;
  readonly #seen = new Set<string>();
  readonly #types = new Map<string, { -readonly [K in keyof TypeCount]: TypeCount[K] }>();
  readonly #refused = new Map<string, { -readonly [K in keyof RefusedCount]: RefusedCount[K] }>();
  #rows = 0;
  #repeated = 0;
  #acts = { alone: 0, withSecondSource: 0, never: 0, tooOld: 0 };
  #withPort = 0;
  #times: { from: Instant; to: Instant; precisionMs: number } | undefined;
  #timed = 0;
  #midnights = 0;
  #wholeMinutes = 0;
  #notes = { 'zone-unknown': 0, 'clock-put-back': 0 };

  constructor(now: Instant, freshMs: number) {
    this.#now = now;
    this.#freshMs = freshMs;
  }

  /** The reader must have been given an arrival a day later: how far ahead a time is, is what shows a wrong zone. */
  add(row: Report | RefusedRow): void {
    this.#rows++;
    if ('code' in row) {
      this.#refuse(row);
      return;
    }
    this.#time(row);
    if (row.observedAt > this.#now + CLOCK_MS) {
      const text = 'the time lies after the arrival of the file';
      this.#refuse({ line: row.evidence.line, code: 'timestamp-future', text });
    } else if (this.#seen.has(row.id)) this.#repeated++;
    else this.#report(row);
  }

  #report(row: Report): void {
    this.#seen.add(row.id);
    if (row.port !== undefined) this.#withPort++;
    if (!row.mayAct) this.#acts.never++;
    else if (row.observedAt < this.#now - this.#freshMs) this.#acts.tooOld++;
    else if (needsSecondSource(row.class)) this.#acts.withSecondSource++;
    else this.#acts.alone++;
    const key = `${row.class} ${row.mayAct} ${row.type}`;
    const known = this.#types.get(key);
    if (known !== undefined) known.reports++;
    else if (this.#types.size < MAX_GROUPS)
      this.#types.set(key, { type: row.type, class: row.class, mayAct: row.mayAct, reports: 1 });
  }

  #refuse({ code, line, text }: RefusedRow): void {
    const known = this.#refused.get(code);
    if (known !== undefined) known.rows++;
    else if (this.#refused.size < MAX_GROUPS) this.#refused.set(code, { code, rows: 1, line, text });
  }

  #time({ observedAt, precisionMs, extra }: Report): void {
    const { from, to, precisionMs: worst } = this.#times ?? { from: observedAt, to: observedAt, precisionMs };
    this.#times = {
      from: Math.min(from, observedAt),
      to: Math.max(to, observedAt),
      precisionMs: Math.max(worst, precisionMs),
    };
    this.#timed++;
    const notes = (extra['engawa.notes'] ?? '').split(';');
    if (notes.includes('midnight') || observedAt % DAY === 0) this.#midnights++;
    if (observedAt % MINUTE === 0) this.#wholeMinutes++;
    if (notes.includes('zone-unknown')) this.#notes['zone-unknown']++;
    if (notes.includes('clock-put-back')) this.#notes['clock-put-back']++;
  }

  result(): FeedCheck {
    return {
      rows: this.#rows,
      reports: this.#seen.size,
      repeated: this.#repeated,
      refused: [...this.#refused.values()].sort((a, b) => b.rows - a.rows),
      types: [...this.#types.values()].sort((a, b) => b.reports - a.reports),
      span: this.#times,
      acts: this.#acts,
      withPort: this.#withPort,
      doubts: [...this.#coarse(), ...this.#shifted(), ...this.#noted()],
    };
  }

  #coarse(): readonly Doubt[] {
    if (this.#timed === 0) return [];
    const share = `${this.#midnights} of ${this.#timed} times are 00:00:00`;
    if (this.#midnights === this.#timed)
      return [{ code: 'all-at-midnight', grave: true, text: `${share}: the file has dates, not times` }];
    const half = this.#midnights * 2 > this.#timed;
    if (half && this.#timed >= ENOUGH_ROWS)
      return [{ code: 'many-at-midnight', grave: true, text: `${share}: for those rows the whole day is in doubt` }];
    if (this.#wholeMinutes === this.#timed && this.#timed >= ENOUGH_ROWS)
      return [
        {
          code: 'minutes-only',
          grave: false,
          text: `all ${this.#timed} times end in :00: they are exact to the minute, not to the second`,
        },
      ];
    return [];
  }

  #shifted(): readonly Doubt[] {
    if (this.#times === undefined) return [];
    const ahead = this.#times.to - this.#now;
    if (ahead > CLOCK_MS) return [timesAhead(ahead)];
    const { from, to } = this.#times;
    const begins = from % DAY;
    // One day's rows from a zone of its own: they fill 24 hours, but not those of UTC.
    const isOneDay = to - from > 22 * HOUR && to - from < DAY;
    const fromEdge = Math.min(begins, DAY - begins);
    if (!isOneDay || this.#timed < 5 * ENOUGH_ROWS || fromEdge < HOUR) return [];
    const hour = Math.round(begins / HOUR) % 24;
    return [
      {
        code: 'day-begins-elsewhere',
        grave: false,
        text: `the rows fill one day that begins about ${hour}:00 UTC: a calendar day of UTC${zoneOf(hour)}. Are the times really what the feed says they are?`,
      },
    ];
  }

  #noted(): readonly Doubt[] {
    const doubts: Doubt[] = [];
    const unknown = this.#notes['zone-unknown'];
    if (unknown > 0)
      doubts.push({
        code: 'zone-unknown',
        grave: false,
        text: `${unknown} times may be of any zone: ±14 h, so hardly ever one line`,
      });
    const twice = this.#notes['clock-put-back'];
    if (twice > 0)
      doubts.push({
        code: 'clock-put-back',
        grave: false,
        text: `${twice} times stood on the clock twice that night: ±1 h`,
      });
    return doubts;
  }
}

function timesAhead(ahead: number): Doubt {
  const hours = Math.ceil((ahead - MINUTE) / HOUR);
  const zone = hours >= 1 && hours <= 14 ? `, as when UTC+${hours} is written without saying so` : '';
  const much = ahead < HOUR ? `${Math.ceil(ahead / MINUTE)} min` : `${(ahead / HOUR).toFixed(1)} h`;
  return { code: 'times-ahead', grave: true, text: `the newest time lies ${much} in the future${zone}` };
}

/** The zone whose day begins at this hour of UTC. */
function zoneOf(hour: number): string {
  return hour <= 12 ? `−${hour}` : `+${24 - hour}`;
}
