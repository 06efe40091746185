// What the flow has in hand: enforcement records, timers, settings, kept pages, messages, used tokens, journal ids.
import { hash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Access } from '../../../core/garden/access.ts';
import { formatKey } from '../../../core/garden/key.ts';
import type { EnforcementRecord, Json, OutboundMessage, Timer } from '../../../flow/ports.ts';
import { Refusal } from './case-rows.ts';
import type { Connection } from './database.ts';
import { storedKey } from './line-rows.ts';
import { sql } from './tables.ts';

const PUT_ENFORCEMENT = `INSERT INTO enforcement (gateway, line_id, prefix, access, intent_at, acked_at, confirmed_at, failure)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (line_id, gateway, prefix) DO UPDATE SET access = excluded.access,
  intent_at = excluded.intent_at, acked_at = excluded.acked_at, confirmed_at = excluded.confirmed_at,
  failure = excluded.failure`;
const PUT_MESSAGE = `INSERT INTO message (id, case_id, line_id, channel, template, language, due_at, attempts, state)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at,
  attempts = excluded.attempts, state = excluded.state`;

export function putEnforcement(tx: Connection, record: EnforcementRecord): void {
  const { gateway, lineId, prefix, access, intentAt, ackedAt, confirmedAt, failure } = record;
  const proof = [ackedAt ?? null, confirmedAt ?? null, failure ?? null];
  tx.runSql(PUT_ENFORCEMENT, [gateway, lineId, formatKey(prefix), access, intentAt, ...proof]);
}

export function enforcementOf(read: Connection, lineId: string): readonly EnforcementRecord[] {
  const query = sql
    .selectFrom('enforcement')
    .select(['gateway', 'prefix', 'access', 'intent_at', 'acked_at', 'confirmed_at', 'failure'])
    .where('line_id', '=', lineId);
  return read.all(query.orderBy('gateway').orderBy('prefix')).map((row) => ({
    gateway: row.gateway,
    lineId,
    prefix: storedKey(row.prefix),
    access: row.access as Access,
    intentAt: row.intent_at,
    ...(row.acked_at === null ? {} : { ackedAt: row.acked_at }),
    ...(row.confirmed_at === null ? {} : { confirmedAt: row.confirmed_at }),
    ...(row.failure === null ? {} : { failure: row.failure }),
  }));
}

export function armTimer(tx: Connection, timer: Timer): void {
  tx.runSql(
    'INSERT INTO timer (kind, key, due_at) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET due_at = excluded.due_at',
    [timer.kind, timer.key, timer.dueAt],
  );
}

export function disarmTimer(tx: Connection, timer: { readonly kind: string; readonly key: string }): void {
  tx.runSql('DELETE FROM timer WHERE kind = ? AND key = ?', [timer.kind, timer.key]);
}

export function dueTimers(read: Connection, now: number, limit: number): readonly Timer[] {
  const rows = sql.selectFrom('timer').select(['kind', 'key', 'due_at as dueAt']).where('due_at', '<=', now);
  return read.all(rows.orderBy('due_at').orderBy('kind').orderBy('key').limit(limit));
}

export function putSetting(tx: Connection, key: string, value: Json): void {
  tx.runSql('INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [
    key,
    JSON.stringify(value),
  ]);
}

export function readSetting(read: Connection, key: string): Json | undefined {
  const row = read.first(sql.selectFrom('setting').select('value').where('key', '=', key));
  return row && (JSON.parse(row.value) as Json);
}

/** Throws when the page is not the one its hash stands for: a consent would then point at another text. */
export function putPage(tx: Connection, page: { readonly hash: string; readonly html: string }, keptAt: number): void {
  if (hash('sha256', page.html) !== page.hash) throw new Error(`page ${page.hash} has another SHA-256`);
  const keep =
    'INSERT INTO page (hash, html, kept_at) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET kept_at = excluded.kept_at';
  tx.runSql(keep, [page.hash, zstdCompressSync(page.html), keptAt]);
}

export function readPage(read: Connection, pageHash: string): string | undefined {
  const row = read.first(sql.selectFrom('page').select('html').where('hash', '=', pageHash));
  return row && zstdDecompressSync(row.html).toString();
}

export function putMessage(tx: Connection, message: OutboundMessage): void {
  const { id, caseId, lineId, channel, template, language, dueAt, attempts, state } = message;
  tx.runSql(PUT_MESSAGE, [id, caseId, lineId, channel, template, language, dueAt, attempts, state]);
}

const DUE_MESSAGES = `SELECT id, case_id AS caseId, line_id AS lineId, channel, template, language, due_at AS dueAt, attempts,
  state FROM message WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?`;

export function dueMessages(read: Connection, now: number, limit: number): readonly OutboundMessage[] {
  return read.allSql<OutboundMessage>(DUE_MESSAGES, [now, limit]).map((row) => ({ ...row }));
}

export function useToken(tx: Connection, token: { readonly id: string; readonly expiresAt: number }): void {
  const used = tx.runSql('INSERT INTO token_used (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING', [
    token.id,
    token.expiresAt,
  ]);
  if (used === 0) throw new Refusal({ kind: 'token-used' });
}

/** True when at least one of them was new. */
export function takeJournalIds(tx: Connection, ids: readonly string[]): boolean {
  let fresh = 0;
  for (const id of ids) fresh += tx.runSql('INSERT INTO journal_id (id) VALUES (?) ON CONFLICT (id) DO NOTHING', [id]);
  return fresh > 0;
}
