import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRfc3339 } from '../../../src/core/kernel/civil.ts';
import { offsetsOf } from '../../../src/core/kernel/stamp.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import { CGN_DIALECTS, type CgnDialectName } from '../../../src/protocols/cgn-log/dialects.ts';
import { eventOf } from '../../../src/protocols/cgn-log/event.ts';
import { genericDialect, genericFault } from '../../../src/protocols/cgn-log/generic.ts';
import { readSyslog } from '../../../src/protocols/syslog/message.ts';
import { runs } from '../../runs.ts';
import { eventText, FACTS, readVectors, tell } from './vectors.ts';

const names = Object.keys(CGN_DIALECTS) as CgnDialectName[];

describe('each line of a vendor says what its vector says', () => {
  for (const name of names)
    test(name, () => {
      const vectors = readVectors(name);
      expect(vectors.length).toBeGreaterThan(4);
      for (const { line, expected, got } of vectors) expect(got, line).toEqual(expected);
    });
});

describe('a dialect that a configuration describes', () => {
  const words = { allocated: ['open'], inUse: ['still'], released: ['close'] };
  const nearAt = parseRfc3339('2026-03-04T06:00:00Z')!;
  const keys = { event: 'ev', inside: 'in', outside: 'out', ports: 'ports', protocol: 'p', vrf: 'ri', time: 't' };

  test('key=value words in any order, quoted or not, under names of its own', () => {
    const dialect = genericDialect({ keys, ...words });
    const at = (line: string) => tell(line, dialect, FACTS, nearAt);
    expect(at('x ports=1024-2047, out="192.0.2.1" ev=open in=10.0.0.1 t=1772600767 other=1')).toEqual([
      'allocated 2026-03-04T05:06:07.000Z main 192.0.2.1 1024-2047 * main 10.0.0.1',
    ]);
    expect(at('ports=1024 out=192.0.2.1 ev=close in=10.0.0.1 p=udp ri=red t=2026-03-04T05:06:07.5+09:00')).toEqual([
      'released 2026-03-03T20:06:07.500Z main 192.0.2.1 1024-1024 udp main/red 10.0.0.1',
    ]);
    expect(at('ports=1024 out=192.0.2.1 ev=later in=10.0.0.1 t=1772600767')).toEqual(['! event-unknown']);
    expect(at('ports=1024 out=192.0.2.1 ev=open in=10.0.0.1 t=yesterday')).toEqual(['! time-bad']);
    expect(at('ports=1024 out=192.0.2.1 ev=open in=10.0.0.1')).toEqual(['! time-missing']);
    expect(at('all is well')).toEqual(['! not-a-binding']);
  });

  test('a pattern with named groups', () => {
    const pattern = '(?<event>open|close) (?<inside>\\S+) as (?<outside>[0-9.]+):(?<low>\\d+)\\+(?<high>\\d+)';
    const dialect = genericDialect({ pattern, ...words });
    const line = '<14>1 2026-03-04T05:06:07Z box - - - - open 2001:db8::1 as 192.0.2.1:1024+2047';
    expect(tell(line, dialect, FACTS, nearAt)).toEqual([
      'allocated 2026-03-04T05:06:07.000Z main 192.0.2.1 1024-2047 * main 2001:db8::1',
    ]);
  });

  test('what cannot work is said when it is loaded', () => {
    expect(genericFault({ keys, ...words })).toBeUndefined();
    expect(genericFault(words)).toBe('either keys or a pattern');
    expect(genericFault({ pattern: '(', ...words })).toBe('a regular expression');
    expect(genericFault({ pattern: '(?<event>a)(?<inside>b)', ...words })).toBe('outside among the fields');
    expect(genericFault({ keys: { event: 'e', inside: 'i', outside: 'o' }, ...words })).toContain('ports');
  });
});

describe('A04: one time, or none', () => {
  const record = CGN_DIALECTS.nfware('A VRF 0 INT 10.0.0.1 EXT 192.0.2.1:1024-1535')[0]!;
  const event = (line: string, nearAt: string, facts = {}) => {
    const head = readSyslog(line);
    if (!head.ok || !record.ok) throw new Error(line);
    const read = eventOf(
      record.value,
      { stamp: head.value.stamp, nearAt: parseRfc3339(nearAt)! },
      { ...FACTS, ...facts },
    );
    return read.ok ? eventText(read.value).split(' ')[1] : read.error;
  };
  const berlin = { offsetAt: offsetsOf('Europe/Berlin') };

  test('without a zone in the line and in the configuration it is refused', () => {
    expect(event('<14>Mar  4 05:06:07 box x', '2026-03-04T06:00:00Z')).toBe('zone-missing');
    expect(event('<14>1 - box x', '2026-03-04T06:00:00Z')).toBe('time-missing');
  });

  test('the hour that exists twice is told by when it was heard, and refused where that does not help', () => {
    const line = '<14>Oct 25 02:30:00 box x';
    expect(event(line, '2026-10-25T00:30:05Z', berlin)).toBe('2026-10-25T00:30:00.000Z');
    expect(event(line, '2026-10-25T01:30:05Z', berlin)).toBe('2026-10-25T01:30:00.000Z');
    expect(event(line, '2026-10-27T12:00:00Z', berlin)).toBe('time-ambiguous');
    expect(event('<14>Mar 29 02:30:00 box x', '2026-03-29T12:00:00Z', berlin)).toBe('time-impossible');
  });

  test('the year is the latest that does not lie ahead', () => {
    expect(event('<14>Dec 31 23:59:59 box x', '2026-01-01T00:00:02Z', berlin)).toBe('2025-12-31T22:59:59.000Z');
    expect(event('<14>Jan  1 00:00:01 box x', '2025-12-31T23:00:00Z', berlin)).toBe('2025-12-31T23:00:01.000Z');
    expect(event('<14>Feb 29 12:00:00 box x', '2025-03-05T00:00:00Z', berlin)).toBe('2024-02-29T11:00:00.000Z');
  });

  test('a clock that is known to be wrong is put right', () => {
    const ahead = { ...berlin, clockAheadMs: 90_000 };
    expect(event('<14>Mar  4 06:01:30 box x', '2026-03-04T06:00:00Z', ahead)).toBe('2026-03-04T05:00:00.000Z');
  });
});

test('whatever a line holds, each dialect ends, throws nothing, says the same twice and names only real ports', () => {
  const seeds = names.flatMap((name) =>
    readFileSync(new URL(`../../vectors/cgn/${name}.txt`, import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('< '))
      .map((line) => line.slice(2)),
  );
  const piece = fc.oneof(
    fc.constantFrom(...seeds),
    fc.string({ maxLength: 30 }),
    fc.constantFrom(' ', '[', ']', '-', ':', '"'),
  );
  const line = fc.oneof(
    fc.array(piece, { maxLength: 4 }).map((parts) => parts.join('')),
    fc
      .tuple(fc.constantFrom(...seeds), fc.nat(), fc.string({ maxLength: 6 }), fc.nat(8))
      .map(([seed, at, put, cut]) => {
        const i = at % seed.length;
        return seed.slice(0, i) + put + seed.slice(i + cut);
      }),
  );
  fc.assert(
    fc.property(line, fc.constantFrom(...names), (text, name) => {
      const head = readSyslog(text);
      if (!head.ok) return;
      const results = CGN_DIALECTS[name](head.value.body);
      expect(results.length).toBeGreaterThan(0);
      expect(CGN_DIALECTS[name](head.value.body)).toEqual(results);
      for (const result of results) {
        if (!result.ok) continue;
        const { ports, outside } = result.value;
        expect(ports.low >= 0 && ports.low <= ports.high && ports.high <= 65_535).toBe(true);
        expect(formatIp(outside)).toMatch(/^[0-9.]+$/);
        eventOf(result.value, { stamp: head.value.stamp, nearAt: 1_772_600_767_000 }, FACTS);
      }
    }),
    { numRuns: runs(2_000) },
  );
});
