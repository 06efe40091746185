// The whole list in order: the store's own migrations, then those that live beside the code that needs them.
import { BINDINGS_MIGRATIONS } from './bindings-schema.ts';
import { NAS_MIGRATION } from './nas-sessions.ts';
import { type Migration, STORE_MIGRATIONS } from './schema.ts';

/** The breaker counts active lines at every new garden; contact data goes some time after a contract ended. */
const ENDED_LINES = `
ALTER TABLE line ADD COLUMN ended_at INTEGER;
CREATE INDEX line_active ON line(id) WHERE contract = 'active';
CREATE INDEX line_ended ON line(ended_at) WHERE contract = 'ended' AND customer_no <> '';
`;

export const MIGRATIONS: readonly Migration[] = [
  ...STORE_MIGRATIONS,
  ...BINDINGS_MIGRATIONS,
  { number: 3, name: 'ended lines', sql: ENDED_LINES },
  NAS_MIGRATION,
].sort((a, b) => a.number - b.number);
