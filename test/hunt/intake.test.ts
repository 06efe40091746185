// Long fuzzing of everything strangers send us as text: real files with bytes changed, cut, doubled and swapped. A parser may
// refuse anything, but it ends, throws nothing, says the same twice, and changes no prototype.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLines } from '../../src/protocols/lines-csv/parse.ts';
import { readDelivery } from '../../src/protocols/reports/read.ts';
import { readShadowserver } from '../../src/protocols/shadowserver/parse.ts';
import { runs } from '../runs.ts';

const folder = new URL('../vectors/shadowserver/', import.meta.url);
const feeds = readdirSync(folder)
  .filter((name) => name.endsWith('.csv'))
  .map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }));
const lines = readFileSync(new URL('../../deploy/lines.csv', import.meta.url));
const delivery = Buffer.from(
  JSON.stringify({
    reports: [
      { id: 'a', observedAt: '2026-03-04T05:06:07Z', class: 'info', ip: '2001:db8::1', extra: { k: 'v\\u0041' } },
    ],
  }),
);

const byte = fc.oneof(
  fc.constantFrom(...Buffer.from(',"\n\r\\{}[]:0\0\u00ff', 'latin1')),
  fc.integer({ min: 0, max: 255 }),
);
const change = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('set', 'cut', 'double', 'insert'),
  byte,
  length: fc.nat(40),
});

function mutate(bytes: Buffer, changes: readonly { at: number; kind: string; byte: number; length: number }[]): Buffer {
  let result = Buffer.from(bytes);
  for (const one of changes) {
    const at = one.at % (result.length + 1);
    const [head, part, tail] = [
      result.subarray(0, at),
      result.subarray(at, at + one.length),
      result.subarray(at + one.length),
    ];
    if (one.kind === 'set') result.fill(one.byte, at, Math.min(result.length, at + 1));
    else if (one.kind === 'cut') result = Buffer.concat([head, tail]);
    else if (one.kind === 'double') result = Buffer.concat([head, part, part, tail]);
    else result = Buffer.concat([head, Buffer.from([one.byte]), part, tail]);
  }
  return result;
}

const changes = fc.array(change, { minLength: 1, maxLength: 20 });
const familyOf = (name: string) => (name === 'mirai' ? name : undefined);

test('feed files', async () => {
  const readAll = async (name: string, bytes: Uint8Array) => {
    const feed = await readShadowserver({
      source: 's',
      fileName: name,
      bytes: [bytes],
      evidenceHash: 'e',
      receivedAt: 4e12,
      familyOf,
    });
    if (!feed.ok) return feed.error;
    const items: unknown[] = [];
    for await (const item of feed.value.items) items.push(item);
    return items;
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...feeds), changes, async ({ name, bytes }, list) => {
      const mutant = mutate(bytes, list);
      expect(await readAll(name, mutant)).toEqual(await readAll(name, mutant));
    }),
    { numRuns: runs(200) },
  );
});

test('deliveries', () => {
  fc.assert(
    fc.property(fc.constantFrom('json' as const, 'json-lines' as const), changes, (format, list) => {
      const text = mutate(delivery, list).toString('utf8');
      readDelivery({ source: 's', format, text, evidenceHash: 'e', receivedAt: 4e12, familyOf });
      expect(Object.keys(Object.prototype)).toEqual([]);
    }),
    { numRuns: runs(2000) },
  );
});

test('lines files', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      const parsed = await parseLines({ bytes: [mutate(lines, list)], reserved: [] });
      if (!parsed.ok) expect(parsed.error.length).toBeGreaterThan(0);
    }),
    { numRuns: runs(500) },
  );
});
