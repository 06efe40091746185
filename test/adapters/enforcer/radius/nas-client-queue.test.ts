// Who goes first, how many at once and how fast; and what becomes of those that wait too long or are called back.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, change, clientOf, type Heard, LoopbackNas, QUICK, reply } from './loopback-nas.ts';

let nas: LoopbackNas;
/** Heard and not answered yet, while `isHolding`. */
let held: Heard[];
let isHolding: boolean;
const undo: (() => unknown)[] = [];
beforeEach(async () => {
  nas = await LoopbackNas.start();
  held = [];
  isHolding = true;
  nas.answer = (one) => {
    if (!isHolding) return reply(one);
    held.push(one);
    return undefined;
  };
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await nas.stop();
});

function client(options: ClientOptions = {}) {
  const made = clientOf(nas, options);
  undo.push(() => made.close());
  return made;
}

function answerHeld(): void {
  for (const one of held.splice(0)) nas.send(reply(one), one.from);
}

function letGo(): void {
  isHolding = false;
  answerHeld();
}

describe('order', () => {
  it('one request of a session at a time, its others in order behind it, other sessions beside it', async () => {
    const made = client();
    const asked = ['a', 'a', 'b', 'a'].map((session, i) =>
      made.request({ ...change(session), attributes: [{ type: 44, value: Buffer.from(`${session}${i}`) }] }),
    );
    await nas.get(1);
    expect(nas.sessions).toEqual(['a0', 'b2']);
    answerHeld();
    await nas.get(2);
    answerHeld();
    await nas.get(3);
    expect(nas.sessions).toEqual(['a0', 'b2', 'a1', 'a3']);
    answerHeld();
    expect(await Promise.all(asked)).toMatchObject([
      { kind: 'ack' },
      { kind: 'ack' },
      { kind: 'ack' },
      { kind: 'ack' },
    ]);
  });

  it('a release goes before everything that is none, in the order of releases', async () => {
    const made = client({ window: 1 });
    const first = made.request(change('first'));
    await nas.get(0);
    const asked = ['q1', 'q2', 'r1', 'q3', 'r2'].map((session) =>
      made.request(change(session, { urgent: session.startsWith('r') })),
    );
    letGo();
    await first;
    await Promise.all(asked);
    expect(nas.sessions).toEqual(['first', 'r1', 'r2', 'q1', 'q2', 'q3']);
  });

  it('a release never passes what its own session was told before, but takes it along', async () => {
    const made = client({ window: 1 });
    const tell = (session: string, filter: string, urgent = false) =>
      made.request({ ...change(session, { urgent }), attributes: [{ type: 44, value: Buffer.from(filter) }] });
    const first = tell('x', 'x');
    await nas.get(0);
    const asked = [first, tell('q1', 'q1'), tell('s', 's garden'), tell('s', 's free', true)];
    letGo();
    await Promise.all(asked);
    expect(nas.sessions).toEqual(['x', 's garden', 's free', 'q1']);
  });

  it('a thousand sessions that a NAS answers in any order are each told everything, in order', async () => {
    isHolding = false;
    const made = client();
    const asked = Array.from({ length: 3000 }, (_, i) =>
      made.request({ ...change(`s${i % 1000}`), attributes: [{ type: 44, value: Buffer.from(`${i % 1000} ${i}`) }] }),
    );
    expect((await Promise.all(asked)).every(({ kind }) => kind === 'ack')).toBe(true);
    const last = new Map<string, number>();
    for (const [session, i] of nas.sessions.map((one) => one.split(' ') as [string, string])) {
      expect(Number(i)).toBeGreaterThan(last.get(session) ?? -1);
      last.set(session, Number(i));
    }
    expect(made.standing()).toMatchObject({ waiting: 0, inFlight: 0, oldestWaitingMs: 0, timeoutsInARow: 0 });
  });
});

describe('bounds', () => {
  it('never more requests without an answer than the window', async () => {
    const made = client({ window: 4 });
    const asked = Array.from({ length: 10 }, (_, i) => made.request(change(`s${i}`)));
    await nas.get(3);
    expect(made.standing()).toMatchObject({ inFlight: 4, waiting: 6 });
    nas.send(reply(held[0]!), held.shift()!.from);
    await nas.get(4);
    expect(nas.heard).toHaveLength(5);
    letGo();
    await Promise.all(asked);
  });

  it('keeps to its packets per second, retransmissions among them', async () => {
    const made = client({ packetsPerSecond: 200, timers: { irtMs: 20, mrtMs: 20, mrc: 1000, mrdMs: 5000 } });
    const startedAt = performance.now();
    const asked = Array.from({ length: 40 }, (_, i) => made.request(change(`s${i}`)));
    await nas.get(99);
    const seconds = (performance.now() - startedAt) / 1000;
    expect(made.counts().retransmitted).toBeGreaterThan(30);
    // At the start it has what a twentieth of a second brings.
    expect(nas.heard.length).toBeLessThanOrEqual(11 + 200 * seconds);
    letGo();
    await Promise.all(asked);
    expect(made.standing().perSecond).toBeGreaterThan(0);
  });

  it('says so when too many wait, and takes no more but releases', async () => {
    const made = client({ window: 1 });
    const first = made.request(change('first'));
    await nas.get(0);
    const asked = [first, ...Array.from({ length: 100_000 }, (_, i) => made.request(change(`s${i}`)))];
    expect(await made.request(change('one more'))).toEqual({ kind: 'overflow' });
    expect(made.counts().overflow).toBe(1);
    const release = made.request(change('r', { urgent: true }));
    expect(made.standing().waiting).toBe(100_001);
    expect(made.standing().oldestWaitingMs).toBeGreaterThanOrEqual(0);
    made.close();
    expect((await Promise.all([...asked, release])).every(({ kind }) => kind === 'closed')).toBe(true);
  });

  it('what waits too long was never sent', async () => {
    const made = client({ window: 1, waitMs: 60 });
    const first = made.request(change('s1'));
    const asked = [made.request(change('s2')), made.request(change('s2'))];
    for (const one of await Promise.all(asked)) expect(one).toMatchObject({ kind: 'timeout', sent: 0 });
    expect(nas.sessions).toEqual(['s1']);
    letGo();
    expect(await first).toMatchObject({ kind: 'ack' });
  });
});

describe('called back', () => {
  it('before its turn it is never sent, under way it is sent no more; both say how often it was', async () => {
    const made = client({ window: 1, timers: { ...QUICK, irtMs: 60, mrdMs: 4000 } });
    const [one, two] = [new AbortController(), new AbortController()];
    const asked = [
      made.request(change('s1', { signal: one.signal })),
      made.request(change('s2', { signal: two.signal })),
      made.request(change('s3')),
    ];
    await nas.get(0);
    two.abort();
    one.abort();
    expect(await Promise.all(asked.slice(0, 2))).toEqual([
      { kind: 'aborted', sent: 1 },
      { kind: 'aborted', sent: 0 },
    ]);
    await nas.get(1);
    letGo();
    expect(await asked[2]).toMatchObject({ kind: 'ack' });
    expect(nas.sessions).toEqual(['s1', 's3']);
    expect(made.counts().late).toBe(1);
    expect(await made.request(change('s4', { signal: one.signal }))).toEqual({ kind: 'aborted', sent: 0 });
  });

  it('at the end everybody is told, and nothing is sent any more', async () => {
    const made = client({ window: 1, timers: QUICK });
    const asked = [made.request(change('s1')), made.request(change('s2'))];
    await nas.get(0);
    made.close();
    expect(await Promise.all(asked)).toEqual([
      { kind: 'closed', sent: 1 },
      { kind: 'closed', sent: 0 },
    ]);
    expect(await made.request(change('s3'))).toEqual({ kind: 'closed', sent: 0 });
    expect(made.standing()).toMatchObject({ waiting: 0, inFlight: 0, ports: 0 });
    made.close();
  });

  it('while its port is being opened as well', async () => {
    const made = client();
    const asked = made.request(change('s1'));
    made.close();
    expect(await asked).toEqual({ kind: 'closed', sent: 0 });
    await vi.waitFor(() => expect(made.standing().ports).toBe(0), 5000);
  });
});
