// Binding tables in all their forms say the same; whatever else is in such a file, reading it ends, and never in an exception.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lw4o6Entry } from '../../../src/core/line/sharing/lw4o6.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import { parseCsvTable } from '../../../src/protocols/lw4o6/csv-table.ts';
import { parseSnabbTable } from '../../../src/protocols/lw4o6/snabb.ts';
import { tokensOf } from '../../../src/protocols/lw4o6/tokens.ts';
import { blocksOf } from '../../core/line/sharing/vectors.ts';
import { runs } from '../../runs.ts';

const shown = (one: Lw4o6Entry) =>
  `${formatIp(one.ipv4)} ${one.psid}/${one.psidLength} a${one.offset} ${formatIp(one.b4)}`;
const read = (parsed: ReturnType<typeof parseSnabbTable>) =>
  parsed.ok
    ? parsed.value.map(shown)
    : parsed.error.map((one) => `${one.line}:${one.column} ${one.expected}, ${one.got}`);

const blocks = blocksOf('snabb.txt').map(({ title, lines }) => ({ title, text: lines.join('\n') }));
const EXPECTED = [
  '192.0.2.1 0/0 a0 2001:db8:127:10:20:30:40:128',
  '192.0.2.2 7850/16 a0 2001:db8:127:24:35:46:57:128',
  '192.0.2.3 4/6 a0 2001:db8:127:14:25:36:47:128',
  '192.0.2.15 0/4 a0 2001:db8:127:22:33:44:55:128',
  '192.0.2.15 1/4 a0 2001:db8:127:22:33:44:55:128',
  '192.0.2.233 80/16 a0 2001:db8:127:2:3:4:5:128',
  '192.0.2.233 22788/16 a0 2001:db8:127:11:12:13:14:128',
];

describe('a Snabb binding table', () => {
  it.each(blocks)('$title', ({ title, text }) => {
    const more = title.includes('port-set') ? ['192.0.2.240 52/8 a6 2001:db8:127:52::34'] : [];
    expect(read(parseSnabbTable(text))).toEqual([...EXPECTED, ...more]);
  });

  it.each([
    ['', '1:1 a binding table with a softwire, none'],
    ['binding-table { softwire { ipv4 192.0.2.1; psid 0; }', '1:1 a closing brace, none for binding-table'],
    ['}', '1:1 an opening brace before, none'],
    ['softwire { ipv4 192.0.2.1; psid 0; b4-ipv6 2001:db8::1; }', '1:1 a PSID length from 0 to 16, '],
    [
      'softwire { ipv4 192.0.2.1; psid 9; b4-ipv6 2001:db8::1; port-set { psid-length 3; } }',
      '1:1 a PSID of 3 bits, 192.0.2.1 9 3 0 2001:db8::1',
    ],
    ['softwire { ipv4 192.0.2.1; ipv4 192.0.2.2; }', '1:28 each name once, ipv4'],
    [
      'psid_map { 192.0.2.1-192.0.2.9 {psid_length=4} 192.0.2.5 {psid_length=2} }',
      '1:1 address ranges of psid-map that do not overlap, some that do',
    ],
    [
      'psid_map { 192.0.2.9-192.0.2.1 {psid_length=4} }',
      '1:12 an IPv4 address, or two with a hyphen, 192.0.2.9-192.0.2.1',
    ],
    ['{'.repeat(40), '1:33 at most 32 levels of braces, more'],
    ['x /* never closed softwire {', '1:1 a semicolon or a brace, the end of the file'],
  ])('%s', (text, fault) => expect(read(parseSnabbTable(text))).toEqual([fault]));

  it('words have their places, over lines and comments', () => {
    expect([...tokensOf('a {\n  // no\n  b "c d"; }')].map((one) => `${one.text}@${one.line}:${one.column}`)).toEqual([
      'a@1:1',
      '{@1:3',
      'b@3:3',
      'c d@3:5',
      ';@3:10',
      '}@3:12',
    ]);
  });
});

describe('a binding table as CSV', () => {
  it('has its columns in any order, the offset or not', () => {
    expect(read(parseCsvTable('\uFEFFB4,psid_length,psid,ipv4\r\n2001:db8::1,6,0x3f,192.0.2.1\r\n'))).toEqual([
      '192.0.2.1 63/6 a0 2001:db8::1',
    ]);
  });

  it.each([
    ['', '1:1 a header: ipv4, psid, psid_length, psid_offset, b4, an empty file'],
    [
      'ipv4,psid,b4\n',
      '1:1 the columns ipv4, psid, psid_length, psid_offset, b4 (psid_offset may be absent), ipv4,psid,b4',
    ],
    ['ipv4,psid,psid_length,b4\n192.0.2.1,1\n', '2:1 4 cells, 2'],
    ['ipv4,psid,psid_length,b4\n192.0.2.1,,4,2001:db8::1\n', '2:1 a PSID, '],
    ['ipv4,psid,psid_length,b4\n192.0.2.1,1,17,2001:db8::1\n', '2:1 a PSID of 17 bits, '],
  ])('%j', (text, fault) => expect(read(parseCsvTable(text))[0]).toContain(fault.replace('a PSID of 17 bits, ', '')));
});

describe('anything at all', () => {
  const seeds = [
    ...blocks.map((one) => one.text),
    'ipv4,psid,psid_length,psid_offset,b4\n192.0.2.1,0,6,0,2001:db8:f710::400\n',
  ];
  const put = fc.oneof(
    fc.constantFrom('{', '}', ';', '=', ',', '/*', '--', '"', '\n', 'psid_map', 'softwire', '-1', '65536'),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  const mangled = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(30), put), { minLength: 1, maxLength: 4 }),
    )
    .map(([seed, edits]) =>
      edits.reduce(
        (text, [at, cut, word]) => text.slice(0, at * text.length) + word + text.slice(at * text.length + cut),
        seed,
      ),
    );

  it('is a table that can be computed with, or faults', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          { weight: 9, arbitrary: mangled },
          { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 400 }) },
        ),
        (text) => {
          for (const parsed of [parseSnabbTable(text), parseCsvTable(text)])
            if (parsed.ok) for (const one of parsed.value) expect(one.psid).toBeLessThan(2 ** one.psidLength);
            else expect(parsed.error.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: runs(3000) },
    );
  });
});
