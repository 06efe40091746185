// Small numbers for NAS and realm names, the resets of each NAS and the lag of its clock: all in memory, all durable.
import type { Instant } from '../../../core/kernel/time.ts';
import { dayOf } from '../../../core/line/claim.ts';
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

export class NasHistory {
  readonly #names: BindingNames;
  readonly #resets = new Map<string, Instant[]>();
  /** Per NAS and day the smallest lag seen: late delivery only ever adds to it, so the smallest is the clock's. */
  readonly #lags = new Map<string, Map<number, number>>();

  constructor(read: Connection, names: BindingNames) {
    this.#names = names;
    for (const row of read.allSql<{ nas: number; at: number }>('SELECT nas, at FROM binding_reset ORDER BY nas, at'))
      this.#resetsOf(names.nameOf(row.nas)).push(row.at);
    for (const row of read.allSql<{ nas: number; day: number; lag_ms: number }>(
      'SELECT nas, day, lag_ms FROM binding_lag',
    ))
      this.#lagsOf(names.nameOf(row.nas)).set(row.day, row.lag_ms);
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

  lag(tx: Connection, nas: string, eventAt: Instant, lagMs: number): void {
    const [lags, day] = [this.#lagsOf(nas), dayOf(eventAt)];
    const known = lags.get(day);
    if (known !== undefined && known <= lagMs) return;
    lags.set(day, lagMs);
    tx.runSql(
      'INSERT INTO binding_lag VALUES (?, ?, ?) ON CONFLICT (nas, day) DO UPDATE SET lag_ms = min(lag_ms, excluded.lag_ms)',
      [this.#names.idOf(tx, nas), day, Math.round(lagMs)],
    );
  }

  /** How far the NAS's clock may have been off around these days, ms. */
  skewMs(nas: string, fromAt: Instant, toAt: Instant): number {
    const lags = this.#lags.get(nas);
    let widest = 0;
    for (let day = dayOf(fromAt) - 1; lags !== undefined && day <= dayOf(toAt) + 1; day++)
      widest = Math.max(widest, Math.abs(lags.get(day) ?? 0));
    return widest;
  }

  dropBefore(tx: Connection, day: number, at: Instant): void {
    tx.runSql('DELETE FROM binding_lag WHERE day < ?', [day]);
    tx.runSql('DELETE FROM binding_reset WHERE at < ?', [at]);
    for (const lags of this.#lags.values()) for (const one of [...lags.keys()]) if (one < day) lags.delete(one);
    for (const [nas, resets] of this.#resets)
      this.#resets.set(
        nas,
        resets.filter((one) => one >= at),
      );
  }

  #resetsOf(nas: string): Instant[] {
    return entry(this.#resets, nas, () => []);
  }

  #lagsOf(nas: string): Map<number, number> {
    return entry(this.#lags, nas, () => new Map<number, number>());
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
