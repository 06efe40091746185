// D01 at random: service, helper or both are killed under load, again and again. After each kill everything acknowledged exists
// exactly once (G1) and the kernel holds what is wanted (G4). ENGAWA_KILLS (200), ENGAWA_KILL_MINUTES (30) and ENGAWA_SEED.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../src/core/kernel/time.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { verifyExport } from '../../src/protocols/tlog/verify.ts';
import { gardenOf, kernelGarden, labOfThisFile, shownOf, sightingAt, until } from '../lab/scenes.ts';

const KILLS = Number(process.env['ENGAWA_KILLS'] ?? 200);
const MOST_MS = Number(process.env['ENGAWA_KILL_MINUTES'] ?? 30) * MINUTE;
const SEED = Number(process.env['ENGAWA_SEED'] ?? Date.now() % 1_000_000);
const HOMES = 8;
const LATEST_KILL_MS = 400;
/** Promised: back within 5 s. Printed; a busy machine is granted more. */
const BACK_MS = 20_000;

const theLab = labOfThisFile({ homes: HOMES });

/** Mulberry32: the same seed, the same hunt (as far as a real kernel lets it). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Hunt {
  readonly lab: Lab;
  readonly random: () => number;
  /** Homes that an acknowledged report put into the garden and no acknowledged release took out. */
  readonly inside: Set<number>;
  readonly acknowledged: Set<string>;
  reports: number;
}

/** A report by day, a release by the next: each home tightens once a day at most, as the grace rules want it. */
async function act(hunt: Hunt, home: number, kill: Promise<void>): Promise<void> {
  const { lab, inside, acknowledged } = hunt;
  if (inside.has(home)) {
    const order = () => lab.order('case.release', { find: `LAB-${home}`, reason: 'hunt' });
    const released = await order().then(
      () => true,
      () => false,
    );
    await kill;
    await bringBack(hunt);
    // Whoever got no answer asks again; «closed already» is an answer too.
    if (!released) await order().catch(() => undefined);
    inside.delete(home);
    return;
  }
  const id = `hunt-${++hunt.reports}`;
  const sighting = sightingAt(lab, home);
  const send = () =>
    lab.report(sighting, { id }).then(
      (answer) => answer.status,
      () => 0,
    );
  const status = await send();
  await kill;
  await bringBack(hunt);
  expect(status === 200 ? 200 : await send(), `report ${id}`).toBe(200);
  acknowledged.add(id);
  inside.add(home);
}

async function bringBack({ lab }: Hunt): Promise<void> {
  const begun = performance.now();
  if (lab.launcher.helper === undefined) await lab.launcher.startHelper();
  if (lab.launcher.main === undefined) await lab.launcher.startMain();
  expect(performance.now() - begun).toBeLessThan(BACK_MS);
}

async function killSomething({ lab, random }: Hunt): Promise<void> {
  const which = random();
  await new Promise((resolve) => setTimeout(resolve, random() * LATEST_KILL_MS));
  const victims =
    which < 0.6 ? (['main'] as const) : which < 0.8 ? (['helper'] as const) : (['main', 'helper'] as const);
  await Promise.all(victims.map((victim) => lab.launcher.kill(victim)));
}

/** Interims that nobody waits for: what is not answered is sent again next time. */
async function load({ lab }: Hunt): Promise<void> {
  for (let round = 0; round < 3; round++)
    for (let home = 1; home <= HOMES; home++) await lab.account(home, 'interim').catch(() => false);
}

async function converged({ lab, inside }: Hunt): Promise<void> {
  const expected = [...inside]
    .flatMap((home) => gardenOf(lab, home))
    .sort()
    .join(', ');
  const look = async () => (await kernelGarden(lab).catch(() => ['no table'])).join(', ');
  expect(await until(look, (seen) => seen === expected, 45_000)).toBe(expected);
  for (const home of inside)
    await until(
      () => shownOf(lab, home),
      (one) => one?.proof.confirmed === 'strict',
      45_000,
    );
}

/** Ids of every stored report, by a reader of its own. */
function storedReports(lab: Lab): readonly string[] {
  const database = new DatabaseSync(join(lab.site.stateFolder, 'engawa.db'), { readOnly: true });
  try {
    const rows = database.prepare('SELECT extra FROM report').all() as { extra: string | Uint8Array }[];
    return rows.map(({ extra }) => String(JSON.parse(Buffer.from(extra as never).toString('utf8'))['engawa.event']));
  } finally {
    database.close();
  }
}

test(
  `${KILLS} random kills under load (seed ${SEED})`,
  async () => {
    const lab = await theLab();
    const hunt: Hunt = { lab, random: randomFrom(SEED), inside: new Set(), acknowledged: new Set(), reports: 0 };
    const until_ = performance.now() + MOST_MS;
    let kills = 0;
    for (; kills < KILLS && performance.now() < until_; kills++) {
      // Once around all homes is half a day and more: grace and breaker make room again.
      await lab.advanceClock(kills % HOMES === 0 ? 26 * HOUR : 11 * MINUTE);
      if (kills % HOMES === 0) await lab.advanceClock(11 * MINUTE);
      const kill = killSomething(hunt);
      await Promise.all([act(hunt, 1 + (kills % HOMES), kill), load(hunt)]);
      await converged(hunt);
      const stored = storedReports(lab);
      expect(new Set(stored).size, 'each report exists once').toBe(stored.length);
      for (const id of hunt.acknowledged) expect(stored).toContain(id);
    }
    console.info(`${kills} kills, ${hunt.acknowledged.size} reports acknowledged`);
    expect(kills).toBeGreaterThan(0);
    const directory = join(lab.site.stateFolder, 'export');
    await lab.order('audit.export', { directory });
    expect(await verifyExport(directory)).toMatchObject({ ok: true });
  },
  MOST_MS + 10 * MINUTE,
);
