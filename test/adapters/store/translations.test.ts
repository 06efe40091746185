import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/adapters/store/sqlite/database.ts';
import { migrate } from '../../../src/adapters/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../src/adapters/store/sqlite/migrations.ts';
import { SqliteTranslations } from '../../../src/adapters/store/sqlite/translations.ts';
import { DAY, MINUTE } from '../../../src/core/kernel/time.ts';
import type { TranslationEvent } from '../../../src/core/line/translation.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import { at, ip, T0 } from '../../core/line/records.ts';

const OUTSIDE = ip('192.0.2.1');
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'engawa-translations-'));
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'store.db');
}

function open(path = folder(), now = at(0) + 3 * DAY, interimMs?: number) {
  const database = Database.open(path);
  migrate(database, MIGRATIONS);
  undo.push(() => database.close());
  const translations = new SqliteTranslations({
    database,
    clock: { now: () => now },
    sourceOf: () => ({ skewMs: 2000, ...(interimMs === undefined ? {} : { interimMs }) }),
    retentionDays: 30,
  });
  return { translations, database };
}

function log(
  kind: TranslationEvent['kind'],
  inside: string,
  minute: number,
  more: Partial<TranslationEvent> = {},
): TranslationEvent {
  return {
    source: 'cgn1',
    kind,
    at: at(minute),
    realm: 'main',
    outside: OUTSIDE,
    ports: { low: 1024, high: 2047 },
    inside: { realm: 'inner', ip: ip(inside) },
    ...more,
  };
}

async function behind(store: SqliteTranslations, port: number, minute: number): Promise<string[]> {
  const window = { fromAt: at(minute) - MINUTE, toAt: at(minute) + MINUTE };
  const { translations } = await store.over('main', OUTSIDE, { port, protocol: 'tcp' }, window);
  return translations.map(
    (one) => `${one.inside.realm} ${formatIp(one.inside.ip)}${one.endAt === undefined ? ' open' : ''}`,
  );
}

describe('translations in the store', () => {
  it('are found by the outside address, port and moment, with the clock error of their source', async () => {
    const { translations } = open();
    const batch = [
      log('allocated', '100.64.0.1', 0),
      log('released', '100.64.0.1', 60),
      log('allocated', '100.64.0.2', 0, { ports: { low: 2048, high: 3071 } }),
      log('allocated', '2001:db8:1::1', 61),
    ];
    const heard = [{ source: 'cgn1', fromAt: at(0), toAt: at(120) }];
    expect(await translations.record({ events: batch, heard })).toEqual({ stored: 4, outside: 0 });
    expect(await behind(translations, 1024, 30)).toEqual(['inner 100.64.0.1']);
    expect(await behind(translations, 2047, 30)).toEqual(['inner 100.64.0.1']);
    expect(await behind(translations, 2048, 30)).toEqual(['inner 100.64.0.2 open']);
    expect(await behind(translations, 1500, 70)).toEqual(['inner 2001:db8:1::1 open']);
    expect(await behind(translations, 3072, 30)).toEqual([]);
    const window = { fromAt: at(0), toAt: at(1) };
    expect((await translations.over('main', OUTSIDE, { port: 1024 }, window)).skewMs).toBe(2000);
    expect((await translations.over('other', OUTSIDE, { port: 1024 }, window)).translations).toEqual([]);
    expect((await translations.over('main', ip('192.0.2.2'), { port: 1024 }, window)).translations).toEqual([]);
  });

  it('are the same after a repetition and after a restart', async () => {
    const path = folder();
    const first = open(path);
    const events = [log('allocated', '100.64.0.1', 0), log('released', '100.64.0.1', 60)];
    await first.translations.record({ events, heard: [{ source: 'cgn1', fromAt: at(0), toAt: at(90) }] });
    await first.translations.record({ events: events.toReversed(), heard: [] });
    const before = await first.translations.over('main', OUTSIDE, { port: 1100 }, { fromAt: at(5), toAt: at(6) });
    expect(before.translations).toHaveLength(1);
    const second = open(path);
    expect(await second.translations.over('main', OUTSIDE, { port: 1100 }, { fromAt: at(5), toAt: at(6) })).toEqual(
      before,
    );
  });

  it('are found however many days a block was held', async () => {
    const { translations } = open(folder(), at(0) + 20 * DAY);
    const days = (n: number) => (n * DAY) / MINUTE;
    await translations.record({
      events: [
        log('allocated', '100.64.0.1', 0),
        log('released', '100.64.0.1', days(9)),
        log('allocated', '100.64.0.2', days(10)),
      ],
      heard: [{ source: 'cgn1', fromAt: at(0), toAt: at(days(16)) }],
    });
    expect(await behind(translations, 1100, days(4))).toEqual(['inner 100.64.0.1']);
    expect(await behind(translations, 1100, days(15))).toEqual(['inner 100.64.0.2 open']);
  });

  it('join what was heard: spans that meet are one, and a gap stays a gap', async () => {
    const { translations } = open();
    const span = (from: number, to: number) => ({ source: 'cgn1', fromAt: at(from), toAt: at(to) });
    await translations.record({ events: [log('allocated', '100.64.0.1', 5)], heard: [span(0, 10), span(20, 30)] });
    const covered = async () => {
      const window = { fromAt: at(6), toAt: at(7) };
      return (
        ((await translations.over('main', OUTSIDE, { port: 1100 }, window)).translations[0]!.coveredUntilAt - T0) /
        MINUTE
      );
    };
    expect(await covered()).toBe(10);
    await translations.record({ events: [], heard: [span(10, 20)] });
    expect(await covered()).toBe(30);
    await translations.record({ events: [], heard: [span(40, 35)] });
    expect(await covered()).toBe(30);
  });

  it('are told of one port, with all flows of its address as evidence, where one record speaks of all ports', async () => {
    const { translations } = open();
    const flow = (i: number) =>
      log('allocated', `100.64.${i >> 8}.${i & 255}`, 10, { ports: { low: 1024 + i, high: 1024 + i } });
    const all = log('allocated', '100.65.0.1', 5, { ports: { low: 0, high: 65_535 } });
    await translations.record({ events: [all, ...Array.from({ length: 500 }, (_, i) => flow(i))], heard: [] });
    expect(await behind(translations, 1025, 30)).toEqual(['inner 100.64.0.1 open']);
    expect(await behind(translations, 60_000, 30)).toEqual([]);
  });

  it('were heard up to now at most, whatever a clock far ahead says', async () => {
    const { translations } = open(folder(), at(60));
    const heard = [{ source: 'cgn1', fromAt: at(0), toAt: at(20 * 60) }];
    await translations.record({ events: [log('allocated', '100.64.0.1', 5)], heard });
    const window = { fromAt: at(6), toAt: at(7) };
    const { translations: found } = await translations.over('main', OUTSIDE, { port: 1100 }, window);
    expect(found.map((one) => (one.coveredUntilAt - T0) / MINUTE)).toEqual([60]);
  });

  it('know a block of another size over these ports, on whatever day it was told of', async () => {
    const { translations } = open(folder(), at(0) + 9 * DAY);
    const day = DAY / MINUTE;
    await translations.record({
      events: [
        log('allocated', '100.64.0.1', 0),
        // Their blocks were cut anew: whoever has a part of the old one has ended it.
        log('allocated', '100.64.0.2', day, { ports: { low: 1536, high: 1599 } }),
      ],
      heard: [{ source: 'cgn1', fromAt: at(0), toAt: at(8 * day) }],
    });
    expect(await behind(translations, 1100, 60)).toEqual(['inner 100.64.0.1']);
    expect(await behind(translations, 1100, day + 60)).toEqual([]);
    expect(await behind(translations, 1100, 4 * day)).toEqual([]);
    expect(await behind(translations, 1550, 4 * day)).toEqual(['inner 100.64.0.2 open']);
  });

  it('say which outside addresses a change spoke of, once it is durable', async () => {
    const { translations } = open();
    const told: string[] = [];
    translations.onChange((outside) => told.push(...outside.map(formatIp)));
    await translations.record({
      events: [log('allocated', '100.64.0.1', 0), log('released', '100.64.0.1', 1)],
      heard: [],
    });
    expect(told).toEqual(['192.0.2.1']);
  });

  it('leave with their day when the retention is over, what was heard too', async () => {
    const { translations, database } = open(folder(), at(0) + 2 * DAY);
    await translations.record({
      events: [log('allocated', '100.64.0.1', 0), log('released', '100.64.0.1', 60)],
      heard: [{ source: 'cgn1', fromAt: at(0), toAt: at(60) }],
    });
    expect(await translations.purge(at(0) + 2 * DAY)).toBe(0);
    expect(await translations.purge(at(0) + 40 * DAY)).toBe(1);
    expect(await behind(translations, 1100, 30)).toEqual([]);
    expect(database.read.allSql('SELECT * FROM nat_heard')).toEqual([]);
    expect(database.read.allSql("SELECT name FROM sqlite_master WHERE name GLOB 'nat_d*'")).toEqual([]);
  });

  it('count what is outside of retention, in the future, or of an address that cannot be shared', async () => {
    const { translations } = open(folder(), at(0));
    const events = [
      log('allocated', '100.64.0.1', -40 * 24 * 60),
      log('allocated', '100.64.0.1', 3 * 24 * 60),
      log('allocated', '100.64.0.1', 0, { outside: ip('2001:db8::1') }),
    ];
    expect(await translations.record({ events, heard: [] })).toEqual({ stored: 0, outside: 3 });
  });
});
