// The address plan: nothing overlaps, nothing of the operator's lies in a pool, every number of a home has its own.
import { expect, test } from 'vitest';
import { parseIp } from '../../src/core/net/ip.ts';
import { containsIp, overlaps, type Prefix, parsePrefix } from '../../src/core/net/prefix.ts';
import {
  LAB_ADDRESSES,
  LAB_BNG2,
  LAB_CGN,
  LAB_MAP_RULE,
  LAB_SHARED_POOLS,
  LAB_SOFTWIRES,
  labGatewaySpec,
  MAX_LAB_HOMES,
  planHome,
} from '../../src/lab/network-plan.ts';

const homes = Array.from({ length: MAX_LAB_HOMES }, (_, i) => planHome(i + 1));
const prefix = (text: string): Prefix => parsePrefix(text)!;

test('every home has addresses of its own, inside the pools', () => {
  const { pools } = labGatewaySpec();
  const held = homes.flatMap(({ ip4, prefix6 }) => [prefix(ip4), prefix(prefix6)]);
  for (const [i, one] of held.entries()) {
    expect(pools.some((pool) => overlaps(pool, one))).toBe(true);
    expect(held.slice(i + 1).some((other) => overlaps(one, other))).toBe(false);
  }
});

test('homes behind the second BNG have addresses in its pools, and nobody else has', () => {
  const { pools, infrastructure } = labGatewaySpec();
  const own = [LAB_BNG2.pool4, LAB_BNG2.pool6].map(prefix);
  const behind = homes.map(({ number }) => planHome(number, 'bng2'));
  const held = behind.flatMap(({ ip4, prefix6 }) => [prefix(ip4), prefix(prefix6)]);
  for (const one of held) expect(own.filter((pool) => overlaps(pool, one))).toHaveLength(1);
  for (const pool of own) expect([...pools, ...infrastructure].some((one) => overlaps(one, pool))).toBe(false);
  for (const text of [LAB_BNG2.ip4, LAB_BNG2.ip6])
    expect(infrastructure.some((one) => containsIp(one, parseIp(text)!))).toBe(true);
});

test('homes that share addresses: what each has of its own lies in the pools, what is shared outside is nobody’s', () => {
  const { pools, infrastructure } = labGatewaySpec();
  const all = [...pools, ...LAB_SHARED_POOLS.map(prefix)];
  const kinds = ['cgn', 'ds-lite', 'map-e'] as const;
  const behind = kinds.flatMap((kind) => homes.map(({ number }) => planHome(number, 'bng', kind)));
  for (const { ip4, prefix6, softwire } of behind) {
    for (const one of [ip4, prefix6].map(prefix)) expect(all.some((pool) => overlaps(pool, one))).toBe(true);
    if (softwire !== undefined) expect(containsIp(prefix(prefix6), parseIp(softwire)!)).toBe(true);
  }
  expect(new Set(behind.map(({ ip4 }) => ip4)).size, 'inside addresses, and one for all of MAP-E').toBe(121);
  for (const outside of Object.values(LAB_CGN.outside)) {
    expect(containsIp(prefix(LAB_CGN.outsidePool), parseIp(outside)!)).toBe(true);
    expect([...all, ...infrastructure].some((one) => containsIp(one, parseIp(outside)!))).toBe(false);
  }
  for (const end of Object.values(LAB_SOFTWIRES))
    expect(infrastructure.some((one) => containsIp(one, parseIp(end)!))).toBe(true);
  expect(homes.some(({ ip4 }) => ip4 === LAB_MAP_RULE.address)).toBe(false);
});

test('addresses of a home’s computers over IPv6 lie in its delegated prefix', () => {
  for (const { prefix6, host, lan } of homes) {
    for (const text of [host.ip6, lan.ip6]) expect(containsIp(prefix(prefix6), parseIp(text)!)).toBe(true);
  }
});

test('nobody outside the homes has an address in a pool', () => {
  const { pools } = labGatewaySpec();
  for (const { ip4, ip6 } of Object.values(LAB_ADDRESSES)) {
    for (const text of [ip4, ip6]) expect(pools.some((pool) => containsIp(pool, parseIp(text)!))).toBe(false);
  }
});

test('a home beyond the plan is refused', () => {
  expect(() => planHome(0)).toThrow('homes 1 to');
  expect(() => planHome(MAX_LAB_HOMES + 1)).toThrow('homes 1 to');
});
