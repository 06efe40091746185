// Small numbers for NAS and realm names, the resets of each NAS and the lag of its clock: all in memory, all durable but what
// the clocks show just now.
import type { Instant } from '../../../core/kernel/time.ts';
import type { AccountingRecord } from '../../../core/line/accounting.ts';
import { dayOf } from '../../../core/line/claim.ts';
import { clockOffset, type Lag, withLag } from '../../../core/line/nas-clock.ts';
import type { Connection } from './database.ts';

export class BindingNames {
  readonly #ids = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(read: Connection) {
    for (const row of read.allSql<{ id: number; name: string }>('SELECT id, name FROM binding_name')) this.#keep(row);
  }

  known(name: string): number | undefined {
    return this.#ids.get(name);
  }

  nameOf(id: number): string {
    return this.#names.get(id) ?? '';
  }

  idOf(tx: Connection, name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    tx.runSql('INSERT OR IGNORE INTO binding_name (name) VALUES (?)', [name]);
    const id = tx.allSql<{ id: number }>('SELECT id FROM binding_name WHERE name = ?', [name])[0]!.id;
    this.#keep({ id, name });
    return id;
  }

  #keep(row: { readonly id: number; readonly name: string }): void {
    this.#ids.set(row.name, row.id);
    this.#names.set(row.id, row.name);
  }
}

/** A NAS's clock as its records of the last minutes show it. */
export interface NasClock {
  readonly nas: string;
  /** Positive = behind ours. */
  readonly offsetMs: number;
  readonly measuredAt: Instant;
}

interface DayLag {
  /** The smallest lag seen: late delivery only ever adds to it, so the smallest is the clock's. */
  readonly lagMs: number;
  /** The widest the clock was measured to be off: one that was set during the day hides behind the smallest. */
  readonly widestMs: number;
}

export class NasHistory {
  readonly #names: BindingNames;
  readonly #resets = new Map<string, Instant[]>();
  readonly #days = new Map<string, Map<number, DayLag>>();
  readonly #lately = new Map<string, readonly Lag[]>();
  readonly #clocks = new Map<string, NasClock>();

  constructor(read: Connection, names: BindingNames) {
    this.#names = names;
    for (const row of read.allSql<{ nas: number; at: number }>('SELECT nas, at FROM binding_reset ORDER BY nas, at'))
      this.#resetsOf(names.nameOf(row.nas)).push(row.at);
    for (const row of read.allSql<{ nas: number; day: number; lag_ms: number; widest_ms: number }>(
      'SELECT nas, day, lag_ms, widest_ms FROM binding_lag',
    ))
      this.#daysOf(names.nameOf(row.nas)).set(row.day, { lagMs: row.lag_ms, widestMs: row.widest_ms });
  }

  resetsOf(nas: string): readonly Instant[] {
    return this.#resets.get(nas) ?? [];
  }

  /** False when this reset was known already. */
  reset(tx: Connection, nas: string, at: Instant): boolean {
    if (tx.runSql('INSERT OR IGNORE INTO binding_reset VALUES (?, ?)', [this.#names.idOf(tx, nas), at]) === 0)
      return false;
    const resets = this.#resetsOf(nas);
    const index = resets.findIndex((other) => other > at);
    resets.splice(index < 0 ? resets.length : index, 0, at);
    return true;
  }

  lag(tx: Connection, { nas, eventAt, clockLagMs, wrongClockMs }: AccountingRecord): void {
    const lagMs = clockLagMs ?? wrongClockMs;
    if (lagMs === undefined) return;
    const sentAt = clockLagMs === undefined ? eventAt : eventAt + lagMs;
    const measuredMs = this.#measure(nas, { sentAt, lagMs });
    // A time that is not used does not make the times that are any less sure.
    if (clockLagMs === undefined) return;
    const [days, day] = [this.#daysOf(nas), dayOf(eventAt)];
    const known = days.get(day);
    const next = {
      lagMs: Math.min(known?.lagMs ?? lagMs, Math.round(lagMs)),
      widestMs: Math.max(known?.widestMs ?? 0, Math.abs(Math.round(measuredMs ?? 0))),
    };
    if (known?.lagMs === next.lagMs && known.widestMs === next.widestMs) return;
    days.set(day, next);
    tx.runSql(
      `INSERT INTO binding_lag (nas, day, lag_ms, widest_ms) VALUES (?, ?, ?, ?) ON CONFLICT (nas, day) DO UPDATE SET
       lag_ms = min(lag_ms, excluded.lag_ms), widest_ms = max(widest_ms, excluded.widest_ms)`,
      [this.#names.idOf(tx, nas), day, next.lagMs, next.widestMs],
    );
  }

  /** The offset, when this record let it be measured anew. */
  #measure(nas: string, lag: Lag): number | undefined {
    const before = this.#lately.get(nas) ?? [];
    const lately = withLag(before, lag);
    if (lately === before) return undefined;
    this.#lately.set(nas, lately);
    const offsetMs = clockOffset(lately);
    if (offsetMs !== undefined) this.#clocks.set(nas, { nas, offsetMs, measuredAt: lag.sentAt });
    return offsetMs;
  }

  clocks(): readonly NasClock[] {
    return [...this.#clocks.values()];
  }

  /** How far the NAS's clock may have been off around these days, ms. */
  skewMs(nas: string, fromAt: Instant, toAt: Instant): number {
    const days = this.#days.get(nas);
    let widest = 0;
    for (let day = dayOf(fromAt) - 1; days !== undefined && day <= dayOf(toAt) + 1; day++) {
      const one = days.get(day);
      if (one !== undefined) widest = Math.max(widest, Math.abs(one.lagMs), one.widestMs);
    }
    return widest;
  }

  dropBefore(tx: Connection, day: number, at: Instant): void {
    tx.runSql('DELETE FROM binding_lag WHERE day < ?', [day]);
    tx.runSql('DELETE FROM binding_reset WHERE at < ?', [at]);
    for (const days of this.#days.values()) for (const one of [...days.keys()]) if (one < day) days.delete(one);
    for (const [nas, resets] of this.#resets)
      this.#resets.set(
        nas,
        resets.filter((one) => one >= at),
      );
  }

  #resetsOf(nas: string): Instant[] {
    return entry(this.#resets, nas, () => []);
  }

  #daysOf(nas: string): Map<number, DayLag> {
    return entry(this.#days, nas, () => new Map<number, DayLag>());
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
