import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ip4FromNumber, ip4Number } from '../../../../src/core/line/sharing/bits.ts';
import {
  blockSize,
  type DeterministicRule,
  deterministicFaults,
  deterministicHolder,
  deterministicPortSets,
  reservedPorts,
} from '../../../../src/core/line/sharing/deterministic.ts';
import { formatPrefix, prefixOf, samePrefix } from '../../../../src/core/net/prefix.ts';
import { runs } from '../../../runs.ts';
import { blocksOf, count, deterministicRule, HEAD, ip, prefix, shown } from './vectors.ts';

describe('vectors of RFC 7422', () => {
  const blocks = blocksOf('deterministic.txt');
  it('are all there', () => expect(blocks).toHaveLength(4));

  it.each(blocks)('$title', ({ lines }) => {
    const rule = deterministicRule(lines[0]!);
    expect(deterministicFaults(rule)).toEqual([]);
    const got = lines.slice(1).map((line) => {
      const [left] = line.split(' = ');
      if (line.startsWith('= block')) return `= block ${blockSize(rule)}`;
      const [, second, port] = /^(second )?([0-9]+)$/.exec(left!)!;
      const address = ip4FromNumber(ip4Number(rule.outside[0]!.ip) + (second === undefined ? 0 : 1));
      const holder = deterministicHolder(rule, address, Number(port));
      if (typeof holder === 'string') return `${left} = ${holder}`;
      return `${left} = ${formatPrefix(holder.prefix)} ${holder.ports.map(shown).join(' ')}`;
    });
    expect(got).toEqual(lines.slice(1));
  });
});

const anyRule = fc
  .record({
    outsideBits: fc.integer({ min: 29, max: 32 }),
    ratio: fc.integer({ min: 1, max: 60 }),
    dynamicFactor: fc.integer({ min: 0, max: 5 }),
    insideBits: fc.integer({ min: 22, max: 32 }),
    insideHosts: fc.constantFrom('usable' as const, 'all' as const),
    outsideHosts: fc.constantFrom('usable' as const, 'all' as const),
    gaps: fc.array(fc.tuple(fc.nat(65_535), fc.nat(300)), { maxLength: 8 }),
  })
  .map(
    ({ outsideBits, ratio, dynamicFactor, insideBits, insideHosts, outsideHosts, gaps }): DeterministicRule => ({
      kind: 'deterministic-cgn',
      ...HEAD,
      inside: prefix(`10.0.0.0/${insideBits}`),
      insideLength: 32,
      insideHosts,
      outside: [prefixOf(ip('192.0.2.8'), outsideBits), prefix('198.51.100.0/30')],
      outsideHosts,
      ratio,
      dynamicFactor,
      reserved: reservedPorts(gaps.map(([low, more]) => ({ low, high: Math.min(65_535, low + more) }))),
    }),
  )
  .filter((rule) => deterministicFaults(rule).length === 0);

describe('for every rule that loads', () => {
  it('a port is one host’s, the pool’s or nobody’s, and the way back from the host names its block', () => {
    fc.assert(
      fc.property(anyRule, fc.nat(), fc.nat(65_535), (rule, pick, port) => {
        const all = deterministicPortSets(rule, prefix('10.0.0.0/16'));
        const { outside } = all[pick % all.length]!;
        const holder = deterministicHolder(rule, outside.ip, port);
        expect(holder === 'port-reserved').toBe(rule.reserved.some(({ low, high }) => low <= port && port <= high));
        const holders = all.filter(
          (one) => samePrefix(one.outside, outside) && one.ports.some(({ low, high }) => low <= port && port <= high),
        );
        expect(holders).toEqual(typeof holder === 'string' ? [] : [{ outside, ports: holder.ports }]);
        if (typeof holder === 'string') return;
        expect(deterministicPortSets(rule, holder.prefix)).toEqual(holders);
        expect(count(holder.ports)).toBe(blockSize(rule));
      }),
      { numRuns: runs(500) },
    );
  });
});

it('each host has one block, and no two hosts share a port', () => {
  const rule = deterministicRule('rule 198.51.100.0/28 192.0.2.0/31 c7 d1 r0-1023,5004,5060 usable');
  const shares = deterministicPortSets(rule, prefix('198.51.100.0/24'));
  expect(shares).toHaveLength(14);
  const seen = new Set<string>();
  for (const { outside, ports } of shares)
    for (const { low, high } of ports)
      for (let port = low; port <= high; port++) seen.add(`${formatPrefix(outside)}:${port}`);
  expect(seen.size).toBe(14 * blockSize(rule));
});

it.each([
  ['rule 198.51.100.0/28 192.0.2.1/32 c10 d2 r0-1023 usable', 'ratio'],
  ['rule 198.51.100.0/28 2001:db8::/64 c14 d2 r0-1023 usable', 'outside'],
  ['rule 198.51.100.0/28/28 192.0.2.1/32 c14 d2 r0-1023 usable', 'insideLength'],
  ['rule 198.51.100.0/28 192.0.2.1/32 c65535 d65535 r0-1023 usable', 'ratio'],
])('%s does not load', (line, field) => {
  expect(deterministicFaults(deterministicRule(line)).map((one) => one.field)).toEqual([field]);
});
