// Port blocks of a translator per second, from octets of a TCP stream to a durable record that answers look-ups. Beside it, in the same
// run and with the same parser: PostgreSQL with an index on (address, time), rows in batches, every commit durable. And the parser alone.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import { Database } from '../src/adapters/store/sqlite/database.ts';
import { migrate } from '../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../src/adapters/store/sqlite/migrations.ts';
import { SqliteTranslations } from '../src/adapters/store/sqlite/translations.ts';
import { TranslationRecorder } from '../src/adapters/translations/recorder.ts';
import { TranslationStream } from '../src/adapters/translations/stream.ts';
import { eventsOfLine } from '../src/adapters/translations/syslog/lines.ts';
import { formatInstant } from '../src/core/kernel/civil.ts';
import type { TranslationEvent } from '../src/core/line/translation.ts';
import { formatIp, parseIp } from '../src/core/net/ip.ts';
import { CGN_DIALECTS } from '../src/protocols/cgn-log/dialects.ts';
import { SyslogFrames } from '../src/protocols/syslog/framing.ts';
import { postgresPrograms, startPostgres } from './lib/postgres.ts';
import { cpuPer, report } from './lib/report.ts';

const EVENTS = 400_000;
const BLOCKS = 40_000;
const CHUNK_OCTETS = 65_536;
const BATCH = 4_000;
const SOURCE = {
  dialect: CGN_DIALECTS['junos-pba'],
  facts: { outsideRealm: 'main', insideRealm: 'main', realms: new Map<string, string>(), clockAheadMs: 0 },
};
const NOW = Date.now();
/** An hour's log, each block given and taken back again and again. */
const START = NOW - 3_600_000;

/** 100,000 at a time: all of it as text would be its own benchmark. */
function* stream(): Generator<Buffer> {
  let text = '';
  for (let i = 0; i < EVENTS; i++) {
    const at = START + Math.floor((i / EVENTS) * 3_500_000);
    const [block, event] = [i % BLOCKS, Math.floor(i / BLOCKS) % 2 === 0 ? 'ALLOC' : 'RELEASE'];
    const [outside, low] = [`198.51.100.${Math.floor(block / 200)}`, 1024 + (block % 200) * 256];
    const inside = `100.${64 + (block >> 16)}.${(block >> 8) & 255}.${block & 255}`;
    text += `<14>1 ${formatInstant(at)} cgn1 RT_NAT - RT_SRC_NAT_PBA_${event} [junos@2636.1.1.1.2.129 internal-ip="${inside}" block-used="1" block-max-per-host="4" block-port-low="${low}" block-port-high="${low + 255}" reflexive-ip="${outside}" nat-pool-name="p" logical-system-id="0" epoch-time-64="${Math.floor(at / 1000).toString(16)}"]\n`;
    if (text.length < CHUNK_OCTETS) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

/** Made before the clock starts: the sender is no part of it. */
const chunks = [...stream()];
const perSecond = (ms: number) => (EVENTS * 1000) / ms;

function parse(frames: SyslogFrames, chunk: Buffer): TranslationEvent[] {
  return frames
    .push(chunk)
    .flatMap((line) => eventsOfLine(line, SOURCE, { source: 'cgn1', nearAt: NOW }).events as TranslationEvent[]);
}

function parserAlone(): number {
  const [frames, beganMs] = [new SyslogFrames(), performance.now()];
  let events = 0;
  for (const chunk of chunks) events += parse(frames, chunk).length;
  if (events !== EVENTS) throw new Error(`${events} of ${EVENTS} lines were read`);
  return perSecond(performance.now() - beganMs);
}

async function engawa(
  folder: string,
): Promise<{ readonly rate: number; readonly cpuMicros: number; readonly lookUp: number }> {
  const database = Database.open(join(folder, 'engawa.db'));
  migrate(database, MIGRATIONS);
  const translations = new SqliteTranslations({
    database,
    clock: Date,
    sourceOf: () => ({ skewMs: 0 }),
    retentionDays: 30,
  });
  const fail = { info: () => {}, warn: () => {}, error: (code: string) => console.error(code) };
  const recorder = new TranslationRecorder({ record: (batch) => translations.record(batch), log: fail });
  const [frames, tcp] = [new SyslogFrames(), new TranslationStream('cgn1')];
  const [cpu, beganMs] = [process.cpuUsage(), performance.now()];
  for (const chunk of chunks) {
    const events = parse(frames, chunk);
    recorder.push(tcp, events);
    for (const { at } of events) tcp.heard(at, at);
    // As the listener does: the socket waits while the queue is full.
    if (recorder.isFull(tcp)) await new Promise<void>((drained) => recorder.onDrain(drained));
    else await turn();
  }
  if (!(await recorder.settled())) throw new Error('not stored');
  const result = { rate: perSecond(performance.now() - beganMs), cpuMicros: cpuPer(EVENTS, cpu) };
  const lookUp = await lookUps(translations);
  await recorder.stop();
  await database.close();
  return { ...result, lookUp };
}

async function lookUps(translations: SqliteTranslations): Promise<number> {
  const COUNT = 20_000;
  const beganMs = performance.now();
  let found = 0;
  for (let i = 0; i < COUNT; i++) {
    const at = START + ((i * 7919) % 3_000_000);
    const place = { port: 1024 + ((i * 104_729) % 51_200), protocol: 'tcp' } as const;
    const over = await translations.over('main', parseIp(`198.51.100.${i % 200}`)!, place, { fromAt: at, toAt: at });
    found += over.translations.length;
  }
  // A block is held half of the time.
  if (found < COUNT / 4) throw new Error(`${found} translations in ${COUNT} look-ups`);
  return (COUNT * 1000) / (performance.now() - beganMs);
}

async function postgres(folder: string): Promise<number> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    const { socket, query } = await startPostgres(folder, 20, undo);
    query(
      'CREATE TABLE nat (outside inet, low int, high int, at timestamptz, event text, inside inet); CREATE INDEX ON nat (outside, at)',
    );
    const client = new pg.Client({ host: socket, user: 'postgres', database: 'postgres' });
    await client.connect();
    const [frames, beganMs] = [new SyslogFrames(), performance.now()];
    let waiting: TranslationEvent[] = [];
    for (const chunk of chunks) {
      waiting.push(...parse(frames, chunk));
      if (waiting.length < BATCH) continue;
      await insert(client, waiting);
      waiting = [];
    }
    if (waiting.length > 0) await insert(client, waiting);
    const rate = perSecond(performance.now() - beganMs);
    await client.end();
    if (query('SELECT count(*) FROM nat').trim() !== String(EVENTS))
      throw new Error('PostgreSQL does not have them all');
    return rate;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** One statement, one commit. */
async function insert(client: pg.Client, events: readonly TranslationEvent[]): Promise<void> {
  await client.query(
    'INSERT INTO nat SELECT * FROM unnest($1::inet[], $2::int[], $3::int[], $4::timestamptz[], $5::text[], $6::inet[])',
    [
      events.map(({ outside }) => formatIp(outside)),
      events.map(({ ports }) => ports.low),
      events.map(({ ports }) => ports.high),
      events.map(({ at }) => formatInstant(at)),
      events.map(({ kind }) => kind),
      events.map(({ inside }) => formatIp(inside.ip)),
    ],
  );
}

const folder = mkdtempSync(join(tmpdir(), 'engawa-bench-'));
try {
  const alone = parserAlone();
  const ours = await engawa(folder);
  const hasPostgres = process.getuid?.() === 0 && postgresPrograms() !== undefined;
  if (!hasPostgres) console.log('  PostgreSQL left out: needs root and the Debian package postgresql');
  chmodSync(folder, 0o711);
  const theirs = hasPostgres ? await postgres(folder) : undefined;
  const baseline =
    theirs === undefined
      ? {}
      : { baseline: { what: 'PostgreSQL 15, same parser', value: theirs }, ratio: ours.rate / theirs };
  report(
    'cgn-log',
    [
      { what: 'block events', value: ours.rate, unit: '/s', ...baseline, goal: '≥ 50,000' },
      { what: 'parser alone', value: alone, unit: 'lines/s' },
      { what: 'CPU per event', value: ours.cpuMicros, unit: 'µs' },
      { what: 'look-ups over them', value: ours.lookUp, unit: '/s' },
    ],
    { events: EVENTS, rssMiB: Math.round(process.memoryUsage().rss / 2 ** 20) },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
