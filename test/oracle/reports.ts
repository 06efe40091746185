// Reports about the world: most from somebody who really was there, many of them within seconds of a change of hands, some that name
// no port, some that nobody can have caused. What a feed knows of the time is as vague as feeds are.

import { parseIp } from '../../src/core/net/ip.ts';
import type { Report } from '../../src/core/report/report.ts';
import type { Chance } from './chance.ts';
import { type Activity, type Mechanism, type Spot, spotOf } from './truth.ts';
import { END_MS, type World } from './world.ts';

const SECOND = 1000;

export interface Asked {
  readonly mechanism: Mechanism;
  readonly spot: Spot;
  /** When it really happened, ms of the world. */
  readonly trueMs: number;
  /** The last of several observations in one row. */
  readonly untilMs?: number;
  /** Somebody really was there. */
  readonly isReal: boolean;
  readonly arrivedMs: number;
  readonly report: Report;
}

/** Weights: hard mechanisms more often than easy ones. */
const WEIGHTS: Readonly<Record<Mechanism, number>> = {
  'dynamic-ipv4': 18,
  static: 8,
  'ipv6-prefix': 12,
  'map-e': 16,
  lw4o6: 6,
  'deterministic-cgn': 10,
  'dynamic-pool': 4,
  'cgn-log': 12,
  'cgn-log-unnumbered': 6,
  'ds-lite': 8,
  nat64: 8,
};

export function reportsOf(world: World, count: number, chance: Chance): readonly Asked[] {
  const byMechanism = Map.groupBy(world.truth.activities, (one) => one.mechanism);
  const choices = [...byMechanism].flatMap(([mechanism, list]) =>
    Array.from({ length: WEIGHTS[mechanism] }, () => list),
  );
  return Array.from({ length: count }, (_, number) => {
    const activity = chance.pick(chance.pick(choices));
    const isReal = chance.is(0.92);
    const spot = narrowed(isReal ? spotOf(activity, chance) : strayOf(activity, chance), chance);
    const trueMs = isReal
      ? momentIn(activity, chance)
      : Math.max(0, Math.min(END_MS, activity.toMs + chance.whole(-120, 120) * SECOND));
    return asked({ world, number, mechanism: activity.mechanism, spot, trueMs, isReal, chance });
  });
}

/** Half of them at the edges, where records and clocks disagree. */
function momentIn({ fromMs, toMs }: Activity, chance: Chance): number {
  const inside = (ms: number) => Math.max(Math.max(0, fromMs), Math.min(toMs - 1, ms));
  const near = chance.pick([0, 1, 2, 5, 30, 59, 61, 90, 180]) * SECOND;
  const how = chance.next();
  if (how < 0.25) return inside(fromMs + near);
  if (how < 0.5) return inside(toMs - 1 - near);
  return chance.whole(inside(fromMs), inside(toMs));
}

/** Another port or the next address: whoever has it, or nobody. */
function strayOf(activity: Activity, chance: Chance): Spot {
  const spot = spotOf(activity, chance);
  if (chance.is(0.5) || spot.ip.family === 6)
    return { ...spot, port: chance.pick([0, 22, 80, 1023, 1024, chance.whole(0, 65_535)]) };
  const bytes = spot.ip.bytes.slice();
  bytes[3]! ^= chance.pick([1, 2, 4]);
  return { ...spot, ip: parseIp(bytes.join('.'))! };
}

/** What the feed does not know, it does not say. */
function narrowed({ ip, port, protocol }: Spot, chance: Chance): Spot {
  const how = chance.next();
  if (how < 0.05) return { ip, ...(protocol === undefined ? {} : { protocol }) };
  if (how < 0.08) return { ip, protocol: 'icmp' };
  if (how < 0.15) return { ip, ...(port === undefined ? {} : { port }) };
  return { ip, ...(port === undefined ? {} : { port }), ...(protocol === undefined ? {} : { protocol }) };
}

function asked(one: {
  readonly world: World;
  readonly number: number;
  readonly mechanism: Mechanism;
  readonly spot: Spot;
  readonly trueMs: number;
  readonly isReal: boolean;
  readonly chance: Chance;
}): Asked {
  const { world, number, mechanism, spot, trueMs, isReal, chance } = one;
  const untilMs = chance.is(0.03) ? Math.min(END_MS, trueMs + chance.whole(1, 3600) * SECOND) : undefined;
  const [precisionMs, told] = clockOf(chance);
  const report: Report = {
    id: `r${number}`,
    source: 'feed',
    type: 'api',
    class: 'attack-handshake',
    mayAct: true,
    family: 'mirai',
    ...spot,
    observedAt: told(world.t0 + trueMs),
    ...(untilMs === undefined ? {} : { untilAt: told(world.t0 + untilMs) }),
    precisionMs,
    evidence: { hash: `h${number}`, line: 1 },
    extra: {},
  };
  const lateMs = chance.is(0.4) ? chance.whole(5, 600) * SECOND : chance.whole(600, 172_800) * SECOND;
  const arrivedMs = (untilMs ?? trueMs) + lateMs;
  return { mechanism, spot, trueMs, ...(untilMs === undefined ? {} : { untilMs }), isReal, arrivedMs, report };
}

/** How exact the feed says it is, and what it then writes: never further off than it says. */
function clockOf(chance: Chance): readonly [number, (at: number) => number] {
  const how = chance.next();
  if (how < 0.75) return [SECOND, (at) => Math.floor(at / SECOND) * SECOND];
  if (how < 0.88) return [60_000, (at) => Math.floor(at / 60_000) * 60_000];
  const off = chance.whole(-15, 15) * 60_000;
  if (how < 0.97) return [900_000, (at) => at + off];
  return [86_400_000, (at) => Math.floor(at / 86_400_000) * 86_400_000];
}
