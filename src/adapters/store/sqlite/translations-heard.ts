// For which spans each translation source was heard without a gap: in memory whole, durable beside the records they vouch for.
import type { Instant } from '../../../core/kernel/time.ts';
import type { CoverageSpan } from '../../../core/line/translation.ts';
import type { BindingNames } from './bindings-names.ts';
import type { Connection } from './database.ts';

export class HeardSpans {
  readonly #names: BindingNames;
  readonly #spans = new Map<string, CoverageSpan[]>();

  constructor(read: Connection, names: BindingNames) {
    this.#names = names;
    const rows = read.allSql<{ source: number; from_at: number; to_at: number }>(
      'SELECT source, from_at, to_at FROM nat_heard ORDER BY source, from_at',
    );
    for (const row of rows) {
      const source = names.nameOf(row.source);
      this.#own(source).push({ source, fromAt: row.from_at, toAt: row.to_at });
    }
  }

  /** Ascending and apart. */
  of(source: string): readonly CoverageSpan[] {
    return this.#spans.get(source) ?? [];
  }

  /** Spans that meet become one; an empty or backward one says nothing. */
  add(tx: Connection, span: CoverageSpan): void {
    if (!(span.toAt >= span.fromAt)) return;
    const own = this.#own(span.source);
    const meeting = own.filter((one) => one.fromAt <= span.toAt && one.toAt >= span.fromAt);
    const fromAt = Math.min(span.fromAt, ...meeting.map((one) => one.fromAt));
    const toAt = Math.max(span.toAt, ...meeting.map((one) => one.toAt));
    const id = this.#names.idOf(tx, span.source);
    for (const one of meeting)
      if (one.fromAt !== fromAt) tx.runSql('DELETE FROM nat_heard WHERE source = ? AND from_at = ?', [id, one.fromAt]);
    tx.runSql('INSERT INTO nat_heard VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET to_at = excluded.to_at', [
      id,
      fromAt,
      toAt,
    ]);
    const rest = own.filter((one) => !meeting.includes(one));
    this.#spans.set(
      span.source,
      [...rest, { source: span.source, fromAt, toAt }].sort((a, b) => a.fromAt - b.fromAt),
    );
  }

  dropBefore(tx: Connection, at: Instant): void {
    tx.runSql('DELETE FROM nat_heard WHERE to_at < ?', [at]);
    for (const [source, spans] of this.#spans)
      this.#spans.set(
        source,
        spans.filter((one) => one.toAt >= at),
      );
  }

  #own(source: string): CoverageSpan[] {
    const known = this.#spans.get(source) ?? [];
    this.#spans.set(source, known);
    return known;
  }
}
