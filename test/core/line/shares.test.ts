// What a line holds by rule beside its prefix.
import { describe, expect, it } from 'vitest';
import type { Binding } from '../../../src/core/line/binding.ts';
import { sharesByRule } from '../../../src/core/line/shares.ts';
import type { MapERule } from '../../../src/core/line/sharing/map-e.ts';
import type { SharingRule } from '../../../src/core/line/sharing/rules.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { prefix, T0 } from './records.ts';

const RULE: MapERule = {
  kind: 'map-e',
  id: 'r1',
  realm: 'shared',
  insideRealm: 'main',
  ipv6Prefix: prefix('2001:db8::/40'),
  ipv4Prefix: prefix('192.0.2.0/24'),
  eaLength: 16,
  psidOffset: 6,
  layout: 'rfc7597',
};
const held = (text: string, change: Partial<Binding> = {}): Binding => ({
  id: 'b1',
  realm: 'main',
  prefix: prefix(text),
  accessKey: 'ann',
  source: 'accounting',
  nas: 'bng1',
  startAt: T0,
  certainEndAt: T0 + 1000,
  ...change,
});
const shares = (text: string, change: Partial<Binding> = {}, ...rules: SharingRule[]) =>
  sharesByRule({ version: 'v', rules: rules.length === 0 ? [RULE] : rules }, [held(text, change)], T0);

describe('the shares of a prefix', () => {
  it('RFC 7597 appendix A, example 1: 63 ranges of 192.0.2.18 from 1232 on, ending with the prefix', () => {
    const found = shares('2001:db8:12:3400::/56');
    expect(found).toHaveLength(63);
    expect(found[0]).toMatchObject({
      realm: 'shared',
      ports: { low: 1232, high: 1235 },
      accessKey: 'ann',
      nas: 'bng1',
      certainEndAt: T0 + 1000,
      via: { kind: 'map-e', id: 'r1', realm: 'main', bindingId: 'b1' },
    });
    expect(new Set(found.map((one) => formatPrefix(one.prefix)))).toEqual(new Set(['192.0.2.18']));
    expect(new Set(found.map((one) => one.id)).size).toBe(63);
  });

  it('an address that the rule does not share is the line’s own, whole', () => {
    const [one, ...more] = shares('2001:db8:12::/48', {}, { ...RULE, eaLength: 8 });
    expect(more).toEqual([]);
    expect(formatPrefix(one!.prefix)).toBe('192.0.2.18');
    expect(one).not.toHaveProperty('ports');
  });

  it('a prefix around many of them is a network: one range each, so that none becomes an element', () => {
    const found = shares('2001:db8:12::/48');
    expect(found).toHaveLength(16);
    expect(new Set(found.map((one) => `${one.ports!.low} ${formatPrefix(one.prefix)}`)).size).toBe(16);
  });

  it('none before the rule holds, in another realm, of an IPv4 address, or of a share itself', () => {
    expect(shares('2001:db8:12:3400::/56', {}, { ...RULE, validFromAt: T0 + 1 })).toEqual([]);
    expect(shares('2001:db8:12:3400::/56', { realm: 'other' })).toEqual([]);
    expect(shares('192.0.2.18')).toEqual([]);
    expect(shares('2001:db8:12:3400::/56', { ports: { low: 1, high: 2 } })).toEqual([]);
  });
});
