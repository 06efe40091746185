import { expect, test } from 'vitest';
import { clocksOff } from '../../../src/adapters/sessions/accounting/clocks-off.ts';

const CLIENTS = [
  { name: 'bng1', skewMs: 0 },
  { name: 'bng2', skewMs: 120_000 },
  { name: 'proxy', skewMs: 0 },
];
const measured = (nas: string, seconds: number, measuredAt = 0) => ({ nas, offsetMs: seconds * 1000, measuredAt });

test('a NAS within what was granted, or a second off where nothing was, is nobody’s business', () => {
  expect(clocksOff(CLIENTS, [measured('bng1', 1), measured('bng2', -100)], 0)).toEqual([]);
});

test('N05: a NAS whose clock is off by 301 s is named with its offset, ahead or behind, and no other', () => {
  expect(clocksOff(CLIENTS, [measured('bng1', 0), measured('bng2', 301)], 0)).toEqual([
    { whose: 'nas', client: 'bng2', nas: 'bng2', offsetMs: 301_000, allowedMs: 120_000, nases: 1 },
  ]);
  expect(clocksOff(CLIENTS, [measured('bng1', -301), measured('bng2', 0)], 0)[0]).toMatchObject({ offsetMs: -301_000 });
});

test('N05: many NASes of one client that are off are one word, with the worst of them', () => {
  const many = Array.from({ length: 400 }, (_, i) => measured(`proxy/nas-${i}`, i % 2 === 0 ? 0 : i));
  expect(clocksOff(CLIENTS, many, 0)).toEqual([
    { whose: 'nas', client: 'proxy', nas: 'proxy/nas-399', offsetMs: 399_000, allowedMs: 5000, nases: 197 },
  ]);
});

test('N05: our own clock is suspected when every NAS disagrees with it by the same', () => {
  const all = [measured('bng1', 301), measured('bng2', 300), measured('proxy/a', 302)];
  expect(clocksOff(CLIENTS, all, 0)).toEqual([{ whose: 'ours', offsetMs: 301_000, nases: 3 }]);
  expect(clocksOff(CLIENTS, [...all, measured('proxy/b', 0)], 0).every((one) => one.whose === 'nas')).toBe(true);
  expect(clocksOff(CLIENTS, all.slice(0, 2), 0).map((one) => one.whose)).toEqual(['nas', 'nas']);
});

test('what was measured an hour ago says nothing about now, and a name that no client has says nothing at all', () => {
  expect(clocksOff(CLIENTS, [measured('bng1', 301, 0), measured('gone', 900, 4_000_000)], 3_600_001)).toEqual([]);
});
