// The policy that is active now, read beside a service that is down: for `config check`, which must not migrate or write
// anything. With the service up it is asked instead.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { PolicyText } from './flow/policy-shelf.ts';

/** undefined = none was ever activated here. Throws when the state cannot be read. */
export function activePolicyText(stateFolder: string): Pick<PolicyText, 'text' | 'name'> | undefined {
  const path = join(stateFolder, 'engawa.db');
  if (!existsSync(path)) return undefined;
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    const setting = (key: string): unknown => {
      const row = database.prepare('SELECT value FROM setting WHERE key = ?').get(key) as { value: string } | undefined;
      return row === undefined ? undefined : JSON.parse(row.value);
    };
    const texts = (setting('policy-shelf') ?? []) as readonly PolicyText[];
    const active = setting('policy-active');
    return texts.find((one) => one.version === active);
  } finally {
    database.close();
  }
}
