import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../src/config/faults.ts';
import { loadSharing } from '../../src/config/sharing.ts';
import { runs } from '../runs.ts';

const TABLE =
  'ipv4,psid,psid_length,psid_offset,b4\n192.0.2.1,0,6,0,2001:db8:f710::400\n192.0.2.1,1,6,0,2001:db8:f710::430\n';

function load(text: string, files: Readonly<Record<string, string>> = {}) {
  return loadSharing({
    text,
    file: 'sharing.yaml',
    read: (path) => {
      const found = files[path];
      if (found === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
      return Buffer.from(found);
    },
  });
}
const faults = (text: string, files?: Readonly<Record<string, string>>) => {
  const read = load(text, files);
  return read.ok ? [] : read.error.map(formatFault);
};

const mapE = (id: string, more = '') => `
  - id: ${id}
    kind: map-e
    ipv6Prefix: 2001:db8::/40
    ipv4Prefix: 192.0.2.0/24
    eaLength: 16
    psidOffset: 6
    layout: rfc7597
${more}`;
const cgn = (more = '') => `
  - id: cgn
    kind: deterministic-cgn
    inside: 198.51.100.0/28
    insideHosts: usable
    outside: [192.0.2.1]
    ratio: 14
    dynamicFactor: 2
    reservedPorts: ["0-1023"]
${more}`;

describe('the sample', () => {
  const text = readFileSync(new URL('../../deploy/sharing.yaml', import.meta.url), 'utf8');
  it('loads, frozen, with the hash of its text as version', () => {
    const read = load(text);
    if (!read.ok) expect.fail(read.error.map(formatFault).join('\n'));
    expect(read.value.rules.map((one) => one.kind)).toEqual(['map-e', 'map-e', 'map-e', 'deterministic-cgn', 'lw4o6']);
    expect(Object.isFrozen(read.value.rules[0])).toBe(true);
    expect(read.value.version).toMatch(/^[0-9a-f]{64}$/);
    const again = load(`${text}\n`);
    expect(again.ok && again.value.version).not.toBe(read.value.version);
  });

  it('stays total when it is mangled', () => {
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(40), fc.string({ maxLength: 12, unit: 'binary' }), (at, cut, put) => {
        const read = load(text.slice(0, at) + put + text.slice(at + cut));
        if (!read.ok) expect(read.error.length).toBeGreaterThan(0);
      }),
      { numRuns: runs(300) },
    );
  });
});

it('tells all faults at once, each with its place', () => {
  expect(
    faults(`rules:${mapE('one', '    psid: { length: 8, value: 52 }')}${mapE('two').replace('eaLength: 16', 'eaLength: 30')}
  - id: three
    kind: lw4o6
    tableFile: nowhere.csv
  - id: four
    kind: deterministic-cgn
    inside: 198.51.100.0/24
    outside: [192.0.2.0/28]
    ratio: 14
    dynamicFactor: 2
    algorithm: sequential
`),
  ).toEqual([
    'sharing.yaml:9:11: expected a provisioned PSID with eaLength 0 and an IPv4 /32 alone, got a mapping (rules[0].psid)',
    'sharing.yaml:14:15: expected an end-user prefix of at most /64 (it would be /70), got 30 (rules[1].eaLength)',
    'sharing.yaml:20:16: expected a file that can be read, got ENOENT (rules[2].tableFile)',
    'sharing.yaml:21:5: expected reservedPorts, or a record, got nothing (rules[3].reservedPorts)',
    'sharing.yaml:21:5: expected usable or all: does the pool give out its first and last address?, got nothing (rules[3].insideHosts)',
    'sharing.yaml:21:5: expected usable or all: does the pool give out its first and last address?, got nothing (rules[3].outsideHosts)',
  ]);
});

it.each([
  ['an id twice', mapE('one') + mapE('one', '    validFrom: 2026-01-01T00:00:00Z'), 'each id once'],
  ['a time without a zone', mapE('one', '    validFrom: 2026-01-01T00:00:00'), 'a time with its zone'],
  [
    'an end before its beginning',
    mapE('one', '    validFrom: 2026-01-01T00:00:00Z\n    validTo: 2025-01-01T00:00:00Z'),
    'a time after validFrom',
  ],
  [
    'two rules for one address at one time',
    mapE('one') + mapE('two', '    validFrom: 2026-01-01T00:00:00Z'),
    'a rule whose addresses no other rule has at that time (one has)',
  ],
  ['an algorithm that cannot be computed', cgn('    algorithm: interlaced'), 'sequential: other algorithms'],
  [
    'no word about first and last address',
    cgn('    algorithm: sequential').replace('    insideHosts: usable\n', ''),
    'usable or all',
  ],
  ['record and values', cgn('    record: "x"\n    recordZone: "+00:00"'), 'record or its values, not both'],
  ['a zone that is none', cgn('    recordZone: "+15:00"'), 'an offset from UTC'],
  ['a misspelt key', mapE('one', '    psidOfset: 4'), 'did you mean "psidOffset"?'],
])('refuses %s', (_what, rules, expected) => {
  expect(faults(`rules:${rules}`).join('\n')).toContain(expected);
});

describe('a configuration record of RFC 7422 §2.3', () => {
  const record = (line: string, more = '    insideHosts: usable\n    recordZone: "+09:00"') =>
    `rules:\n  - id: cgn\n    kind: deterministic-cgn\n    record: "${line}"\n${more}\n`;
  const LINE = '[Wed Oct 11 14:32:52 2000]:198.51.100.0:28:192.0.2.0:32:2:5040:0:1-1023,5004,5060.';

  it('is a rule since it was written, on the clock of its CGN', () => {
    const read = load(record(LINE));
    expect(read.ok && read.value.rules[0]).toMatchObject({
      ratio: 14,
      dynamicFactor: 2,
      validFromAt: Date.UTC(2000, 9, 11, 5, 32, 52),
      reserved: [
        { low: 0, high: 1023 },
        { low: 5004, high: 5004 },
        { low: 5060, high: 5060 },
      ],
    });
  });

  it.each([
    [LINE.replace(':0:1-', ':3:1-'), undefined, 'algorithm 0, sequential (it is 3'],
    [LINE, '    insideHosts: usable', 'the offset of the CGN’s clock'],
    [LINE, '    recordZone: "+09:00"', 'usable or all'],
    [
      LINE,
      '    insideHosts: usable\n    recordZone: "+00:00"\n    validTo: 2000-01-01T00:00:00Z',
      'a time after that of the record',
    ],
    [
      LINE.replace(':28:', ':27:').replace('192.0.2.0:32', '192.0.2.0:30'),
      '    insideHosts: usable\n    outsideHosts: all\n    recordZone: "+00:00"',
      'divide evenly',
    ],
  ])('%s %s: %s', (line, more, expected) => {
    expect(faults(record(line, more)).join('\n')).toContain(expected);
  });
});

describe('a binding table in a file', () => {
  const rules = (more = '') => `rules:\n  - id: lwaftr\n    kind: lw4o6\n    tableFile: table.csv\n${more}`;

  it('is read, and part of the version', () => {
    const read = load(rules(), { 'table.csv': TABLE });
    expect(read.ok && read.value.rules[0]).toMatchObject({
      kind: 'lw4o6',
      entries: [{ psid: 0 }, { psid: 1, psidLength: 6 }],
    });
    const other = load(rules(), { 'table.csv': `${TABLE}192.0.2.1,2,6,0,2001:db8:f710::440\n` });
    expect(other.ok && read.ok && other.value.version !== read.value.version).toBe(true);
  });

  it('has its faults told with their place in it', () => {
    expect(
      faults(rules(), { 'table.csv': `${TABLE}192.0.2.1,64,6,0,2001:db8:f710::440\n192.0.2.1,2,6,0,nowhere\n` }),
    ).toEqual([
      'table.csv:4:1: expected a PSID of 6 bits, got "192.0.2.1 64 6 0 2001:db8:f710::440"',
      'table.csv:5:1: expected the IPv6 address of a B4, got "nowhere"',
    ]);
    expect(faults(rules(), { 'table.csv': `${TABLE}192.0.2.1,1,6,0,2001:db8:f710::440\n` })).toEqual([
      'sharing.yaml:4:16: expected ports of an address that no other entry has, got entry 3, which shares some with entry 2 (rules[0].tableFile)',
    ]);
    expect(faults(rules('    tableFormat: snabb\n'), { 'table.csv': TABLE })[0]).toContain('table.csv:');
  });
});
