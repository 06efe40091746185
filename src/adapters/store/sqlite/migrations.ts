// The whole list in order: the store's own migrations, then those that live beside the code that needs them.
import { BINDINGS_MIGRATIONS } from './bindings-schema.ts';
import { NAS_MIGRATION } from './nas-sessions.ts';
import { NONCES_MIGRATION } from './nonces.ts';
import { type Migration, STORE_MIGRATIONS } from './schema.ts';
import { TRANSLATIONS_MIGRATION } from './translations.ts';

/** The breaker counts active lines at every new garden; contact data goes some time after a contract ended. */
const ENDED_LINES = `
ALTER TABLE line ADD COLUMN ended_at INTEGER;
CREATE INDEX line_active ON line(id) WHERE contract = 'active';
CREATE INDEX line_ended ON line(ended_at) WHERE contract = 'ended' AND customer_no <> '';
`;

/** Rows that tell of several observations; and the desk looks at what could not be attributed, however much could. */
const TWO_ENDS = `
ALTER TABLE report ADD COLUMN until_at INTEGER;
CREATE INDEX report_unresolved ON report(seq) WHERE attribution IN ('ambiguous', 'stale', 'none');
CREATE INDEX report_unresolved_count ON report(source, attribution, attribution_reason)
  WHERE attribution IN ('ambiguous', 'stale', 'none') AND state = 'decided';
CREATE INDEX report_binding ON report(json_extract(outcome_evidence, '$.attribution.bindingId')) WHERE line_id IS NOT NULL;
CREATE INDEX report_step ON report(json_extract(outcome_evidence, '$.attribution.via[0].id'))
  WHERE json_extract(outcome_evidence, '$.attribution.via[0].id') IS NOT NULL;
`;

export const MIGRATIONS: readonly Migration[] = [
  ...STORE_MIGRATIONS,
  ...BINDINGS_MIGRATIONS,
  { number: 3, name: 'ended lines', sql: ENDED_LINES },
  NAS_MIGRATION,
  TRANSLATIONS_MIGRATION,
  { number: 7, name: 'two ends, unresolved', sql: TWO_ENDS },
  NONCES_MIGRATION,
].sort((a, b) => a.number - b.number);
