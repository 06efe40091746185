// Identifiers and ports: none is used twice while the NAS may remember it, however often requests are sent again.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ClientOptions, change, clientOf, LoopbackNas, reply } from './loopback-nas.ts';

const WINDOW = 300_000;
let nas: LoopbackNas;
let shiftMs: number;
const undo: (() => unknown)[] = [];
beforeEach(async () => {
  nas = await LoopbackNas.start();
  shiftMs = 0;
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await nas.stop();
});

/** Its clock can be moved on. */
function client(options: ClientOptions = {}) {
  const made = clientOf(nas, { monotonicMs: () => performance.now() + shiftMs, ...options });
  undo.push(() => made.close());
  return made;
}

type Client = ReturnType<typeof client>;

async function ask(made: Client, count: number): Promise<void> {
  const before = made.counts().ack;
  const many = Array.from({ length: count }, (_, i) => made.request(change(`s${before + i}`)));
  expect((await Promise.all(many)).filter(({ kind }) => kind !== 'ack')).toEqual([]);
}

/** Of the requests from there on: `port/identifier`. */
const places = (from = 0) => nas.heard.slice(from).map(({ from: { port }, packet }) => `${port}/${packet.identifier}`);

it('N04: the 257th request within the window leaves from a new port, and no identifier is used twice', async () => {
  const made = client();
  await ask(made, 256);
  const [first] = nas.heard;
  expect(new Set(nas.heard.map(({ from }) => from.port))).toEqual(new Set([first!.from.port]));
  expect(new Set(places()).size).toBe(256);
  await ask(made, 1);
  expect(nas.heard[256]!.from.port).not.toBe(first!.from.port);
  await ask(made, 2000);
  expect(new Set(places()).size).toBe(2257);
  expect(made.standing().ports).toBe(9);
});

it('after the window a port serves again', async () => {
  const made = client();
  await ask(made, 256);
  shiftMs += WINDOW - 10_000;
  await ask(made, 1);
  expect(made.standing().ports).toBe(2);
  shiftMs += 14_000;
  await ask(made, 255);
  await ask(made, 256);
  expect(made.standing().ports).toBe(2);
  expect(new Set(places(256)).size).toBe(512);
  expect(new Set(places(257).slice(0, 256))).toEqual(new Set(places().slice(0, 256)));
});

it('the window begins with the last transmission, not with the first', async () => {
  const made = client({ timers: { irtMs: 700, mrtMs: 700, mrdMs: 60_000, mrc: 9 } });
  let isAsked = false;
  nas.answer = (one) => {
    if (one.session !== 's255' || isAsked) return reply(one);
    isAsked = true;
    shiftMs += 20_000;
    return undefined;
  };
  await ask(made, 255);
  await ask(made, 1);
  const before = places();
  shiftMs += WINDOW - 10_000;
  await ask(made, 257);
  const again = new Set(places(before.length));
  expect(again).not.toContain(before.at(-1));
  expect(before.filter((place) => again.has(place))).toHaveLength(255);
});

it('with every port spent requests wait for the first identifier', async () => {
  const made = client({ mostPorts: 2, replayWindowMs: 400 });
  const startedAt = performance.now();
  await ask(made, 513);
  expect(performance.now() - startedAt).toBeGreaterThan(400);
  expect(new Set(places()).size).toBe(512);
  expect(made.standing().ports).toBe(2);
});

it('closes a port that nobody needs any more, and opens one again', async () => {
  const made = client({ replayWindowMs: 60 });
  await ask(made, 300);
  await vi.waitFor(() => expect(made.standing().ports).toBe(0), 5000);
  await ask(made, 1);
  expect(made.standing().ports).toBe(1);
});

it('a source address that the machine has not is told, and the request never leaves', async () => {
  const made = client({ source: '192.0.2.1', waitMs: 50 });
  expect(await made.request(change('s1'))).toMatchObject({ kind: 'timeout', sent: 0 });
  expect(made.log.lines).toEqual(['warn RADIUS_SOCKET {"gateway":"bng2","reason":"EADDRNOTAVAIL"}']);
  expect(made.counts()['socket-trouble']).toBe(1);
});
