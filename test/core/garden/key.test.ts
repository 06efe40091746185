import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatKey, type GardenKey, keyOverlaps, parseKey } from '../../../src/core/garden/key.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import { runs } from '../../runs.ts';

const prefix = (text: string) => parsePrefix(text)!;
const share = (psid: number): GardenKey => ({
  ...prefix('192.0.2.7'),
  portSet: { offset: 6, psidLength: 8, psid },
});

describe('what an element closes', () => {
  it.each(['192.0.2.7', '2001:db8:1:200::/56', '192.0.2.7 psid 6/8/52', '192.0.2.7 psid 0/16/65535'])(
    'is written and read: %s',
    (text) => {
      expect(formatKey(parseKey(text)!)).toBe(text);
    },
  );

  it.each([
    '192.0.2.0/29 psid 6/8/52',
    '2001:db8::1 psid 6/8/52',
    '192.0.2.7 psid 6/8/256',
    '192.0.2.7 psid 9/8/1',
    '192.0.2.7 psid 6/0/0',
    '192.0.2.7 psid 06/8/1',
    '192.0.2.7/32 psid 6/8/1',
    '192.0.2.7  psid 6/8/1',
    '192.0.2.7 psid 6/8/1 ',
    ' 192.0.2.7',
    '',
  ])('is not %j', (text) => {
    expect(parseKey(text)).toBeUndefined();
  });

  it('reads any text without throwing', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string().map((text) => `192.0.2.7 psid ${text}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const key = parseKey(text);
        if (key?.portSet !== undefined) expect(formatKey(key)).toBe(text);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('has nothing in common with the ports of a neighbour', () => {
    const held = (low: number, high: number) => ({ prefix: prefix('192.0.2.7'), ports: { low, high } });
    expect(keyOverlaps(share(0x34), held(2256, 2259))).toBe(true);
    expect(keyOverlaps(share(0x34), held(2260, 2263))).toBe(false);
    expect(keyOverlaps(share(0x34), held(208, 211))).toBe(false);
    expect(keyOverlaps(prefix('192.0.2.7'), held(2260, 2263))).toBe(true);
    expect(keyOverlaps(share(0x34), { prefix: prefix('192.0.2.7') })).toBe(true);
    expect(keyOverlaps(share(0x34), { prefix: prefix('192.0.2.8') })).toBe(false);
  });
});
