// One suite for every Enforcer + AllowList, the fake included: what the flow may rely on, whatever does the work.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatKey, type GardenKey } from '../../src/core/garden/key.ts';
import type { AllowList, Enforcer, GardenElement } from '../../src/flow/ports.ts';
import { ip, prefix, share } from '../helper/lab-gateway.ts';

export interface EnforcerUnderTest {
  readonly enforcer: Enforcer & AllowList;
  /** Another client on the same gateway that remembers nothing. */
  fresh(): Enforcer & AllowList;
  /** A foreign `nft flush ruleset`. */
  flushAll(): Promise<void>;
  /** Counts `packets` towards an abused port of this prefix, as the bot's traffic would; undefined = not possible here. */
  readonly passSeconds: (seconds: number) => Promise<void>;
  stop(): Promise<void>;
}

const A = prefix('192.0.2.5');
const B = prefix('2001:db8:100:4200::/56');
const C = prefix('2001:db8:100:42ff::/64');
/** Two households behind one IPv4 address: ports 1044–1047, 2068–2071, … and the four above each. */
const S5 = share('192.0.2.200', 5);
const S6 = share('192.0.2.200', 6);
const telnet = [{ protocol: 'tcp' as const, port: 23 }];

const strict = (p: GardenKey, timeoutSeconds = 600): GardenElement => ({
  prefix: p,
  access: 'strict',
  abusedPorts: telnet,
  timeoutSeconds,
});
const leaky = (p: GardenKey, timeoutSeconds = 600): GardenElement => ({
  ...strict(p, timeoutSeconds),
  access: 'leaky',
});

export function describeEnforcer(name: string, create: () => Promise<EnforcerUnderTest>): void {
  describe(`an enforcer: ${name}`, () => {
    let t: EnforcerUnderTest;
    beforeEach(async () => {
      t = await create();
    });
    afterEach(() => t.stop());

    const accessOf = async (...prefixes: GardenKey[]) => (await t.enforcer.observe(prefixes)).map((s) => s.access);
    const put = (...elements: GardenElement[]) => t.enforcer.apply({ put: elements, remove: [] });

    it('knows nothing before the skeleton is there: unknown and missing, never absent', async () => {
      expect(await t.enforcer.skeleton()).toBe('missing');
      expect(await accessOf(A, B)).toEqual(['unknown', 'unknown']);
      expect((await put(strict(A))).ok).toBe(false);
      expect(await t.enforcer.readBack()).toMatchObject({ ok: false });
      expect(await t.enforcer.denyCounts()).toMatchObject({ ok: false });
    });

    it('installs once and adopts afterwards, elements kept', async () => {
      expect(await t.enforcer.install()).toEqual({ ok: true, value: 'installed' });
      expect(await t.enforcer.skeleton()).toBe('intact');
      await put(strict(A));
      expect(await t.enforcer.install()).toEqual({ ok: true, value: 'adopted' });
      expect(await accessOf(A)).toEqual(['strict']);
    });

    it('proves present, absent and changed access, IPv4 and IPv6 alike', async () => {
      await t.enforcer.install();
      expect(await accessOf(A, B, C)).toEqual(['absent', 'absent', 'absent']);
      expect((await put(strict(A), leaky(B), strict(C))).ok).toBe(true);
      expect(await accessOf(A, B, C, prefix('192.0.2.6'))).toEqual(['strict', 'leaky', 'strict', 'absent']);
      expect((await put(leaky(A))).ok).toBe(true);
      expect((await t.enforcer.apply({ put: [strict(B)], remove: [C] })).ok).toBe(true);
      expect(await accessOf(A, B, C)).toEqual(['leaky', 'strict', 'absent']);
    });

    it('answers every prefix asked, in order, one asked twice included', async () => {
      await t.enforcer.install();
      await put(strict(A));
      expect(await accessOf(A, B, A, B)).toEqual(['strict', 'absent', 'strict', 'absent']);
    });

    it('finds the one in garden among many that are not', async () => {
      await t.enforcer.install();
      const many = Array.from({ length: 100 }, (_, i) => prefix(`198.18.0.${i}`));
      await put(strict(many[17]!), leaky(many[71]!));
      const states = await t.enforcer.observe(many);
      const found = states.filter((s) => s.access !== 'absent').map((s) => [formatKey(s.prefix), s.access]);
      expect(found).toEqual([
        ['198.18.0.17', 'strict'],
        ['198.18.0.71', 'leaky'],
      ]);
    });

    it('removes what is not there without complaint, and applies an empty change', async () => {
      await t.enforcer.install();
      expect((await t.enforcer.apply({ put: [], remove: [A, B] })).ok).toBe(true);
      expect((await t.enforcer.apply({ put: [], remove: [] })).ok).toBe(true);
    });

    it('is all or nothing: one refused element keeps the others out', async () => {
      await t.enforcer.install();
      const refused = await put(strict(A), strict(prefix('198.51.100.1')));
      expect(refused).toMatchObject({ ok: false, error: { kind: 'refused', code: 'outside-pools' } });
      expect(await accessOf(A)).toEqual(['absent']);
    });

    it.each([
      ['everybody', strict(prefix('0.0.0.0/0')), 'prefix-length'],
      ['everybody on IPv6', strict(prefix('::/0')), 'prefix-length'],
      ['an IPv4 net', strict(prefix('192.0.2.0/29')), 'prefix-length'],
      ['a length not in use', strict(prefix('2001:db8:100::/48')), 'prefix-length'],
      ['the gateway itself', strict(prefix('192.0.2.1')), 'covers-infrastructure'],
      ['a prefix with infrastructure inside', strict(prefix('2001:db8:100::/64')), 'covers-infrastructure'],
      ['a lifeline inside a pool', strict(prefix('192.0.2.112')), 'covers-lifeline'],
      ['the portal', strict(prefix('203.0.113.10')), 'outside-pools'],
      ['DNS as abused port', { ...strict(A), abusedPorts: [{ protocol: 'udp' as const, port: 53 }] }, 'port-never'],
      [
        'the web as abused port',
        { ...strict(A), abusedPorts: [{ protocol: 'tcp' as const, port: 443 }] },
        'port-never',
      ],
      ['the whole of a shared address', strict(prefix('192.0.2.200')), 'shared-address'],
      ['ports of an address that is one line’s', strict(share('192.0.2.5', 5)), 'port-set'],
      ['ports outside the pools', strict(share('198.51.100.1', 5)), 'port-set'],
      ['a shape of ports not in use', strict(share('192.0.2.200', 5, { offset: 4, psidLength: 8 })), 'port-set'],
      ['no timeout', strict(A, 0), 'timeout-bad'],
      ['a timeout beyond 72 h', strict(A, 259_201), 'timeout-bad'],
    ])('N12: refuses %s with a stable code and changes nothing', async (_name, element, code) => {
      await t.enforcer.install();
      expect(await put(element)).toMatchObject({ ok: false, error: { kind: 'refused', code } });
      expect(await t.enforcer.readBack()).toEqual({ ok: true, value: [] });
    });

    it('reads back everything, with the access of each', async () => {
      await t.enforcer.install();
      await put(strict(A), leaky(B), strict(C));
      const back = await t.fresh().readBack();
      const items = back.ok ? back.value.map((s) => `${formatKey(s.prefix)} ${s.access}`).sort() : back.error;
      expect(items).toEqual(['192.0.2.5 strict', '2001:db8:100:4200::/56 leaky', '2001:db8:100:42ff::/64 strict']);
    });

    it('an element frees itself after its timeout, and a renewal keeps it', async () => {
      await t.enforcer.install();
      await put(strict(A, 1), strict(B, 1));
      await put(strict(B, 600));
      await t.passSeconds(1.2);
      await expect.poll(() => accessOf(A, B)).toEqual(['absent', 'strict']);
      expect([t.enforcer.isStrict(ip('192.0.2.5')), t.enforcer.isStrict(ip('2001:db8:100:42aa::1'))]).toEqual([
        false,
        true,
      ]);
    });

    it('counts per prefix, protocol and port from zero; ports no longer abused go', async () => {
      await t.enforcer.install();
      await put({ ...strict(A), abusedPorts: [...telnet, { protocol: 'udp', port: 1900 }] });
      expect(await t.enforcer.denyCounts()).toMatchObject({ ok: true, value: { length: 2 } });
      await put({ ...strict(A), abusedPorts: telnet });
      expect(await t.enforcer.denyCounts()).toEqual({
        ok: true,
        value: [{ prefix: A, protocol: 'tcp', port: 23, packets: 0 }],
      });
      await t.enforcer.apply({ put: [], remove: [A] });
      expect(await t.enforcer.denyCounts()).toEqual({ ok: true, value: [] });
    });

    it('says who is strict from memory, and a fresh client learns it by adopting', async () => {
      await t.enforcer.install();
      await put(strict(A), leaky(B), strict(C));
      const fresh = t.fresh();
      await fresh.install();
      for (const e of [t.enforcer, fresh]) {
        expect(
          ['192.0.2.5', '192.0.2.6', '2001:db8:100:42ff::9', '2001:db8:100:4201::9'].map((a) => e.isStrict(ip(a))),
        ).toEqual([true, false, true, false]);
      }
      await t.enforcer.apply({ put: [leaky(A)], remove: [C] });
      expect([t.enforcer.isStrict(ip('192.0.2.5')), t.enforcer.isStrict(ip('2001:db8:100:42ff::9'))]).toEqual([
        false,
        false,
      ]);
    });

    it('tells the lines of one shared address apart', async () => {
      await t.enforcer.install();
      await put({ ...strict(S5), abusedPorts: [...telnet, { protocol: 'udp', port: 1900 }] }, leaky(S6));
      expect(await accessOf(S5, S6, share('192.0.2.200', 7), share('192.0.2.201', 5))).toEqual([
        'strict',
        'leaky',
        'absent',
        'absent',
      ]);
      const fresh = t.fresh();
      await fresh.install();
      const back = await fresh.readBack();
      const items = back.ok ? back.value.map((s) => `${formatKey(s.prefix)} ${s.access}`).sort() : back.error;
      expect(items).toEqual(['192.0.2.200 psid 6/8/5 strict', '192.0.2.200 psid 6/8/6 leaky']);
      const at = (port?: number) => ({ ...ip('192.0.2.200'), ...(port === undefined ? {} : { port }) });
      for (const e of [t.enforcer, fresh])
        expect([at(1044), at(64_535), at(1048), at(20), at()].map((peer) => e.isStrict(peer))).toEqual([
          true,
          true,
          false,
          false,
          true,
        ]);
      const counts = await t.enforcer.denyCounts();
      const counted = counts.ok ? counts.value.map((c) => `${formatKey(c.prefix)} ${c.protocol} ${c.port}`).sort() : [];
      expect(counted).toEqual([
        '192.0.2.200 psid 6/8/5 tcp 23',
        '192.0.2.200 psid 6/8/5 udp 1900',
        '192.0.2.200 psid 6/8/6 tcp 23',
      ]);
      await t.enforcer.apply({ put: [strict(S6)], remove: [S5] });
      expect(await accessOf(S5, S6)).toEqual(['absent', 'strict']);
      expect([at(1044), at(1048)].map((peer) => t.enforcer.isStrict(peer))).toEqual([false, true]);
      expect((await t.enforcer.forgetSteered([S5])).ok).toBe(true);
    });

    it('N14: after a foreign flush it says missing and unknown, and installs again', async () => {
      await t.enforcer.install();
      await put(strict(A));
      await t.flushAll();
      expect(await t.enforcer.skeleton()).toBe('missing');
      expect(await accessOf(A)).toEqual(['unknown']);
      expect(await t.enforcer.install()).toEqual({ ok: true, value: 'installed' });
      expect(await accessOf(A)).toEqual(['absent']);
      expect((await put(strict(A))).ok).toBe(true);
    });

    it('takes learned addresses of its own packs and lifelines only, never a special one or a line', async () => {
      await t.enforcer.install();
      const allow = (pack: string, address: string) =>
        t.enforcer.allow([{ pack, ip: ip(address), timeoutSeconds: 60 }]);
      const code = async (answer: ReturnType<typeof allow>) => {
        const done = await answer;
        return done.ok ? 'ok' : done.error.kind === 'refused' ? done.error.code : done.error.kind;
      };
      expect(await code(allow('bank', '198.51.100.7'))).toBe('ok');
      expect(await code(allow('bank', '2001:db8:5::7'))).toBe('ok');
      expect(await code(allow('none', '198.51.100.7'))).toBe('pack-unknown');
      expect(await code(allow('bank', '10.0.0.1'))).toBe('address-special');
      expect(await code(allow('bank', '127.0.0.1'))).toBe('address-special');
      expect(await code(allow('bank', '::1'))).toBe('address-special');
      expect(await code(allow('bank', 'fd00::1'))).toBe('address-special');
      expect(await code(allow('bank', '192.0.2.77'))).toBe('address-of-a-line');
      expect(await code(allow('bank', '203.0.113.10'))).toBe('address-of-ours');
      const lifeline = (name: string, address: string) =>
        t.enforcer.lifeline([{ lifeline: name, ip: ip(address), timeoutSeconds: 60 }]);
      expect(await code(lifeline('emergency', '10.0.0.1'))).toBe('ok');
      expect(await code(lifeline('other', '198.51.100.7'))).toBe('lifeline-unknown');
      expect(await code(t.enforcer.dnsAlive())).toBe('ok');
      expect(await code(t.enforcer.dnsOff())).toBe('ok');
      expect(await code(t.enforcer.dnsOff())).toBe('ok');
    });

    it('forgets steered flows of lines that have none', async () => {
      await t.enforcer.install();
      expect((await t.enforcer.forgetSteered([A, B])).ok).toBe(true);
      expect((await t.enforcer.forgetSteered([])).ok).toBe(true);
    });

    it('after close() every answer is a refusal to guess', async () => {
      await t.enforcer.install();
      await t.enforcer.close();
      expect(await put(strict(A))).toMatchObject({ ok: false, error: { kind: 'unavailable' } });
      expect(await accessOf(A)).toEqual(['unknown']);
      expect(await t.enforcer.skeleton()).toBe('unknown');
    });
  });
}
