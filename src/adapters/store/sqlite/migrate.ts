// Brings a database up to this code's schema, or refuses: a newer schema was written by newer code that this code
// would misread. All missing migrations run in one transaction.
import type { Connection, Database } from './database.ts';
import type { Migration } from './schema.ts';

/** Throws when the file is newer than the code or the list has gaps. Returns the numbers that ran. */
export function migrate(database: Database, migrations: readonly Migration[]): readonly number[] {
  for (const [i, migration] of migrations.entries())
    if (migration.number !== i + 1)
      throw new Error(`migration ${migration.number} (${migration.name}) is out of order`);
  const ran: number[] = [];
  database.migrate((tx) => {
    const version = schemaVersion(tx);
    if (version > migrations.length)
      throw new Error(
        `the store has schema ${version}, this version of Engawa knows ${migrations.length}: upgrade first`,
      );
    for (const migration of migrations.slice(version)) {
      tx.exec(migration.sql);
      tx.exec(`PRAGMA user_version = ${migration.number}`);
      ran.push(migration.number);
    }
  });
  return ran;
}

function schemaVersion(tx: Connection): number {
  return tx.allSql<{ user_version: number }>('PRAGMA user_version')[0]!.user_version;
}
