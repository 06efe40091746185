import type { LookupFunction } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guardedLookup, mayConnect, urlFault } from '../../../../src/adapters/collect/http/egress.ts';
import { parsePrefix } from '../../../../src/core/net/prefix.ts';
import { runs } from '../../../runs.ts';

const prefixes = (...texts: string[]) => texts.map((text) => parsePrefix(text)!);
const RULE = { allowPrivate: [], reserved: prefixes('192.0.2.0/24', '2001:db8:ffff::/48') };
const OPEN = { ...RULE, allowPrivate: prefixes('127.0.0.0/8', '192.0.2.80') };

describe('F21: no feed lives in here', () => {
  test.each([
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '192.0.2.80',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
    'fd00:ec2::254',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '2001:db8:ffff::80',
    'localhost',
    '',
  ])('%s is not connected to', (address) => {
    expect(mayConnect(address, RULE)).toBe(false);
  });

  test('public addresses are; what the operator named as his own is, infrastructure too', () => {
    expect(['198.51.100.7', '2001:db8::7'].map((one) => mayConnect(one, RULE))).toEqual([true, true]);
    expect(['127.0.0.1', '192.0.2.80', '192.0.2.81', '::1'].map((one) => mayConnect(one, OPEN))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test.each([
    'gopher://feed.example/',
    'file:///etc/passwd',
    'ftp://feed.example/',
    'data:,x',
    'http://feed.example/',
    'http://127.0.0.1/',
    'https://127.0.0.1/',
    'https://[::ffff:7f00:1]/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://017700000001/',
    'https://[::1]/',
    'https://169.254.169.254/latest/',
    'https://user:pass@feed.example/',
    'https://127.1/',
  ])('%s is refused before anything is looked up', (text) => {
    expect(urlFault(new URL(text), RULE)).toBeTypeOf('string');
  });

  test('https by name passes; http only to an address named as ours', () => {
    expect(urlFault(new URL('https://feed.example/x'), RULE)).toBeUndefined();
    expect(urlFault(new URL('http://127.0.0.1:8080/x'), OPEN)).toBeUndefined();
    expect(urlFault(new URL('http://localhost/x'), OPEN)).toBeTypeOf('string');
  });

  test('a name that says other addresses each time is judged at each time, and only what passes is handed on', async () => {
    const says = [['198.51.100.7', '127.0.0.1'], ['127.0.0.1'], []];
    const resolve: LookupFunction = (_host, _options, done) =>
      done(
        null,
        says.shift()!.map((address) => ({ address, family: 4 })),
      );
    const ask = (all: boolean) =>
      new Promise<unknown>((told) =>
        guardedLookup(RULE, resolve)('feed.example', { all }, (error, found) => told(error ?? found)),
      );
    expect(await ask(true)).toEqual([{ address: '198.51.100.7', family: 4 }]);
    expect(String(await ask(false))).toContain('feed.example resolves to 127.0.0.1');
    expect(String(await ask(false))).toContain('nothing');
  });

  test('no text that is no plain public address passes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4Extended(), fc.ipV6()), (text) => {
        if (mayConnect(text, RULE))
          expect(text).toMatch(/^(?!127\.|10\.|0\.|192\.168\.|169\.254\.)[0-9]+(\.[0-9]+){3}$|^[23][0-9a-f]{0,3}:/i);
      }),
      { numRuns: runs(3000) },
    );
  });
});
