// Owner names of client triggers, IPv4 and IPv6, and of names that are let through.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix, prefixOf } from '../../../src/core/net/prefix.ts';
import { clientOfOwner, clientOwner, letThroughOwners, packName } from '../../../src/protocols/rpz/owner.ts';
import { ip, prefix } from '../../helper/lab-gateway.ts';
import { runs } from '../../runs.ts';

describe('the owner of a client trigger', () => {
  it.each([
    // draft-vixie-dnsop-dns-rpz §4.1.1
    ['192.0.2.1', '32.1.2.0.192.rpz-client-ip'],
    ['192.0.2.0/24', '24.0.2.0.192.rpz-client-ip'],
    ['10.1.0.0/16', '16.0.0.1.10.rpz-client-ip'],
    ['2001:db8:100:4200::/56', '56.zz.4200.100.db8.2001.rpz-client-ip'],
    ['2001:db8::1', '128.1.zz.db8.2001.rpz-client-ip'],
    ['2001:db8:0:1::/64', '64.zz.1.0.db8.2001.rpz-client-ip'],
    ['2001:db8::1:0:0:1', '128.1.0.0.1.zz.db8.2001.rpz-client-ip'],
    ['2001:db8:1:2:3:4:0:6', '128.6.0.4.3.2.1.db8.2001.rpz-client-ip'],
    ['::/0', '0.zz.rpz-client-ip'],
    ['fe80::/10', '10.zz.fe80.rpz-client-ip'],
  ])('of %s is %s, and back', (text, owner) => {
    expect(clientOwner(prefix(text))).toBe(owner);
    expect(formatPrefix(clientOfOwner(owner)!)).toBe(text);
  });

  it('of any prefix leads back to it', () => {
    const any = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })),
      fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 128 })),
    );
    fc.assert(
      fc.property(any, ([text, length]) => {
        const wanted = prefixOf(ip(text), Math.min(length, text.includes(':') ? 128 : 32));
        expect(formatPrefix(clientOfOwner(clientOwner(wanted))!)).toBe(formatPrefix(wanted));
      }),
      { numRuns: runs(300) },
    );
  });

  it.each([
    '',
    '33.1.2.0.192.rpz-client-ip',
    '32.1.2.0.192.rpz-ip',
    '032.1.2.0.192.rpz-client-ip',
    '24.1.2.0.192.rpz-client-ip',
    '32.256.2.0.192.rpz-client-ip',
    '64.zz.zz.db8.2001.rpz-client-ip',
    '128.1.0.0.0.0.0.db8.2001.rpz-client-ip',
    '56.zz.4201.100.db8.2001.rpz-client-ip',
    `${'1.'.repeat(100)}rpz-client-ip`,
  ])('%j is none of ours', (owner) => {
    expect(clientOfOwner(owner)).toBeUndefined();
  });
});

describe('names that are let through', () => {
  it.each([
    [packName('bank.example'), ['bank.example']],
    [packName('*.bank.example'), ['*.bank.example']],
    [{ name: 'SIP.example.net.', covers: 'both' as const }, ['sip.example.net', '*.sip.example.net']],
    [{ name: '_sip._udp.example.net', covers: 'name' as const }, ['_sip._udp.example.net']],
  ])('%j', (name, owners) => {
    expect(letThroughOwners(name)).toEqual(owners);
  });

  it.each([
    '',
    '.',
    '*',
    'a b',
    'a\n* CNAME .',
    'a;b',
    'a..b',
    'x'.repeat(64),
    `${'a.'.repeat(120)}a`,
    '-a.example',
    '$INCLUDE',
  ])('%j is no host name and stays out: it must not become another line of the file', (name) => {
    expect(letThroughOwners({ name, covers: 'both' })).toEqual([]);
  });
});
