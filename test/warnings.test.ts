// Every standing warning has something that raises it, and none stands when all is well.
import { expect, test } from 'vitest';
import { createHealth, WARNINGS } from '../src/telemetry/health.ts';
import { judge, type Seen } from '../src/warnings.ts';
import { FakeLog } from './fakes/log.ts';

const WELL: Seen = {
  isServiceDown: false,
  clock: { state: 'synchronised', jumped: false },
  isHoldOn: false,
  isBreakerShut: false,
  isPolicyMissing: false,
  gateways: [{ name: 'bng1', isConnected: true, skeleton: 'intact' }],
  nases: [
    {
      name: 'bng2',
      isSilent: false,
      usesPreviousSecret: false,
      drifted: 0,
      atNextLogin: 0,
      oldestReleaseMs: 30_000,
    },
  ],
  tableFaults: 0,
  partialLines: 0,
  parkedFiles: 0,
  medicalWaiting: 0,
  failingChannels: [],
  ownSightings: [],
  frontSilentMs: 20_000,
  lifelines: [{ lifeline: 'emergency', failing: [], inKernel: true }],
  silentClients: [],
};
const ILL: Seen = {
  isServiceDown: true,
  clock: { state: 'unsynchronised', jumped: true },
  isHoldOn: true,
  isBreakerShut: true,
  isPolicyMissing: true,
  gateways: [{ name: 'bng1', isConnected: false, skeleton: 'changed' }],
  nases: [
    {
      name: 'bng2',
      isSilent: true,
      usesPreviousSecret: true,
      stopped: { text: 'nak 401', sessions: 1 },
      drifted: 1,
      atNextLogin: 1,
      oldestReleaseMs: 61_000,
    },
  ],
  clocksOff: [
    { whose: 'ours', offsetMs: 301_000, nases: 3 },
    { whose: 'nas', client: 'bng2', nas: 'bng2', offsetMs: 301_000, allowedMs: 5000, nases: 1 },
  ],
  accountingTroubles: [
    { kind: 'not-genuine', client: 'bng2' },
    { kind: 'over-rate', client: 'bng2' },
  ],
  previousSecrets: ['bng2'],
  offloads: [{ gateway: 'bng1', tables: ['inet fw4 ft'] }],
  resolvers: [{ gateway: 'bng2', text: 'no answer' }],
  database: { state: 'trouble', refused: 0, troubleForMs: 61_000, text: 'connection refused' },
  tableFaults: 1,
  partialLines: 1,
  parkedFiles: 1,
  medicalWaiting: 1,
  failingChannels: [{ channel: 'email', inARow: 3 }],
  mailboxes: [
    { name: 'm', isOpen: false, failuresInARow: 5, error: 'x', silentMs: 1, taken: 0, parked: 0, waiting: 2 },
  ],
  ownSightings: [{ source: 'honeypot', reports: 1 }],
  quality: [
    { name: 'feed', demoted: { at: 0, reason: 'wrong-share', share: 0.3 }, sudden: undefined, unresolvedShare: 0 },
    { name: 'gateway bng1', demoted: undefined, sudden: undefined, unresolvedShare: 0.6 },
    { name: 'other', demoted: undefined, sudden: 12, unresolvedShare: 0 },
  ],
  frontSilentMs: 61_000,
  lifelines: [{ lifeline: 'emergency', failing: ['sos.example'], inKernel: false }],
  silentClients: [{ client: 'bng1', silentMs: 1_200_001 }],
  feeds: [
    { feed: 'shadowserver', silentMs: 90_000_000 },
    { feed: 'cert', emptyFile: 'today.csv', failing: { inARow: 3, text: 'HTTP 500' } },
  ],
};
const codesOf = (seen: Seen) => judge(seen).map(({ code }) => code);

test('every standing warning is raised by something that is seen, and none when all is well', () => {
  const raised = new Set([...codesOf(ILL), ...codesOf({ ...ILL, clock: { state: 'assumed', jumped: false } })]);
  expect([...raised].sort()).toEqual(Object.keys(WARNINGS).sort());
  expect(codesOf(WELL)).toEqual([]);
});

test('each single thing that is wrong raises a warning of its own', () => {
  for (const key of Object.keys(WELL) as (keyof Seen)[])
    expect(codesOf({ ...WELL, [key]: ILL[key] }), key).not.toEqual([]);
});

test('a warning begins once, keeps its beginning, and ends when it is no longer seen', () => {
  let now = 1000;
  const log = new FakeLog();
  const health = createHealth({ now: () => now, log });
  health.settle(judge({ ...WELL, isHoldOn: true }));
  now = 2000;
  health.settle(judge({ ...WELL, isHoldOn: true, parkedFiles: 2 }));
  expect(health.list().map(({ code, since }) => [code, since])).toEqual([
    ['hold-on', 1000],
    ['files-parked', 2000],
  ]);
  health.settle(judge(WELL));
  expect(health.list()).toEqual([]);
});
