// The store's schema as numbered, forward-only migrations. A number that was released is never edited; the bindings'
// migrations live beside their code and share the one sequence. STRICT everywhere; times are UTC milliseconds.
export interface Migration {
  /** 1, 2, 3 … without gaps over the whole list; SQLite's user_version after it ran. */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

const CASES = `
CREATE TABLE case_file (
  id TEXT PRIMARY KEY, version INTEGER NOT NULL, line_id TEXT NOT NULL, epoch INTEGER NOT NULL, family TEXT NOT NULL,
  check_code TEXT NOT NULL, state TEXT NOT NULL, open INTEGER NOT NULL, access TEXT NOT NULL,
  opened_at INTEGER NOT NULL, closed_at INTEGER, folded TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX case_check_code ON case_file(check_code);
CREATE INDEX case_line ON case_file(line_id, epoch, opened_at);
-- One line, one family, one open case: two decisions racing for the same line end in a conflict, not in two cases.
CREATE UNIQUE INDEX case_one_open ON case_file(line_id, epoch, family) WHERE open = 1;
CREATE INDEX case_wanted ON case_file(line_id, epoch, access, family) WHERE open = 1 AND access <> 'open';
CREATE INDEX case_state ON case_file(state, id) WHERE open = 1;
CREATE INDEX case_closed ON case_file(closed_at) WHERE open = 0;
CREATE TABLE case_event (
  case_id TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL, event TEXT NOT NULL,
  PRIMARY KEY (case_id, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER case_event_is_final BEFORE UPDATE ON case_event BEGIN SELECT RAISE(ABORT, 'case events are final'); END;
`;

const REPORTS = `
CREATE TABLE report (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, type TEXT NOT NULL, class TEXT NOT NULL,
  may_act INTEGER NOT NULL, family TEXT NOT NULL, ip TEXT NOT NULL, port INTEGER, protocol TEXT, destination_ip TEXT,
  destination_port INTEGER, observed_at INTEGER NOT NULL, precision_ms INTEGER NOT NULL, evidence_hash TEXT NOT NULL,
  evidence_line INTEGER NOT NULL, extra TEXT NOT NULL, accepted_at INTEGER NOT NULL, state TEXT NOT NULL,
  attribution TEXT, attribution_reason TEXT, line_id TEXT, epoch INTEGER, case_id TEXT, decision TEXT, reason TEXT,
  outcome_evidence TEXT
) STRICT;
CREATE INDEX report_pending ON report(seq) WHERE state = 'pending';
CREATE INDEX report_past ON report(accepted_at) WHERE state = 'decided';
CREATE INDEX report_line ON report(line_id, epoch, observed_at) WHERE line_id IS NOT NULL;
CREATE INDEX report_case ON report(case_id, observed_at) WHERE case_id IS NOT NULL;
CREATE TABLE refused_row (
  evidence_hash TEXT NOT NULL, line INTEGER NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (evidence_hash, line)
) STRICT, WITHOUT ROWID;
CREATE TABLE evidence_file (
  hash TEXT PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL, received_at INTEGER NOT NULL, bytes INTEGER NOT NULL,
  state TEXT NOT NULL, reason TEXT, removed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_received ON evidence_file(received_at);
`;

const LINES = `
CREATE TABLE line (
  id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, access_key TEXT NOT NULL, customer_no TEXT NOT NULL, class TEXT NOT NULL,
  protected INTEGER NOT NULL, static_prefixes TEXT NOT NULL, realm TEXT NOT NULL, email TEXT, phone TEXT, language TEXT,
  terms_version TEXT, contract TEXT NOT NULL, epoch_started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX line_access_key ON line(access_key);
CREATE INDEX line_customer_no ON line(customer_no);
CREATE INDEX line_phone ON line(phone) WHERE phone IS NOT NULL;
CREATE TABLE line_epoch (
  line_id TEXT NOT NULL, epoch INTEGER NOT NULL, started_at INTEGER NOT NULL, PRIMARY KEY (line_id, epoch)
) STRICT, WITHOUT ROWID;
`;

const WORK = `
CREATE TABLE enforcement (
  gateway TEXT NOT NULL, line_id TEXT NOT NULL, prefix TEXT NOT NULL, access TEXT NOT NULL, intent_at INTEGER NOT NULL,
  acked_at INTEGER, confirmed_at INTEGER, failure TEXT, PRIMARY KEY (line_id, gateway, prefix)
) STRICT, WITHOUT ROWID;
CREATE TABLE timer (
  kind TEXT NOT NULL, key TEXT NOT NULL, due_at INTEGER NOT NULL, PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer(due_at);
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE page (hash TEXT PRIMARY KEY, html BLOB NOT NULL, kept_at INTEGER NOT NULL) STRICT;
CREATE INDEX page_kept ON page(kept_at);
CREATE TABLE message (
  id TEXT PRIMARY KEY, case_id TEXT NOT NULL, line_id TEXT NOT NULL, channel TEXT NOT NULL, template TEXT NOT NULL,
  language TEXT NOT NULL, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL, state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_due ON message(due_at) WHERE state = 'waiting';
CREATE TABLE token_used (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX token_expires ON token_used(expires_at);
CREATE TABLE journal_id (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`;

const AUDIT = `
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, case_id TEXT, entry TEXT NOT NULL
) STRICT;
CREATE INDEX audit_case ON audit(case_id, sequence) WHERE case_id IS NOT NULL;
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit entries are final'); END;
-- The tree over all entries ever (frontier) and over those deleted after their retention (pruned_*).
CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL, last_hash TEXT NOT NULL,
  pruned_size INTEGER NOT NULL, pruned_frontier BLOB NOT NULL, pruned_hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head VALUES (1, 0, x'', '', 0, x'', '');
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

export const STORE_MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'store', sql: CASES + REPORTS + LINES + WORK + AUDIT },
];
