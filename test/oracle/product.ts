// The real thing: store, bindings, translations and attributor as compose.ts puts them together, on a file in memory, with a clock
// that the oracle sets.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteBindings } from '../../src/adapters/store/sqlite/bindings.ts';
import { loadKeys } from '../../src/adapters/store/sqlite/keys.ts';
import { openStore, type SqliteStore } from '../../src/adapters/store/sqlite/store.ts';
import { SqliteTranslations } from '../../src/adapters/store/sqlite/translations.ts';
import type { Line } from '../../src/core/line/line.ts';
import type { SharingRules } from '../../src/core/line/sharing/rules.ts';
import type { Prefix } from '../../src/core/net/prefix.ts';
import { Attributor } from '../../src/flow/attribute.ts';
import { diffLines } from '../../src/protocols/lines-csv/diff.ts';
import type { LinesFile } from './customers.ts';
import type { Feeding } from './mutilator.ts';

export interface Product {
  readonly attributor: Attributor;
  readonly bindings: SqliteBindings;
  readonly translations: SqliteTranslations;
  /** The whole file as the command imports it, at the clock's time. */
  importLines(file: LinesFile): Promise<void>;
  setClock(at: number): void;
  close(): Promise<void>;
}

export async function openProduct(options: {
  readonly sharing: SharingRules;
  readonly feeding: Feeding;
  readonly shared: readonly Prefix[];
}): Promise<Product> {
  // Memory where there is some: an fsync per batch is not what is tried here.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'engawa-oracle-'));
  let now = 0;
  const clock = { now: () => now };
  const store = openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')), now: clock.now });
  const { database } = store;
  const { interimMs, translatorSkewMs } = options.feeding;
  const bindings = new SqliteBindings({
    database,
    clock,
    interim: { of: () => interimMs, widestMs: interimMs },
    reserved: [],
    retentionDays: 30,
  });
  const sourceOf = (source: string) => {
    const repeats = options.feeding.logInterims.get(source);
    return { skewMs: translatorSkewMs, ...(repeats === undefined ? {} : { interimMs: repeats }) };
  };
  const translations = new SqliteTranslations({ database, clock, sourceOf, retentionDays: 30 });
  const attributor = new Attributor({
    store,
    bindings,
    translations,
    sharing: () => options.sharing,
    clock,
    ranges: { ours: [], infrastructure: [], shared: options.shared },
    realm: 'main',
  });
  return {
    attributor,
    bindings,
    translations,
    importLines: (file) => importLines(store, bindings, { file, now }),
    setClock: (at) => {
      now = at;
    },
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
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
