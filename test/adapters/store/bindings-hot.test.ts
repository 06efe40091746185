import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type BindingsOptions, SqliteBindings } from '../../../src/adapters/store/sqlite/bindings.ts';
import { BINDINGS_MIGRATIONS } from '../../../src/adapters/store/sqlite/bindings-schema.ts';
import { Database } from '../../../src/adapters/store/sqlite/database.ts';
import { DAY } from '../../../src/core/kernel/time.ts';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import { at, INTERIM_MS, ip, said } from '../../core/line/records.ts';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const HOT = { hotBytes: 100_000_000 };
const DAYS_MINUTES = DAY / 60_000;
let nowMinute = 0;

function openDatabase(): Database {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-bindings-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const database = Database.open(join(folder, 'store.db'));
  undo.push(() => database.close());
  database.migrate((tx) => {
    for (const one of BINDINGS_MIGRATIONS) tx.exec(one.sql);
  });
  return database;
}

function openBindings(database: Database, more: Partial<BindingsOptions> = {}): SqliteBindings {
  const interim = { of: () => INTERIM_MS, widestMs: INTERIM_MS };
  const clock = { now: () => at(nowMinute) };
  const bindings = new SqliteBindings({ database, clock, interim, reserved: [], retentionDays: 30, ...more });
  undo.push(() => bindings.close());
  return bindings;
}

/** Of one of forty lines: an address that is given on to the next one every half hour, and a prefix of its own. */
function recordsOf(number: number, day: number): AccountingRecord[] {
  const address = (half: number) => `198.51.100.${1 + ((number + half) % 40)}`;
  return Array.from({ length: 6 }, (_, half) => {
    const minute = day * DAYS_MINUTES + 30 * half;
    const told = { key: `line-${number}`, session: `${number} ${half}`, began: minute };
    return [
      said('start', { ...told, minute, addresses: [address(half), `2001:db8:${number}::/56`] }),
      said('interim', { ...told, minute: minute + 10, addresses: [address(half)] }),
      said('stop', { ...told, minute: minute + 29, addresses: [address(half)] }),
    ];
  }).flat();
}

async function answers(bindings: SqliteBindings, days: readonly number[]): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const day of days)
    for (let number = 0; number < 40; number += 3)
      for (const address of [`198.51.100.${number + 1}`, `2001:db8:${number}::1`])
        for (const minute of [0, 25, 31, 95, 200].map((one) => day * DAYS_MINUTES + one)) {
          const { bindings: held, ...rest } = await bindings.holders(
            'main',
            ip(address),
            at(minute - 1),
            at(minute + 1),
          );
          found.push({ ...rest, held: held.toSorted((a, b) => (a.id < b.id ? -1 : 1)) });
        }
  return found;
}

async function record(bindings: SqliteBindings, days: readonly number[], numbers: readonly number[]): Promise<void> {
  for (const day of days) for (const number of numbers) await bindings.record(recordsOf(number, day));
}

const ALL = Array.from({ length: 40 }, (_, i) => i);

it('reads its days back after a start while records go on coming in, and answers the same all the time', async () => {
  nowMinute = 2 * DAYS_MINUTES + 300;
  const database = openDatabase();
  await record(openBindings(database), [0, 1, 2], ALL.slice(0, 20));
  const hot = openBindings(database, HOT);
  expect(hot.hot()).toMatchObject({ days: 0, claims: 0 });
  const expected = await answers(hot, [0]);
  const warm = hot.warm();
  expect(hot.hot()!.waiting).toBe(3);
  await record(hot, [2, 1], ALL.slice(20));
  await warm;
  await record(hot, [0], ALL.slice(20, 22));
  expect(hot.hot()).toMatchObject({ days: 3, waiting: 0 });
  expect(await answers(hot, [0, 1, 2])).toEqual(await answers(openBindings(database), [0, 1, 2]));
  expect(await answers(hot, [0])).not.toEqual(expected);
});

it('keeps the newest days that fit, and says how many those are', async () => {
  nowMinute = 2 * DAYS_MINUTES + 300;
  const database = openDatabase();
  await record(openBindings(database), [0, 1, 2], ALL);
  const roomy = openBindings(database, HOT);
  await roomy.warm();
  const { bytes, claims } = roomy.hot()!;
  const tight = openBindings(database, { hotBytes: bytes / 2 });
  await tight.warm();
  expect(tight.hot()).toMatchObject({ days: 1, claims: claims / 3 });
  expect(tight.hot()!.bytes).toBeLessThanOrEqual(bytes / 2);
  expect(await answers(tight, [0, 2])).toEqual(await answers(roomy, [0, 2]));
  const none = openBindings(database, { hotBytes: 1 });
  await none.warm();
  expect(none.hot()).toMatchObject({ days: 0, bytes: 0 });
});

it('forgets a day when its retention ends', async () => {
  nowMinute = 2 * DAYS_MINUTES + 300;
  const bindings = openBindings(openDatabase(), { ...HOT, retentionDays: 1 });
  await record(bindings, [1, 2], [1]);
  expect(bindings.hot()).toMatchObject({ days: 2 });
  nowMinute += DAYS_MINUTES;
  await bindings.purge(at(nowMinute));
  expect(bindings.hot()).toMatchObject({ days: 1 });
});

it('has nothing in memory of a write that failed', async () => {
  nowMinute = 300;
  const database = openDatabase();
  const bindings = openBindings(database, HOT);
  await record(bindings, [0], [1]);
  const before = bindings.hot();
  const [good, broken] = [recordsOf(2, 0)[0]!, { ...recordsOf(3, 0)[0]!, eventAt: at(5) + 0.5 }];
  await expect(bindings.record([good, broken])).rejects.toThrow();
  expect(bindings.hot()).toEqual(before);
  expect(await answers(bindings, [0])).toEqual(await answers(openBindings(database), [0]));
});
