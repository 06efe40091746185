import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { formatIp, parseIp } from '../../../src/core/net/ip.ts';
import {
  containsIp,
  formatPrefix,
  isLinePrefix,
  overlaps,
  parsePrefix,
  prefixOf,
  samePrefix,
} from '../../../src/core/net/prefix.ts';
import { runs } from '../../runs.ts';

const prefix = (text: string) => parsePrefix(text)!;

describe('prefixes', () => {
  it.each([
    '192.0.2.1/24',
    '192.0.2.0/33',
    '192.0.2.0/-1',
    '192.0.2.0/024',
    '192.0.2.0/',
    '192.0.2.0/24/24',
    '2001:db8::/129',
    '2001:db8::1/64',
    '/24',
    '192.0.2.0/ 24',
  ])('%j is not a prefix', (form) => {
    expect(parsePrefix(form)).toBeUndefined();
  });

  it('contains what an independent implementation says it contains', () => {
    const pair = fc.oneof(
      fc.tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 })),
      fc.tuple(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(
      fc.property(pair, ([a, b, length]) => {
        const [one, other] = [parseIp(a), parseIp(b)];
        if (one === undefined || other === undefined) return;
        const net = prefixOf(one, length);
        expect(containsIp(net, one)).toBe(true);
        expect(containsIp(net, other)).toBe(
          ipaddr.parse(formatIp(other)).match([ipaddr.parse(formatIp(net.ip)) as never, length]),
        );
        expect(samePrefix(parsePrefix(`${formatIp(net.ip)}/${length}`)!, net)).toBe(true);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('overlaps when one holds the other, either way round, and never across families', () => {
    expect(overlaps(prefix('2001:db8::/48'), prefix('2001:db8:0:1::/64'))).toBe(true);
    expect(overlaps(prefix('2001:db8:0:1::/64'), prefix('2001:db8::/48'))).toBe(true);
    expect(overlaps(prefix('192.0.2.0/25'), prefix('192.0.2.128/25'))).toBe(false);
    expect(overlaps(prefix('0.0.0.0/0'), prefix('::/0'))).toBe(false);
  });

  it('F09: a line holds IPv4 /29–/32, IPv6 /48–/64 or one address; nothing shorter', () => {
    const held = ['192.0.2.0/29', '192.0.2.1', '2001:db8::/48', '2001:db8::/56', '2001:db8::/64', '2001:db8::1'];
    const not = ['192.0.2.0/28', '0.0.0.0/0', '::/0', '2001:db8::/47', '2001:db8::/65', '2001:db8::/127'];
    expect(held.map(prefix).every(isLinePrefix)).toBe(true);
    expect(not.map(prefix).some(isLinePrefix)).toBe(false);
    expect(formatPrefix(prefix('192.0.2.1/32'))).toBe('192.0.2.1');
  });
});
