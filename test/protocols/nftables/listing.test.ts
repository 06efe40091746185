import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { countOf, keyPrefix, parseSetListing } from '../../../src/protocols/nftables/listing.ts';
import { keyForms } from '../../../src/protocols/nftables/sets.ts';
import { SPEC } from '../../helper/lab-gateway.ts';

const [ipv4, ipv6] = keyForms(SPEC);
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
    expect(formatPrefix(keyPrefix(ipv4!, elements[1]!.val as string)!)).toBe('192.0.2.6');
    expect(countOf(ipv4!, elements[2]!)).toMatchObject({ protocol: 'tcp', port: 23, packets: 7 });
    expect(countOf(ipv4!, elements[0]!)).toBeUndefined();
  });

  it('gives an IPv6 key its length back', () => {
    expect(formatPrefix(keyPrefix(ipv6!, '2001:db8:100:4200::')!)).toBe(`2001:db8:100:4200::/${ipv6!.length}`);
    expect(keyPrefix(ipv6!, '192.0.2.5')).toBeUndefined();
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
