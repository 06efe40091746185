import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ip4FromNumber, ip4Number } from '../../../../src/core/line/sharing/bits.ts';
import {
  ceAddress,
  endUserLength,
  type MapERule,
  mapEFaults,
  mapEHolder,
  mapEPortSets,
  shapeOf,
} from '../../../../src/core/line/sharing/map-e.ts';
import { portsOf, psidOf } from '../../../../src/core/line/sharing/port-set.ts';
import { formatIp } from '../../../../src/core/net/ip.ts';
import { formatPrefix, prefixOf } from '../../../../src/core/net/prefix.ts';
import { runs } from '../../../runs.ts';
import { blocksOf, count, HEAD, ip, mapERule, prefix, summary } from './vectors.ts';

describe('vectors of RFC 7597 and of its predecessors', () => {
  const blocks = blocksOf('map-e.txt');
  it('are all there', () => expect(blocks).toHaveLength(12));

  it.each(blocks)('$title', ({ lines }) => {
    const rule = mapERule(lines[0]!);
    expect(mapEFaults(rule)).toEqual([]);
    const [, address, port] = /^in (.+):([0-9]+)$/.exec(lines[1]!)!;
    const expected = lines.slice(2).map((line) => line.slice(2));
    const holder = mapEHolder(rule, ip(address!), Number(port));
    const got = expected.map((line) => {
      if (typeof holder === 'string') return holder;
      const [what, ...rest] = line.split(' ');
      const psid = rule.psid?.value ?? psidOf(shapeOf(rule), Number(port))!;
      switch (what) {
        case 'psid':
          return `psid 0x${psid.toString(16).padStart(2, '0')}`;
        case 'prefix':
          return `prefix ${formatPrefix(holder.prefix)}`;
        case 'ce':
          return `ce ${formatIp(ceAddress(rule, ip(address!), psid))}`;
        case 'ranges':
          return `ranges ${summary(holder.ports, rest.join(' '))}`;
        case 'ports':
          return `ports ${count(holder.ports)}`;
        default:
          return `ratio ${2 ** shapeOf(rule).psidLength}`;
      }
    });
    expect(got).toEqual(expected);
  });

  it('RFC 7597 Appendix A: 1024 ports of each address are nobody’s', () => {
    const rule = mapERule('rule 2001:db8::/40 192.0.2.0/24 o16 a6 rfc7597');
    const excluded = Array.from({ length: 65_536 }, (_, port) => psidOf(shapeOf(rule), port)).filter(
      (one) => one === undefined,
    );
    expect(excluded).toHaveLength(1024);
  });
});

/** Any rule that loads, and an address of it. */
const ruleAndAddress = fc
  .record({
    r: fc.integer({ min: 8, max: 32 }),
    o: fc.integer({ min: 0, max: 40 }),
    n: fc.integer({ min: 16, max: 64 }),
    a: fc.integer({ min: 0, max: 15 }),
    bits: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    layout: fc.constantFrom('rfc7597' as const, 'draft-03' as const),
  })
  .map(({ r, o, n, a, bits, layout }) => {
    const address = ip4FromNumber(bits);
    const rule: MapERule = {
      kind: 'map-e',
      ...HEAD,
      ipv4Prefix: prefixOf(address, r),
      ipv6Prefix: prefixOf(ip('2001:db8:8765:4321:cafe::1'), n),
      eaLength: o,
      psidOffset: a,
      layout,
    };
    return { rule, address };
  })
  .filter(({ rule }) => mapEFaults(rule).length === 0);

describe('for every rule that loads', () => {
  it('a port has one PSID, whose port set has the port', () => {
    fc.assert(
      fc.property(ruleAndAddress, fc.nat(65_535), ({ rule, address }, port) => {
        const holder = mapEHolder(rule, address, port);
        if (typeof holder === 'string') {
          expect(holder).toBe('port-excluded');
          expect(port).toBeLessThan(2 ** (16 - rule.psidOffset));
          return;
        }
        expect(holder.prefix.length).toBe(endUserLength(rule));
        expect(holder.ports.some(({ low, high }) => low <= port && port <= high)).toBe(true);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('the way back from the prefix names the same address and ports', () => {
    fc.assert(
      fc.property(ruleAndAddress, fc.integer({ min: 0, max: 65_535 }), ({ rule, address }, port) => {
        const holder = mapEHolder(rule, address, port);
        if (typeof holder === 'string') return;
        const shares = mapEPortSets(rule, holder.prefix);
        expect(shares).toHaveLength(1);
        expect(ip4Number(shares[0]!.outside.ip)).toBe(ip4Number(prefixOf(address, shares[0]!.outside.length).ip));
        expect(shares[0]!.ports).toEqual(holder.ports);
        // A /128 of the home is the home's, too.
        expect(mapEPortSets(rule, prefixOf(ceAddress(rule, address, 0)))).toHaveLength(1);
      }),
      { numRuns: runs(2000) },
    );
  });
});

it('PSIDs divide the allowed ports of an address among them, each port once', () => {
  for (const [offset, psidLength] of [
    [6, 8],
    [4, 8],
    [0, 6],
    [0, 16],
    [15, 1],
    [1, 15],
    [6, 10],
    [6, 0],
  ] as const) {
    const owner = new Int32Array(65_536).fill(-1);
    let twice = 0;
    for (let psid = 0; psid < 2 ** psidLength; psid++)
      for (const { low, high } of portsOf({ offset, psidLength }, psid)) {
        twice += owner.subarray(low, high + 1).filter((one) => one !== -1).length;
        owner.fill(psid, low, high + 1);
      }
    expect(twice).toBe(0);
    expect(owner.findIndex((psid, port) => (psidOf({ offset, psidLength }, port) ?? -1) !== psid)).toBe(-1);
  }
});

describe('a line that holds', () => {
  const rule = mapERule('rule 2001:db8::/40 192.0.2.0/24 o16 a6 rfc7597');

  it('a longer prefix than the rule gives has the share around it', () => {
    const [share, ...rest] = mapEPortSets(rule, prefix('2001:db8:12:3400::/64'));
    expect(rest).toEqual([]);
    expect(formatPrefix(share!.outside)).toBe('192.0.2.18');
    expect(share!.ports[0]).toEqual({ low: 1232, high: 1235 });
  });

  it('a shorter one has all shares in it', () => {
    const shares = mapEPortSets(rule, prefix('2001:db8:12::/48'));
    expect(shares).toHaveLength(256);
    expect(new Set(shares.map((one) => formatPrefix(one.outside)))).toEqual(new Set(['192.0.2.18']));
  });

  it('another prefix has none', () => {
    expect(mapEPortSets(rule, prefix('2001:db9:12:3400::/56'))).toEqual([]);
    expect(mapEPortSets(rule, prefix('192.0.2.18'))).toEqual([]);
  });
});

it.each([
  ['rule 192.0.2.0/24 2001:db8::/40 o16 a6 rfc7597', ['ipv6Prefix', 'ipv4Prefix']],
  ['rule 2001:db8::/56 192.0.2.0/24 o16 a6 rfc7597', ['eaLength']],
  ['rule 2001:db8::/32 192.0.2.0/24 o19 a6 rfc7597', ['psidLength']],
  ['rule 2001:db8::/40 192.0.2.0/24 o16 a6 rfc7597 psid 0x34/8', ['psid']],
  ['rule 2001:db8::/40 192.0.2.1/32 o0 a6 rfc7597 psid 0x134/8', ['psid']],
])('%s does not load', (line, fields) => {
  expect(mapEFaults(mapERule(line)).map((one) => one.field)).toEqual(expect.arrayContaining(fields));
});
