import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SqliteStore } from '../../src/adapters/store/sqlite/store.ts';
import { err, ok } from '../../src/core/kernel/result.ts';
import type { FeedFile, FeedReader } from '../../src/core/report/feed.ts';
import { takeIn } from '../../src/flow/take-in.ts';
import { readXarf } from '../../src/protocols/xarf/read.ts';
import { ip } from '../core/line/records.ts';
import { zipFile } from '../unpack/zip-file.ts';
import { World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

/** One row a line: `good N` or anything else. A first line `broken` is no file at all. */
const reader: FeedReader = async (file: FeedFile) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.bytes) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().split('\n');
  if (lines[0] === 'broken') return err({ code: 'file-broken', text: 'no header' });
  return ok({
    types: ['test'],
    remarks: [{ code: 'column-new', text: 'x' }],
    items: (async function* () {
      for (const [i, line] of lines.entries())
        if (!line.startsWith('good')) yield { line: i + 1, code: 'row-bad', text: line };
        else
          yield {
            id: `${file.source} ${line}`,
            source: file.source,
            type: 'test',
            class: 'attack-handshake' as const,
            mayAct: true,
            family: file.familyOf('mirai') ?? 'unknown',
            ip: ip('192.0.2.70'),
            port: 40_000,
            protocol: 'tcp' as const,
            observedAt: file.receivedAt,
            precisionMs: 1000,
            evidence: { hash: file.evidenceHash, line: i + 1 },
            extra: line.includes('long') ? { 'engawa.notes': 'truncated: banner' } : {},
          };
    })(),
  });
};

async function open() {
  const { flow } = await (await world.process()).start();
  let decided = 0;
  const parts = {
    ...flow,
    readerOf: (source: string) => (source === 'feed' ? reader : undefined),
    familyOf: (name: string) => name,
    decide: async () => {
      decided++;
      await flow.decider.run();
    },
  };
  return { flow, parts, decided: () => decided };
}

test('rows are durable and decided; the same file again is known', async () => {
  const { flow, parts, decided } = await open();
  const file = { source: 'feed', name: 'a.txt', bytes: Buffer.from('good 1\nbad\ngood 2 long') };
  const taken = await takeIn(parts, file);
  expect(taken).toMatchObject({
    ok: true,
    value: {
      total: 3,
      duplicates: 0,
      refusedTotal: 1,
      truncated: 1,
      types: ['test'],
      remarks: [{ code: 'column-new' }],
    },
  });
  expect((await flow.store.report('feed good 1'))?.outcome?.decision).toBeDefined();
  expect(decided()).toBe(1);
  expect(await takeIn(parts, file)).toMatchObject({ ok: true, value: { accepted: [], duplicates: 2 } });
});

test('a file that cannot be read is parked with the reason, and what is mended is taken in from its original', async () => {
  const { flow, parts, decided } = await open();
  const bytes = Buffer.from('broken\ngood 1');
  const taken = await takeIn(parts, { source: 'feed', name: 'b.txt', bytes });
  expect(taken).toMatchObject({ ok: false, error: { code: 'file-broken' } });
  expect(await flow.store.evidenceFiles({ state: 'parked', limit: 5 })).toMatchObject([
    { name: 'b.txt', source: 'feed', reason: 'file-broken: no header' },
  ]);
  expect(await flow.evidence.read(taken.ok ? '' : taken.error.evidenceHash)).toEqual(bytes);
  expect(decided(), 'nothing came in').toBe(0);
});

test('a feed that nobody configured is the caller’s fault, before anything is kept', async () => {
  const { flow, parts } = await open();
  await expect(takeIn(parts, { source: 'other', name: 'c', bytes: Buffer.from('x') })).rejects.toThrow('other');
  expect(await flow.store.evidenceFiles({ limit: 5 })).toEqual([]);
});

test('an archive is taken in entry by entry; each is evidence of its own beside the archive', async () => {
  const { flow, parts, decided } = await open();
  const zip = zipFile({ name: 'x/a.txt', content: 'good 1\nbad' }, { name: 'b.txt', content: 'good 2' });
  const taken = await takeIn(parts, { source: 'feed', name: 'day.zip', bytes: zip });
  expect(taken).toMatchObject({ ok: true, value: { total: 3, refusedTotal: 1, types: ['test'] } });
  expect(decided()).toBe(1);
  const report = (await flow.store.report('feed good 1'))?.report;
  expect(Buffer.from((await flow.evidence.read(report!.evidence.hash))!).toString()).toBe('good 1\nbad');
  const files = await flow.store.evidenceFiles({ limit: 10 });
  expect(files.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
    'a.txt accepted',
    'b.txt accepted',
    'day.zip accepted',
  ]);
  // The same rows unpacked by hand are known.
  expect(await takeIn(parts, { source: 'feed', name: 'b.txt', bytes: Buffer.from('good 2') })).toMatchObject({
    ok: true,
    value: { duplicates: 1 },
  });
});

test('F14: an archive that lies is parked with its reason; an entry that cannot be read holds up no other', async () => {
  const { flow, parts } = await open();
  const climbing = zipFile({ name: '../a.txt', content: 'good 1' });
  expect(await takeIn(parts, { source: 'feed', name: 'a.csv.zip', bytes: climbing })).toMatchObject({
    ok: false,
    error: { code: 'zip-path' },
  });
  expect(await takeIn(parts, { source: 'feed', name: 'b.zip', bytes: Buffer.from('good 1') })).toMatchObject({
    ok: false,
    error: { code: 'zip-broken' },
  });
  expect(await takeIn(parts, { source: 'feed', name: 'c.zip', bytes: zipFile() })).toMatchObject({
    ok: false,
    error: { code: 'zip-empty' },
  });
  expect(await flow.store.report('feed good 1')).toBeUndefined();
  const mixed = zipFile({ name: 'bad.txt', content: 'broken' }, { name: 'good.txt', content: 'good 9' });
  expect(await takeIn(parts, { source: 'feed', name: 'd.zip', bytes: mixed })).toMatchObject({
    ok: false,
    error: { code: 'file-broken' },
  });
  expect((await flow.store.report('feed good 9'))?.outcome?.decision).toBeDefined();
});

test('F02: the same id with other content is refused and on record, the first report stands', async () => {
  const { flow, parts } = await open();
  const xarf = { ...parts, readerOf: () => readXarf({ clockMs: 1000 }) };
  const letter = (type: string) => ({
    source: 'feed',
    name: `${type}.json`,
    bytes: Buffer.from(
      JSON.stringify({
        ...{ xarf_version: '4.0.0', report_id: '11111111-1111-4111-8111-111111111111', reporter: { org: 'a' } },
        ...{ sender: { org: 'a' }, source_identifier: '192.0.2.70', category: 'connection', type, protocol: 'tcp' },
        timestamp: '2026-03-04T05:06:07Z',
      }),
    ),
  });
  const first = await takeIn(xarf, letter('port_scan'));
  expect(first).toMatchObject({ ok: true, value: { accepted: [expect.any(String)] } });
  const other = await takeIn(xarf, letter('infected_host'));
  expect(other).toMatchObject({
    value: { accepted: [], duplicates: 0, refusedTotal: 1, refused: [{ line: 1, code: 'id-content-differs' }] },
  });
  expect(await takeIn(xarf, letter('port_scan'))).toMatchObject({ value: { duplicates: 1, refusedTotal: 0 } });
  const id = first.ok ? first.value.accepted[0]! : '';
  expect((await flow.store.report(id))?.report.class).toBe('attack-single-packet');
  const hash = other.ok ? other.value.evidenceHash : '';
  expect(await (flow.store as SqliteStore).refusedRows(hash, 10)).toEqual([
    expect.objectContaining({ code: 'id-content-differs' }),
  ]);
});
