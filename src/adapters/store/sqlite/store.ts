// The Store port on SQLite: hands each call to the rows module that knows the table. No rule lives here.

import { err, ok, type Result } from '../../../core/kernel/result.ts';
import type { Instant } from '../../../core/kernel/time.ts';
import type { Line } from '../../../core/line/line.ts';
import type { RefusedRow, Report } from '../../../core/report/report.ts';
import type { CaseQuery, Change, CommitError, DeskQuery, EvidenceFile, Store } from '../../../flow/ports.ts';
import { formatNoteKey } from '../../../protocols/tlog/note.ts';
import { auditOfCase, signHead, writeCheckpoint } from './audit-rows.ts';
import * as cases from './case-rows.ts';
import { checkTables } from './check-tables.ts';
import { applyChange } from './commit.ts';
import { type Connection, Database } from './database.ts';
import * as desk from './desk-rows.ts';
import { refuseUsedFolder, writeExport } from './export.ts';
import { keyed, type StoreKeys } from './keys.ts';
import { LineCache } from './line-cache.ts';
import * as lines from './line-rows.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { purge, type RawFiles, RETENTION, type Retention } from './purge.ts';
import * as reports from './report-rows.ts';
import { sql } from './tables.ts';
import * as work from './work-rows.ts';

export interface StoreOptions {
  readonly path: string;
  readonly keys: StoreKeys;
  /** Stamps kept pages and the checkpoint at close; default: the machine's clock. */
  readonly now?: () => Instant;
  readonly retention?: Partial<Retention>;
  /** Where purge() removes raw files from; without it they stay, and so do their rows. */
  readonly evidence?: RawFiles;
}

/** Reports per transaction: about 20 ms of the event loop, and one fsync. */
const REPORTS_PER_WRITE = 1000;

/** Throws when the file is damaged, newer than this code, or was written with other keys. */
export function openStore(options: StoreOptions): SqliteStore {
  const database = Database.open(options.path);
  try {
    migrate(database, MIGRATIONS);
    database.migrate((tx) => {
      for (const [name, value] of identity(options.keys)) {
        tx.runSql('INSERT INTO identity (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING', [name, value]);
        if (tx.first(sql.selectFrom('identity').select('value').where('name', '=', name))?.value !== value)
          throw new Error(`the store was written with another ${name}; next: put its key file back`);
      }
    });
  } catch (cause) {
    void database.close();
    throw cause;
  }
  return new SqliteStore(database, options);
}

function identity(keys: StoreKeys): readonly (readonly [string, string])[] {
  return [
    ['audit signing key', formatNoteKey(keys.note)],
    ['pseudonym key', keyed(keys, 'identity', '')],
  ];
}

export class SqliteStore implements Store {
  /** Shared with the bindings, so that both have one writer and one group commit. */
  readonly database: Database;
  readonly #keys: StoreKeys;
  readonly #now: () => Instant;
  readonly #retention: Retention;
  readonly #lines = new LineCache();
  readonly #evidence: RawFiles | undefined;
  #closing: Promise<void> | undefined;

  constructor(database: Database, options: StoreOptions) {
    this.database = database;
    this.#keys = options.keys;
    this.#now = options.now ?? Date.now;
    this.#retention = { ...RETENTION, ...options.retention };
    this.#evidence = options.evidence;
  }

  async commit(change: Change): Promise<Result<{ readonly auditSequence: number }, CommitError>> {
    const context = { keys: this.#keys, now: this.#now() };
    try {
      const write = (tx: Connection) => {
        // Nobody reads between here and the commit: a transaction is one turn of the event loop.
        if ((change.lines ?? []).length > 0) this.#lines.forget();
        return applyChange(tx, change, context);
      };
      return ok({ auditSequence: await this.database.write(write) });
    } catch (error) {
      if (error instanceof cases.Refusal) return err(error.answer);
      throw error;
    }
  }

  async acceptReports(file: EvidenceFile, rows: readonly Report[], refused: readonly RefusedRow[]) {
    const accepted: string[] = [];
    for (let from = 0; from === 0 || from < rows.length; from += REPORTS_PER_WRITE) {
      const part = rows.slice(from, from + REPORTS_PER_WRITE);
      const fresh = await this.database.write((tx) => {
        // The file is on record only with its last rows: a crash before that leaves a file to take in again.
        if (from + REPORTS_PER_WRITE >= rows.length) {
          reports.putRefused(tx, file.hash, refused);
          reports.putFile(tx, file);
        }
        return reports.putReports(tx, part, file.receivedAt);
      });
      for (const id of fresh) accepted.push(id);
    }
    return { accepted, duplicates: rows.length - accepted.length };
  }

  pendingReports = async (limit: number) => reports.pendingReports(this.database.read, limit);
  report = async (id: string) => reports.readReport(this.database.read, id);
  reportsOfCase = async (caseId: string, limit: number) => reports.reportsOfCase(this.database.read, caseId, limit);
  refusedRows = async (hash: string, limit: number) => reports.refusedRows(this.database.read, hash, limit);
  evidenceFile = async (hash: string) => reports.evidenceFiles(this.database.read, { hash, limit: 1 })[0];

  unresolved = async (query: DeskQuery) => desk.unresolvedIds(this.database.read, query);
  unresolvedCounts = async () => desk.unresolvedCounts(this.database.read);

  async reportsResting(on: Parameters<Store['reportsResting']>[0], limit: number) {
    const ids = desk.restingOn(this.database.read, on, limit);
    return ids.map((id) => reports.readReport(this.database.read, id)).filter((one) => one !== undefined);
  }

  async reportsOfLine(lineId: string, epoch: number, fromAt: Instant, toAt: Instant) {
    return reports.reportsOfLine(this.database.read, { lineId, epoch, fromAt, toAt });
  }

  async evidenceFiles(query: { readonly state?: 'accepted' | 'parked'; readonly limit: number }) {
    return reports.evidenceFiles(this.database.read, query);
  }

  line = async (id: string) => lines.readLine(this.database.read, id);

  async lineByAccessKey(accessKey: string) {
    return this.#lines.line(accessKey, () => lines.lineByAccessKey(this.database.read, accessKey));
  }

  lineCount = async () => lines.lineCount(this.database.read);
  lineEpochs = async (lineId: string) => lines.epochsOf(this.database.read, lineId);

  async linesBy(query: { readonly customerNo?: string; readonly phone?: string }) {
    return lines.linesBy(this.database.read, query);
  }

  async *allLines(): AsyncGenerator<Line> {
    for (let after = ''; ; ) {
      const page = lines.linesAfter(this.database.read, after, 1000);
      if (page.length === 0) return;
      yield* page;
      after = page.at(-1)!.id;
    }
  }

  case = async (id: string) => cases.readCase(this.database.read, id);
  caseEvents = async (id: string) => cases.readEvents(this.database.read, id);
  cases = async (query: CaseQuery) => cases.findCases(this.database.read, query);
  openCaseCounts = async () => cases.openCaseCounts(this.database.read);
  wantedLines = async () => cases.wantedLines(this.database.read);

  async openCasesOfLine(lineId: string, epoch: number) {
    return cases.casesOfLine(this.database.read, { lineId, epoch }, true);
  }

  async casesOfLine(lineId: string, epoch: number) {
    return cases.casesOfLine(this.database.read, { lineId, epoch }, false);
  }

  enforcement = async (lineId: string) => work.enforcementOf(this.database.read, lineId);
  dueTimers = async (now: Instant, limit: number) => work.dueTimers(this.database.read, now, limit);
  setting = async (key: string) => work.readSetting(this.database.read, key);
  page = async (hash: string) => work.readPage(this.database.read, hash);
  dueMessages = async (now: Instant, limit: number) => work.dueMessages(this.database.read, now, limit);

  async checkpoint(now: Instant) {
    const { size, root } = await this.database.write((tx) => writeCheckpoint(tx, this.#keys, now));
    return { size, root };
  }

  async exportAudit(directory: string, now: Instant) {
    await refuseUsedFolder(directory);
    await this.checkpoint(now);
    // Signed again over what the view holds: entries may have come in between.
    return this.database.snapshot(async (view) => {
      const head = signHead(view, this.#keys);
      await writeExport(view, directory, { keys: this.#keys, head });
      return { size: head.size, root: head.root };
    });
  }

  auditOfCase = async (caseId: string) => auditOfCase(this.database.read, caseId);

  auditTables() {
    return this.database.snapshot((view) => checkTables(view, this.#keys));
  }

  purge(now: Instant) {
    const evidence = this.#evidence === undefined ? {} : { evidence: this.#evidence };
    return purge(this.database, now, { keys: this.#keys, retention: this.#retention, ...evidence }).finally(() =>
      this.#lines.forget(),
    );
  }

  /** Signs what was not signed yet, then closes. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.checkpoint(this.#now());
    await this.database.close();
  }
}
