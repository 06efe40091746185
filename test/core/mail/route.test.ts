import fc from 'fast-check';
import { expect, test } from 'vitest';
import { feedOf, fits } from '../../../src/core/mail/route.ts';
import { runs } from '../../runs.ts';

test.each([
  ['*.csv', '2026-03-04-scan_telnet.CSV', true],
  ['*.csv', 'a.csv.zip', false],
  ['abusehubcsv-*.csv', 'abusehubcsv-1.0.0_1.0.0_2026.csv', true],
  ['*report*as64496*', 'Daily report for AS64496', true],
  ['a*a', 'a', false],
  ['a*b*a', 'aba', true],
  ['*ab*ab', 'ab', false],
  ['report.txt', 'report.txt', true],
  ['report.txt', 'xreport.txt', false],
  ['*', '', true],
  ['', '', true],
] as const)('%s for %s: %s', (pattern, text, expected) => {
  expect(fits(pattern, text)).toBe(expected);
});

test('patterns say what the same regular expression says', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  fc.assert(
    fc.property(word, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, text) => {
      expect(fits(pattern, text)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text));
    }),
    { numRuns: runs(3000) },
  );
});

const routes = [
  { dkim: 'cert.example', subject: '*weekly*', attachment: ['*.csv'], feed: 'weekly' },
  { dkim: 'cert.example', attachment: ['*.csv', '*.csv.zip'], feed: 'daily' },
  { attachment: ['*'], feed: 'anything' },
];

test('the first route that fits wins; who signed for one domain says nothing for another', () => {
  const part = { signers: ['cert.example'], subject: 'The weekly one', names: ['a.csv'] };
  expect(feedOf(routes, part)).toBe('weekly');
  expect(feedOf(routes, { ...part, subject: 'x' })).toBe('daily');
  expect(feedOf(routes, { ...part, names: ['a.txt', 'b.csv.zip'] })).toBe('daily');
  expect(feedOf(routes, { ...part, names: ['a.txt'] })).toBeUndefined();
  expect(feedOf(routes, { ...part, signers: ['other.example'] })).toBeUndefined();
});

test('F15: a route without a domain is for a trusted transport, never for a mail that somebody signed', () => {
  expect(feedOf(routes, { signers: [], subject: '', names: ['x'] })).toBeUndefined();
  expect(feedOf(routes, { signers: undefined, subject: '', names: ['a.csv'] })).toBe('anything');
});
