import { describe, expect, it } from 'vitest';
import { households } from '../../../src/core/net/household.ts';
import { parseIp } from '../../../src/core/net/ip.ts';
import { Places } from '../../../src/core/net/places.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';

const pools = [parsePrefix('192.0.2.0/24')!, parsePrefix('2001:db8:100::/40')!];
const ip = (text: string) => parseIp(text)!;

describe('the key of a household', () => {
  const of = households({ pools, ipv6Lengths: [56, 64] });
  const key = (text: string) => of(ip(text)).key;

  it('is never shared with a neighbour who has the next /64', () => {
    expect(key('2001:db8:100:4200::1')).toBe(key('2001:db8:100:4200:ffff::9'));
    expect(key('2001:db8:100:4200::1')).not.toBe(key('2001:db8:100:4201::1'));
    expect(of(ip('2001:db8:100:4200::1'))).toEqual({
      key: '2001:db8:100:4200::/64',
      wide: '2001:db8:100:4200::/56',
      isOurs: true,
    });
  });

  it('is the element of the line where there is one: hopping through the own /56 changes nothing', () => {
    const strict = households({ pools, ipv6Lengths: [56, 64] }, () => parsePrefix('2001:db8:100:4200::/56'));
    const seen = Array.from({ length: 16 }, (_, i) => strict(ip(`2001:db8:100:42${i.toString(16)}0::1`)));
    expect(new Set(seen.map((one) => JSON.stringify(one)))).toEqual(
      new Set(['{"key":"2001:db8:100:4200::/56","isOurs":true}']),
    );
  });

  it('is the /48 outside our pools, the address for IPv4, and the one length where there is but one', () => {
    expect(key('2001:db8:9:1::1')).toBe('2001:db8:9::/48');
    expect(of(ip('2001:db8:9:1::1')).isOurs).toBe(false);
    expect(of(ip('192.0.2.7'))).toEqual({ key: '192.0.2.7', isOurs: true });
    expect(households({ pools, ipv6Lengths: [60] })(ip('2001:db8:100:4213::1'))).toEqual({
      key: '2001:db8:100:4210::/60',
      isOurs: true,
    });
    expect(households({ pools: [], ipv6Lengths: [] })(ip('2001:db8:100:4213::1')).key).toBe('2001:db8:100::/48');
  });
});

describe('the key of a household at a shared address', () => {
  const sharedPools = [{ prefix: parsePrefix('192.0.2.64/26')!, offset: 6, psidLength: 8 }];
  const of = households({ pools, ipv6Lengths: [56], sharedPools });
  const key = (address: string, port?: number) => of({ ...ip(address), ...(port === undefined ? {} : { port }) }).key;

  it('is told by the port it comes from', () => {
    expect(key('192.0.2.70', 1232)).toBe(key('192.0.2.70', 64_723));
    expect(key('192.0.2.70', 1232)).not.toBe(key('192.0.2.70', 1236));
    expect(key('192.0.2.70', 1232)).not.toBe(key('192.0.2.71', 1232));
  });

  it('is the address where the port is nobody’s, and where the address is not shared', () => {
    expect([key('192.0.2.70', 80), key('192.0.2.70'), key('192.0.2.7', 1232)]).toEqual([
      '192.0.2.70',
      '192.0.2.70',
      '192.0.2.7',
    ]);
  });
});

describe('places', () => {
  const home = (n: number) => ({ key: `home ${n}`, isOurs: true });

  it('a full household pushes out its own oldest silent guest, never one that spoke or another household’s', () => {
    const places = new Places({ total: 10, perHousehold: 2 });
    const sent: string[] = [];
    const first = places.enter(home(1), () => sent.push('first'))!;
    const second = places.enter(home(1), () => sent.push('second'))!;
    places.enter(home(2), () => sent.push('other'));
    first.spoke();
    expect(places.enter(home(1), () => sent.push('third'))).toBeDefined();
    expect(sent).toEqual(['second']);
    places.leave(second);
    expect(places.count).toBe(3);
    places.enter(home(1))?.spoke();
    expect(sent).toEqual(['second', 'third']);
    expect(places.enter(home(1))).toBeUndefined();
    places.leave(first);
    expect(places.enter(home(1))).toBeDefined();
  });

  it('peers outside our pools leave three quarters of the room to customers', () => {
    const places = new Places({ total: 8, perHousehold: 8 });
    const outside = Array.from({ length: 5 }, (_, i) => places.enter({ key: `stranger ${i}`, isOurs: false }));
    expect(outside.filter((one) => one !== undefined)).toHaveLength(2);
    expect(Array.from({ length: 7 }, () => places.enter(home(1))).filter((one) => one !== undefined)).toHaveLength(6);
  });

  it('a prefix that may be one home or many has four times the place of one, and the room its end', () => {
    const places = new Places({ total: 6, perHousehold: 1 });
    const at = (n: number) => ({ key: `64 ${n}`, wide: '56', isOurs: true });
    const inside = [1, 2, 3, 4, 5].map((n) => places.enter(at(n)) !== undefined);
    expect(inside).toEqual([true, true, true, true, false]);
    expect([1, 2, 3].map((n) => places.enter(home(n)) !== undefined)).toEqual([true, true, false]);
  });
});
