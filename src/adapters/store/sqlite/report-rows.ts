// Reports: accepted once by their id, pending until decided, with their outcome beside them. The hot path of intake.

import { formatIp, type Ip, parseIp } from '../../../core/net/ip.ts';
import type { RefusedRow, Report, ReportClass } from '../../../core/report/report.ts';
import type { EvidenceFile, Json, ReportOutcome } from '../../../flow/ports.ts';
import type { Connection } from './database.ts';
import { type ReportRow, sql } from './tables.ts';

const PUT_REPORT = `INSERT INTO report (id, source, type, class, may_act, family, ip, port, protocol, destination_ip,
  destination_port, observed_at, until_at, precision_ms, evidence_hash, evidence_line, extra, accepted_at, state)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending') ON CONFLICT (id) DO NOTHING`;
const PUT_REFUSED = `INSERT INTO refused_row (evidence_hash, line, code, text) VALUES (?, ?, ?, ?)
  ON CONFLICT (evidence_hash, line) DO UPDATE SET code = excluded.code, text = excluded.text`;
const PUT_FILE = `INSERT INTO evidence_file (hash, source, name, received_at, bytes, state, reason, removed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (hash) DO UPDATE SET source = excluded.source, name = excluded.name,
  received_at = excluded.received_at, state = excluded.state, reason = excluded.reason, removed_at = NULL`;
const PUT_OUTCOME = `UPDATE report SET state = 'decided', attribution = ?, attribution_reason = ?, line_id = ?, epoch = ?,
  case_id = ?, decision = ?, reason = ?, outcome_evidence = ? WHERE id = ?`;

/** Returns the ids that were new. */
export function putReports(tx: Connection, reports: readonly Report[], acceptedAt: number): readonly string[] {
  const accepted: string[] = [];
  for (const report of reports)
    if (tx.runSql(PUT_REPORT, reportColumns(report, acceptedAt)) === 1) accepted.push(report.id);
  return accepted;
}

function reportColumns(report: Report, acceptedAt: number) {
  return [
    report.id,
    report.source,
    report.type,
    report.class,
    report.mayAct ? 1 : 0,
    report.family,
    formatIp(report.ip),
    report.port ?? null,
    report.protocol ?? null,
    report.destinationIp === undefined ? null : formatIp(report.destinationIp),
    report.destinationPort ?? null,
    report.observedAt,
    report.untilAt ?? null,
    report.precisionMs,
    report.evidence.hash,
    report.evidence.line,
    JSON.stringify(report.extra),
    acceptedAt,
  ];
}

export function putRefused(tx: Connection, hash: string, rows: readonly RefusedRow[]): void {
  for (const row of rows) tx.runSql(PUT_REFUSED, [hash, row.line, row.code, row.text]);
}

/** A parked file that is replayed becomes accepted; bytes that come again after their retention are kept anew. */
export function putFile(tx: Connection, file: EvidenceFile): void {
  const { hash, source, name, receivedAt, bytes, state, reason } = file;
  tx.runSql(PUT_FILE, [hash, source, name, receivedAt, bytes, state, reason ?? null]);
}

export function putOutcome(tx: Connection, outcome: ReportOutcome): void {
  const changed = tx.runSql(PUT_OUTCOME, [
    outcome.attribution,
    outcome.attributionReason,
    outcome.lineId ?? null,
    outcome.epoch ?? null,
    outcome.caseId ?? null,
    outcome.decision,
    outcome.reason,
    JSON.stringify(outcome.evidence),
    outcome.reportId,
  ]);
  if (changed !== 1) throw new Error(`outcome of report ${outcome.reportId}, which was never accepted`);
}

// The whole row: an explicit list, so that a column added later changes no reader.
const COLUMNS = [
  'seq',
  'id',
  'source',
  'type',
  'class',
  'may_act',
  'family',
  'ip',
  'port',
  'protocol',
  'destination_ip',
  'destination_port',
  'observed_at',
  'until_at',
  'precision_ms',
  'evidence_hash',
  'evidence_line',
  'extra',
  'accepted_at',
  'state',
  'attribution',
  'attribution_reason',
  'line_id',
  'epoch',
  'case_id',
  'decision',
  'reason',
  'outcome_evidence',
] as const satisfies readonly (keyof ReportRow)[];

export interface ReportAndOutcome {
  readonly report: Report;
  readonly outcome?: ReportOutcome;
}

const select = () => sql.selectFrom('report').select(COLUMNS);

/** The literal state lets the partial index answer: work that waits costs what waits, not what was ever reported. */
const PENDING = `SELECT ${COLUMNS.join(', ')} FROM report WHERE state = 'pending' ORDER BY seq LIMIT ?`;

const BY_ID = `SELECT ${COLUMNS.join(', ')} FROM report WHERE id = ?`;
const OF_LINE = `SELECT ${COLUMNS.join(', ')} FROM report
  WHERE line_id = ? AND epoch = ? AND observed_at >= ? AND observed_at <= ? ORDER BY observed_at, seq`;

export function pendingReports(read: Connection, limit: number): readonly Report[] {
  return read.allSql<ReportRow>(PENDING, [limit]).map(toReport);
}

export function readReport(read: Connection, id: string): ReportAndOutcome | undefined {
  const row = read.allSql<ReportRow>(BY_ID, [id])[0];
  return row && withOutcome(row);
}

/** Newest first, as the console shows them. */
export function reportsOfCase(read: Connection, caseId: string, limit: number): readonly ReportAndOutcome[] {
  const query = select().where('case_id', '=', caseId).orderBy('observed_at', 'desc').orderBy('seq', 'desc');
  return read.all(query.limit(limit)).map(withOutcome);
}

export function reportsOfLine(
  read: Connection,
  line: { readonly lineId: string; readonly epoch: number; readonly fromAt: number; readonly toAt: number },
): readonly Report[] {
  return read.allSql<ReportRow>(OF_LINE, [line.lineId, line.epoch, line.fromAt, line.toAt]).map(toReport);
}

function withOutcome(row: ReportRow): ReportAndOutcome {
  if (row.state !== 'decided') return { report: toReport(row) };
  const outcome: ReportOutcome = {
    reportId: row.id,
    attribution: row.attribution!,
    attributionReason: row.attribution_reason!,
    ...(row.line_id === null ? {} : { lineId: row.line_id }),
    ...(row.epoch === null ? {} : { epoch: row.epoch }),
    ...(row.case_id === null ? {} : { caseId: row.case_id }),
    decision: row.decision!,
    reason: row.reason!,
    evidence: JSON.parse(row.outcome_evidence!) as Json,
  };
  return { report: toReport(row), outcome };
}

function toReport(row: ReportRow): Report {
  return {
    id: row.id,
    source: row.source,
    type: row.type,
    class: row.class as ReportClass,
    mayAct: row.may_act === 1,
    family: row.family,
    ip: storedIp(row.ip),
    ...(row.port === null ? {} : { port: row.port }),
    ...(row.protocol === null ? {} : { protocol: row.protocol as 'tcp' | 'udp' | 'icmp' }),
    ...(row.destination_ip === null ? {} : { destinationIp: storedIp(row.destination_ip) }),
    ...(row.destination_port === null ? {} : { destinationPort: row.destination_port }),
    observedAt: row.observed_at,
    ...(row.until_at === null ? {} : { untilAt: row.until_at }),
    precisionMs: row.precision_ms,
    evidence: { hash: row.evidence_hash, line: row.evidence_line },
    extra: JSON.parse(row.extra) as Record<string, string>,
  };
}

function storedIp(text: string): Ip {
  const ip = parseIp(text);
  if (ip === undefined) throw new Error(`the store holds a bad address: ${text}`);
  return ip;
}

const FILE = ['hash', 'source', 'name', 'received_at', 'bytes', 'state', 'reason', 'removed_at'] as const;

export function evidenceFiles(
  read: Connection,
  query: { readonly state?: 'accepted' | 'parked'; readonly hash?: string; readonly limit: number },
): readonly EvidenceFile[] {
  let rows = sql.selectFrom('evidence_file').select(FILE).orderBy('received_at', 'desc').orderBy('hash');
  if (query.state !== undefined) rows = rows.where('state', '=', query.state);
  if (query.hash !== undefined) rows = rows.where('hash', '=', query.hash);
  return read.all(rows.limit(query.limit)).map((row) => ({
    hash: row.hash,
    source: row.source,
    name: row.name,
    receivedAt: row.received_at,
    bytes: row.bytes,
    state: row.state as EvidenceFile['state'],
    ...(row.reason === null ? {} : { reason: row.reason }),
  }));
}

export function refusedRows(read: Connection, hash: string, limit: number): readonly RefusedRow[] {
  const rows = sql.selectFrom('refused_row').select(['line', 'code', 'text']).where('evidence_hash', '=', hash);
  return read.all(rows.orderBy('line').limit(limit));
}
