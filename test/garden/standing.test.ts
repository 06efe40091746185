import { describe, expect, it } from 'vitest';
import { parseIp } from '../../src/core/net/ip.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import { standingFromMemory } from '../../src/garden/standing.ts';
import { FakeAllowList } from '../fakes/allow-list.ts';

const POOLS = [parsePrefix('192.0.2.0/24')!];
const ip = (text: string) => parseIp(text)!;

describe('what port 80 says from memory', () => {
  it('never says «free» before the kernel was read once after a restart', () => {
    const gateway = new FakeAllowList();
    gateway.isSeeded = false;
    expect(standingFromMemory([gateway], POOLS, ip('192.0.2.5'))).toBe('unknown');
    gateway.strict.add('192.0.2.5');
    expect(standingFromMemory([gateway], POOLS, ip('192.0.2.5'))).toBe('in-garden');
    gateway.isSeeded = true;
    expect(standingFromMemory([gateway], POOLS, ip('192.0.2.6'))).toBe('free');
    expect(standingFromMemory([gateway], POOLS, ip('198.51.100.6'))).toBe('unknown');
  });
});
