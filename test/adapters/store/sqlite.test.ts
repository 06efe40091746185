// The contract of the store on SQLite, and what only this technology promises.
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openEvidence } from '../../../src/adapters/evidence/files/evidence.ts';
import { WANTED } from '../../../src/adapters/store/sqlite/case-rows.ts';
import { loadKeys } from '../../../src/adapters/store/sqlite/keys.ts';
import { MIGRATIONS } from '../../../src/adapters/store/sqlite/migrations.ts';
import { RULES } from '../../../src/adapters/store/sqlite/purge.ts';
import { openStore, type SqliteStore, type StoreOptions } from '../../../src/adapters/store/sqlite/store.ts';
import { DAY } from '../../../src/core/kernel/time.ts';
import { storeContract } from '../../contract/store.ts';
import { append, closed, draft, NOW, openCase, sampleFile } from '../../contract/store-samples.ts';

// Real files and real fsyncs: milliseconds, but not on a machine whose disk is busy with something else.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

storeContract('SQLite', async (folder) =>
  openStore({ path: join(folder, 'engawa.db'), keys: loadKeys(join(folder, 'keys')), now: () => NOW }),
);

let folder: string;
let store: SqliteStore;
const path = () => join(folder, 'engawa.db');
const open = (options: Partial<StoreOptions> = {}) =>
  openStore({ path: path(), keys: loadKeys(join(folder, 'keys')), now: () => NOW, ...options });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engawa-sqlite-'));
  store = open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

describe('SQLite: opening', () => {
  test('a schema newer than the code is refused, and the file stays as it was', async () => {
    await store.close();
    const raw = new DatabaseSync(path());
    raw.exec('PRAGMA user_version = 999');
    raw.close();
    expect(() => open()).toThrow('schema 999');
    const again = new DatabaseSync(path());
    expect(again.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 999 });
    again.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    again.close();
    store = open();
  });

  test('other keys than those the log was written with are refused: a lost key file is never replaced in silence', async () => {
    await store.close();
    for (const key of ['audit-signing.pem', 'pseudonym.key']) {
      await rename(join(folder, 'keys', key), join(folder, key));
      expect(() => open()).toThrow('put its key file back');
      await rename(join(folder, key), join(folder, 'keys', key));
    }
    store = open();
  });

  test('keys and database are readable by their owner alone; keys that others may read are refused', async () => {
    for (const file of ['engawa.db', 'keys/audit-signing.pem', 'keys/pseudonym.key'])
      expect((await stat(join(folder, file))).mode & 0o077, file).toBe(0);
    await chmod(join(folder, 'keys/pseudonym.key'), 0o644);
    expect(() => loadKeys(join(folder, 'keys'))).toThrow('others may read it');
    await chmod(join(folder, 'keys/pseudonym.key'), 0o600);
  });

  test('what is acknowledged was synced: WAL with an fsync for each transaction', async () => {
    const settings = await store.database.write((tx) => [
      ...tx.allSql('PRAGMA journal_mode'),
      ...tx.allSql('PRAGMA synchronous'),
    ]);
    expect(settings).toMatchObject([{ journal_mode: 'wal' }, { synchronous: 2 }]);
  });

  test('every table is STRICT', () => {
    const loose = store.database.read.allSql<{ name: string }>(
      "SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
    );
    expect(loose).toEqual([]);
  });

  test('a purge finds the rows of the large tables by an index', () => {
    for (const { kind, statement } of RULES.filter((rule) => ['reports', 'tokens', 'pages'].includes(rule.kind))) {
      const plan = store.database.read.allSql<{ detail: string }>(`EXPLAIN QUERY PLAN ${statement}`, [0, 1]);
      expect(
        plan.filter((row) => row.detail.startsWith('SCAN')),
        kind,
      ).toEqual([]);
    }
  });

  test('the wanted state is answered from its own index, without a look at closed cases', () => {
    const plan = store.database.read.allSql<{ detail: string }>(`EXPLAIN QUERY PLAN ${WANTED}`);
    expect(plan.map((row) => row.detail)).toEqual(['SCAN case_file USING COVERING INDEX case_wanted']);
  });
});

describe('SQLite: group commit', () => {
  test('a failing change takes nobody of its turn down, and leaves no trace in the log', async () => {
    const bad = store.commit({ audit: [draft('bad')], pages: [{ hash: 'x', html: 'y' }] });
    const good = [1, 2, 3].map((n) => store.commit({ audit: [draft(`good-${n}`)] }));
    await expect(bad).rejects.toThrow('SHA-256');
    expect((await Promise.all(good)).map((one) => one.ok && one.value.auditSequence)).toEqual([1, 2, 3]);
    expect(await store.auditTables()).toEqual([]);
  });

  test('more work than fits into one turn is done over several, in order, and close waits for it', async () => {
    const spin = (n: number) => () => {
      const end = performance.now() + 10;
      while (performance.now() < end);
      return n;
    };
    let turns = 0;
    const counter = setInterval(() => turns++, 0);
    const all = Array.from({ length: 12 }, (_, n) => store.database.write(spin(n)));
    expect(await Promise.all(all)).toEqual(all.map((_, n) => n));
    clearInterval(counter);
    expect(turns).toBeGreaterThan(2);
    const last = Array.from({ length: 6 }, (_, n) => store.database.write(spin(n)));
    await store.close();
    expect(await Promise.all(last)).toHaveLength(6);
    store = open();
  });

  test('D05: a full disk refuses the whole turn, loses nothing before it, and is left behind once there is room', async () => {
    await store.commit({ audit: [draft('before')] });
    const pages = store.database.read.allSql<{ page_count: number }>('PRAGMA page_count')[0]!.page_count;
    await store.database.write((tx) => tx.exec(`PRAGMA max_page_count = ${pages + 2}`));
    const noise = randomBytes(200_000).toString('base64');
    const big = store.commit({ settings: { big: noise }, audit: [draft('big')] });
    const small = store.commit({ audit: [draft('small')] });
    const answers = await Promise.allSettled([big, small]);
    expect(answers[0]).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('full') } });
    await store.database.write((tx) => tx.exec('PRAGMA max_page_count = 1000000'));
    await store.commit({ audit: [draft('after')] });
    const done = answers.filter((one) => one.status === 'fulfilled').length;
    const rows = store.database.read.allSql<{ action: string }>('SELECT action FROM audit ORDER BY sequence');
    expect(rows.map((row) => row.action)).toEqual(['before', ...(done > 0 ? ['small'] : []), 'after']);
    expect(await store.auditTables()).toEqual([]);
  });

  test('asynchronous work inside a transaction is refused: it would be committed half done', async () => {
    await expect(store.database.write(async () => 1)).rejects.toThrow('synchronous');
  });

  test('a checkpoint is signed by the transaction that fills a thousand entries, and at close', async () => {
    const sizes = () =>
      store.database.read.allSql<{ size: number }>('SELECT size FROM checkpoint ORDER BY size').map((row) => row.size);
    await store.commit({ audit: Array.from({ length: 999 }, () => draft('tick')) });
    expect(sizes()).toEqual([]);
    await store.commit({ audit: [draft('tick'), draft('tick')] });
    expect(sizes()).toEqual([1001]);
    await store.commit({ audit: [draft('tick')] });
    await store.close();
    store = open();
    expect(sizes()).toEqual([1001, 1002]);
  });

  test('kept pages go with the retention of their own, before the entries that name them', async () => {
    await store.close();
    store = open({ retention: { pagesMs: 365 * DAY } });
    const page = { hash: createHash('sha256').update('page').digest('hex'), html: 'page' };
    await store.commit({ audit: [draft('old')], pages: [page] });
    expect(await store.purge(NOW + 364 * DAY)).toMatchObject({ pages: 0 });
    expect(await store.purge(NOW + 366 * DAY)).toMatchObject({ pages: 1, auditEntries: 0 });
  });

  test('raw files go with their retention, and their place in the list stays until the reports go', async () => {
    await store.close();
    const evidence = await openEvidence(join(folder, 'raw'));
    store = open({ evidence });
    const hash = await evidence.keep(Buffer.from('feed'));
    await utimes(join(folder, 'raw', hash.slice(0, 2), `${hash}.zst`), NOW / 1000, NOW / 1000);
    await store.acceptReports(sampleFile({ hash }), [], []);
    expect(await store.purge(NOW + 29 * DAY)).toMatchObject({ rawFiles: 0 });
    expect(await store.purge(NOW + 31 * DAY)).toMatchObject({ rawFiles: 1, evidenceFiles: 0 });
    expect(await evidence.read(hash)).toBeUndefined();
    expect(await store.evidenceFile(hash)).toBeDefined();
    expect(await store.purge(NOW + 181 * DAY)).toMatchObject({ rawFiles: 0, evidenceFiles: 1 });
  });
});

describe('SQLite: changes behind our back', () => {
  const TAMPER: readonly (readonly [string, string])[] = [
    ['a folded state', "UPDATE case_file SET state = 'closed' WHERE id = 'case-1'"],
    ['a folded access', "UPDATE case_file SET access = 'open' WHERE id = 'case-1'"],
    [
      'a fold and its column',
      `UPDATE case_file SET access = 'open', folded = json_set(folded, '$.access', 'open') WHERE id = 'case-1'`,
    ],
    ['a version', "UPDATE case_file SET version = 9 WHERE id = 'case-1'"],
    ['a deleted case', "DELETE FROM case_file WHERE id = 'case-1'; DELETE FROM case_event WHERE case_id = 'case-1'"],
    ['a case without events', "DELETE FROM case_event WHERE case_id = 'case-1'"],
    ['events without a case', "DELETE FROM case_file WHERE id = 'case-1'"],
    ['an added event', `INSERT INTO case_event VALUES ('case-1', 4, 1, '{"kind":"policy"}', '{"type":"portal-seen"}')`],
    [
      'an edited event',
      `DROP TRIGGER case_event_is_final; UPDATE case_event SET at = at + 1 WHERE case_id = 'case-1' AND version = 2`,
    ],
    ['an edited entry', `DROP TRIGGER audit_is_final; UPDATE audit SET entry = replace(entry, 'hold-on', 'hold-off')`],
    ['a deleted entry', 'DELETE FROM audit WHERE sequence = 2'],
    ['a cut log', 'DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)'],
    ['an inserted entry', `INSERT INTO audit VALUES (99, 1, 'x', NULL, '{}')`],
  ];

  beforeEach(async () => {
    const change = openCase('case-1');
    await store.commit({ cases: [change, openCase('case-2', { lineId: 'line-2' })], audit: [draft('hold-on')] });
    await store.commit({ cases: [append(change.folded, [{ type: 'portal-seen' }])] });
    expect(await store.auditTables()).toEqual([]);
  });

  test.each(TAMPER)('P07: %s is reported', async (_what, statement) => {
    const raw = new DatabaseSync(path());
    raw.exec(statement);
    raw.close();
    expect(await store.auditTables()).not.toEqual([]);
  });

  test('P07: a log cut together with its head is caught by a checkpoint signed before', async () => {
    await store.checkpoint(NOW);
    const raw = new DatabaseSync(path());
    raw.exec(
      "DELETE FROM audit; UPDATE audit_head SET size = 0, frontier = x'', last_hash = ''; DELETE FROM case_event; DELETE FROM case_file",
    );
    raw.close();
    expect(await store.auditTables()).toMatchObject([{ table: 'audit', text: expect.stringContaining('checkpoint') }]);
  });

  test('events and entries cannot be updated by an ordinary statement', () => {
    const raw = new DatabaseSync(path());
    expect(() => raw.exec('UPDATE case_event SET at = 0')).toThrow('final');
    expect(() => raw.exec("UPDATE audit SET action = 'x'")).toThrow('final');
    raw.close();
  });

  test('purged cases are no missing cases', async () => {
    await store.commit({ cases: [append(await store.case('case-1'), [closed])] });
    expect(await store.purge(NOW + 200 * DAY)).toMatchObject({ cases: 1 });
    expect(await store.auditTables()).toEqual([]);
  });
});
