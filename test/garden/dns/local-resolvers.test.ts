// Rows as /proc/net/udp6 and tcp6 write them on a little-endian machine.
import { describe, expect, it } from 'vitest';
import { reachableResolvers, resolversForLinkLocal } from '../../../src/garden/dns/local-resolvers.ts';

const HEAD = '  sl  local_address                         remote_address                        st tx_queue rx_queue\n';
const row = (local: string, state = '07') =>
  `  914: ${local} 00000000000000000000000000000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0\n`;
const ANY = '00000000000000000000000000000000';
const LINK_LOCAL = '000080FE00000000FF499404D162BEFE';
const GLOBAL = 'B80D0120000000000000000001000000';

describe('a resolver that strict lines reach from link-local addresses', () => {
  it.each([
    ['the wildcard', `${ANY}:0035`, 1],
    ['a link-local address', `${LINK_LOCAL}:0035`, 1],
    ['a global address', `${GLOBAL}:0035`, 0],
    ['loopback', '00000000000000000000000001000000:0035', 0],
    ['the wildcard, another port', `${ANY}:14E9`, 0],
  ])('%s: %s counts %i', (_name, local, count) => {
    expect(reachableResolvers(HEAD + row(local), '07')).toBe(count);
  });

  it('counts listeners only, over both transports, and takes a machine without IPv6 for none', () => {
    expect(reachableResolvers(HEAD + row(`${ANY}:0035`, '01'), '0A')).toBe(0);
    const tables: Record<string, string> = {
      '/proc/net/udp6': HEAD + row(`${ANY}:0035`),
      '/proc/net/tcp6': HEAD + row(`${ANY}:0035`, '0A'),
    };
    expect(resolversForLinkLocal((file) => tables[file]!)).toBe(2);
    expect(
      resolversForLinkLocal(() => {
        throw new Error('ENOENT');
      }),
    ).toBe(0);
    expect(reachableResolvers('\u0000 nonsense\n\n', '07')).toBe(0);
  });
});
