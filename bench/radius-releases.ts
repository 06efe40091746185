// 10,000 lines in the garden of one simulated BNG that loses 30 % of all packets and reboots in the middle of their release: how
// long until everybody is free once it is healed. Beside it the same release at a BNG that loses nothing.
import type { GardenElement } from '../src/flow/ports.ts';
import { BngStage } from '../test/adapters/enforcer/radius/bng-stage.ts';
import { FILTERS } from '../test/adapters/enforcer/radius/stage.ts';
import { report } from './lib/report.ts';

const LINES = Number(process.env['BENCH_LINES'] ?? 10_000);
const PATIENCE_MS = 180_000;
const VALUES = { strict: 'engawa-strict', leaky: 'engawa-leaky', plan: 'plan' };

const homes = Array.from({ length: LINES }, (_, i) => ({
  user: `home${i}@isp.example`,
  ip4: `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
  prefix6: `2001:db8:${(0x200 + (i >> 8)).toString(16)}:${((i & 255) << 8).toString(16)}::/56`,
}));

const stage = () =>
  BngStage.create({
    dialect: FILTERS,
    values: VALUES,
    vocabulary: 'rfc',
    homes,
    pools: ['198.18.0.0/15', '2001:db8::/32'],
    packetsPerSecond: 2000,
  });

async function until(isDone: () => boolean, what: string): Promise<number> {
  const beganMs = performance.now();
  while (!isDone()) {
    if (performance.now() - beganMs > PATIENCE_MS) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return (performance.now() - beganMs) / 1000;
}

async function everybodyIn(t: BngStage): Promise<void> {
  const put = t.homes.flatMap(({ v4, v6 }) =>
    [v4, v6].map((prefix): GardenElement => ({ prefix, access: 'strict', abusedPorts: [], timeoutSeconds: 72 * 3600 })),
  );
  await t.enforcer.apply({ put, remove: [] });
  await until(() => t.inGarden() === LINES, 'everybody into the garden');
}

const everybodyOut = (t: BngStage) => t.enforcer.apply({ put: [], remove: t.homes.flatMap(({ v4, v6 }) => [v4, v6]) });

async function calm(): Promise<number> {
  const t = await stage();
  await everybodyIn(t);
  const freed = until(() => t.inGarden() === 0, 'everybody free');
  await everybodyOut(t);
  const seconds = await freed;
  await t.stop();
  return seconds;
}

/** Free by the BNG's own table, and nothing is owed by our books. */
const isOver = (t: BngStage) => t.inGarden() === 0 && t.enforcer.progress().releasesWaiting === 0;

async function storm(reboots: boolean): Promise<{ seconds: number; doubled: number; reused: number }> {
  const t = await stage();
  await everybodyIn(t);
  t.bng.become({ base: 'lossy', dropRequestsPercent: 16, dropAnswersPercent: 17 });
  await everybodyOut(t);
  await until(() => t.inGarden() < 0.9 * LINES, 'the first of them free');
  if (reboots) await t.bng.reboot();
  t.heal();
  const seconds = await until(() => isOver(t) && t.bng.sessions().length === LINES, 'everybody free');
  const { doubledEffects, reusedIdentifiers } = t.bng.counts();
  await t.stop();
  return { seconds, doubled: doubledEffects, reused: reusedIdentifiers };
}

const plain = await calm();
const [lost, rebooted] = [await storm(false), await storm(true)];
const goal = '≤ 60 s';
const baseline = { what: 'the whole release, nothing lost, s', value: plain };
report('radius-releases', [
  { what: `${LINES} releases, nothing lost`, value: LINES / plain, unit: 'lines/s' },
  {
    what: `${LINES} releases begun with 30 % loss: all free after healing`,
    value: lost.seconds,
    unit: 's',
    baseline,
    ratio: lost.seconds / plain,
    goal,
  },
  {
    what: 'the same, and the BNG reboots in the middle: all dialled in, free, nothing owed',
    value: rebooted.seconds,
    unit: 's',
    baseline,
    ratio: rebooted.seconds / plain,
    goal,
  },
  // A request given up after all its transmissions is told anew: the BNG may have heard one of them.
  { what: 'orders carried out again after a full timeout', value: lost.doubled + rebooted.doubled, unit: '' },
  { what: 'reused identifiers', value: lost.reused + rebooted.reused, unit: '', goal: '0' },
]);
