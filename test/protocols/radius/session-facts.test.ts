import { expect, test } from 'vitest';
import { sessionFacts } from '../../../src/protocols/radius/session-facts.ts';

const octets = (...values: number[]) => Uint8Array.from(values);
const text = (value: string) => new TextEncoder().encode(value);

test('facts are named as RFCs name them, every value as text, in the order of the record', () => {
  const facts = sessionFacts([
    { type: 1, value: text('ann@example.net') },
    { type: 5, value: octets(0, 0, 1, 0) },
    { type: 25, value: text('b') },
    { type: 25, value: text('a') },
    { type: 31, value: octets(0xff, 0x00) },
    { type: 95, value: octets(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) },
    { type: 96, value: octets(2, 0, 0x5e, 0xff, 0xfe, 0, 0x53, 1) },
    { type: 97, value: octets(0, 64, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0) },
  ]);
  expect(facts).toEqual({
    'User-Name': ['ann@example.net'],
    'NAS-Port': ['256'],
    Class: ['0x62', '0x61'],
    'Calling-Station-Id': ['0xff00'],
    'NAS-IPv6-Address': ['2001:db8::1'],
    'Framed-Interface-Id': ['0200:5eff:fe00:5301'],
    'Framed-IPv6-Prefix': ['2001:db8:1::/64'],
  });
});

test('vendors’ names, filters and states are facts; their counters and what has no name are not', () => {
  const vsa = (vendor: number, type: number, value: Uint8Array) => ({
    type: 26,
    value: octets(0, 0, vendor >> 8, vendor & 255, type, value.length + 2, ...value),
  });
  const facts = sessionFacts([
    vsa(9, 1, text('subscriber:policy-name=garden')),
    vsa(9, 1, text('b=c')),
    vsa(9, 253, text('I0;4711;')),
    vsa(4874, 83, text('portal')),
    vsa(4874, 12, octets(0, 0, 0, 1)),
    vsa(6527, 11, text('line-7')),
    vsa(14988, 19, text('garden')),
    vsa(14559, 15, octets(0, 0, 0, 2)),
    vsa(55999, 77, text('x')),
    { type: 26, value: octets(1) },
  ]);
  expect(facts).toEqual({
    'Cisco-AVPair': ['subscriber:policy-name=garden', 'b=c'],
    'ERX-Service-Session': ['portal'],
    'Alc-Subsc-ID-Str': ['line-7'],
    'Mikrotik-Address-List': ['garden'],
    'CoovaChilli-Session-State': [expect.any(String)],
  });
});

test('what is not asked for, or not of its form, is left out', () => {
  const facts = sessionFacts([
    { type: 2, value: text('a password has no place in accounting') },
    { type: 5, value: octets(1) },
    { type: 8, value: octets(198, 51, 100) },
    { type: 97, value: octets(0, 129) },
    { type: 40, value: octets(0, 0, 0, 1) },
  ]);
  expect(facts).toEqual({});
});

test('a flood of one attribute is cut, and does not push out the one that names the session', () => {
  const flood = [11, 25, 31].flatMap((type) => new Array<number>(100).fill(type));
  const facts = sessionFacts([...flood, 44].map((type) => ({ type, value: text('x') })));
  expect(facts['Acct-Session-Id']).toEqual(['x']);
  expect(facts['Filter-Id']).toHaveLength(16);
  expect(Object.values(facts).flat()).toHaveLength(49);
});
