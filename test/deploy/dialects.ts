// The dialects that come with Engawa, as they load.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILT_IN_DIALECTS, loadDialects } from '../../src/config/dialects.ts';
import { formatFault } from '../../src/config/faults.ts';
import type { Dialect } from '../../src/core/dialect/dialect.ts';

export const FILES = readdirSync(BUILT_IN_DIALECTS)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => ({ name, text: readFileSync(join(BUILT_IN_DIALECTS, name), 'utf8') }));

export function shipped(): readonly Dialect[] {
  const loaded = loadDialects(FILES);
  if (!loaded.ok) throw new Error(loaded.error.map(formatFault).join('\n'));
  return [...loaded.value.values()];
}
