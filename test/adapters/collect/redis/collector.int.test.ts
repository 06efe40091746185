// Against a real redis-server, with messages as IntelMQ's bots leave them.
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { RedisCollector } from '../../../../src/adapters/collect/redis/collector.ts';
import { type RedisOptions, RedisPeer } from '../../../peers/redis.ts';
import { Turns } from '../turn.ts';

const QUEUE = 'engawa-output-queue';
const INTERNAL = `${QUEUE}-internal`;
let peer: RedisPeer;
let collector: RedisCollector | undefined;
afterEach(async () => {
  await collector?.close();
  await peer.stop();
});

async function start(options: RedisOptions = {}): Promise<RedisPeer> {
  peer = await new RedisPeer(options).start();
  return peer;
}

const event = (n: number) => JSON.stringify({ __type: 'Event', 'source.ip': '192.0.2.1', 'extra.n': n });
/** As IntelMQ sends: LPUSH, one message after another. */
const send = (...numbers: number[]) => peer.client.lpush(QUEUE, ...numbers.map(event));
const open = (change: object = {}) => {
  collector = new RedisCollector({ path: peer.socket, queue: QUEUE, ...change });
  return collector;
};
const numbersOf = (turns: Turns) =>
  turns.taken.flatMap(({ text }) =>
    text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { 'extra.n': number })['extra.n']),
  );
const left = async () => [await peer.client.llen(QUEUE), await peer.client.llen(INTERNAL)];
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('the queue', () => {
  test('messages come in their order, many together, and leave the queue', async () => {
    await start();
    const turns = new Turns();
    await send(...range(1200));
    expect(await turns.run(open())).toBeUndefined();
    expect(numbersOf(turns)).toEqual(range(1200));
    expect(turns.taken.length).toBe(3);
    expect(await left()).toEqual([0, 0]);
  });

  test('a quiet queue is a good answer, and a stop is no fault', async () => {
    await start();
    const turns = new Turns();
    expect(await turns.run(open())).toBeUndefined();
    await send(7);
    turns.stop.abort();
    expect(await turns.run(collector!)).toBeUndefined();
    expect([turns.taken, await left()]).toEqual([[], [1, 0]]);
  });

  test('what a reader had in work when it died comes first', async () => {
    await start();
    await peer.client.lpush(INTERNAL, event(1));
    await send(2, 3);
    const turns = new Turns();
    await turns.run(open());
    expect(numbersOf(turns)).toEqual([1, 2, 3]);
    expect(await left()).toEqual([0, 0]);
  });

  test('a server older than 6.2 is read by RPOPLPUSH', async () => {
    await start({ without: ['LMOVE'] });
    const turns = new Turns();
    await send(1, 2);
    await turns.run(open());
    expect(numbersOf(turns)).toEqual([1, 2]);
    expect(await left()).toEqual([0, 0]);
  });

  test('password and TLS; a wrong one is told without it', async () => {
    await start({ password: 'a-long-password', tls: true });
    await send(1);
    const turns = new Turns();
    const { path: _, ...tcp } = { path: '', host: 'localhost', port: peer.port };
    const over = (change: object) =>
      new RedisCollector({
        ...tcp,
        queue: QUEUE,
        tls: { ca: readFileSync(peer.ca!, 'utf8') },
        ...change,
      });
    expect(await turns.run(over({ password: 'wrong-password' }))).toMatch(/WRONGPASS/);
    expect(await turns.run(over({ password: 'wrong-password' }))).not.toContain('wrong-password');
    expect(await turns.run(over({ password: 'a-long-password', tls: {} })), 'an authority that nobody named').toMatch(
      /self-signed/i,
    );
    expect(await turns.run(over({ password: 'a-long-password' }))).toBeUndefined();
    expect(numbersOf(turns)).toEqual([1]);
  });
});

describe('nothing is lost', () => {
  test('a message that could not be stored stays, and is taken by the next turn', async () => {
    await start();
    await send(...range(10));
    const turns = new Turns();
    turns.answer = () => {
      throw new Error('disk full');
    };
    await expect(turns.run(open())).rejects.toThrow('disk full');
    expect(await left()).toEqual([10, 0]);
    turns.answer = () => ({ state: 'accepted', rows: 10, refused: 0 });
    await turns.run(open());
    expect(numbersOf(turns)).toEqual(range(10));
  });

  test.each(['[{"a":1}]', '[', '{"data":[]}', '{"data":['])(
    'F12: a message that would make a list of all that follows is a file of its own: %s',
    async (odd) => {
      await start();
      await peer.client.lpush(QUEUE, odd, event(1), event(2));
      const turns = new Turns();
      await turns.run(open());
      expect(turns.taken.map(({ text }) => text.trim())).toEqual([`${event(1)}\n${event(2)}`, odd]);
      expect(new Set(turns.names()).size).toBe(2);
      expect(await left()).toEqual([0, 0]);
    },
  );

  test('the server is killed while we store: told, and everything is there again afterwards', async () => {
    await start();
    await send(...range(100));
    const turns = new Turns();
    let killing: Promise<void> | undefined;
    turns.answer = () => {
      killing ??= peer.kill();
      return { state: 'accepted', rows: 100, refused: 0 };
    };
    const one = open();
    const turn = turns.run(one);
    expect(await turn).toMatch(/^the queue: /);
    await killing;
    expect(await turns.run(one), 'while it is away').toMatch(/^the queue: /);
    await peer.start();
    expect(await turns.run(one)).toBeUndefined();
    expect(new Set(numbersOf(turns))).toEqual(new Set(range(100)));
    expect(await left()).toEqual([0, 0]);
  });

  test('we are killed at any acknowledgement: each message is somewhere, and is taken again or gone for good', async () => {
    await start();
    for (const at of [1, 2, 5, 9]) {
      await send(...range(10));
      const turns = new Turns();
      const one = open();
      // Ours die without a word: the connection is cut after so many commands.
      let taken = 0;
      turns.answer = () => {
        taken++;
        void cutAfter(at);
        return { state: 'accepted', rows: 1, refused: 0 };
      };
      await turns.run(one);
      expect(taken).toBeGreaterThan(0);
      turns.answer = () => ({ state: 'accepted', rows: 1, refused: 0 });
      expect(await turns.run(open())).toBeUndefined();
      expect(new Set(numbersOf(turns))).toEqual(new Set(range(10)));
      expect(await left()).toEqual([0, 0]);
    }
  });

  /** Cuts every other connection as soon as `count` messages have left the queue. */
  async function cutAfter(count: number): Promise<void> {
    const deadline = performance.now() + 2000;
    while (performance.now() < deadline && (await peer.client.llen(QUEUE)) > 10 - count);
    await peer.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  }

  test('two readers of one queue take everything between them; neither drops what the other moved', async () => {
    await start();
    await send(...range(300));
    const [a, b] = [new Turns(), new Turns()];
    const other = new RedisCollector({ path: peer.socket, queue: QUEUE });
    await Promise.all([a.run(open()), b.run(other)]);
    await a.run(open());
    await other.close();
    expect(new Set([...numbersOf(a), ...numbersOf(b)])).toEqual(new Set(range(300)));
  });

  test('a message that spoils a file is parked alone; line breaks inside one are blanks', async () => {
    await start();
    await send(1);
    await peer.client.lpush(QUEUE, Buffer.from([0xff, 0xfe]), '{\n"extra.n":\r\n3}');
    const turns = new Turns();
    turns.answer = ({ bytes }) =>
      Buffer.from(bytes).includes(0xff)
        ? { state: 'parked', code: 'not-utf8', text: 'x' }
        : { state: 'accepted', rows: 1, refused: 0 };
    await turns.run(open());
    expect(turns.taken.map(({ text }) => text.split('\n').length - 1)).toEqual([3, 1, 1, 1]);
    expect(turns.taken.at(-1)!.text).toBe('{ "extra.n":  3}\n');
    expect(await left()).toEqual([0, 0]);
  });
});
