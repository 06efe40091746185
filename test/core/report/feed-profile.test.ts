import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundedPattern } from '../../../src/core/report/feed-profile.ts';
import { runs } from '../../runs.ts';

test.each([
  ['srcport:? ?(\\d{1,5})', 'mwtype x SRCPORT 1337', '1337'],
  ['\\b(?:port|source_port): ?(\\d{1,5})\\b', 'dest_port: 80 port: 15390', '15390'],
  ['\\[([0-9a-f:.]{2}[0-9a-f:.]{0,8})\\]', 'x [::1] y', '::1'],
])('the pattern %j finds %j', (pattern, text, found) => expect(boundedPattern(pattern)?.exec(text)?.[1]).toBe(found));

test.each([
  '(\\d+)',
  '(a*)',
  '(.{1,5})',
  '(a{1,9})',
  '(a{5,2})',
  '((a){1,8}){1,8}',
  '(a){1,8}',
  '(a{1,8}){1,8}',
  '(a{2}{2})',
  '(a{1,8}?)',
  '\\d{1,5}',
  '(\\d)(\\d)',
  '(?=a)(b)',
  '(a)\\1',
  '(?<n>a)',
  '(a',
  'a)',
  '[a-',
  '',
  'a{1}b{1}c{1}d{1}e{1}f{1}(g{1})',
  `(${'a'.repeat(120)})`,
])('the pattern %j does not load', (pattern) => expect(boundedPattern(pattern)).toBeUndefined());

test('what loads never backtracks for long, whatever the cell', () => {
  const worst = boundedPattern('[a-z]{0,8}[a-z]{0,8}[a-z]{0,8}[a-z]{0,8}[a-z]{0,8}([0-9]{1,8})');
  expect(worst?.exec('a'.repeat(512))).toBeNull();
  const piece = fc.constantFrom('a', '\\d', '[a-z]', '(', ')', '(?:', '|', '?', '{1,8}', '{8}', '\\b', ' ', ':', '.');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 14 }),
      fc.string({ unit: fc.constantFrom('a', '1', ' ', ':'), maxLength: 512 }),
      (pieces, cell) => {
        const pattern = boundedPattern(pieces.join(''));
        if (pattern !== undefined) pattern.exec(cell);
      },
    ),
    { numRuns: runs(2000) },
  );
});
