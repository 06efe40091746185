// The file that outlives a reboot: what is saved is found again, and anything that cannot be trusted is no garden.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import {
  formatSnapshot,
  type GardenContent,
  parseSnapshot,
  RESTORED_SECONDS,
} from '../../../src/protocols/nftables/snapshot.ts';
import { ip, prefix, SPEC } from '../../helper/lab-gateway.ts';
import { runs } from '../../runs.ts';

const NOW = Date.UTC(2026, 1, 3, 4, 5, 6);
const telnet = { protocol: 'tcp' as const, port: 23 };
const CONTENT: GardenContent = {
  lines: [
    { prefix: prefix('192.0.2.5'), access: 'strict', abusedPorts: [telnet], leftSeconds: 7200 },
    { prefix: prefix('2001:db8:100:4200::/56'), access: 'leaky', abusedPorts: [], leftSeconds: 45 },
  ],
  addresses: [
    { kind: 'lifeline', name: 'emergency', ip: ip('203.0.113.200'), leftSeconds: 3600 },
    { kind: 'pack', name: 'bank', ip: ip('2001:db8:5::7'), leftSeconds: 300 },
  ],
};
const save = (content: GardenContent = CONTENT, at = NOW) => formatSnapshot(SPEC, content, at).text;
const faultOf = (text: string, now = NOW, spec = SPEC) => {
  const read = parseSnapshot(spec, text, now);
  return read.ok ? 'ok' : read.error.code;
};

describe('the snapshot', () => {
  it('is text that nft loads, lifelines first, with ten minutes at most and what was really left beside it', () => {
    const [head, ...lines] = save().split('\n');
    expect(head).toMatch(/^# engawa-snapshot 1 bng1 engawa 1770091506000 [0-9a-f]{64}$/);
    expect(lines).toEqual([
      'add element inet engawa life4_emergency {203.0.113.200 timeout 600s} # 3600',
      'add element inet engawa strict4 {192.0.2.5 timeout 600s} # 7200',
      'add element inet engawa leaky6_56 {2001:db8:100:4200:: timeout 45s} # 45',
      'add element inet engawa pack6_bank {2001:db8:5::7 timeout 300s} # 300',
      'add element inet engawa abuse4 {192.0.2.5 . tcp . 23 timeout 600s} # 7200',
      'add element inet engawa abuse_in4 {192.0.2.5 . tcp . 23 timeout 600s} # 7200',
      '',
    ]);
  });

  it('is found again as it was, less the time that has passed', () => {
    expect(parseSnapshot(SPEC, save(), NOW)).toEqual({
      ok: true,
      value: { content: CONTENT, ageSeconds: 0, leftOut: 0 },
    });
    const later = parseSnapshot(SPEC, save(), NOW + 60_000);
    // The IPv6 line had 45 s left: it is free by now.
    expect(later).toMatchObject({ value: { content: { lines: [{ leftSeconds: 7140 }] }, leftOut: 1 } });
  });

  it('any content comes back', () => {
    const line = fc.record({
      prefix: fc.oneof(
        fc.nat(255).map((n) => prefix(`198.18.0.${n}`)),
        fc.nat(0xffff).map((n) => prefix(`2001:db8:1${(n & 0xff).toString(16).padStart(2, '0')}:4200::/56`)),
      ),
      access: fc.constantFrom('strict' as const, 'leaky' as const),
      abusedPorts: fc
        .uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 8 })
        .map((ports) =>
          ports.map((port) => ({ protocol: port % 2 === 0 ? ('tcp' as const) : ('udp' as const), port })),
        ),
      leftSeconds: fc.integer({ min: 1, max: 259_200 }),
    });
    const lines = fc.uniqueArray(line, { maxLength: 30, selector: (one) => JSON.stringify(one.prefix.ip) });
    fc.assert(
      fc.property(lines, (some) => {
        const read = parseSnapshot(SPEC, save({ lines: some, addresses: [] }), NOW);
        const found = read.ok ? read.value.content.lines : [];
        const byPrefix = (all: typeof found) => new Map(all.map((one) => [formatPrefix(one.prefix), one]));
        expect(byPrefix(found)).toEqual(byPrefix(some));
      }),
      { numRuns: runs(50) },
    );
  });

  it.each([
    ['empty', ''],
    ['without its end', save().slice(0, -20)],
    ['without its head', save().slice(save().indexOf('\n') + 1)],
    ['with one address changed', save().replace('192.0.2.5', '192.0.2.6')],
    ['with another instant in its head', save().replace('1770091506000', '1770091507000')],
    ['of bytes that are no text', '\u0000\uffff\n'.repeat(20)],
    ['of one endless line', 'x'.repeat(100_000)],
  ])('E26: a file %s is damaged', (_, text) => {
    expect(faultOf(text)).toBe('damaged');
  });

  it('E26: another gateway’s, another table’s and another format’s file is foreign', () => {
    expect(faultOf(save(), NOW, { ...SPEC, name: 'bng2' })).toBe('foreign');
    expect(faultOf(save(), NOW, { ...SPEC, table: 'other' })).toBe('foreign');
    expect(faultOf(save().replace('snapshot 1', 'snapshot 2'))).toBe('foreign');
  });

  it('E26: more than a day old is old, and from the future means that the clock cannot tell', () => {
    const hour = 3_600_000;
    expect(faultOf(save(), NOW + 24 * hour)).toBe('ok');
    expect(faultOf(save(), NOW + 24 * hour + 1)).toBe('old');
    expect(faultOf(save(), NOW - 59_000)).toBe('ok');
    expect(faultOf(save(), NOW - 61_000)).toBe('clock');
  });

  it('leaves out what stands in sets that left the configuration', () => {
    const read = parseSnapshot({ ...SPEC, packs: [], ipv6Lengths: [64] }, save(), NOW);
    expect(read).toMatchObject({ value: { leftOut: 2, content: { lines: [CONTENT.lines[0]], addresses: [{}] } } });
  });

  it('never gives an element more than ten minutes, whoever loads the file', () => {
    const timeouts = [...save().matchAll(/timeout (\d+)s/g)].map(([, seconds]) => Number(seconds));
    expect(Math.max(...timeouts)).toBe(RESTORED_SECONDS);
  });

  it('is bounded: ports go first, lifelines never', () => {
    const lines = Array.from({ length: 8000 }, (_, i) => ({
      prefix: prefix(`198.18.${i >> 8}.${i & 255}`),
      access: 'strict' as const,
      abusedPorts: Array.from({ length: 64 }, (_, port) => ({ protocol: 'tcp' as const, port: 20_000 + port })),
      leftSeconds: 3600,
    }));
    const { text, leftOut } = formatSnapshot(SPEC, { ...CONTENT, lines }, NOW);
    expect(leftOut).toBeGreaterThan(0);
    expect(text.length).toBeLessThan(64 * 1024 * 1024);
    const read = parseSnapshot(SPEC, text, NOW);
    expect(read).toMatchObject({ value: { content: { lines: { length: 8000 }, addresses: { length: 2 } } } });
  });
});
