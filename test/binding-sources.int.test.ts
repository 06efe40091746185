// From a configuration to an answer: a line over TCP, a followed file, a lease file and an imported log, each through the real store.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SqliteBindings } from '../src/adapters/store/sqlite/bindings.ts';
import { Database } from '../src/adapters/store/sqlite/database.ts';
import { migrate } from '../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../src/adapters/store/sqlite/migrations.ts';
import { SqliteTranslations } from '../src/adapters/store/sqlite/translations.ts';
import { importBindings } from '../src/binding-import.ts';
import { BindingSources } from '../src/binding-sources.ts';
import type { Engine } from '../src/compose.ts';
import { readDocument, strict } from '../src/config/document.ts';
import { dhcpSchema, translatorsSchema } from '../src/config/translators.ts';
import { formatInstant } from '../src/core/kernel/civil.ts';
import { formatIp, parseIp } from '../src/core/net/ip.ts';
import { freePort } from './peers/daemon.ts';

let folder = '';
let database: Database;
const closers: (() => Promise<unknown> | unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engawa-sources-'));
  database = Database.open(join(folder, 'engawa.db'));
  migrate(database, MIGRATIONS);
  closers.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => database.close(),
  );
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const clock = { now: () => Date.now() };
const log = { info: () => {}, warn: () => {}, error: () => {} };

/** What the sources need of the engine, with the real store behind it. */
function engineOf(yaml: string): Engine {
  const config = readDocument(yaml, 'engawa.yaml', strict({ translators: translatorsSchema, dhcp: dhcpSchema }));
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  const common = { database, clock, retentionDays: 30 };
  const interim = { of: () => 1_800_000, widestMs: 1_800_000 };
  return {
    config: { ...config.value, stateFolder: folder },
    flow: { clock, log },
    reserved: [],
    translations: new SqliteTranslations({ ...common, sourceOf: () => ({ skewMs: 0 }) }),
    bindings: new SqliteBindings({ ...common, interim, reserved: [] }),
  } as unknown as Engine;
}

async function behind({ translations }: Engine, port: number): Promise<string[]> {
  const window = { fromAt: Date.now() - 3_600_000, toAt: Date.now() };
  const over = await translations.over('main', parseIp('192.0.2.1')!, { port }, window);
  return over.translations.map(
    ({ source, inside, endAt }) => `${source} ${formatIp(inside.ip)} ${endAt === undefined ? 'open' : 'over'}`,
  );
}

const line = (event: string, minutesAgo: number, low: number) =>
  `<134>1 ${formatInstant(Date.now() - minutesAgo * 60_000)} nfw1 vcgnat - - - ${event} VRF 0 INT 10.0.0.${low / 1024} EXT 192.0.2.1:${low}-${low + 511}\n`;

test('translators over TCP and by file answer for their ports, and the counters say what came', async () => {
  const port = await freePort('tcp');
  const engine = engineOf(`
translators:
  - { name: cgn1, kind: syslog, dialect: nfware, transport: tcp, listen: "127.0.0.1:${port}", from: [127.0.0.1] }
  - { name: cgn2, kind: ipfix, transport: tcp, listen: "127.0.0.1:${await freePort('tcp')}", from: [127.0.0.1] }
  - { name: cgn3, kind: syslog, dialect: nfware, transport: file, file: ${join(folder, 'cgn.log')} }
`);
  const sources = new BindingSources(engine);
  closers.push(() => sources.stop());
  await sources.start();
  const socket = connect(port, '127.0.0.1');
  closers.push(() => socket.destroy());
  socket.write(line('A', 30, 1024) + line('A', 20, 2048) + line('D', 10, 1024) + line('A', 1, 4096));
  appendFileSync(join(folder, 'cgn.log'), line('A', 30, 3072));
  await vi.waitFor(async () => expect(await behind(engine, 3100)).toEqual(['cgn3 10.0.0.3 open']), { timeout: 5_000 });
  await vi.waitFor(async () => expect(await behind(engine, 2100)).toEqual(['cgn1 10.0.0.2 open']), { timeout: 15_000 });
  // What came after its end proves that nothing was missed before it.
  await vi.waitFor(async () => expect(await behind(engine, 1100)).toEqual(['cgn1 10.0.0.1 over']), { timeout: 15_000 });
  expect(sources.counts()).toMatchObject({
    [`syslog tcp 127.0.0.1:${port}`]: { cgn1: { events: 4 } },
    cgn3: { events: 1 },
  });
});

test('a lease file answers for its addresses', async () => {
  const [file, seconds] = [join(folder, 'leases.csv'), Math.floor(Date.now() / 1000)];
  const header =
    'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context';
  const context = '{ "ISC": { "relay-agent-info": "0x01027031" } }';
  writeFileSync(file, `${header}\n192.0.2.9,00:00:5e:00:53:01,,3600,${seconds + 3_000},1,0,0,,0,${context}\n`);
  const engine = engineOf(`dhcp: [{ name: kea1, kind: kea, file: ${file}, validLifetime: 1h }]`);
  const sources = new BindingSources(engine);
  closers.push(() => sources.stop());
  await sources.start();
  await vi.waitFor(async () =>
    expect(await engine.bindings.holderNow('main', parseIp('192.0.2.9')!)).toMatchObject({
      accessKey: 'p1',
      nas: 'kea1',
    }),
  );
});

test('a log handed in later is recorded once, whatever stands in it; leases alike', async () => {
  const engine = engineOf(`
translators: [{ name: cgn1, kind: syslog, dialect: nfware, transport: file, file: none.log }, { name: cgn2, kind: ipfix, listen: "[::]:4739", from: [192.0.2.1] }]
dhcp: [{ name: kea1, kind: kea, format: legal-log, file: none.txt, validLifetime: 1h }]
`);
  const whole = line('A', 30, 1024) + line('D', 20, 1024);
  const bytes = Buffer.from(`${whole}rubbish\n${line('A', 99_999, 2048)}A VRF 0 INT 10.0.0.1 EXT 192.0.2.1:1-2`);
  const file = { source: 'cgn1', bytes, untilAt: Date.now() };
  const expected = { lines: 5, stored: 2, outside: 1, refused: { 'not-a-binding': 1, 'time-missing': 1 } };
  expect(await importBindings(engine, file, () => {})).toEqual(expected);
  expect(await importBindings(engine, file, () => {})).toEqual(expected);
  // Nobody knows what was between the two records, until somebody vouches for the whole of it.
  expect(await behind(engine, 1100)).toEqual(['cgn1 10.0.0.1 over', 'cgn1 10.0.0.1 over']);
  expect(await importBindings(engine, { ...file, isComplete: true }, () => {})).toEqual(expected); // a line was not read
  const vouched = await importBindings(engine, { ...file, bytes: Buffer.from(whole), isComplete: true }, () => {});
  expect(vouched.span!.toAt - vouched.span!.fromAt).toBeGreaterThan(590_000);
  expect(await behind(engine, 1100)).toEqual(['cgn1 10.0.0.1 over']);

  const at = Math.floor(Date.now() / 1000) - 600;
  const leases = `${at} Address: 192.0.2.9 has been assigned for 1 hrs 0 mins 0 secs to a device with hardware address: hwtype=1 00:00:5e:00:53:01 connected via relay at address: 192.0.2.1, circuit-id: 70:31\n${at} Something else\n`;
  const legal = { source: 'kea1', bytes: Buffer.from(leases), untilAt: Date.now() };
  expect(await importBindings(engine, legal, () => {})).toEqual({
    lines: 2,
    stored: 1,
    outside: 0,
    refused: { 'not-a-lease': 1 },
  });
  expect(await engine.bindings.holderNow('main', parseIp('192.0.2.9')!)).toMatchObject({ accessKey: 'p1' });
  await expect(importBindings(engine, { ...file, source: 'cgn2' }, () => {})).rejects.toThrow('IPFIX');
});
