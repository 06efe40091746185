import { describe, expect, it } from 'vitest';
import { formatIp, parseIp } from '../../../src/core/net/ip.ts';
import { PackNames } from '../../../src/garden/dns/pack-names.ts';
import { PACKS } from './garden-dns.ts';

const HOUR_MS = 3_600_000;
const pack = PACKS[0]!;
const ip = (n: number) => parseIp(`203.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)!;
const fresh = () => new PackNames(PACKS, { own: [], keepMs: HOUR_MS });
const ask = (names: PackNames, name: string, household: string, n: number, nowMs = 0) =>
  names.admit({ pack, name, addresses: [ip(n)], household, nowMs });

describe('what a bot in one strict home can do to a pack with a wildcard', () => {
  it('thousands of invented names that lead to one address cost one place: the next household is served', () => {
    const names = fresh();
    for (let i = 0; i < 5000; i++) expect(ask(names, `x${i}.cdn.vendor.example`, 'bot', 1).admitted).toHaveLength(1);
    expect(ask(names, 'real.cdn.vendor.example', 'neighbour', 2)).toMatchObject({ capped: 0 });
  });

  it('invented names that lead to addresses of their own end at 64 for that household, and for nobody else', () => {
    const names = fresh();
    const admitted = Array.from({ length: 500 }, (_, i) => ask(names, `x${i}.cdn.vendor.example`, 'bot', i).admitted);
    expect(admitted.flat()).toHaveLength(64);
    expect(ask(names, 'real.cdn.vendor.example', 'neighbour', 1000).admitted.map(formatIp)).toEqual(['203.0.3.232']);
    // What others brought is live, and free for the household of the bot as well.
    expect(ask(names, 'real.cdn.vendor.example', 'bot', 1000)).toMatchObject({ capped: 0 });
  });

  it('names that the pack spells out keep room of their own, for the household of the bot as well', () => {
    const names = fresh();
    for (let bot = 0; bot < 60; bot++)
      for (let i = 0; i < 64; i++) ask(names, `x${bot}-${i}.cdn.vendor.example`, `bot ${bot}`, bot * 64 + i);
    expect(ask(names, 'new.cdn.vendor.example', 'neighbour', 60_000)).toMatchObject({ capped: 1 });
    expect(ask(names, 'update.vendor.example', 'bot 1', 60_001)).toMatchObject({ capped: 0 });
  });

  it('an hour later what nobody asked for again is forgotten, and the places are free', () => {
    const names = fresh();
    for (let i = 0; i < 64; i++) ask(names, `x${i}.cdn.vendor.example`, 'bot', i);
    expect(ask(names, 'y.cdn.vendor.example', 'bot', 900, HOUR_MS - 1)).toMatchObject({ capped: 1 });
    expect(ask(names, 'y.cdn.vendor.example', 'bot', 900, HOUR_MS + 1000)).toMatchObject({ capped: 0, changed: 0 });
  });
});
