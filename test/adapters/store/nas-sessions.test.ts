import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/adapters/store/sqlite/database.ts';
import { migrate } from '../../../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../src/adapters/store/sqlite/migrations.ts';
import { SqliteNasSessions } from '../../../src/adapters/store/sqlite/nas-sessions.ts';
import { SqliteTellings } from '../../../src/adapters/store/sqlite/tellings.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/core/kernel/time.ts';
import type { AccountingRecord, SessionRecord } from '../../../src/core/line/accounting.ts';
import { prefix, T0 } from '../../core/line/records.ts';

let folder: string;
let database: Database;
let sessions: SqliteNasSessions;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-nas-'));
  database = Database.open(join(folder, 'engawa.db'));
  migrate(database, MIGRATIONS);
  sessions = new SqliteNasSessions(database);
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const V4 = prefix('192.0.2.65');
const V6 = prefix('2001:db8:100:100::/56');

function said(change: Partial<SessionRecord> = {}): SessionRecord {
  return {
    status: 'start',
    nas: 'bng2',
    realm: 'main',
    sessionId: '80a00001',
    accessKey: 'home1@isp.example',
    eventAt: T0,
    startAt: T0,
    prefixes: [{ slot: 'ipv4', prefix: V4 }],
    facts: { 'User-Name': ['home1@isp.example'] },
    ...change,
  };
}
const hear = (...records: readonly AccountingRecord[]) => sessions.record(records);

describe('sessions of a gateway that is told per session', () => {
  it('are found by prefix and by access key, with everything that was said of them', async () => {
    await hear(said());
    await hear(
      said({
        status: 'interim',
        eventAt: T0 + MINUTE,
        prefixes: [{ slot: 'delegated-ipv6', prefix: V6 }],
        facts: { 'NAS-Port-Id': ['1/2:3'] },
      }),
    );
    for (const found of [
      sessions.holding(V4),
      sessions.holding(V6),
      sessions.ofAccessKey('bng2', 'home1@isp.example')[0],
    ])
      expect(found).toMatchObject({
        sessionId: '80a00001',
        facts: { 'User-Name': ['home1@isp.example'], 'NAS-Port-Id': ['1/2:3'] },
        lastAt: T0 + MINUTE,
      });
    expect(sessions.holding(prefix('192.0.2.66'))).toBeUndefined();
    expect(sessions.ofAccessKey('bng3', 'home1@isp.example')).toEqual([]);
  });

  it('replace a slot whole and keep the others', async () => {
    await hear(
      said({
        prefixes: [
          { slot: 'ipv4', prefix: V4 },
          { slot: 'delegated-ipv6', prefix: V6 },
        ],
      }),
    );
    await hear(
      said({ status: 'interim', eventAt: T0 + MINUTE, prefixes: [{ slot: 'ipv4', prefix: prefix('192.0.2.70') }] }),
    );
    expect(sessions.holding(V4)).toBeUndefined();
    expect(sessions.holding(prefix('192.0.2.70'))?.sessionId).toBe('80a00001');
    expect(sessions.holding(V6)?.sessionId).toBe('80a00001');
  });

  it('that ended with their NAS are deleted like those that a Stop ended', async () => {
    await hear(said(), { status: 'on', nas: 'bng2', realm: 'main', eventAt: T0 + HOUR });
    await hear(said({ sessionId: '80a00002', startAt: T0 + 2 * HOUR, eventAt: T0 + 2 * HOUR }));
    expect(await sessions.purge(T0 + 2 * HOUR)).toBe(0);
    expect(await sessions.purge(T0 + 3 * DAY)).toBe(1);
    expect(sessions.holding(V4)?.sessionId).toBe('80a00002');
  });

  it('lose no address to a late record of who held it before', async () => {
    await hear(said());
    const before = { sessionId: '80a00009', accessKey: 'home9@isp.example' };
    await hear(said({ ...before, status: 'interim', startAt: T0 - 9 * HOUR, eventAt: T0 - HOUR }));
    expect(sessions.holding(V4)?.sessionId).toBe('80a00001');
    await hear(said({ ...before, startAt: T0 + HOUR, eventAt: T0 + HOUR }));
    expect(sessions.holding(V4)?.sessionId).toBe('80a00009');
  });

  it('are over with their Stop, and no late record brings them back', async () => {
    await hear(said());
    await hear(said({ status: 'stop', eventAt: T0 + HOUR }));
    await hear(said({ status: 'interim', eventAt: T0 + 30 * MINUTE }));
    expect(sessions.holding(V4)).toBeUndefined();
    await hear(said({ status: 'interim', eventAt: T0 + HOUR + SECOND }));
    expect(sessions.ofAccessKey('bng2', 'home1@isp.example')).toEqual([]);
  });

  it('are told apart when an Acct-Session-Id is used again', async () => {
    await hear(said());
    await hear(said({ status: 'stop', eventAt: T0 + HOUR }));
    await hear(said({ eventAt: T0 + 2 * HOUR, startAt: T0 + 2 * HOUR }));
    expect(sessions.holding(V4)?.startAt).toBe(T0 + 2 * HOUR);
    // The Stop of the first one comes again, late: it ends nothing of the second.
    await hear(said({ status: 'stop', eventAt: T0 + HOUR }));
    expect(sessions.holding(V4)?.startAt).toBe(T0 + 2 * HOUR);
  });

  it('lose an address to the next holder when their Stop never came', async () => {
    await hear(said());
    await hear(said({ sessionId: '80a00002', accessKey: 'home2@isp.example', eventAt: T0 + HOUR, startAt: T0 + HOUR }));
    expect(sessions.holding(V4)?.accessKey).toBe('home2@isp.example');
  });

  it('are over with the NAS’s Accounting-On, those that began later are not', async () => {
    await hear(said());
    await hear({ status: 'on', nas: 'bng2', realm: 'main', eventAt: T0 + HOUR });
    expect(sessions.holding(V4)).toBeUndefined();
    await hear(said({ sessionId: '80a00009', eventAt: T0 + HOUR + MINUTE, startAt: T0 + HOUR + MINUTE }));
    expect(sessions.holding(V4)?.sessionId).toBe('80a00009');
  });

  it('of other gateways are not kept, and listeners hear of ours once it is durable', async () => {
    const heard: string[] = [];
    sessions.onRecord((record) => heard.push(`${record.status} ${sessions.holding(V4)?.sessionId ?? 'nobody'}`));
    const { facts: _, ...plain } = said({ nas: 'bng1' });
    await hear(plain);
    expect(sessions.holding(V4)).toBeUndefined();
    await hear(said(), said({ status: 'stop', eventAt: T0 + HOUR }));
    expect(heard).toEqual(['start nobody', 'stop nobody']);
  });

  it('go a day after they were over', async () => {
    await hear(said());
    await hear(said({ status: 'stop', eventAt: T0 + HOUR }));
    expect(await sessions.purge(T0 + 2 * HOUR)).toBe(0);
    expect(await sessions.purge(T0 + 2 * DAY)).toBe(1);
  });
});

describe('what a gateway was told', () => {
  it('is there after a restart, row by row, until it is dropped', async () => {
    const tellings = new SqliteTellings(database);
    await tellings.save([
      { gateway: 'bng2', key: 'a', state: { version: 1 } },
      { gateway: 'bng3', key: 'a', state: { version: 1 } },
    ]);
    await tellings.save([{ gateway: 'bng2', key: 'a', state: { version: 2 } }]);
    expect(new SqliteTellings(database).load('bng2')).toEqual([{ gateway: 'bng2', key: 'a', state: { version: 2 } }]);
    await tellings.drop('bng2', ['a', 'b']);
    expect(tellings.load('bng2')).toEqual([]);
    expect(tellings.load('bng3')).toHaveLength(1);
  });
});
