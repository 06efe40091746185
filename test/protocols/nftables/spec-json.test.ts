import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSpec, encodeSpec } from '../../../src/protocols/nftables/spec-json.ts';
import { SPEC } from '../../helper/lab-gateway.ts';

const changed = (change: (spec: Record<string, unknown>) => void): string => {
  const spec = JSON.parse(encodeSpec(SPEC)) as Record<string, unknown>;
  change(spec);
  return JSON.stringify(spec);
};

describe('the gateway’s facts as a file for the helper', () => {
  it('come back as they were written', () => {
    const modeMarks = { mask: 0xf000_0000, strict: 0x8000_0000, leaky: 0x1000_0000 };
    const shares = { sharedPools: SPEC.sharedPools!, softwireBorders: SPEC.infrastructure };
    const { sharedPools: _, ...bare } = SPEC;
    for (const spec of [
      SPEC,
      bare,
      { ...SPEC, ...shares },
      { ...SPEC, isPortalElsewhere: true, ipv6Lengths: [56, 128], modeMarks },
    ])
      expect(decodeSpec(encodeSpec(spec))).toEqual({ ok: true, value: spec });
  });

  it.each([
    [
      'no lifeline of class emergency',
      changed((s) => {
        s['lifelines'] = [];
      }),
      'lifelines',
    ],
    [
      'a table name with more in it',
      changed((s) => {
        s['table'] = 'engawa; flush ruleset';
      }),
      'table',
    ],
    [
      'an interface name with a quote',
      changed((s) => {
        s['accessInterfaces'] = ['a"b'];
      }),
      'accessInterfaces[0]',
    ],
    [
      'a word where the portal’s place is asked for',
      changed((s) => {
        s['isPortalElsewhere'] = 'yes';
      }),
      'isPortalElsewhere',
    ],
    ...(
      [
        [[{ prefix: '2001:db8::/64', offset: 6, psidLength: 8 }], 'sharedPools[0].prefix'],
        [[{ prefix: '192.0.2.0/24', offset: 9, psidLength: 8 }], 'sharedPools[0]'],
        [[{ prefix: '192.0.2.0/24', offset: 6, psidLength: 0 }], 'sharedPools[0].psidLength'],
        [['192.0.2.0/24', '192.0.2.8/29'].map((prefix) => ({ prefix, offset: 6, psidLength: 8 })), 'sharedPools'],
      ] as const
    ).map(([pools, path]): [string, string, string] => [
      `shared pools ${JSON.stringify(pools)}`,
      changed((s) => {
        s['sharedPools'] = pools;
      }),
      path,
    ]),
    ...(
      [
        [{ mask: 0xff, strict: 0x100, leaky: 1 }, 'modeMarks'],
        [{ mask: 0xff, strict: 1, leaky: 1 }, 'modeMarks'],
        [{ mask: 0xff, strict: 0, leaky: 1 }, 'modeMarks.strict'],
        [{ mask: 2 ** 32, strict: 1, leaky: 2 }, 'modeMarks.mask'],
      ] as const
    ).map(([marks, path]): [string, string, string] => [
      `marks ${JSON.stringify(marks)}`,
      changed((s) => {
        s['modeMarks'] = marks;
      }),
      path,
    ]),
    [
      'host bits in a pool',
      changed((s) => {
        s['pools'] = ['192.0.2.1/24'];
      }),
      'pools[0]',
    ],
    [
      'an IPv6 length nobody delegates',
      changed((s) => {
        s['ipv6Lengths'] = [32];
      }),
      'ipv6Lengths[0]',
    ],
    [
      'a port beyond 65535',
      changed((s) => {
        s['ports'] = { portalHttp: 70_000 };
      }),
      'ports.portalHttp',
    ],
    [
      'families mixed up',
      changed((s) => {
        s['sink'] = { ip4: '2001:db8::1', ip6: '2001:db8::2' };
      }),
      'sink.ip4',
    ],
    ['nothing', '{}', 'lifelines'],
  ])('%s: refused, with its place', (_name, text, path) => {
    expect(decodeSpec(text)).toMatchObject({ ok: false, error: { path } });
  });

  it('never throws, whatever the file', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodeSpec(text).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
    const keys = Object.keys(JSON.parse(encodeSpec(SPEC)) as object);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
        decodeSpec(
          changed((s) => {
            s[key] = value;
          }),
        );
      }),
      { numRuns: 200 },
    );
  });
});
