// IPv4 in IPv6 as bytes: round trip, what is refused, which port counts. Whatever bytes come, nothing throws.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIp } from '../../../src/core/net/ip.ts';
import { decapsulate, encapsulate, portOf } from '../../../src/lab/softwire/packet.ts';

const b4 = parseIp('2001:db8:100:300::b4')!.bytes;
const aftr = parseIp('2001:db8:0:1::a')!.bytes;
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
/** 192.0.2.1:4660 → 198.51.100.9:80, TOS 0xb8. */
const TCP = hex('45b8 0028 0001 4000 4006 0000 c0000201 c6336409 1234 0050 00000000 00000000 5002 0000 00000000');
const UDP_QUOTED = '4500 001c 0001 0000 4011 0000 c0000201 c6336409 1234 0035 0008 0000';

test('a packet goes in and comes out as it was, between the same two ends', () => {
  const outer = encapsulate(TCP, { source: b4, destination: aftr });
  expect(Buffer.from(outer.subarray(0, 8)).toString('hex'), 'version, traffic class, length, next header 4').toBe(
    '6b80000000280440',
  );
  expect(decapsulate(outer)).toEqual({ source: b4, destination: aftr, inner: TCP });
});

test('another next header, a short packet and something that is not IPv4 inside are no softwire traffic', () => {
  const outer = encapsulate(TCP, { source: b4, destination: aftr });
  const changed = (at: number, value: number) => outer.map((byte, i) => (i === at ? value : byte));
  for (const packet of [changed(6, 6), changed(0, 0x4b), changed(40, 0x65), changed(40, 0x41), outer.subarray(0, 50)])
    expect(decapsulate(packet)).toBeUndefined();
});

test('the port is the transport’s, the identifier of an echo, or the one an ICMP error quotes from the other side', () => {
  expect([portOf(TCP, 'source'), portOf(TCP, 'destination')]).toEqual([0x1234, 80]);
  const icmp = (rest: string) => hex(`4500 0030 0001 0000 4001 0000 c6336409 c0000201 ${rest}`);
  expect(portOf(icmp('0000 0000 04d0 0001'), 'destination')).toBe(1232);
  const error = icmp(`0303 0000 00000000 ${UDP_QUOTED}`);
  expect(portOf(error, 'destination'), 'the home that sent what is complained about').toBe(0x1234);
  expect(portOf(icmp('0500 0000 00000000'), 'destination'), 'a redirect').toBeUndefined();
  const fragment = TCP.map((byte, i) => (i === 7 ? 2 : byte));
  expect(portOf(fragment, 'source'), 'not the first fragment').toBeUndefined();
});

test('whatever bytes come, there is an answer', () => {
  const ends = fc.constantFrom('source' as const, 'destination' as const);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), ends, (bytes, end) => {
      if (bytes.length > 0) bytes[0] = 0x45;
      const port = portOf(bytes, end);
      expect(port === undefined || (port >= 0 && port < 65_536)).toBe(true);
      const out = decapsulate(encapsulate(bytes, { source: b4, destination: aftr }));
      expect(out?.inner ?? bytes).toEqual(bytes);
      decapsulate(bytes);
    }),
    { numRuns: 3000 },
  );
});
