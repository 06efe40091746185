import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unzip } from '../../src/unpack/zip.ts';
import { runs } from '../runs.ts';
import { LIMITS, outcomeOf } from './outcome.ts';
import { type ZipEntry, zipFile } from './zip-file.ts';

const take = (bytes: Buffer) => outcomeOf((outlet) => unzip(bytes, outlet, LIMITS.parts));

test('files come out with their base name, folders are passed over', async () => {
  const zip = zipFile(
    { name: 'day/', mode: 0o040_755, method: 0 },
    { name: 'day/2026-03-04-scan_telnet-x.csv', content: 'a,b\n1,2\n' },
    { name: 'stored.csv', content: 'c\n', method: 0 },
    { name: 'empty.csv' },
  );
  expect(await take(zip)).toMatchObject({
    parts: [
      { name: '2026-03-04-scan_telnet-x.csv', text: 'a,b\n1,2\n' },
      { name: 'stored.csv', text: 'c\n' },
      { name: 'empty.csv', text: '' },
    ],
  });
});

const bomb = Buffer.alloc(2 << 20);
const refused: readonly (readonly [string, string, ZipEntry])[] = [
  ['a zip bomb', 'too-much-out', { name: 'a', content: bomb }],
  ['declared size 0', 'zip-broken', { name: 'a', content: 'text', declaredSize: 0 }],
  ['declared size 0 of a bomb', 'zip-broken', { name: 'a', content: bomb, declaredSize: 0 }],
  ['a nested zip', 'zip-nested', { name: 'a.csv', content: zipFile({ name: 'b', content: 'x' }) }],
  ['a name with ../', 'zip-path', { name: '../../etc/cron.d/x', content: 'x' }],
  ['an absolute name', 'zip-path', { name: '/etc/passwd', content: 'x' }],
  ['a name with a backslash', 'zip-path', { name: '..\\x', content: 'x' }],
  ['a symlink', 'zip-link', { name: 'a', content: '/etc/passwd', mode: 0o120_777 }],
  ['a device', 'zip-link', { name: 'a', mode: 0o020_666 }],
  ['an encrypted entry', 'zip-encrypted', { name: 'a', content: 'x', flags: 1 }],
  ['strong encryption', 'zip-broken', { name: 'a', content: 'x', flags: 0x41 }],
  ['corrupt deflate', 'zip-broken', { name: 'a', content: 'text', raw: Buffer.from('ffffffff', 'hex') }],
  ['a wrong checksum', 'zip-broken', { name: 'a', content: 'text', crc: 1 }],
  ['another method', 'zip-method', { name: 'a', content: 'text', method: 14 }],
];

test.each(refused)('F14: %s is refused', async (_, code, entry) => {
  expect(await take(zipFile({ name: 'first.csv', content: 'x' }, entry))).toMatchObject({ fault: code });
});

test('F14: more entries than allowed are refused before the first is unpacked', async () => {
  const many = zipFile(...Array.from({ length: LIMITS.parts + 1 }, (_, i) => ({ name: `${i}` })));
  expect(await take(many)).toEqual({ fault: 'too-many-parts', parts: [] });
});

test('a zip with any octets changed, cut or doubled gives files or a reason', async () => {
  const good = zipFile({ name: 'a.csv', content: 'a,b\n1,2\n'.repeat(20) }, { name: 'b', content: 'c', method: 0 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(good.length),
      fc.boolean(),
      async (changes, length, isWhole) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        const outcome = await take(isWhole ? bytes : bytes.subarray(0, length));
        expect(outcome.fault ?? 'none').toMatch(/^[a-z-]+$/);
      },
    ),
    { numRuns: runs(1500) },
  );
});
