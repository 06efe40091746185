import type { NetworkInterfaceInfo } from 'node:os';
import { expect, it } from 'vitest';
import { everyAddress } from '../src/every-address.ts';

const at = (family: 'IPv4' | 'IPv6', address: string) => ({ family, address }) as NetworkInterfaceInfo;
const INTERFACES = {
  lo: [at('IPv4', '127.0.0.1'), at('IPv6', '::1')],
  eth0: [at('IPv4', '192.0.2.80'), at('IPv6', '2001:db8::80'), at('IPv6', 'fe80::1')],
  eth1: [at('IPv4', '192.0.2.80')],
};

it('a wildcard is every address of this machine, each once, none that is link-local', () => {
  expect(everyAddress({ host: '::', port: 1813 }, INTERFACES).map(({ address }) => address)).toEqual([
    '127.0.0.1',
    '::1',
    '192.0.2.80',
    '2001:db8::80',
  ]);
  expect(everyAddress({ host: '0.0.0.0', port: 1813 }, INTERFACES)).toEqual([
    { address: '127.0.0.1', port: 1813 },
    { address: '192.0.2.80', port: 1813 },
  ]);
});

it('an address that is named is that address', () => {
  expect(everyAddress({ host: '192.0.2.80', port: 1812 }, INTERFACES)).toEqual([{ address: '192.0.2.80', port: 1812 }]);
});
