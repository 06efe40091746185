import { describe, expect, it } from 'vitest';
import { Guard } from '../../src/helper/guard.ts';
import { prefix, SPEC } from './lab-gateway.ts';

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
