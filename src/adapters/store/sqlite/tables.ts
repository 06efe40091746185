// The tables of schema.ts as types, for the query builder. Rows stay inside this folder; ports see core values.
import { queryBuilder } from './database.ts';

export interface CaseRow {
  id: string;
  version: number;
  line_id: string;
  epoch: number;
  family: string;
  check_code: string;
  state: string;
  open: number;
  access: string;
  opened_at: number;
  closed_at: number | null;
  folded: string;
}

export interface ReportRow {
  seq: number;
  id: string;
  source: string;
  type: string;
  class: string;
  may_act: number;
  family: string;
  ip: string;
  port: number | null;
  protocol: string | null;
  destination_ip: string | null;
  destination_port: number | null;
  observed_at: number;
  until_at: number | null;
  precision_ms: number;
  evidence_hash: string;
  evidence_line: number;
  extra: string;
  accepted_at: number;
  state: string;
  attribution: string | null;
  attribution_reason: string | null;
  line_id: string | null;
  epoch: number | null;
  case_id: string | null;
  decision: string | null;
  reason: string | null;
  outcome_evidence: string | null;
}

export interface LineRow {
  id: string;
  epoch: number;
  access_key: string;
  customer_no: string;
  class: string;
  protected: number;
  static_prefixes: string;
  realm: string;
  email: string | null;
  phone: string | null;
  language: string | null;
  terms_version: string | null;
  contract: string;
  epoch_started_at: number;
}

export interface EvidenceFileRow {
  hash: string;
  source: string;
  name: string;
  received_at: number;
  bytes: number;
  state: string;
  reason: string | null;
  removed_at: number | null;
}

export interface EnforcementRow {
  gateway: string;
  line_id: string;
  prefix: string;
  access: string;
  intent_at: number;
  acked_at: number | null;
  confirmed_at: number | null;
  failure: string | null;
}

export interface MessageRow {
  id: string;
  case_id: string;
  line_id: string;
  channel: string;
  template: string;
  language: string;
  due_at: number;
  attempts: number;
  state: string;
}

export interface Tables {
  case_file: CaseRow;
  case_event: { case_id: string; version: number; at: number; actor: string; event: string };
  report: ReportRow;
  refused_row: { evidence_hash: string; line: number; code: string; text: string };
  evidence_file: EvidenceFileRow;
  line: LineRow;
  line_epoch: { line_id: string; epoch: number; started_at: number };
  enforcement: EnforcementRow;
  timer: { kind: string; key: string; due_at: number };
  setting: { key: string; value: string };
  page: { hash: string; html: Uint8Array; kept_at: number };
  message: MessageRow;
  token_used: { id: string; expires_at: number };
  journal_id: { id: string };
  audit: { sequence: number; at: number; action: string; case_id: string | null; entry: string };
  checkpoint: { size: number; at: number; note: string };
  identity: { name: string; value: string };
}

export const sql = queryBuilder<Tables>();
