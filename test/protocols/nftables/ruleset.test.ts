// The whole generated text against the golden file. To accept a wanted change: UPDATE_GOLDEN=1, then read the difference.
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderRepair, renderRuleset, skeletonDigest } from '../../../src/protocols/nftables/ruleset.ts';
import { exampleGateway, prefix, sharingGateway } from './example-gateway.ts';

const GOLDEN = new URL('example-gateway.nft', import.meta.url);
const GOLDEN_SHARED = new URL('sharing-gateway.nft', import.meta.url);

const linesOf = (spec: typeof exampleGateway) =>
  renderRuleset(spec)
    .split('\n')
    .filter((line) => !line.includes('sha256'));
const here = linesOf(exampleGateway);

describe('the ruleset', () => {
  test('is exactly the golden text', () => {
    const text = renderRuleset(exampleGateway);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  test('has exactly the golden lines more where addresses are shared, and loses none', () => {
    const sharing = linesOf(sharingGateway);
    const more = `${sharing.filter((line) => !here.includes(line)).join('\n')}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN_SHARED, more);
    expect(more).toBe(readFileSync(GOLDEN_SHARED, 'utf8'));
    expect(sharing.filter((line) => here.includes(line))).toEqual(here);
  });

  test('looks at a port only where there is one, and never takes the lowest ports for anybody', () => {
    const rules = linesOf(sharingGateway).filter((line) => /@(strict|leaky)4_p/.test(line));
    expect(rules).toHaveLength(18);
    for (const rule of rules) {
      expect(rule).toMatch(/ip [sd]addr \{ 192\.0\.2\.(96|112)\/28 \} meta l4proto \{ tcp, udp \} /);
      if (rule.includes('_p6_8')) expect(rule).toMatch(/th [sd]port >= 1024 ip [sd]addr \. th [sd]port & 0x03fc @/);
    }
  });

  test('never deletes a table or a set, and never flushes a set: elements survive every load', () => {
    const text = renderRepair(exampleGateway);
    expect(text).not.toMatch(/^(delete|destroy|flush (set|ruleset)|reset)/m);
    expect(text).toMatch(/^flush table inet engawa$/m);
  });

  test('carries a digest that changes with the rules and with nothing else', () => {
    expect(renderRuleset(exampleGateway)).toContain(skeletonDigest(exampleGateway));
    expect(skeletonDigest({ ...exampleGateway, pools: [] })).toBe(skeletonDigest(exampleGateway));
    expect(skeletonDigest({ ...exampleGateway, tls443: 'reset' })).not.toBe(skeletonDigest(exampleGateway));
    expect(skeletonDigest({ ...exampleGateway, ipv6Lengths: [128, 56, 56] })).toBe(skeletonDigest(exampleGateway));
  });

  test('judges a strict line before anything that would accept established flows', () => {
    const hooks = [...renderRuleset(exampleGateway).matchAll(/type \w+ hook (\w+) priority (\S+);/g)];
    expect(hooks.map(([, hook, priority]) => `${hook} ${priority}`)).toEqual([
      'prerouting -350',
      'output -350',
      'prerouting mangle',
      'prerouting dstnat',
      'forward -10',
      'forward -9',
      'input -10',
    ]);
  });

  test('asks for lifelines first in every chain that could stop a packet of a garden line', () => {
    const both = renderRuleset(exampleGateway) + renderRuleset({ ...exampleGateway, isPortalElsewhere: true });
    const rules = [...both.matchAll(/^add rule inet engawa (\S+) (.*)$/gm)];
    const first = new Map<string, string>();
    for (const [, chain, rule] of rules) if (!first.has(chain!)) first.set(chain!, rule!);
    const judging = [...first].filter(([chain]) => /^(strict|leaky|steer|limits|dns_zone)_(?!pack|reply)/.test(chain));
    expect(judging.length).toBeGreaterThan(15);
    for (const [chain, rule] of judging) {
      expect([chain, rule]).toEqual([chain, chain.includes('down') ? 'jump from_lifeline' : 'jump to_lifeline']);
    }
  });

  test('forwards to the portal only where it is elsewhere, what was steered and nothing else', () => {
    const extra = linesOf({ ...exampleGateway, isPortalElsewhere: true }).filter((line) => !here.includes(line));
    const accepts = extra.filter((line) => line.endsWith(' accept') && !line.includes('error_to_peer'));
    for (const line of accepts)
      expect(line).toMatch(
        /daddr \S+ (meta .* ct status & dnat == dnat|icmp(v6)? type echo-request) accept|saddr \S+ ct direction reply accept/,
      );
    expect(accepts).toHaveLength(3 * 3);
    expect(linesOf({ ...exampleGateway, isPortalElsewhere: false })).toEqual(here);
  });

  test('marks packets of garden lines only where it is asked to, from the sets that say the access', () => {
    const modeMarks = { mask: 0xf000_0000, strict: 0x8000_0000, leaky: 0x1000_0000 };
    const extra = linesOf({ ...exampleGateway, modeMarks }).filter((line) => !here.includes(line));
    expect(extra.map((line) => line.replace('inet engawa ', ''))).toEqual([
      'add chain mode_up { type filter hook prerouting priority -140; policy accept; }',
      'add chain mode_down { type filter hook forward priority -12; policy accept; }',
      'add rule mode_up iifname != { "ppp*", "access0" } accept',
      'add rule mode_up ip saddr @strict4 meta mark set meta mark & 0x0fffffff | 0x80000000 accept',
      'add rule mode_up ip6 saddr @strict6_128 meta mark set meta mark & 0x0fffffff | 0x80000000 accept',
      'add rule mode_up ip6 saddr & ffff:ffff:ffff:ff00:: @strict6_56 meta mark set meta mark & 0x0fffffff | 0x80000000 accept',
      'add rule mode_up ip saddr @leaky4 meta mark set meta mark & 0x0fffffff | 0x10000000 accept',
      'add rule mode_up ip6 saddr @leaky6_128 meta mark set meta mark & 0x0fffffff | 0x10000000 accept',
      'add rule mode_up ip6 saddr & ffff:ffff:ffff:ff00:: @leaky6_56 meta mark set meta mark & 0x0fffffff | 0x10000000 accept',
      'add rule mode_down oifname != { "ppp*", "access0" } accept',
      'add rule mode_down ip daddr @strict4 meta mark set meta mark & 0x0fffffff | 0x80000000 accept',
      'add rule mode_down ip6 daddr @strict6_128 meta mark set meta mark & 0x0fffffff | 0x80000000 accept',
      'add rule mode_down ip6 daddr & ffff:ffff:ffff:ff00:: @strict6_56 meta mark set meta mark & 0x0fffffff | 0x80000000 accept',
      'add rule mode_down ip daddr @leaky4 meta mark set meta mark & 0x0fffffff | 0x10000000 accept',
      'add rule mode_down ip6 daddr @leaky6_128 meta mark set meta mark & 0x0fffffff | 0x10000000 accept',
      'add rule mode_down ip6 daddr & ffff:ffff:ffff:ff00:: @leaky6_56 meta mark set meta mark & 0x0fffffff | 0x10000000 accept',
    ]);
  });

  test('keeps names of the configuration inside their comment', () => {
    const [pack] = exampleGateway.packs;
    const evil = { ...pack!, name: 'x" accept\nflush ruleset', prefixes: [prefix('203.0.113.1')] };
    const text = renderRuleset({ ...exampleGateway, packs: [evil] });
    expect(text).not.toMatch(/^flush ruleset/m);
    expect(text).toContain('comment "x acceptflush ruleset"');
  });

  test.each(['eth0" accept', 'a\nflush ruleset', '', '9'.repeat(17)])('refuses %j as an interface', (name) => {
    expect(() => renderRuleset({ ...exampleGateway, accessInterfaces: [name] })).toThrow('not an interface name');
    expect(() => renderRuleset({ ...exampleGateway, table: name })).toThrow('not a table name');
    expect(() => renderRuleset({ ...exampleGateway, accessInterfaces: [] })).toThrow('encloses nobody');
  });

  test('refuses two packs that would share a set', () => {
    const [pack] = exampleGateway.packs;
    const twins = [pack!, { ...pack!, name: 'Cert Status' }];
    expect(() => renderRuleset({ ...exampleGateway, packs: twins })).toThrow('share the set name pack4_cert_status');
  });

  test('resets 443 instead of steering it when the gateway is told so', () => {
    expect(renderRuleset(exampleGateway)).toContain('tcp dport 443 dnat ip to 192.0.2.2:8444');
    expect(renderRuleset({ ...exampleGateway, tls443: 'reset' })).not.toContain(':8444');
  });
});
