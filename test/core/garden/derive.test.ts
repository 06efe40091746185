// Elements of lines that share an address; whole addresses and prefixes are tried through the flow's own tests.
import { describe, expect, it } from 'vitest';
import { type DeriveGateway, deriveElements, type Wanted } from '../../../src/core/garden/derive.ts';
import { formatKey } from '../../../src/core/garden/key.ts';
import { MINUTE } from '../../../src/core/kernel/time.ts';
import type { Binding } from '../../../src/core/line/binding.ts';
import { rangesOf } from '../../../src/core/net/port-set.ts';
import { containsIp } from '../../../src/core/net/prefix.ts';
import type { PortRange } from '../../../src/core/net/transport.ts';
import { prefix, T0 } from '../line/records.ts';

const SHAPE = { offset: 6, psidLength: 8 };
const bng: DeriveGateway = { name: 'bng', ipv6Lengths: [56] };
const behindBr: DeriveGateway = {
  name: 'br',
  ipv6Lengths: [56],
  sharedPools: [{ prefix: prefix('192.0.2.0/24'), ...SHAPE }],
};
const strict: Wanted = { access: 'strict', abusedPorts: [{ protocol: 'tcp', port: 23 }] };

const binding = (text: string, ports?: PortRange, change: Partial<Binding> = {}): Binding => ({
  id: `${text} ${ports?.low}`,
  realm: 'main',
  prefix: prefix(text),
  ...(ports === undefined ? {} : { ports }),
  accessKey: 'ann',
  source: 'accounting',
  nas: 'nas1',
  startAt: T0,
  certainEndAt: T0,
  ...change,
});
const mapE = (psid: number, address = '192.0.2.7') =>
  rangesOf({ ...SHAPE, psid }).map((ports) => binding(address, ports));

function derive(open: readonly Binding[], wanted = strict, gateways: readonly DeriveGateway[] = [bng, behindBr]) {
  const { elements, uncovered } = deriveElements(wanted, open, {
    now: T0,
    interimMsOf: () => 10 * MINUTE,
    gatewayOf: (one) =>
      one.ports === undefined
        ? gateways[0]
        : gateways.find((gateway) => gateway.sharedPools?.some((pool) => containsIp(pool.prefix, one.prefix.ip))),
  });
  const texts = elements.map((one) => `${one.gateway} ${formatKey(one.prefix)} ${one.access}`);
  return { texts, elements, uncovered: uncovered.map((one) => `${one.prefix} ${one.reason}`) };
}

describe('the share of an address', () => {
  it('of 63 ranges is one element where the address is seen, and expires with its evidence', () => {
    const { texts, elements, uncovered } = derive(mapE(52));
    expect(texts).toEqual(['br 192.0.2.7 psid 6/8/52 strict']);
    expect(uncovered).toEqual([]);
    expect(elements[0]).toMatchObject({ expiresAt: T0 + 20 * MINUTE, abusedPorts: strict.abusedPorts });
  });

  it('never becomes a whole address, wherever it is not seen', () => {
    expect(derive(mapE(52), strict, [bng])).toMatchObject({ texts: [], uncovered: ['192.0.2.7 shared-address'] });
    expect(derive(mapE(52, '203.0.113.9'))).toMatchObject({ texts: [], uncovered: ['203.0.113.9 shared-address'] });
    // A record that calls the whole of it one line's is no reason to close all lines.
    expect(derive([binding('192.0.2.7')], strict, [behindBr])).toMatchObject({
      texts: [],
      uncovered: ['192.0.2.7 shared-address'],
    });
  });

  it('in part is no element: it would close what is not the line’s', () => {
    expect(derive(mapE(52).slice(1))).toMatchObject({ texts: [], uncovered: ['192.0.2.7 shared-address'] });
    const odd = [...mapE(52), binding('192.0.2.7', { low: 5000, high: 5001 })];
    expect(derive(odd)).toMatchObject({
      texts: ['br 192.0.2.7 psid 6/8/52 strict'],
      uncovered: ['192.0.2.7 shared-address'],
    });
    const old = mapE(52).map((one, i) => (i === 7 ? { ...one, certainEndAt: T0 - 60 * MINUTE } : one));
    expect(derive(old)).toMatchObject({ texts: [], uncovered: ['192.0.2.7 evidence-too-old'] });
  });

  it('beside the line’s own prefix: strict is for a gateway that lets the tunnel pass, or it is leaky and partial', () => {
    const open = [binding('2001:db8:1:100::/56'), ...mapE(52)];
    expect(derive(open)).toMatchObject({
      texts: ['bng 2001:db8:1:100::/56 leaky', 'br 192.0.2.7 psid 6/8/52 strict'],
      uncovered: ['2001:db8:1:100::/56 outer-packet'],
    });
    expect(derive(open, strict, [{ ...bng, passesSoftwires: true }, behindBr])).toMatchObject({
      texts: ['bng 2001:db8:1:100::/56 strict', 'br 192.0.2.7 psid 6/8/52 strict'],
      uncovered: [],
    });
    expect(derive(open, { ...strict, access: 'leaky' }).uncovered).toEqual([]);
  });
});
