// Accounting by proxy with a spool: Debian's FreeRADIUS with the files of deploy/freeradius, our listener on a store of its own,
// there and not there. At least once is FreeRADIUS' part, once in effect is ours.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AccountingListener } from '../../../src/adapters/sessions/accounting/listener.ts';
import { SqliteBindings } from '../../../src/adapters/store/sqlite/bindings.ts';
import { BINDINGS_MIGRATIONS } from '../../../src/adapters/store/sqlite/bindings-schema.ts';
import { Database } from '../../../src/adapters/store/sqlite/database.ts';
import type { AccountingRecord } from '../../../src/core/line/accounting.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { prefix } from '../../core/line/records.ts';
import { FakeLog } from '../../fakes/log.ts';
import { freePort } from '../../peers/daemon.ts';
import { type FreeRadius, radclient, startFreeRadius } from '../../peers/freeradius-aaa.ts';

const OUR_SECRET = 'proxy-secret-of-engawa';
const undo: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function ownBindings(): SqliteBindings {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-proxy-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const database = Database.open(join(folder, 'store.db'));
  undo.push(() => database.close());
  database.migrate((tx) => {
    for (const one of BINDINGS_MIGRATIONS) tx.exec(one.sql);
  });
  return new SqliteBindings({
    database,
    clock: { now: Date.now },
    interim: { of: () => 600_000, widestMs: 600_000 },
    reserved: [],
    retentionDays: 30,
  });
}

async function listen(port: number, record: (batch: readonly AccountingRecord[]) => Promise<unknown>) {
  const listener = new AccountingListener({
    listen: [{ address: '127.0.0.1', port }],
    clients: [
      {
        name: 'proxy',
        from: [prefix('127.0.0.1')],
        secrets: [Buffer.from(OUR_SECRET)],
        accessKey: 'User-Name',
        realm: 'main',
        interimSeconds: 600,
        proxy: true,
      },
    ],
    record,
    reserved: [],
    clock: { now: Date.now },
    log: new FakeLog(),
  });
  await listener.start();
  return listener;
}

/** `line`: what the operator adds to `accounting`. */
async function startProxy(line: string, ourPort: number): Promise<FreeRadius> {
  const radius = await startFreeRadius((raddb) => {
    raddb.install('policy.d/engawa');
    raddb.install('mods-available/engawa_spool');
    raddb.install('sites-available/engawa-accounting', [
      ['ipaddr = 192.0.2.10', 'ipaddr = 127.0.0.1'],
      ['port = 1813', `port = ${ourPort}`],
      ['CHANGE-ME', OUR_SECRET],
    ]);
    raddb.insertBefore('sites-available/default', 'attr_filter.accounting_response', `\t${line}`);
  });
  undo.push(() => radius.stop());
  return radius;
}

test('where a site proxies to somebody else, every record can go through the file', async () => {
  const port = await freePort('udp');
  const radius = await startProxy('engawa_spool', port);
  const arrived: AccountingRecord[] = [];
  const listener = await listen(port, async (batch) => arrived.push(...batch));
  undo.push(() => listener.stop());
  const start = ['Acct-Status-Type = Start', 'Acct-Session-Id = "1"', 'User-Name = "ann"', 'NAS-Identifier = "bng7"'];
  const answer = await radclient(radius.acctPort, 'acct', [...start, 'Framed-IP-Address = 198.51.100.7']);
  expect(answer.output).toContain('Received Accounting-Response');
  expect(answer.tookMs).toBeLessThan(1500);
  await expect.poll(() => arrived, { timeout: 20_000 }).toMatchObject([{ nas: 'proxy/bng7', accessKey: 'ann' }]);
});

test('with our listener down the NAS is answered all the same, and every record arrives when it is back', async () => {
  const port = await freePort('udp');
  const radius = await startProxy('engawa_accounting', port);
  const bindings = ownBindings();
  const arrived: AccountingRecord[] = [];
  const record = async (batch: readonly AccountingRecord[]) => {
    arrived.push(...batch);
    await bindings.record(batch);
  };
  const openOf = async (user: string) =>
    (await bindings.openOf(user)).map((one) => [one.nas, formatPrefix(one.prefix)]);
  const send = (status: string, user: string, address: string, seconds: number) =>
    radclient(radius.acctPort, 'acct', [
      `Acct-Status-Type = ${status}`,
      `Acct-Session-Id = "s-${user}"`,
      `User-Name = "${user}"`,
      `Framed-IP-Address = ${address}`,
      'NAS-Identifier = "bng7"',
      `Event-Timestamp = ${Math.floor(Date.now() / 1000) - seconds}`,
    ]);

  const first = await listen(port, record);
  const through = await send('Start', 'ann', '198.51.100.7', 60);
  expect(through.output).toContain('Received Accounting-Response');
  await expect.poll(() => openOf('ann')).toEqual([['proxy/bng7', '198.51.100.7']]);
  await first.stop();

  for (const [status, user, address, seconds] of [
    ['Start', 'bob', '198.51.100.8', 50],
    ['Stop', 'ann', '198.51.100.7', 40],
    ['Start', 'eve', '198.51.100.7', 30],
  ] as const) {
    const answer = await send(status, user, address, seconds);
    expect(answer.output).toContain('Received Accounting-Response');
    expect(answer.tookMs, 'within what a NAS waits').toBeLessThan(5000);
  }
  expect(arrived).toHaveLength(1);
  expect(readdirSync(join(radius.folder, 'log/radacct/engawa')).length, 'the spool').toBeGreaterThan(0);

  const second = await listen(port, record);
  undo.push(() => second.stop());
  await expect.poll(() => openOf('bob'), { timeout: 45_000 }).toEqual([['proxy/bng7', '198.51.100.8']]);
  await expect.poll(() => openOf('eve'), { timeout: 45_000 }).toEqual([['proxy/bng7', '198.51.100.7']]);
  expect(await openOf('ann')).toEqual([]);

  // At least once: what comes again changes nothing.
  await bindings.record(arrived);
  expect(await openOf('bob')).toEqual([['proxy/bng7', '198.51.100.8']]);
  expect(await openOf('eve')).toEqual([['proxy/bng7', '198.51.100.7']]);
  expect(await openOf('ann')).toEqual([]);
});
