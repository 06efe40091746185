import { describe, expect, test } from 'vitest';
import { serverAttributes, serverFault } from '../../../src/protocols/radius/freeradius.ts';

const textOf = (name: string, value: string) => {
  const told = serverAttributes([{ name, value }]);
  return told.ok ? told.value[0]!.values[0] : told.error.text;
};

// That FreeRADIUS makes of these texts what they stand for is seen in test/http/aaa/freeradius.int.test.ts.
describe('attributes as FreeRADIUS takes them', () => {
  test.each([
    ['Filter-Id', 'wg-in', 'wg-in'],
    ['Filter-Id', 'a\\b', 'a\\\\b'],
    ['Filter-Id', '`id`', '\\140id`'],
    ['Filter-Id', '"x"', '\\042x"'],
    ['Filter-Id', "it's", "it's"],
    ['Reply-Message', '0x00ff41', '\\000\\377\\101'],
    ['Class', 'engawa-strict', 'engawa-strict'],
    ['Class', "'a\\", '0x27615c'],
    ['Class', '0x00FF', '0x00ff'],
    ['Idle-Timeout', '60', '60'],
  ])('%s %s as %s', (name, value, written) => {
    expect(textOf(name, value)).toBe(written);
  });

  test('the first value of an attribute replaces all of the plan, of every tag; bags and Class stand beside it', () => {
    const told = serverAttributes([
      { name: 'ERX-Service-Activate', tag: 1, value: 'a' },
      { name: 'Cisco-AVPair', value: 'x=y' },
      { name: 'ERX-Service-Activate', tag: 2, value: 'b' },
      { name: 'ERX-Service-Activate', tag: 1, value: 'c' },
      { name: 'Class', value: 'engawa-leaky' },
    ]);
    expect(told.ok && told.value.map(({ name, values, how }) => [name, values.join(' '), how])).toEqual([
      ['ERX-Service-Activate:1', 'a c', 'replace'],
      ['Cisco-AVPair', 'x=y', 'add'],
      ['ERX-Service-Activate:2', 'b', 'add'],
      ['Class', 'engawa-leaky', 'add'],
    ]);
  });

  test('what it would leave out or change is refused, with a reason and its place', () => {
    expect(serverFault({ name: 'Filter-Id', value: 'x' })).toBeUndefined();
    for (const one of [
      { name: 'Filter-Id', value: '' },
      { name: 'Class', value: '0x' },
      { name: 'Attr-26.55999.7', value: '0x00' },
      { name: 'No-Such-Thing', value: 'x' },
      { name: 'Framed-IP-Address', value: 'x' },
    ])
      expect(serverFault(one), one.name).toBeTruthy();
    const told = serverAttributes([
      { name: 'Filter-Id', value: 'x' },
      { name: 'No-Such-Thing', value: 'x' },
    ]);
    expect(told).toMatchObject({ ok: false, error: { index: 1 } });
  });
});
