import { expect, test } from 'vitest';
import { formatIp } from '../../../src/core/net/ip.ts';
import { readPortRange } from '../../../src/protocols/radius/port-range.ts';

/** As radclient of FreeRADIUS 3.2.1 puts `IP-Port-Range-Ext-IPv4-Addr = 192.0.2.1`, `…-Alloc`, `…-Range-Start`, `…-Range-End`. */
const octets = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const OUTER = '0306 c0000201';
const GIVEN = '0806 00000001';
const START = '0906 00000400';
const END = '0a06 000007ff';

test('a range of ports of a shared address, given or taken back', () => {
  const given = readPortRange(octets(`06 ${OUTER} ${GIVEN} ${START} ${END}`));
  if (given === undefined || given === 'other') throw new Error('not read');
  expect(given).toMatchObject({ ports: { low: 1024, high: 2047 }, isReleased: false });
  expect(formatIp(given.address!)).toBe('192.0.2.1');
  const back = readPortRange(octets(`06 0106 00000001 0b05 616263 0806 00000002 ${END} ${START}`));
  expect(back).toEqual({ ports: { low: 1024, high: 2047 }, isReleased: true });
});

test('another extended attribute is another’s business', () => {
  expect(readPortRange(octets(`05 ${OUTER}`))).toBe('other');
  expect(readPortRange(new Uint8Array())).toBe('other');
});

test.each([
  ['without saying whether given or taken', `06 ${OUTER} ${START} ${END}`],
  ['of an event that is neither', `06 0806 00000003 ${START} ${END}`],
  ['without an end', `06 ${GIVEN} ${START}`],
  ['that ends before it starts', `06 ${GIVEN} 0906 00000800 0a06 000007ff`],
  ['beyond the last port', `06 ${GIVEN} ${START} 0a06 00010000`],
  ['in two octets instead of four', `06 ${GIVEN} 0904 0400 ${END}`],
  ['of an address that is none', `06 0305 c00002 ${GIVEN} ${START} ${END}`],
  ['with a length that runs over', `06 ${GIVEN} ${START} 0aff 000007ff`],
  ['with a length of nothing', `06 ${GIVEN} 0900 00000400`],
])('a range %s is not one', (_, hex) => {
  expect(readPortRange(octets(hex))).toBeUndefined();
});
