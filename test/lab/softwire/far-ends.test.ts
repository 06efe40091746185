// Whose softwire a packet belongs to: RFC 7597's own numbers, and what each end refuses.
import { expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../src/core/net/ip.ts';
import { LAB_MAP_RULE, planHome } from '../../../src/lab/network-plan.ts';
import { aftrFarEnds, brFarEnds, ceAddress, portRanges, psidOfPort } from '../../../src/lab/softwire/far-ends.ts';
import { oneAddressRule } from '../../../src/lab/softwire/options.ts';

const ip = (text: string) => parseIp(text)!;
const rfc = { prefix6: ip('2001:db8:12::'), prefixLength: 48, address: ip('192.0.2.18'), psidLength: 8, psidOffset: 6 };

function udp(from: string, fromPort: number, to: string, toPort: number): Uint8Array {
  const packet = new Uint8Array(28);
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0], 0);
  packet.set(ip(from).bytes, 12);
  packet.set(ip(to).bytes, 16);
  packet.set([fromPort >> 8, fromPort & 255, toPort >> 8, toPort & 255, 0, 8, 0, 0], 20);
  return packet;
}

test('RFC 7597 appendix A, examples 1 and 2, and appendix B.2', () => {
  expect(psidOfPort(rfc, 1232)).toBe(0x34);
  expect(formatIp({ family: 6, bytes: ceAddress(rfc, 0x34) })).toBe('2001:db8:12:3400:0:c000:212:34');
  const ranges = portRanges(rfc, 0x34);
  expect(ranges).toHaveLength(63);
  expect([ranges[0], ranges[1], ranges[61], ranges[62]]).toEqual([
    { low: 1232, high: 1235 },
    { low: 2256, high: 2259 },
    { low: 63_696, high: 63_699 },
    { low: 64_720, high: 64_723 },
  ]);
  expect(portRanges(rfc, 0)[0]).toEqual({ low: 1024, high: 1027 });
  expect(portRanges({ ...rfc, psidLength: 6, psidOffset: 0 }, 0)).toEqual([{ low: 0, high: 1023 }]);
  expect(psidOfPort(rfc, 1023), 'nobody’s').toBeUndefined();
});

test('every port of a PSID leads to the address that the plan gives its home', () => {
  const rule = oneAddressRule(LAB_MAP_RULE);
  const br = brFarEnds(rule);
  for (const number of [1, 6, 60]) {
    const { softwire } = planHome(number, 'bng', 'map-e');
    for (const { low, high } of portRanges(rule, number))
      for (const port of [low, high])
        expect(br.towards(udp('203.0.113.81', 80, LAB_MAP_RULE.address, port))).toEqual(ip(softwire!).bytes);
  }
});

test('a BR lets nobody use a port of somebody else; an AFTR no address of somebody else', () => {
  const { address } = LAB_MAP_RULE;
  const [five, six] = [planHome(5, 'bng', 'map-e'), planHome(6, 'bng', 'map-e')];
  const br = brFarEnds(oneAddressRule(LAB_MAP_RULE));
  const mine = udp(address, 1024 + 5 * 4, '203.0.113.81', 80);
  expect(br.mayCome(mine, ip(five.softwire!).bytes)).toBe(true);
  expect(br.mayCome(mine, ip(six.softwire!).bytes)).toBe(false);
  expect(br.mayCome(udp(address, 80, '203.0.113.81', 80), ip(five.softwire!).bytes), 'port 80').toBe(false);
  expect(br.towards(udp('203.0.113.81', 80, '192.0.2.125', 1044)), 'another address').toBeUndefined();

  const aftr = aftrFarEnds(
    [3, 4].map((n) => planHome(n, 'bng', 'ds-lite')).map((home) => ({ inside: ip(home.ip4), b4: ip(home.softwire!) })),
  );
  const [b4, other] = [ip('2001:db8:100:300::b4').bytes, ip('2001:db8:100:400::b4').bytes];
  expect(aftr.mayCome(udp('100.64.1.3', 5, '203.0.113.81', 80), b4)).toBe(true);
  expect(aftr.mayCome(udp('100.64.1.3', 5, '203.0.113.81', 80), other)).toBe(false);
  expect(aftr.towards(udp('203.0.113.81', 80, '100.64.1.4', 5))).toEqual(other);
  expect(aftr.towards(udp('203.0.113.81', 80, '100.64.1.5', 5))).toBeUndefined();
});
