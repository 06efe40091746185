import { describe, expect, it } from 'vitest';
import { collisions } from '../../../../src/core/line/sharing/collisions.ts';
import { doubledEntries, type Lw4o6Entry, type Lw4o6Table } from '../../../../src/core/line/sharing/lw4o6.ts';
import type { MapERule } from '../../../../src/core/line/sharing/map-e.ts';
import {
  isSharedByRule,
  portSetsOf,
  resolveShared,
  type SharedQuestion,
  type SharingRule,
} from '../../../../src/core/line/sharing/rules.ts';
import { formatIp } from '../../../../src/core/net/ip.ts';
import { formatPrefix } from '../../../../src/core/net/prefix.ts';
import { parseSnabbTable } from '../../../../src/protocols/lw4o6/snabb.ts';
import { blocksOf, deterministicRule, HEAD, ip, mapERule, prefix, summary, textOf } from './vectors.ts';

const [T1, T2] = [1_000_000, 2_000_000];
const WIDE = mapERule('rule 2001:db8::/40 192.0.2.0/24 o16 a6 rfc7597');
const LATER: MapERule = { ...WIDE, id: 'later', psidOffset: 4 };
const FIXED: MapERule = { ...mapERule('rule 2001:db8:ff:0::/56 192.0.2.18/32 o0 a6 rfc7597'), id: 'fixed' };

const rulesOf = (...rules: SharingRule[]) => ({ version: 'v', rules });
const ask = (over: Partial<SharedQuestion> = {}): SharedQuestion => ({
  realm: 'main',
  ip: ip('192.0.2.18'),
  port: 5475,
  protocol: 'tcp',
  fromAt: T1 - 10,
  toAt: T1 + 10,
  ...over,
});
/** Short: `rule prefix from–to`. */
const told = (rules: readonly SharingRule[], over: Partial<SharedQuestion> = {}) =>
  resolveShared(rulesOf(...rules), ask(over)).map((one) => {
    const what = one.kind === 'inside' ? formatPrefix(one.prefix) : one.kind === 'impossible' ? one.reason : one.kind;
    return `${'ruleId' in one ? one.ruleId : '-'} ${what} ${one.fromAt - T1}…${one.toAt - T1}`;
  });

describe('over the window', () => {
  it('one rule that held all the time gives one answer', () => {
    expect(told([WIDE])).toEqual(['rule 2001:db8:12:5800::/56 -10…10']);
  });

  it('a rule that changed in it gives both', () => {
    expect(
      told([
        { ...WIDE, validToAt: T1 },
        { ...LATER, validFromAt: T1 },
      ]),
    ).toEqual(['rule 2001:db8:12:5800::/56 -10…0', 'later 2001:db8:12:5600::/56 0…10']);
  });

  it('a change at its very end counts, and one at its beginning leaves the later alone', () => {
    const both = [
      { ...WIDE, validToAt: T1 },
      { ...LATER, validFromAt: T1 },
    ];
    expect(told(both, { toAt: T1 })).toEqual(['rule 2001:db8:12:5800::/56 -10…0', 'later 2001:db8:12:5600::/56 0…0']);
    expect(told(both, { fromAt: T1 })).toEqual(['later 2001:db8:12:5600::/56 0…10']);
    expect(told(both, { fromAt: T1 - 1, toAt: T1 - 1 })).toEqual(['rule 2001:db8:12:5800::/56 -1…-1']);
    expect(told(both, { fromAt: T1, toAt: T1 })).toEqual(['later 2001:db8:12:5600::/56 0…0']);
  });

  it('what no rule speaks about is told as well', () => {
    expect(told([{ ...WIDE, validFromAt: T1 }])).toEqual(['- no-rule -10…0', 'rule 2001:db8:12:5800::/56 0…10']);
    expect(told([{ ...WIDE, validToAt: T1 }])).toEqual(['rule 2001:db8:12:5800::/56 -10…0', '- no-rule 0…10']);
    expect(told([{ ...WIDE, validFromAt: T2 }])).toEqual([]);
    expect(told([{ ...WIDE, validToAt: T1 - 10 }])).toEqual([]);
  });

  it('the longest match decides, as long as it holds', () => {
    expect(told([WIDE, FIXED])).toEqual(['fixed 2001:db8:ff::/56 -10…10']);
    expect(told([WIDE, { ...FIXED, validFromAt: T1 - 5, validToAt: T1 + 5 }])).toEqual([
      'rule 2001:db8:12:5800::/56 -10…-5',
      'fixed 2001:db8:ff::/56 -5…5',
      'rule 2001:db8:12:5800::/56 5…10',
    ]);
  });

  it('another realm or another address has no answer, and IPv6 never', () => {
    expect(told([WIDE], { realm: 'other' })).toEqual([]);
    expect(told([WIDE], { ip: ip('198.51.100.18') })).toEqual([]);
    expect(told([WIDE], { ip: ip('2001:db8::1') })).toEqual([]);
  });
});

describe('what cannot be answered', () => {
  it('a shared address without a port, and one of ICMP', () => {
    const { port: _, ...bare } = ask();
    expect(resolveShared(rulesOf(WIDE), bare).map((one) => one.kind)).toEqual(['no-port']);
    expect(told([WIDE], { protocol: 'icmp' })).toEqual(['rule shared-address-icmp -10…10']);
    expect(told([WIDE], { port: 1023 })).toEqual(['rule port-excluded -10…10']);
  });

  it('a whole address needs no port, and has ICMP', () => {
    const { port: _, ...bare } = ask();
    expect(resolveShared(rulesOf(FIXED), bare).map((one) => one.kind)).toEqual(['inside']);
    expect(told([FIXED], { protocol: 'icmp' })).toEqual(['fixed 2001:db8:ff::/56 -10…10']);
    expect(isSharedByRule(rulesOf(WIDE, FIXED), ask())).toBe(false);
    expect(isSharedByRule(rulesOf(WIDE), ask())).toBe(true);
  });

  it('the dynamic pool of a deterministic CGN', () => {
    const rule = deterministicRule('rule 198.51.100.0/28 192.0.2.1/32 c14 d2 r0-1023 usable');
    const at = { ip: ip('192.0.2.1') };
    expect(told([rule], { ...at, port: 58_204 })).toEqual(['rule log-needed -10…10']);
    expect(told([rule], { ...at, port: 80 })).toEqual(['rule port-reserved -10…10']);
    expect(told([rule], { ...at, port: 2001 })).toEqual(['rule 198.51.100.1 -10…10']);
    expect(told([rule], { ip: ip('192.0.2.2'), port: 2001 })).toEqual([]);
  });
});

describe('lw4o6 binding tables (RFC 7596)', () => {
  const parsed = parseSnabbTable(blocksOf('snabb.txt')[0]!.lines.join('\n'));
  const table: Lw4o6Table = { kind: 'lw4o6', ...HEAD, entries: parsed.ok ? parsed.value : [] };
  const vectors = textOf('lw4o6.txt')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  it('has all its vectors', () => expect(vectors).toHaveLength(13));

  it.each(vectors)('%s', (line) => {
    const [, address, port, expected] = /^(.+):([0-9]+) = (.*)$/.exec(line)!;
    const [answer, ...rest] = resolveShared(rulesOf(table), ask({ ip: ip(address!), port: Number(port) }));
    expect(rest).toEqual([]);
    const like = expected!.slice(expected!.indexOf(' ') + 1);
    const got =
      answer?.kind === 'inside'
        ? `${formatPrefix(answer.prefix)} ${summary(answer.ports, like)}`
        : answer?.kind === 'impossible'
          ? answer.reason
          : answer?.kind;
    expect(got).toBe(expected);
  });

  it('the way back names every share of a B4, and of a line around it', () => {
    const shares = (inside: string) =>
      portSetsOf(rulesOf(table), { realm: 'main', prefix: prefix(inside) }, T1).map(
        (one) => `${formatIp(one.outside)} ${one.ports.length}`,
      );
    expect(shares('2001:db8:127:22:33:44:55:128')).toEqual(['192.0.2.15 1', '192.0.2.15 1']);
    expect(shares('2001:db8:127:52::/64')).toEqual(['192.0.2.240 63']);
    expect(shares('2001:db8:127::/48')).toHaveLength(8);
    expect(shares('2001:db8:128::/48')).toEqual([]);
  });

  it('an entry whose ports another has is found', () => {
    const one = (psid: number, psidLength: number, offset = 0): Lw4o6Entry => ({
      ipv4: ip('192.0.2.1'),
      psid,
      psidLength,
      offset,
      b4: ip('2001:db8::1'),
    });
    expect(doubledEntries([one(1, 4), one(2, 4), one(1, 4)])).toEqual([[0, 2]]);
    expect(doubledEntries([one(1, 4), one(0, 0)])).toEqual([[0, 1]]);
    expect(doubledEntries([one(0, 1), one(0xffff, 16), one(2, 2)])).toEqual([]);
  });
});

describe('the other way', () => {
  it('a holder has the shares of the rule that held then, unless a longer rule took the address', () => {
    const inside = { realm: 'main', prefix: prefix('2001:db8:12:3400::/56') };
    const rules = rulesOf({ ...WIDE, validToAt: T1 }, { ...LATER, validFromAt: T1 });
    expect(
      portSetsOf(rules, inside, T1 - 1).map((one) => `${one.ruleId} ${formatIp(one.outside)} ${one.ports.length}`),
    ).toEqual(['rule 192.0.2.18 63']);
    expect(
      portSetsOf(rules, inside, T1).map((one) => `${one.ruleId} ${formatIp(one.outside)} ${one.ports.length}`),
    ).toEqual(['later 192.0.2.18 15']);
    expect(portSetsOf(rulesOf(WIDE, FIXED), inside, T1)).toEqual([]);
    expect(portSetsOf(rulesOf(WIDE), { ...inside, realm: 'other' }, T1)).toEqual([]);
  });
});

describe('rules that would both answer', () => {
  const found = (...rules: SharingRule[]) => collisions(rules).map(({ first, second }) => [first, second]);
  const psid = (value: number, length: number): MapERule => ({ ...FIXED, psid: { value, length } });

  it('collide with the same prefix at the same time', () => {
    expect(found(WIDE, LATER)).toEqual([[0, 1]]);
    expect(found({ ...WIDE, validToAt: T1 }, { ...LATER, validFromAt: T1 })).toEqual([]);
    expect(found({ ...WIDE, validToAt: T1 + 1 }, { ...LATER, validFromAt: T1 })).toEqual([[0, 1]]);
    expect(found(WIDE, FIXED)).toEqual([]);
    expect(found(WIDE, { ...LATER, realm: 'other' })).toEqual([]);
  });

  it('stand beside each other with provisioned PSIDs that share no port', () => {
    expect(found(psid(1, 8), psid(2, 8))).toEqual([]);
    expect(found(psid(1, 8), psid(1, 8))).toEqual([[0, 1]]);
    expect(found(psid(1, 1), psid(0x80, 8))).toEqual([[0, 1]]);
    expect(found(psid(0, 1), psid(0x80, 8))).toEqual([]);
    expect(told([psid(1, 8), { ...psid(0x58, 8), id: 'mine' }])).toEqual(['mine 2001:db8:ff::/56 -10…10']);
  });

  it('a table collides with every rule for one of its addresses alone', () => {
    const entry: Lw4o6Entry = { ipv4: ip('192.0.2.18'), psid: 0, psidLength: 0, offset: 0, b4: ip('2001:db8::1') };
    const table: Lw4o6Table = { kind: 'lw4o6', ...HEAD, id: 'table', entries: [entry] };
    expect(found(FIXED, table)).toEqual([[0, 1]]);
    expect(found(table, { ...table, id: 'other' })).toEqual([[0, 1]]);
    expect(found(WIDE, table)).toEqual([]);
  });
});
