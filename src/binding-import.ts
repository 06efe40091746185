// A log file that somebody hands in later: lines of a translator, or a lease file or forensic log of Kea, recorded as if they had been
// heard. It claims a span only where
// somebody says that nothing is missing between its first record and its last; taken in twice it changes nothing. Part of the wiring.
import { setImmediate as turn } from 'node:timers/promises';
import { LeaseBook } from './adapters/sessions/kea/lease-book.ts';
import { eventsOfLine } from './adapters/translations/syslog/lines.ts';
import { lineSourceOf } from './binding-sources.ts';
import type { Engine } from './compose.ts';
import type { KeaConfig, TranslatorConfig } from './config/translators.ts';
import type { Instant } from './core/kernel/time.ts';
import type { SessionRecord } from './core/line/accounting.ts';
import type { TranslationEvent } from './core/line/translation.ts';
import { OperationRefused } from './flow/operations.ts';
import { readLeaseHeader, readLeaseRow } from './protocols/kea/lease-csv.ts';
import { readLegalLine } from './protocols/kea/legal-log.ts';

export interface BindingFile {
  readonly source: string;
  readonly bytes: Uint8Array;
  /** When it ends: names the year of lines that write none. */
  readonly untilAt: Instant;
  /** Of a translator: somebody vouches that nothing is missing between its first record and its last. */
  readonly isComplete?: boolean;
}

export interface Imported {
  readonly lines: number;
  /** Events or session records that are durable. */
  readonly stored: number;
  /** Older than the retention, or in the future. */
  readonly outside: number;
  readonly refused: Readonly<Record<string, number>>;
  /** The span for which it answers now: not where a line could not be read that may have been a record. */
  readonly span?: { readonly fromAt: Instant; readonly toAt: Instant };
}

const BATCH_LIMIT = 2_000;

export async function importBindings(
  engine: Engine,
  file: BindingFile,
  progress: (lines: number) => void,
): Promise<Imported> {
  const translator = engine.config.translators.find(({ name }) => name === file.source);
  if (translator?.kind === 'syslog') return importLog(engine, translator, file, progress);
  const dhcp = engine.config.dhcp.find(({ name }) => name === file.source);
  if (dhcp !== undefined) return importLeases(engine, dhcp, file, progress);
  throw new OperationRefused({
    kind: 'usage',
    code: 'source-has-no-file',
    text: `«${file.source}» sends IPFIX, and no file of it is read here`,
  });
}

class Tally {
  lines = 0;
  stored = 0;
  outside = 0;
  readonly refused: Record<string, number> = {};

  refuse(code: string): void {
    this.refused[code] = (this.refused[code] ?? 0) + 1;
  }

  add(result: { readonly stored: number; readonly outside: number }): void {
    this.stored += result.stored;
    this.outside += result.outside;
  }
}

type SyslogConfig = Extract<TranslatorConfig, { kind: 'syslog' }>;

async function importLog(
  { translations }: Engine,
  one: SyslogConfig,
  file: BindingFile,
  progress: (lines: number) => void,
): Promise<Imported> {
  const [source, tally] = [lineSourceOf(one), new Tally()];
  const span = { fromAt: Number.POSITIVE_INFINITY, toAt: Number.NEGATIVE_INFINITY };
  let batch: TranslationEvent[] = [];
  for (const line of linesOf(file.bytes)) {
    tally.lines++;
    const { events, refused } = eventsOfLine(line, source, { source: one.name, nearAt: file.untilAt });
    for (const code of refused) tally.refuse(code);
    for (const event of events) {
      span.fromAt = Math.min(span.fromAt, event.at);
      span.toAt = Math.max(span.toAt, event.at);
      batch.push(event);
    }
    if (batch.length < BATCH_LIMIT) continue;
    tally.add(await translations.record({ events: batch, heard: [] }));
    batch = [];
    progress(tally.lines);
    await turn();
  }
  const isWhole = Object.keys(tally.refused).every((code) => code === 'not-a-binding' || code === 'other-protocol');
  const claims = file.isComplete === true && isWhole && span.fromAt < span.toAt;
  const heard = claims ? [{ source: one.name, ...span }] : [];
  // With the last records, so that it never speaks of what is not there.
  tally.add(await translations.record({ events: batch, heard }));
  return { ...tally, ...(claims ? { span } : {}) };
}

async function importLeases(
  { bindings, reserved }: Engine,
  one: KeaConfig,
  file: BindingFile,
  progress: (lines: number) => void,
): Promise<Imported> {
  const { name, realm, accessKey, format } = one;
  const [book, tally] = [new LeaseBook({ name, realm, accessKey, reserved }), new Tally()];
  const zones = new Map(Object.entries(one.zoneNames));
  let columns: ReadonlyMap<string, number> | undefined;
  let batch: SessionRecord[] = [];
  const flush = async () => {
    if (batch.length > 0) tally.add(await bindings.record(batch));
    batch = [];
  };
  for (const line of linesOf(file.bytes)) {
    tally.lines++;
    const header = format === 'leases' ? readLeaseHeader(line) : undefined;
    columns = header ?? columns;
    if (header !== undefined) continue;
    const fact =
      format === 'legal-log'
        ? readLegalLine(line, zones)
        : columns === undefined
          ? ({ ok: false, error: 'header-missing' } as const)
          : readLeaseRow(line, columns);
    if (fact.ok) batch.push(...book.take(fact.value, undefined));
    else tally.refuse(fact.error);
    if (batch.length < BATCH_LIMIT) continue;
    await flush();
    progress(tally.lines);
    await turn();
  }
  batch.push(...book.expired(file.untilAt));
  await flush();
  for (const [code, count] of Object.entries(book.counts())) if (code !== 'records') tally.refused[code] = count;
  return { ...tally };
}

/** Without building all of them at once. */
function* linesOf(bytes: Uint8Array): Generator<string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let from = 0; from < buffer.length; ) {
    const end = buffer.indexOf(10, from);
    const line = buffer.toString('utf8', from, end < 0 ? buffer.length : end).replace(/\r$/, '');
    if (line !== '') yield line;
    if (end < 0) return;
    from = end + 1;
  }
}
