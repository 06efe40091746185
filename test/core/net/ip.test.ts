import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { formatIp, ipFromBytes, parseIp, parsePeer, sameIp } from '../../../src/core/net/ip.ts';
import { runs } from '../../runs.ts';

const text = (ip: string) => {
  const parsed = parseIp(ip);
  return parsed === undefined ? undefined : formatIp(parsed);
};

describe('addresses', () => {
  it('writes IPv6 as RFC 5952 §4 and §5 want it', () => {
    expect(text('2001:0DB8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1');
    expect(text('2001:db8:0:1:1:1:1:1')).toBe('2001:db8:0:1:1:1:1:1');
    expect(text('0:0:0:0:0:0:0:0')).toBe('::');
    expect(text('0:0:0:0:0:0:0:1')).toBe('::1');
    expect(text('2001:db8::0:0')).toBe('2001:db8::');
    expect(text('64:ff9b::192.0.2.33')).toBe('64:ff9b::c000:221');
  });

  it.each([
    '010.0.0.1',
    '1.1',
    '0x7f.1',
    '127.1',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3',
    '1..2.3',
    '1.2.3.4 ',
    '1.2.3.4\t',
    '1.2.3.4\u0000',
    '１.2.3.4',
    '+1.2.3.4',
    '1.2.3.-4',
    '::ffff:1.2.3.4',
    '::ffff:102:304',
    'fe80::1%eth0',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    ':1',
    '1:',
    '12345::',
    '::1.2.3',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7::8',
    '[::1]',
    '::1/64',
    '',
    '.',
    ':',
    '::g',
    '1.2.3.04',
  ])('F08: %j names nobody', (form) => {
    expect(parseIp(form)).toBeUndefined();
  });

  it('agrees with an independent parser on every canonical form, and reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (form) => {
        // The oracle reads every dotted tail as IPv4-mapped, which RFC 4291 §2.2 does not: those forms are tested above.
        fc.pre(!(form.includes(':') && form.includes('.')));
        const mine = parseIp(form);
        if (mine === undefined) {
          // Only the mapped forms are refused on purpose.
          expect(ipaddr.parse(form).toNormalizedString()).toMatch(/^0:0:0:0:0:ffff:/);
          return;
        }
        expect([...mine.bytes]).toEqual(ipaddr.parse(form).toByteArray());
        expect(formatIp(mine)).toBe(ipaddr.parse(form).toString());
        expect(sameIp(parseIp(formatIp(mine))!, mine)).toBe(true);
        expect(sameIp(ipFromBytes(mine.bytes)!, mine)).toBe(true);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[0-9a-fA-F:.%/]{0,50}$/)), (form) => {
        const ip = parseIp(form);
        if (ip !== undefined) expect(text(formatIp(ip))).toBe(formatIp(ip));
      }),
      { numRuns: runs(2000) },
    );
  });

  it('takes a socket’s peer as it is shown by a dual-stack listener, and nothing longer', () => {
    expect(formatIp(parsePeer('::ffff:192.0.2.7')!)).toBe('192.0.2.7');
    expect(formatIp(parsePeer('2001:db8::7')!)).toBe('2001:db8::7');
    expect(parsePeer('::ffff:192.0.2.7, 192.0.2.8')).toBeUndefined();
  });
});
