// 500 CoA requests a second to one strict NAS that loses packets both ways, for ten minutes (6 s times ENGAWA_HUNT, 100 by default):
// longer than its replay window (300 s, or half the time), so that identifiers come round again, and none too early.
import { expect, test } from 'vitest';
import { startStrictNases } from '../../bench/lib/strict-nas.ts';
import { NasClient } from '../../src/adapters/enforcer/radius/nas-client.ts';
import { FakeLog } from '../fakes/log.ts';
import { runs } from '../runs.ts';

const SECRET = 'a secret for the hunt';
const SECONDS = runs(6);
const RATE = 500;
const WINDOW_MS = Math.min(300, SECONDS / 2) * 1000;

test('nothing is done twice and no identifier serves twice within the window, however long it lasts', async () => {
  const nas = await startStrictNases({ secret: SECRET, lossPercent: 0.5, windowMs: WINDOW_MS });
  const log = new FakeLog();
  const client = new NasClient({
    name: 'bng2',
    address: '127.0.0.1',
    port: nas.ports[0]!,
    secrets: [Buffer.from(SECRET)],
    window: 256,
    // Room for what is sent again.
    packetsPerSecond: RATE * 1.05,
    replayWindowMs: WINDOW_MS,
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log,
  });
  const endsAt = performance.now() + SECONDS * 1000;
  let asked = 0;
  const lane = async () => {
    const outcomes = new Map<string, number>();
    while (performance.now() < endsAt) {
      const session = `${asked++}`;
      const attributes = [{ type: 44, value: Buffer.from(session) }];
      const { kind } = await client.request({ code: 43, attributes, session, urgent: false });
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
    }
    return [...outcomes.keys()];
  };
  const kinds = new Set((await Promise.all(Array.from({ length: 256 }, lane))).flat());
  const counts = await nas.counts();
  client.close();
  await nas.stop();
  console.log(`${asked} in ${SECONDS} s`, client.counts(), counts);
  expect([...kinds]).toEqual(['ack']);
  expect(counts).toMatchObject({ effects: asked, doubledEffects: 0, reusedIdentifiers: 0, dropped: 0 });
  expect(asked / SECONDS).toBeGreaterThan(RATE);
  expect(log.lines).toEqual([]);
});
