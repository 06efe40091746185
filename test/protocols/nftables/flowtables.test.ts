// Flowtables out of nft's JSON. The kernel of the test machine has none (`add flowtable` is refused there): the listings are as
// nft prints them, one device as a string, several as a list.
import { describe, expect, it } from 'vitest';
import { parseFlowtables } from '../../../src/protocols/nftables/flowtables.ts';

const META = { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } };
const listing = (...objects: object[]) => JSON.stringify({ nftables: [META, ...objects] });
const flowtable = (name: string, dev: unknown, table = 'fw4') => ({
  flowtable: { family: 'inet', name, table, handle: 3, hook: 'ingress', prio: 0, dev },
});

describe('flowtables on access interfaces', () => {
  it('none: nothing to warn of', () => {
    expect(parseFlowtables(listing(), ['ppp*'])).toEqual([]);
  });

  it('one device or several: those that are ours are named, with the table they belong to', () => {
    const text = listing(flowtable('ft', ['uplink0', 'access0']), flowtable('fast', 'access1', 'nat'));
    expect(parseFlowtables(text, ['access0', 'access1'])).toEqual([
      { table: 'inet fw4', flowtable: 'ft', interfaces: ['access0'] },
      { table: 'inet nat', flowtable: 'fast', interfaces: ['access1'] },
    ]);
  });

  it.each([
    ['ppp*', 'ppp17', true],
    ['ppp*', 'ppp*', true],
    ['ppp1*', 'ppp*', true],
    ['ppp7', 'ppp*', true],
    ['ppp*', 'uplink0', false],
    ['access0', 'access01', false],
    ['access01', 'access0', false],
  ])('access interface %s and device %s: %s', (own, device, isOurs) => {
    expect(parseFlowtables(listing(flowtable('ft', device)), [own])).toHaveLength(isOurs ? 1 : 0);
  });

  it('a flowtable without devices, or of a shape nobody knows, takes no packet of ours', () => {
    const text = listing(flowtable('ft', undefined), { flowtable: { name: 7 } }, { table: {} }, flowtable('x', [7]));
    expect(parseFlowtables(text, ['*'])).toEqual([]);
  });

  it('what is not a listing is not «none»', () => {
    for (const text of ['', 'null', '{}', '{"nftables":7}', 'Error: syntax'])
      expect(parseFlowtables(text, ['access0'])).toBeUndefined();
  });

  it('a name that is more than a name is passed on without its signs', () => {
    const [found] = parseFlowtables(listing(flowtable('a\u001b[31m<b>', 'access0')), ['access0'])!;
    expect(found!.flowtable).toBe('a??31m?b?');
  });
});
