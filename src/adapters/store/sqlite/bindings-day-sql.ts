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
  readonly containing: string;
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
}

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
    containing: `${select} realm = ? AND ip = ? AND length = ?`,
    inside: `${select} realm = ? AND ip >= ? AND ip <= ? AND length > ? LIMIT ${INSIDE_LIMIT}`,
    ofSession: `${select} session = unhex(?)`,
    ofAccessKey: `${select} access_key = ?`,
    ofNas: `${select} nas = ? AND last_at >= ?`,
    stopsOf: `SELECT start_at, first_at, last_at FROM ${stops} WHERE session = unhex(?)`,
  };
}
