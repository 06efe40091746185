// What gateways without read-back were told, session by session: small rows, kept until the gateway has nothing of ours.
import type { Json, TellingRow, Tellings } from '../../../flow/ports.ts';
import type { Database } from './database.ts';

export class SqliteTellings implements Tellings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  load(gateway: string): readonly TellingRow[] {
    const rows = this.#database.read.allSql<{ key: string; state: string }>(
      'SELECT key, state FROM telling WHERE gateway = ? ORDER BY key',
      [gateway],
    );
    return rows.map(({ key, state }) => ({ gateway, key, state: JSON.parse(state) as Json }));
  }

  save(rows: readonly TellingRow[]): Promise<void> {
    return this.#database.write((tx) => {
      for (const { gateway, key, state } of rows)
        tx.runSql(
          `INSERT INTO telling (gateway, key, state) VALUES (?, ?, ?)
           ON CONFLICT (gateway, key) DO UPDATE SET state = excluded.state`,
          [gateway, key, JSON.stringify(state)],
        );
    });
  }

  drop(gateway: string, keys: readonly string[]): Promise<void> {
    return this.#database.write((tx) => {
      for (const key of keys) tx.runSql('DELETE FROM telling WHERE gateway = ? AND key = ?', [gateway, key]);
    });
  }
}
