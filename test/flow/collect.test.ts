import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { err, ok } from '../../src/core/kernel/result.ts';
import { HOUR, MINUTE, SECOND } from '../../src/core/kernel/time.ts';
import { Collectors, type CollectParts, delayMs } from '../../src/flow/collect.ts';
import type { Collector, CollectTurn } from '../../src/flow/ports.ts';
import { World } from './world.ts';

let world: World;
let collectors: Collectors | undefined;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await collectors?.stop();
  await world.end();
});

const TAKEN = {
  total: 2,
  refusedTotal: 1,
  duplicates: 0,
  evidenceHash: 'e',
  accepted: [],
  refused: [],
  types: [],
  remarks: [],
  truncated: 0,
};
const source = (
  name: string,
  collect: (turn: CollectTurn) => Promise<unknown>,
  everyMs = 5,
): { name: string; collector: Collector } => ({
  name,
  collector: {
    way: 'test',
    everyMs,
    collect: async (turn) => {
      const said = await collect(turn);
      return typeof said === 'string' ? err(said) : ok(undefined);
    },
  },
});

async function open(
  sources: readonly ReturnType<typeof source>[],
  parts: Partial<CollectParts> = {},
): Promise<Collectors> {
  const { flow } = await world.process();
  collectors = new Collectors({ ...flow, takeIn: async () => ok(TAKEN), random: () => 0, ...parts }, sources);
  return collectors;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('never so');
    await new Promise((next) => setTimeout(next, 2));
  }
}

describe('F22: each source for itself', () => {
  test('one that never answers and one that fails delay nobody; both are told in words', async () => {
    let [good, bad] = [0, 0];
    const all = await open([
      source(
        'stuck',
        (turn) => new Promise((_, reject) => turn.signal.addEventListener('abort', () => reject(new Error('aborted')))),
      ),
      source('bad', async () => {
        bad++;
        return 'HTTP 500';
      }),
      source('good', async () => {
        good++;
      }),
    ]);
    all.start();
    await until(() => good > 5 && bad > 1);
    expect(all.standing()).toMatchObject([
      { name: 'stuck', isRunning: true, failuresInARow: 0 },
      { name: 'bad', error: 'HTTP 500' },
      { name: 'good', failuresInARow: 0, lastSuccessAt: world.now },
    ]);
    expect(world.log.lines.filter((line) => line.includes('COLLECT_FAILED'))[0]).toContain('HTTP 500');
  });

  test('a turn that takes too long is told to end', async () => {
    const all = await open(
      [
        source(
          'slow',
          (turn) => new Promise((done) => turn.signal.addEventListener('abort', () => done('it took too long'))),
        ),
      ],
      { turnMs: 10 },
    );
    expect(await all.now('slow')).toMatchObject({ error: 'it took too long', failuresInARow: 1 });
  });

  test('failures wait longer and longer, up to the schedule or a minute', () => {
    expect([0, 1, 2, 3, 7, 99].map((n) => delayMs(HOUR, n, 0))).toEqual([
      HOUR,
      MINUTE,
      2 * MINUTE,
      4 * MINUTE,
      HOUR,
      HOUR,
    ]);
    expect([0, 1, 2, 99].map((n) => delayMs(SECOND, n, 0))).toEqual([SECOND, SECOND, 2 * SECOND, MINUTE]);
    expect(delayMs(HOUR, 0, 1)).toBe(1.1 * HOUR);
  });
});

test('progress is durable once kept, and a turn that fails keeps what it kept', async () => {
  const seen: unknown[] = [];
  const one = source('s', async (turn) => {
    seen.push(turn.progress ?? null);
    await turn.keep({ at: seen.length });
    return seen.length === 2 ? 'broke off' : undefined;
  });
  const all = await open([one]);
  for (let i = 0; i < 3; i++) await all.now('s');
  await (await open([one])).now('s');
  expect(seen).toEqual([null, { at: 1 }, { at: 2 }, { at: 3 }]);
});

test('a file that could not be stored ends the turn, and nothing is acknowledged', async () => {
  let acknowledged = false;
  const all = await open(
    [
      source('s', async (turn) => {
        await turn.take({ name: 'a', bytes: new Uint8Array() });
        acknowledged = true;
      }),
    ],
    { takeIn: () => Promise.reject(new Error('disk full')) },
  );
  expect(await all.now('s')).toMatchObject({ error: expect.stringContaining('disk full') });
  expect(acknowledged).toBe(false);
});

test('at most two files are in work, whoever brings them; parked ones are told', async () => {
  let [inWork, most] = [0, 0];
  const takeIn: CollectParts['takeIn'] = async ({ name }) => {
    most = Math.max(most, ++inWork);
    await new Promise((next) => setTimeout(next, 5));
    inWork--;
    return name === '0' ? err({ code: 'file-empty', text: 'no header', evidenceHash: 'abc' }) : ok(TAKEN);
  };
  const states: string[] = [];
  const many = ['a', 'b', 'c', 'd', 'e'].map((name, i) =>
    source(name, async (turn) => {
      states.push((await turn.take({ name: String(i), bytes: new Uint8Array() })).state);
    }),
  );
  const all = await open(many, { takeIn });
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => all.now(name)));
  expect(most).toBe(2);
  expect(states.sort()).toEqual(['accepted', 'accepted', 'accepted', 'accepted', 'parked']);
  expect(world.log.lines.some((line) => line.includes('COLLECT_PARKED'))).toBe(true);
});

test('asking for a turn joins the one under way; a name that nothing fetches is told', async () => {
  let [turns, release] = [0, () => {}];
  const held = new Promise<void>((next) => {
    release = next;
  });
  const all = await open([
    source('s', async () => {
      turns++;
      await held;
    }),
  ]);
  const both = [all.now('s'), all.now('s')];
  await until(() => turns === 1);
  release();
  await Promise.all(both);
  expect(turns).toBe(1);
  expect(await all.now('nobody')).toBeUndefined();
});
