// The real thing: store, bindings, translations and attributor as compose.ts puts them together, on a file in memory, with a clock
// that the oracle sets.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteBindings } from '../../src/adapters/store/sqlite/bindings.ts';
import { loadKeys } from '../../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../../src/adapters/store/sqlite/store.ts';
import { SqliteTranslations } from '../../src/adapters/store/sqlite/translations.ts';
import type { AccountingRecord } from '../../src/core/line/accounting.ts';
import type { Attribution } from '../../src/core/line/attribution.ts';
import type { Line } from '../../src/core/line/line.ts';
import type { SharingRules } from '../../src/core/line/sharing/rules.ts';
import type { Prefix } from '../../src/core/net/prefix.ts';
import type { Report } from '../../src/core/report/report.ts';
import { Attributor } from '../../src/flow/attribute.ts';
import { diffLines } from '../../src/protocols/lines-csv/diff.ts';
import type { LinesFile } from './customers.ts';
import type { Feeding } from './mutilator.ts';

export interface ProductOptions {
  readonly sharing: SharingRules;
  readonly feeding: Feeding;
  readonly shared: readonly Prefix[];
  /** Of the newest days in memory; 0 = every look-up asks SQLite. */
  readonly hotBytes: number;
}

interface Parts {
  readonly bindings: SqliteBindings;
  readonly translations: SqliteTranslations;
  readonly attributor: Attributor;
}

export class Product {
  readonly #options: ProductOptions;
  readonly #folder: string;
  readonly #store: SqliteStore;
  readonly #clock: { now: () => number };
  #now = 0;
  #parts: Parts;

  constructor(options: ProductOptions) {
    this.#options = options;
    // Memory where there is some: an fsync per batch is not what is tried here.
    this.#folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'engawa-oracle-'));
    this.#clock = { now: () => this.#now };
    const keys = loadKeys(join(this.#folder, 'keys'));
    this.#store = openStore({ path: join(this.#folder, 'engawa.db'), keys, now: this.#clock.now });
    this.#parts = this.#assemble();
  }

  #assemble(): Parts {
    const { sharing, feeding, shared, hotBytes } = this.#options;
    const { interimMs, translatorSkewMs, logInterims } = feeding;
    const common = { database: this.#store.database, clock: this.#clock, retentionDays: 30 };
    const interim = { of: () => interimMs, widestMs: interimMs };
    const bindings = new SqliteBindings({ ...common, interim, reserved: [], hotBytes });
    const sourceOf = (source: string) => {
      const repeats = logInterims.get(source);
      return { skewMs: translatorSkewMs, ...(repeats === undefined ? {} : { interimMs: repeats }) };
    };
    const translations = new SqliteTranslations({ ...common, sourceOf });
    const attributor = new Attributor({
      store: this.#store,
      ...{ bindings, translations, sharing: () => sharing, clock: this.#clock, realm: 'main' },
      ranges: { ours: [], infrastructure: [], shared },
    });
    return { bindings, translations, attributor };
  }

  setClock(at: number): void {
    this.#now = at;
  }

  async record(
    accounting: readonly AccountingRecord[],
    log: Parameters<SqliteTranslations['record']>[0],
  ): Promise<void> {
    await this.#parts.bindings.record(accounting);
    await this.#parts.translations.record(log);
  }

  async attribute(report: Report, arrivedAt: number): Promise<Attribution> {
    return (await this.#parts.attributor.attribute(report, arrivedAt)).attribution;
  }

  /** The whole file as the command imports it, at the clock's time. */
  importLines(file: LinesFile): Promise<void> {
    return importLines(this.#store, this.#parts.bindings, { file, now: this.#now });
  }

  /** As after a restart of the service: what was only in memory is gone. */
  async restart(): Promise<void> {
    await this.#parts.bindings.close();
    this.#parts = this.#assemble();
    await this.#parts.bindings.warm();
  }

  async close(): Promise<void> {
    await this.#parts.bindings.close();
    await this.#store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function importLines(
  store: SqliteStore,
  bindings: SqliteBindings,
  { file, now }: { readonly file: LinesFile; readonly now: number },
): Promise<void> {
  const current = new Map<string, Line>();
  for await (const one of store.allLines()) current.set(one.id, one);
  const lines = file.lines.map((values, i) => ({ row: i + 2, values }));
  const columns = new Set([
    'line_id',
    'access_key',
    'customer_no',
    'class',
    'protected',
    'static_prefixes',
    'contract',
  ] as const);
  const diff = diffLines(current, { columns, lines }, { now });
  if (!diff.ok) throw new Error(`the oracle's own lines do not import: ${JSON.stringify(diff.error)}`);
  const { added, changed, newEpoch, removed } = diff.value;
  await store.commit({ lines: [...removed, ...changed.map((one) => one.line), ...newEpoch, ...added] });
  await bindings.refreshStatic(store.allLines());
}
