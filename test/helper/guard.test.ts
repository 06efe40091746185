import { describe, expect, it } from 'vitest';
import { Guard } from '../../src/helper/guard.ts';
import { ip, prefix, SPEC } from './lab-gateway.ts';

const put = (text: string, ports: number[] = []) => ({
  prefix: prefix(text),
  access: 'strict' as const,
  abusedPorts: ports.map((port) => ({ protocol: 'tcp' as const, port })),
  timeoutSeconds: 60,
});

describe('the guard in front of the kernel', () => {
  const guard = new Guard(SPEC, () => 0);
  const codeOf = (element: ReturnType<typeof put>) => {
    const judged = guard.put(element);
    return judged.ok ? 'ok' : judged.error.kind === 'refused' ? judged.error.code : judged.error.kind;
  };

  it.each([
    ['a line of IPv4', '192.0.2.5', 'ok'],
    ['a delegated prefix', '2001:db8:100:4200::/56', 'ok'],
    ['a pool as a whole', '2001:db8:100::/40', 'prefix-length'],
    ['a prefix just outside the pool', '2001:db8:200::/56', 'outside-pools'],
    ['a prefix around infrastructure', '2001:db8:100:ff::/64', 'covers-infrastructure'],
    ['a single IPv6 address', '2001:db8:100:4200::1', 'prefix-length'],
  ])('%s: %s is %s', (_name, text, code) => {
    expect(codeOf(put(text))).toBe(code);
  });

  it.each([53, 80, 123, 443])('N12: port %i is never closed, alone or among others', (port) => {
    expect(codeOf(put('192.0.2.5', [23, port]))).toBe('port-never');
  });

  const managed = new Guard({ ...SPEC, infrastructure: [prefix('203.0.113.200/29')] }, () => 0);
  const learn = (name: 'bank' | 'emergency', text: string) => {
    const entry = { name, ip: ip(text), timeoutSeconds: 60 };
    const judged = name === 'bank' ? managed.learnedForPack(entry) : managed.learnedForLifeline(entry);
    return judged.ok ? 'ok' : judged.error.kind === 'refused' ? judged.error.code : judged.error.kind;
  };

  it.each([
    ['a public address', '203.0.113.77', 'ok'],
    ['a line', '192.0.2.77', 'address-of-a-line'],
    ['the portal', '203.0.113.10', 'address-of-ours'],
    ['a sink', '2001:db8:ff::11', 'address-of-ours'],
    ['management of the gateway', '203.0.113.200', 'covers-infrastructure'],
    ['the operator’s time server', '203.0.113.123', 'covers-infrastructure'],
    ['a lifeline’s own prefix', '203.0.113.112', 'covers-lifeline'],
    ['RFC 1918', '10.1.2.3', 'address-special'],
    ['protocol assignments', '192.0.0.9', 'address-special'],
    ['benchmarking', '198.18.0.1', 'address-special'],
    ['Teredo', '2001:0:1::1', 'address-special'],
    ['6to4', '2002:cb00:7101::1', 'address-special'],
    ['unique local', 'fd00::1', 'address-special'],
  ])('a pack never learns what a service taken over might ask for: %s, %s, is %s', (_name, text, code) => {
    expect(learn('bank', text)).toBe(code);
  });

  it('a lifeline’s peers may be private, never a line, the portal or no host at all', () => {
    expect(['10.1.2.3', '192.0.2.77', '203.0.113.10', '127.0.0.1'].map((text) => learn('emergency', text))).toEqual([
      'ok',
      'address-of-a-line',
      'address-of-ours',
      'address-special',
    ]);
  });

  it('lets every line out again, even one that may not come in any more', () => {
    for (const text of ['198.51.100.1', '192.0.2.1', '192.0.2.112'])
      expect(guard.removable(prefix(text)).ok).toBe(true);
  });

  it('takes a burst, then no more than its rate, and says so', () => {
    let nowMs = 0;
    const limited = new Guard(SPEC, () => nowMs);
    expect(limited.spend(150_000).ok).toBe(true);
    expect(limited.spend(1)).toMatchObject({ error: { code: 'rate-limited' } });
    nowMs += 1000;
    expect([limited.spend(20_000).ok, limited.spend(1).ok]).toEqual([true, false]);
  });
});
