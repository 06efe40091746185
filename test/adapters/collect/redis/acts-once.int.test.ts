// From IntelMQ's queue to the garden, over a real redis-server, a real store and the real decision: killed in the middle, each
// event is there once and acts once.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RedisCollector } from '../../../../src/adapters/collect/redis/collector.ts';
import { formatInstant } from '../../../../src/core/kernel/civil.ts';
import { Collectors } from '../../../../src/flow/collect.ts';
import { takeIn } from '../../../../src/flow/take-in.ts';
import { readIntelmq } from '../../../../src/protocols/intelmq/read.ts';
import { lineOf, type Process, World } from '../../../flow/world.ts';
import { RedisPeer } from '../../../peers/redis.ts';

const QUEUE = 'engawa-output-queue';
let peer: RedisPeer;
let world: World;
let collectors: Collectors | undefined;

beforeEach(async () => {
  world = new World();
  peer = await new RedisPeer().start();
});
afterEach(async () => {
  await collectors?.stop();
  await world.end();
  await peer.stop();
});

function open(house: Process, dieAt: 'never' | 'after-storing' = 'never'): Collectors {
  const parts = {
    ...house.flow,
    readerOf: () => readIntelmq({ leastAccuracy: 50 }),
    familyOf: (name: string) => (name === 'mirai' ? name : undefined),
    decide: () => house.flow.decider.run(),
  };
  collectors = new Collectors(
    {
      ...house.flow,
      takeIn: async (file) => {
        const taken = await takeIn(parts, file);
        // Stored and decided; the queue never hears of it.
        if (dieAt === 'after-storing') await peer.kill();
        return taken;
      },
      random: () => 0,
    },
    [{ name: 'intelmq', collector: new RedisCollector({ path: peer.socket, queue: QUEUE }) }],
  );
  return collectors;
}

const event = (n: number) =>
  JSON.stringify({
    __type: 'Event',
    'time.source': formatInstant(world.now - n * 1000).replace(/\.\d+Z$/, '+00:00'),
    'source.ip': '192.0.2.70',
    'source.port': 40_000 + n,
    'destination.ip': '198.51.100.9',
    'destination.port': 23,
    'protocol.transport': 'tcp',
    'classification.type': 'infected-system',
    'malware.name': 'mirai',
    'feed.name': 'sinkhole',
    'feed.accuracy': 100,
  });

test('killed after storing and before acknowledging: taken again, known by its rows, and acts once', async () => {
  const house = await (await world.process()).start();
  await house.lines(lineOf('ann'));
  await house.online('ann');
  await peer.client.lpush(QUEUE, ...[0, 1, 2, 3, 4].map(event));
  expect(await open(house, 'after-storing').now('intelmq')).toMatchObject({
    error: expect.stringContaining('the queue: '),
  });
  await house.settle();
  await house.crash();

  await peer.start();
  expect(await peer.client.llen(QUEUE), 'the queue knows nothing of it').toBe(5);
  const next = await (await world.process()).start();
  await peer.client.lpush(QUEUE, event(5));
  expect((await open(next).now('intelmq'))?.error).toBeUndefined();
  await next.settle();
  expect([await peer.client.llen(QUEUE), await peer.client.llen(`${QUEUE}-internal`)]).toEqual([0, 0]);
  const cases = await next.cases('ann');
  expect(cases).toHaveLength(1);
  expect(await next.store.reportsOfCase(cases[0]!.id, 20)).toHaveLength(6);
  const opened = (await next.store.caseEvents(cases[0]!.id)).filter(({ event: one }) => one.type === 'case-opened');
  expect(opened).toHaveLength(1);
});
