import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../src/core/garden/key.ts';
import { countOf, keyOf, parseSetListing } from '../../../src/protocols/nftables/listing.ts';
import { keyForms } from '../../../src/protocols/nftables/sets.ts';
import { SPEC } from '../../helper/lab-gateway.ts';

const [ipv4, shared, ipv6] = keyForms(SPEC);
const listing = (set: object) => JSON.stringify({ nftables: [{ metainfo: {} }, { set }] });

describe('reading a listed set', () => {
  it('reads bare values, values with options, and tuples with a counter', () => {
    const text = listing({
      name: 'abuse4',
      elem: [
        '192.0.2.5',
        { elem: { val: '192.0.2.6', timeout: 60, expires: 59 } },
        { elem: { val: { concat: ['192.0.2.7', 'tcp', 23] }, counter: { packets: 7, bytes: 420 } } },
      ],
    });
    const elements = parseSetListing(text, 'abuse4')!;
    expect(elements.map((e) => e.packets)).toEqual([0, 0, 7]);
    expect(formatKey(keyOf(ipv4!, elements[1]!)!)).toBe('192.0.2.6');
    expect(keyOf(ipv4!, elements[2]!)).toBeUndefined();
    expect(countOf(ipv4!, elements[2]!)).toMatchObject({ protocol: 'tcp', port: 23, packets: 7 });
    expect(countOf(ipv4!, elements[0]!)).toBeUndefined();
  });

  it('gives an IPv6 key its length back', () => {
    const element = (val: unknown) => ({ val, packets: 0, expires: undefined });
    expect(formatKey(keyOf(ipv6!, element('2001:db8:100:4200::'))!)).toBe(`2001:db8:100:4200::/${ipv6!.length}`);
    expect(keyOf(ipv6!, element('192.0.2.5'))).toBeUndefined();
  });

  it('gives a share of an address its PSID back, and takes no other value for one', () => {
    const element = (...concat: unknown[]) => ({ val: { concat }, packets: 9, expires: undefined });
    expect(formatKey(keyOf(shared!, element('192.0.2.200', 208))!)).toBe('192.0.2.200 psid 6/8/52');
    expect(countOf(shared!, element('192.0.2.200', 208, 'udp', 1900))).toMatchObject({ port: 1900, packets: 9 });
    for (const parts of [['192.0.2.200'], ['192.0.2.200', 209], ['192.0.2.200', '208'], ['192.0.2.200', 208, 'tcp']])
      expect(keyOf(shared!, element(...parts)), parts.join()).toBeUndefined();
    expect(countOf(shared!, element('192.0.2.200', 'udp', 1900))).toBeUndefined();
    expect(countOf(ipv4!, element('192.0.2.200', 208, 'udp', 1900))).toBeUndefined();
  });

  it('an empty set is empty; a set that is not there, or no listing at all, is not', () => {
    expect(parseSetListing(listing({ name: 'strict4' }), 'strict4')).toEqual([]);
    expect(parseSetListing(listing({ name: 'other' }), 'strict4')).toBeUndefined();
    expect(parseSetListing('', 'strict4')).toBeUndefined();
    expect(parseSetListing('null', 'strict4')).toBeUndefined();
  });

  it('never throws, whatever was listed', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.jsonValue().map((elem) => listing({ name: 's', elem: [elem, { elem }] })),
        ),
        (text) => {
          for (const element of parseSetListing(text, 's') ?? []) countOf(ipv4!, element);
        },
      ),
      { numRuns: 300 },
    );
  });
});
