import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type BindingsOptions, SqliteBindings } from '../../../src/adapters/store/sqlite/bindings.ts';
import { BINDINGS_MIGRATIONS } from '../../../src/adapters/store/sqlite/bindings-schema.ts';
import { Database } from '../../../src/adapters/store/sqlite/database.ts';
import { DAY } from '../../../src/core/kernel/time.ts';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import type { BindingChange } from '../../../src/flow/ports.ts';
import { bindingsContract } from '../../contract/bindings.ts';
import { at, INTERIM_MS, ip, line, prefix, reset, said } from '../../core/line/records.ts';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'engawa-bindings-'));
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'store.db');
}

function openAt(
  path: string,
  now: () => number,
  fresh = true,
  more: Partial<BindingsOptions> = {},
): { bindings: SqliteBindings; database: Database } {
  const database = Database.open(path);
  if (fresh)
    database.migrate((tx) => {
      for (const one of BINDINGS_MIGRATIONS) tx.exec(one.sql);
    });
  const bindings = new SqliteBindings({
    database,
    clock: { now },
    interim: { of: () => INTERIM_MS, widestMs: INTERIM_MS },
    reserved: [prefix('198.51.100.128/32')],
    retentionDays: 30,
    ...more,
  });
  undo.push(() => database.close());
  return { bindings, database };
}

bindingsContract('SQLite', async (now) => {
  const { bindings } = openAt(folder(), now);
  return {
    bindings,
    record: (batch) => bindings.record(batch),
    refreshStatic: (lines) => bindings.refreshStatic(lines),
  };
});

const A = '198.51.100.7';
const B = '198.51.100.8';
const P = '2001:db8:aa00::/56';

async function everything(bindings: SqliteBindings): Promise<unknown> {
  const found = [];
  for (const address of [A, B, '2001:db8:aa00::1'])
    for (const minute of [0, 5, 15, 24, 28, 33, 700, 730])
      found.push(await bindings.holders('main', ip(address), at(minute), at(minute + 1)));
  for (const key of ['ann', 'bob']) found.push(await bindings.openOf(key));
  return found;
}

describe('bindings in SQLite', () => {
  it('A07: gives the same answers whatever the order, the batches and the doubles, midnight included', async () => {
    const records: AccountingRecord[] = [
      said('start', { key: 'ann', minute: 0, addresses: [A, P] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A] }),
      said('interim', { key: 'ann', minute: 20, addresses: [B] }),
      said('stop', { key: 'ann', minute: 25, began: 0 }),
      said('start', { key: 'bob', minute: 22, addresses: [A], nas: 'bng2' }),
      said('interim', { key: 'bob', minute: 32, began: 22, addresses: [A], nas: 'bng2' }),
      said('interim', { key: 'bob', minute: 715, began: 22, addresses: [A], nas: 'bng2' }),
      said('interim', { key: 'bob', minute: 725, began: 22, addresses: [A], nas: 'bng2' }),
      reset(35, 'bng2'),
      { ...reset(36), clockLagMs: 4000 },
    ];
    const path = folder();
    const reference = openAt(`${path}-0`, () => at(731));
    await reference.bindings.record(records);
    const expected = await everything(reference.bindings);
    let run = 0;
    const doubled = [...records, ...records];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(doubled, { minLength: doubled.length, maxLength: doubled.length }),
        fc.integer({ min: 1, max: 20 }),
        async (order, size) => {
          const { bindings, database } = openAt(`${path}-${++run}`, () => at(731));
          for (let i = 0; i < order.length; i += size) await bindings.record(order.slice(i, i + size));
          expect(await everything(bindings)).toEqual(expected);
          await database.close();
        },
      ),
      { numRuns: 15 },
    );
  });

  it('N05: finds a clock that is set wrong during the day within two minutes, widens its windows, and keeps that', async () => {
    let now = at(0);
    const path = folder();
    const { bindings, database } = openAt(path, () => now);
    const say = async (lagMs: number, more: Partial<AccountingRecord> = {}) => {
      const record = said('interim', { key: 'ann', minute: 0, began: 0, addresses: [A] });
      await bindings.record([{ ...record, eventAt: now - lagMs, clockLagMs: lagMs, ...more } as AccountingRecord]);
      now += 10_000;
    };
    const skewNow = async (of: SqliteBindings) => (await of.holders('main', ip(A), now, now)).skewMs;
    for (let i = 0; i < 30; i++) await say(200);
    await say(7_200_000); // from a spool
    expect(await skewNow(bindings)).toBe(200);
    expect(bindings.clocks()).toMatchObject([{ nas: 'bng1', offsetMs: 200 }]);
    for (let i = 0; i < 12; i++) await say(301_000);
    expect(bindings.clocks()).toMatchObject([{ nas: 'bng1', offsetMs: 301_000 }]);
    expect(await skewNow(bindings)).toBe(301_000);
    // A quarter of an hour ahead its time is not used: told, and no reason for wider windows.
    for (let i = 0; i < 12; i++) await say(0, { clockLagMs: undefined, wrongClockMs: -900_000 } as never);
    expect(bindings.clocks()).toMatchObject([{ nas: 'bng1', offsetMs: -900_000 }]);
    expect(await skewNow(bindings)).toBe(301_000);
    await database.close();
    expect(await skewNow(openAt(path, () => now, false).bindings)).toBe(301_000);
  });

  it('A07: is none the wiser for what a proxy’s spool sends again, a second off and in any order', async () => {
    const once: AccountingRecord[] = [
      said('start', { key: 'ann', minute: 0, addresses: [A, P] }),
      said('interim', { key: 'ann', minute: 10, began: 0, addresses: [A, P], blocks: ['192.0.2.1 1024-2047'] }),
      said('stop', { key: 'ann', minute: 15, began: 0, addresses: [A] }),
      said('start', { key: 'bob', minute: 16, addresses: [A], nas: 'bng2' }),
      said('interim', { key: 'bob', minute: 26, began: 16, addresses: [A, B], nas: 'bng2' }),
      said('interim', { key: 'bob', minute: 30, began: 16, addresses: [B], nas: 'bng2' }),
      reset(33, 'bng3'),
    ];
    const path = folder();
    const shape = async (bindings: SqliteBindings) => {
      const found = [];
      for (const address of [A, B, '2001:db8:aa00::1', '192.0.2.1'])
        for (const minute of [-2, 5, 12, 15.5, 20, 28, 32]) {
          const { bindings: held } = await bindings.holders('main', ip(address), at(minute), at(minute));
          found.push(held.map((one) => `${one.accessKey} ${one.closedBy}`).toSorted());
        }
      return [...found, (await bindings.openOf('bob')).length, (await bindings.openOf('ann')).length];
    };
    const reference = openAt(`${path}-0`, () => at(34));
    await reference.bindings.record(once);
    const expected = await shape(reference.bindings);
    // Without Event-Timestamp the time is arrival minus a delay in whole seconds; the start goes with it.
    const again = (seconds: number) =>
      once.map((one) => {
        const shifted = { ...one, eventAt: one.eventAt + seconds * 1000 };
        return 'startAt' in shifted ? { ...shifted, startAt: shifted.startAt! + seconds * 1000 } : shifted;
      }) as AccountingRecord[];
    const all = [...once, ...again(1), ...again(-1)];
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
        fc.integer({ min: 1, max: 8 }),
        async (order, size) => {
          const { bindings, database } = openAt(`${path}-${++run}`, () => at(34));
          for (let i = 0; i < order.length; i += size) await bindings.record(order.slice(i, i + size));
          expect(await shape(bindings)).toEqual(expected);
          await database.close();
        },
      ),
      { numRuns: 15 },
    );
  });

  it('looks up the lines in the garden and no other session when a NAS comes back from a reboot', async () => {
    let minute = 0;
    const { bindings, database } = openAt(folder(), () => at(minute), true, {
      gardens: () => ['key-7', 'key-8', 'gone'],
    });
    const start = (n: number, nas: string) =>
      said('start', { key: `key-${n}`, minute: 0, addresses: [`192.0.2.${n}`], session: `s${n}`, nas });
    await bindings.record(Array.from({ length: 200 }, (_, n) => start(n, n === 8 ? 'bng2' : 'bng1')));
    const changes: BindingChange[] = [];
    bindings.onChange((change) => changes.push(change));
    let asked = 0;
    const { allSql } = database.read;
    database.read.allSql = ((...args: Parameters<typeof allSql>) => {
      asked++;
      return allSql.apply(database.read, args);
    }) as typeof allSql;
    minute = 2;
    await bindings.record([reset(2)]);
    expect(changes.flatMap((one) => one.ended.map((end) => end.accessKey))).toEqual(['key-7']);
    expect(asked).toBeLessThan(20);
    for (const [n, held] of [
      [7, 0],
      [8, 1],
      [9, 0],
    ] as const)
      expect(await bindings.openOf(`key-${n}`)).toHaveLength(held);
  });

  it('knows after a restart what it answered for before', async () => {
    const path = folder();
    const first = openAt(path, () => at(5));
    await first.bindings.record([said('start', { key: 'ann', minute: 0, addresses: [A, P] }), reset(1, 'bng2')]);
    await first.bindings.refreshStatic([line('bob', { staticPrefixes: [prefix('203.0.113.8/29')] })]);
    await first.database.close();
    const second = openAt(path, () => at(5), false);
    expect(await second.bindings.openOf('ann')).toHaveLength(2);
    expect((await second.bindings.holderNow('main', ip('203.0.113.9')))?.accessKey).toBe('bob');
  });

  it('refuses a static prefix over infrastructure or out of bounds and keeps the rest', async () => {
    const { bindings } = openAt(folder(), () => at(0));
    const wanted = ['198.51.100.128', '203.0.113.0/24', '203.0.113.8/29', '2001:db8::/32'].map(prefix);
    const change = await bindings.refreshStatic([line('ann', { staticPrefixes: wanted })]);
    expect(change.refused.map((one) => one.reason)).toEqual(['infrastructure', 'prefix-length', 'prefix-length']);
    expect(change.opened).toHaveLength(1);
  });

  it('drops whole days past the retention, takes no record older than that, and loses nothing younger', async () => {
    let now = at(0);
    const { bindings } = openAt(folder(), () => now);
    await bindings.record([said('start', { key: 'ann', minute: 0, addresses: [A] })]);
    now += 31 * DAY;
    await bindings.record([said('start', { key: 'bob', minute: 31 * 1440, addresses: [A] })]);
    expect(await bindings.purge(now)).toBe(1);
    expect((await bindings.holders('main', ip(A), at(0), at(1))).bindings).toEqual([]);
    expect(await bindings.openOf('bob')).toHaveLength(1);
    const late = await bindings.record([said('stop', { key: 'ann', minute: 1, addresses: [A] })]);
    expect(late).toEqual({ stored: 0, outside: 1 });
  });

  it('keeps nothing in memory of a write that failed', async () => {
    const { bindings, database } = openAt(folder(), () => at(0));
    const start = said('start', { key: 'ann', minute: 0, addresses: [A] });
    const broken = { ...said('start', { key: 'bob', minute: 0, addresses: [B] }), accessKey: null as never };
    await expect(bindings.record([start, broken])).rejects.toThrow();
    expect(await bindings.openOf('ann')).toEqual([]);
    await bindings.record([start]);
    expect(await bindings.openOf('ann')).toHaveLength(1);
    expect(database.read.allSql('SELECT name FROM binding_name')).toHaveLength(2);
  });

  it('says nothing when an Interim only confirms what was known', async () => {
    let minute = 0;
    const { bindings } = openAt(folder(), () => at(minute));
    await bindings.record([said('start', { key: 'ann', minute: 0, addresses: [A, P] })]);
    const told: unknown[] = [];
    bindings.onChange((change) => told.push(change));
    for (minute = 10; minute <= 60; minute += 10)
      await bindings.record([said('interim', { key: 'ann', minute, began: 0, addresses: [A, P] })]);
    expect(told).toEqual([]);
    expect(await bindings.openOf('ann')).toHaveLength(2);
  });
});
