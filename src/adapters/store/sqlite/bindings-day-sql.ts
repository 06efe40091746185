// The statements over one day's tables, each text made once: to build and hash one anew per call costs more than to run it.
// Sessions go in and come out as hex; `several` counts the other prefixes of the slot that a record named beside this one. The
// tables themselves: bindings-schema.ts.

/** Claims inside one longer-than-host prefix that are looked at; one is enough to make it disputed. */
const INSIDE_LIMIT = 512;
const COLUMNS =
  'realm, ip, length, lower(hex(session)) AS session, slot, several, nas, access_key, start_at, first_at, last_at';

export interface DaySql {
  /** One more record of a claim that is known and fresh; no row changes when it is not. */
  readonly confirm: string;
  readonly widen: string;
  readonly stop: string;
  readonly inside: string;
  readonly ofSession: string;
  readonly ofAccessKey: string;
  readonly ofNas: string;
  readonly stopsOf: string;
}

const MADE = new Map<number, DaySql>();

export function sqlOfDay(day: number): DaySql {
  const made = MADE.get(day) ?? make(`claim_d${day}`, `stop_d${day}`);
  MADE.set(day, made);
  return made;
}

export function forgetDay(day: number): void {
  MADE.delete(day);
  HELD.clear();
}

/** ::ffff:0:0/96, where the keys of IPv4 lie. */
const [IPV4_FIRST, IPV4_LAST] = ["x'00000000000000000000ffff00000000'", "x'00000000000000000000ffffffffffff'"];
/** A session is looked for in so many days at once; of longer spans it is asked afterwards. */
const MOST_DAYS = 4;
const HELD = new Map<string, string>();

/**
 * One day's claims on a prefix, and of each session whether it was stopped and whether it had another prefix of the family, in
 * any of `days`: most were neither, and what they said elsewhere need not be read. A third statement per session costs more than
 * the two look-ups in here.
 */
export function heldSql(day: number, days: readonly number[], family: 4 | 6): string {
  const key = `${family} ${day} ${days.join(' ')}`;
  const known = HELD.get(key);
  if (known !== undefined) return known;
  const within = `other.ip BETWEEN ${IPV4_FIRST} AND ${IPV4_LAST}`;
  const stopped = (one: number) => `EXISTS (SELECT 1 FROM stop_d${one} WHERE session = claim.session)`;
  const moved = (one: number) => `EXISTS (SELECT 1 FROM claim_d${one} other WHERE other.session = claim.session
    AND (other.ip <> claim.ip OR other.length <> claim.length) AND ${family === 4 ? within : `NOT (${within})`})`;
  const any = (what: (one: number) => string) => (days.length > MOST_DAYS ? '1' : days.map(what).join(' OR '));
  const made = `SELECT lower(hex(session)), slot, several, nas, access_key, start_at, first_at, last_at,
    ${any(stopped)}, ${any(moved)} FROM claim_d${day} claim WHERE realm = ? AND ip = ? AND length = ?`;
  if (HELD.size >= HELD_KEPT) HELD.clear();
  HELD.set(key, made);
  return made;
}
const HELD_KEPT = 1000;

function make(claims: string, stops: string): DaySql {
  const select = `SELECT ${COLUMNS} FROM ${claims} WHERE`;
  return {
    confirm: `UPDATE ${claims} SET slot = min(slot, ?), start_at = min(start_at, ?), last_at = max(last_at, ?)
     WHERE realm = ? AND ip = ? AND length = ? AND start = ? AND session = unhex(?) AND first_at <= ? AND last_at >= ?
       AND several = ?`,
    widen: `INSERT INTO ${claims} (realm, ip, length, start, session, slot, several, nas, access_key, session_id, start_at,
       first_at, last_at) VALUES (?, ?, ?, ?, unhex(?), ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (realm, ip, length, start, session) DO UPDATE SET slot = min(slot, excluded.slot),
       several = max(several, excluded.several), start_at = min(start_at, excluded.start_at),
       first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`,
    stop: `INSERT INTO ${stops} (session, start, start_at, first_at, last_at) VALUES (unhex(?), ?, ?, ?, ?)
     ON CONFLICT (session, start) DO UPDATE SET start_at = min(start_at, excluded.start_at),
       first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`,
    inside: `${select} realm = ? AND ip >= ? AND ip <= ? AND length > ? LIMIT ${INSIDE_LIMIT}`,
    ofSession: `${select} session = unhex(?)`,
    ofAccessKey: `${select} access_key = ?`,
    ofNas: `${select} nas = ? AND last_at >= ?`,
    stopsOf: `SELECT start_at, first_at, last_at FROM ${stops} WHERE session = unhex(?)`,
  };
}
