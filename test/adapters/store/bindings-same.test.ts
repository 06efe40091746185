// What SQLite answers is what the pure rules say of the same records, in whatever order and batches they came: no shortcut of the
// look-up (what is not asked of a session, what is asked of one day alone) changes an answer.
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SqliteBindings } from '../../../src/adapters/store/sqlite/bindings.ts';
import { BINDINGS_MIGRATIONS } from '../../../src/adapters/store/sqlite/bindings-schema.ts';
import { Database } from '../../../src/adapters/store/sqlite/database.ts';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import type { Binding } from '../../../src/core/line/binding.ts';
import { containsIp } from '../../../src/core/net/prefix.ts';
import { at, bindingsFrom, INTERIM_MS, ip, named, reset, said } from '../../core/line/records.ts';
import { runs } from '../../runs.ts';

/** Twelve hours after records.ts's noon: half of what is said belongs to one day, half to the next. */
const MIDNIGHT = 720;
const SPAN = 25;

const place = fc.constantFrom(
  named('198.51.100.7'),
  named('198.51.100.8'),
  named('2001:db8:aa00::/56'),
  named('2001:db8:aa00:12::/64'),
  named('2001:db8:aa00:12::/64', 'framed-ipv6'),
  named('2001:db8:bb00::/56'),
  named('2001:db8:aa00:12::9/128', 'address-ipv6'),
);
const session: fc.Arbitrary<AccountingRecord> = fc
  .record({
    status: fc.constantFrom('start' as const, 'interim' as const, 'interim' as const, 'stop' as const),
    key: fc.constantFrom('ann', 'bob', 'cid'),
    session: fc.constantFrom('1', '2'),
    nas: fc.constantFrom('bng1', 'bng2'),
    minute: fc.integer({ min: -SPAN, max: SPAN }),
    age: fc.option(fc.integer({ min: 0, max: 20 })),
    addresses: fc.uniqueArray(place, { maxLength: 3 }),
    blocks: fc.uniqueArray(
      fc.constantFrom('198.51.100.8 1024-2047', '198.51.100.8 2048-3071', '-198.51.100.8 1024-2047'),
      {
        maxLength: 1,
      },
    ),
  })
  .map(({ status, age, minute, ...more }) => {
    const began = age === null ? {} : { began: MIDNIGHT + minute - age };
    return said(status, { ...more, minute: MIDNIGHT + minute, ...began });
  });
const record = fc.oneof(
  { weight: 15, arbitrary: session },
  { weight: 1, arbitrary: fc.integer({ min: -SPAN, max: SPAN }).map((minute) => reset(MIDNIGHT + minute)) },
);
const ADDRESSES = ['198.51.100.7', '198.51.100.8', '2001:db8:aa00:12::9', '2001:db8:aa00:34::9', '2001:db8:bb00::1'];

it('A07: every answer is the one that the rules give for all of the records at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-bindings-'));
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (records, size, isHot) => {
          const database = Database.open(join(folder, `${++run}.db`));
          database.migrate((tx) => {
            for (const one of BINDINGS_MIGRATIONS) tx.exec(one.sql);
          });
          const nowMinute = MIDNIGHT + SPAN + 20;
          const clock = { now: () => at(nowMinute) };
          const interim = { of: () => INTERIM_MS, widestMs: INTERIM_MS };
          const bindings = new SqliteBindings({
            database,
            clock,
            interim,
            reserved: [],
            retentionDays: 30,
            hotBytes: isHot ? 1e8 : 0,
          });
          for (let from = 0; from < records.length; from += size)
            await bindings.record(records.slice(from, from + size));
          const all = bindingsFrom(records, nowMinute);
          for (const address of ADDRESSES)
            for (const minute of [MIDNIGHT - 10, MIDNIGHT - 1, MIDNIGHT + 1, MIDNIGHT + 10]) {
              const [fromAt, toAt] = [at(minute - 1), at(minute + 1)];
              const found = await bindings.holders('main', ip(address), fromAt, toAt);
              const expected = all.filter(
                (one) =>
                  containsIp(one.prefix, ip(address)) &&
                  one.startAt <= toAt &&
                  (one.closedBy === 'timeout' || (one.endAt ?? toAt) >= fromAt),
              );
              expect(byId(found.bindings)).toEqual(byId(expected.map(asStored)));
            }
          if (isHot) expect(bindings.hot()!.claims).toBe(rowsOf(database));
          await database.close();
          rmSync(join(folder, `${run}.db`), { force: true });
        },
      ),
      { numRuns: runs(40) },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The store keeps sessions by their hash. */
function asStored(binding: Binding): Binding {
  const [nas, id, key, ...rest] = binding.id.split('\u0000');
  return {
    ...binding,
    id: [hash('sha256', [nas, id, key].join('\u0000'), 'hex').slice(0, 32), ...rest].join('\u0000'),
  };
}

function byId(bindings: readonly Binding[]): Binding[] {
  return bindings.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function rowsOf(database: Database): number {
  const tables = database.read.allSql<{ name: string }>(
    `SELECT name FROM sqlite_master WHERE name GLOB 'claim_d*' AND type = 'table'`,
  );
  const count = ({ name }: { name: string }) =>
    database.read.allSql<{ n: number }>(`SELECT count(*) AS n FROM ${name}`)[0]!.n;
  return tables.reduce((sum, one) => sum + count(one), 0);
}
