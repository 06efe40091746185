// Feed readers under fire: real files with bytes cut, flipped, repeated and spliced. A reader may refuse anything, but it ends,
// throws nothing, says the same twice, and what it lets through is a report that nothing later has to doubt.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { loadFeedProfile } from '../../../src/config/feed-profiles.ts';
import { SECOND } from '../../../src/core/kernel/time.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import type { FeedReader } from '../../../src/core/report/feed.ts';
import { REPORT_CLASSES, type RefusedRow, type Report } from '../../../src/core/report/report.ts';
import { readAbusehub } from '../../../src/protocols/abusehub/read.ts';
import { readArf } from '../../../src/protocols/arf/read.ts';
import { readIntelmq } from '../../../src/protocols/intelmq/read.ts';
import { readN6 } from '../../../src/protocols/n6/read.ts';
import { readProfiles } from '../../../src/protocols/profile/read.ts';
import { readShadowserver } from '../../../src/protocols/shadowserver/parse.ts';
import { readSuricata } from '../../../src/protocols/suricata/read.ts';
import { readXarf } from '../../../src/protocols/xarf/read.ts';

export interface Target {
  readonly format: string;
  readonly reader: FeedReader;
  /** A name the reader accepts, whatever the bytes are. */
  readonly fileName?: string;
}

export const CORPORA = new URL('../../vectors/fuzz/', import.meta.url);
const RECEIVED = Date.UTC(2026, 11, 31);
const EARLIEST = Date.UTC(2000, 0, 1);

function profiles(...names: readonly string[]): FeedReader {
  return readProfiles(
    names.map((name) => {
      const text = readFileSync(new URL(`../../../deploy/feeds/${name}.yaml`, import.meta.url), 'utf8');
      const loaded = loadFeedProfile(text, name);
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
      return loaded.value;
    }),
  );
}

export const TARGETS: readonly Target[] = [
  { format: 'shadowserver', reader: readShadowserver, fileName: '2026-03-04-event4_sinkhole_http-x.csv' },
  { format: 'abusehub', reader: readAbusehub({ timeZone: 'Europe/Amsterdam' }) },
  { format: 'xarf', reader: readXarf({ clockMs: 900 * SECOND }) },
  { format: 'n6', reader: readN6 },
  { format: 'intelmq', reader: readIntelmq({ leastAccuracy: 50 }) },
  {
    format: 'suricata',
    reader: readSuricata({
      homeNet: [parsePrefix('192.0.2.0/24')!],
      alerts: [{ signatures: [2027760], categories: [], class: 'infected-handshake', accuses: 'home' }],
    }),
  },
  { format: 'arf', reader: readArf },
  { format: 'profile', reader: profiles('team-cymru-new', 'team-cymru-old') },
];

/** The format's vectors, and what earlier hunts kept. */
export function seedsOf({ format }: Target): readonly Buffer[] {
  const folders = [new URL(`../../vectors/${format}/`, import.meta.url), new URL(`${format}/`, CORPORA)];
  return folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => !/told\.txt$|README|roles\.txt$/.test(name))
      .map((name) => readFileSync(new URL(encodeURIComponent(name), folder))),
  );
}

/** What came out, small enough to compare: which codes, which classes. */
export async function tryOut({ reader, fileName = 'file' }: Target, bytes: Uint8Array): Promise<string> {
  const opened = await reader({
    source: 'feed',
    fileName,
    bytes: [bytes],
    beside: [{ fileName: 'original.csv', bytes: bytes.subarray(0, 4096) }],
    evidenceHash: 'e'.repeat(64),
    receivedAt: RECEIVED,
    familyOf: (name) => (name === 'mirai' ? name : undefined),
  });
  if (!opened.ok) {
    expect(opened.error.code).toMatch(/^[a-z][a-z0-9-]+$/);
    expect(opened.error.text.length).toBeLessThan(1000);
    return `parked ${opened.error.code}`;
  }
  const seen = new Set<string>();
  let count = 0;
  for await (const item of opened.value.items) {
    judge(item);
    seen.add('code' in item ? item.code : `${item.class} ${item.mayAct} ${item.extra['engawa.notes'] ?? ''}`);
    count++;
  }
  // n6 may name a hundred addresses in one event; each needs at least a character.
  expect(count).toBeLessThanOrEqual(bytes.length + 1);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  return [...seen].sort().join('\n');
}

function judge(item: Report | RefusedRow): void {
  if ('code' in item) {
    const isTold = /^[a-z][a-z0-9-]+$/.test(item.code) && item.text.length < 400 && item.line > 0;
    if (!isTold) throw new Error(`a refusal without place or reason: ${JSON.stringify(item)}`);
    return;
  }
  const { port, observedAt, untilAt, extra } = item;
  const isSound =
    REPORT_CLASSES.includes(item.class) &&
    !(item.mayAct && (item.class === 'victim' || item.class === 'info')) &&
    !(item.class.endsWith('-handshake') && item.protocol === 'udp') &&
    (port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536)) &&
    observedAt >= EARLIEST &&
    Math.max(observedAt, untilAt ?? 0) <= RECEIVED + 2000 &&
    item.precisionMs >= 1000 &&
    item.ip.bytes.length === (item.ip.family === 4 ? 4 : 16) &&
    /^[0-9a-f]{64}$/.test(item.id) &&
    item.type.length <= 128 &&
    Object.keys(extra).length <= 70 &&
    Object.values(extra).every((value) => value.length <= 512 && value.isWellFormed());
  if (!isSound) throw new Error(`an unsound report: ${JSON.stringify(item)}`);
}

const SPECIAL = Buffer.from(',;|"\'\n\r\t\\{}[]():=#@0179-+.eTZ \0\u00ff', 'latin1');

interface Change {
  readonly kind: 'cut' | 'flip' | 'repeat' | 'splice';
  readonly at: number;
  readonly length: number;
  readonly byte: number;
  readonly from: number;
}

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('cut', 'flip', 'repeat', 'splice'),
    at: fc.nat(),
    length: fc.nat(60),
    byte: fc.oneof(fc.constantFrom(...SPECIAL), fc.integer({ min: 0, max: 255 })),
    from: fc.nat(),
  }),
  { minLength: 1, maxLength: 12 },
);

export function mutate(seeds: readonly Buffer[], which: number, list: readonly Change[]): Buffer {
  let bytes = Buffer.from(seeds[which % seeds.length]!);
  for (const { kind, at: place, length, byte, from } of list) {
    const at = place % (bytes.length + 1);
    const [head, part, tail] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
    if (kind === 'cut') bytes = Buffer.concat([head, tail]);
    else if (kind === 'flip') bytes = Buffer.concat([head, Buffer.from([byte]), part.subarray(1), tail]);
    else if (kind === 'repeat')
      bytes = Buffer.concat([head, ...Array.from({ length: 1 + (byte % 8) }, () => part), tail]);
    else {
      const other = seeds[from % seeds.length]!;
      const start = from % (other.length + 1);
      bytes = Buffer.concat([head, other.subarray(start, start + length), tail]);
    }
    if (bytes.length > 64 * 1024) bytes = bytes.subarray(0, 64 * 1024);
  }
  return bytes;
}
