// Every format's vectors: what the reader must say of each row stands beside the file.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadFeedProfile } from '../../../src/config/feed-profiles.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import type { FeedReader } from '../../../src/core/report/feed.ts';
import { readAbusehub } from '../../../src/protocols/abusehub/read.ts';
import { readIntelmq } from '../../../src/protocols/intelmq/read.ts';
import { readN6 } from '../../../src/protocols/n6/read.ts';
import { readProfiles } from '../../../src/protocols/profile/read.ts';
import { readSuricata, type SuricataSettings } from '../../../src/protocols/suricata/read.ts';
import { readXarf } from '../../../src/protocols/xarf/read.ts';
import { readAll, vectorOf } from './told.ts';

const MINUTES_15 = 15 * 60_000;
const SENSOR: SuricataSettings = {
  homeNet: ['192.0.2.0/24', '2001:db8::/36'].map((text) => parsePrefix(text)!),
  alerts: [
    { signatures: [2027760], categories: [], class: 'infected-handshake', accuses: 'source', family: 'mirai' },
    { signatures: [2027761], categories: [], class: 'c2-contact', accuses: 'destination' },
    { signatures: [], categories: ['Attempted Information Leak'], class: 'attack-single-packet', accuses: 'source' },
  ],
};
const shipped = (...names: readonly string[]) =>
  readProfiles(
    names.map((name) => {
      const file = new URL(`../../../deploy/feeds/${name}.yaml`, import.meta.url);
      const loaded = loadFeedProfile(readFileSync(file, 'utf8'), name);
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
      return loaded.value;
    }),
  );
const cymru = shipped('team-cymru-new', 'team-cymru-old');
const HUB_FILE = 'abusehubcsv-1.0.0_1.0.0_2026-10-25T16:56:01+01:00.csv';

const VECTORS: readonly [format: string, file: string, told: string, reader: FeedReader][] = [
  ['intelmq', 'events.jsonl', 'events.told.txt', readIntelmq({ leastAccuracy: 50 })],
  ['n6', 'inside.json', 'inside.told.txt', readN6],
  ['suricata', 'eve.json', 'eve.told.txt', readSuricata(SENSOR)],
  ['xarf', 'v4.jsonl', 'v4.told.txt', readXarf({ clockMs: MINUTES_15 })],
  ['xarf', 'v3.jsonl', 'v3.told.txt', readXarf({ clockMs: MINUTES_15 })],
  ['abusehub', HUB_FILE, 'alone.told.txt', readAbusehub({ timeZone: 'Europe/Amsterdam' })],
  ['profile', 'spamhaus-cert.csv', 'spamhaus-cert.told.txt', shipped('spamhaus-cert')],
  ['profile', 'team-cymru-old.txt', 'team-cymru-old.told.txt', cymru],
  ['profile', 'team-cymru-new.txt', 'team-cymru-new.told.txt', cymru],
  ['profile', 'notice.csv', 'notice.told.txt', shipped('notice')],
  ['profile', 'nicter.csv', 'nicter.told.txt', shipped('nicter')],
];

describe.each(VECTORS)('%s %s', (format, file, told, reader) => {
  test(`says of each row what ${told} says`, async () => {
    const read = await readAll(reader, vectorOf(format, file), { fileName: file });
    const expected = new TextDecoder().decode(vectorOf(format, told)).trimEnd().split('\n');
    expect(read.told).toEqual(expected);
  });

  test('the same file again is the same reports, under another name too; another source has other ids', async () => {
    const ids = async (source: string, fileName: string) =>
      (await readAll(reader, vectorOf(format, file), { source, fileName })).reports.map((one) => one.id);
    const first = await ids('a', file);
    expect(new Set(first).size).toBe(first.length);
    expect(await ids('a', 'again')).toEqual(first);
    expect((await ids('b', file)).some((id) => first.includes(id))).toBe(false);
  });
});
