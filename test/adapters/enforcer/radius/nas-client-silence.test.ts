// A NAS that answers nobody: one alarm, one request at a time; and which of two secrets it knows.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requestFault } from '../../../../src/protocols/radius/authenticator.ts';
import { type ClientOptions, change, clientOf, LoopbackNas, QUICK, reply, SECRET } from './loopback-nas.ts';

const OLD = Buffer.from('an older test secret');
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

function client(options: ClientOptions = {}) {
  const made = clientOf(nas, { timers: QUICK, monotonicMs: () => performance.now() + shiftMs, ...options });
  undo.push(() => made.close());
  return made;
}

/** The NAS answers who signs with that one, with that one. */
function knows(secret: Uint8Array): void {
  nas.answer = (one) => (requestFault(one.packet, secret) === undefined ? reply(one, { secret }) : undefined);
}

const ask = (made: ReturnType<typeof client>, names: readonly string[]) =>
  names.map((session) => made.request(change(session)));

describe('a silent NAS', () => {
  it('is one when three requests of several sessions had no answer; then one at a time asks, until an answer comes', async () => {
    nas.answer = () => undefined;
    const made = client({ window: 3 });
    const asked = ask(made, ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8']);
    await Promise.all(asked.slice(0, 3));
    expect(made.log.lines).toEqual(['warn RADIUS_NAS_SILENT {"gateway":"bng2","timeouts":3}']);
    expect(made.standing().silentSinceMs).toBeGreaterThan(Date.now() - 5000);
    // The first two timeouts made room for the next two.
    expect(made.standing()).toMatchObject({ timeoutsInARow: 3, inFlight: 2, waiting: 3 });
    await Promise.all(asked.slice(0, 5));
    await vi.waitFor(() => expect(made.standing().inFlight).toBe(1), 5000);
    expect(made.standing()).toMatchObject({ timeoutsInARow: 5, waiting: 2 });
    expect(await asked[5]).toMatchObject({ kind: 'timeout', sent: 3 });
    expect(nas.sessions).not.toContain('s8');
    knows(SECRET);
    expect(await Promise.all(asked.slice(6))).toMatchObject([{ kind: 'ack' }, { kind: 'ack' }]);
    expect(made.log.lines.slice(1)).toHaveLength(1);
    expect(made.log.lines[1]).toMatch(/^info RADIUS_NAS_BACK \{"gateway":"bng2","silentMs":\d+\}$/);
    const { silentSinceMs, timeoutsInARow, lastHeardAtMs } = made.standing();
    expect([silentSinceMs, timeoutsInARow]).toEqual([undefined, 0]);
    expect(lastHeardAtMs).toBeGreaterThan(Date.now() - 5000);
  });

  it('is none when one session alone has no answer, however often', async () => {
    nas.answer = ({ packet }) => (packet.attributes[1]!.value.length === 2 ? undefined : reply({ packet }));
    const made = client();
    await Promise.all(ask(made, ['s1', 's1', 's1', 's1']));
    expect(made.standing()).toMatchObject({ timeoutsInARow: 4 });
    expect(made.standing()).not.toHaveProperty('silentSinceMs');
    expect(await made.request(change('another'))).toMatchObject({ kind: 'ack' });
    expect(made.log.lines).toEqual([]);
  });

  it('asks with releases first, and does not keep others waiting for ever', async () => {
    nas.answer = () => undefined;
    const made = client({ window: 3, waitMs: 250 });
    await Promise.all(ask(made, ['s1', 's2', 's3']));
    const [quarantine, release] = [made.request(change('q')), made.request(change('r', { urgent: true }))];
    const more = ask(made, ['q2', 'q3', 'q4']);
    void quarantine;
    expect(await release).toMatchObject({ kind: 'timeout', sent: 3 });
    const outcomes = await Promise.all(more);
    expect(outcomes.at(-1)).toMatchObject({ kind: 'timeout', sent: 0 });
    expect(nas.sessions.indexOf('r')).toBeGreaterThan(0);
  });

  it('N05: with our clock 301 s off there is one alarm and no flood', async () => {
    nas.answer = (one) => {
      const stamp = one.packet.attributes.find(({ type }) => type === 55)!.value;
      const seconds = Buffer.from(stamp).readUInt32BE();
      return Math.abs(Date.now() / 1000 - seconds) > 300 ? undefined : reply(one);
    };
    let skewMs = 301_000;
    const made = client({ now: () => Date.now() - skewMs, waitMs: 400 });
    const outcomes = await Promise.all(
      ask(
        made,
        Array.from({ length: 500 }, (_, i) => `s${i}`),
      ),
    );
    expect(outcomes.every(({ kind }) => kind === 'timeout')).toBe(true);
    expect(made.log.lines).toHaveLength(1);
    // The window's 32 times three, then one request after the other.
    expect(nas.heard.length).toBeLessThan(32 * 3 + 3 * 8);
    skewMs = 0;
    expect(await made.request(change('s1'))).toMatchObject({ kind: 'ack' });
    expect(made.log.lines).toHaveLength(2);
  });

  it('N01: whose port is closed is counted as such, and waiting goes on', async () => {
    const { port } = nas;
    await nas.stop();
    nas = await LoopbackNas.start();
    const made = clientOf({ port }, { timers: { ...QUICK, mrc: 100, mrdMs: 300 } });
    undo.push(() => made.close());
    await Promise.all(ask(made, ['s1', 's2', 's3']));
    expect(made.standing().silentSinceMs).toBeDefined();
    const probe = made.request(change('s4'));
    await vi.waitFor(() => expect(made.counts()['port-unreachable']).toBeGreaterThan(0), 5000);
    const back = await LoopbackNas.start('127.0.0.1', port);
    undo.push(() => back.stop());
    expect(await probe).toMatchObject({ kind: 'ack' });
    expect(made.log.lines.map((line) => line.split(' ')[1])).toEqual(['RADIUS_NAS_SILENT', 'RADIUS_NAS_BACK']);
  });
});

describe('N06: two secrets', () => {
  const secrets = [SECRET, OLD];

  it('after a full timeout the same request is tried with the previous one, anew; later ones begin with it', async () => {
    knows(OLD);
    let now = 1_795_000_000_000;
    const made = client({ secrets, now: () => now });
    const asked = made.request(change('s1'));
    await nas.get(2);
    now += 7000;
    expect(await asked).toMatchObject({ kind: 'ack' });
    const [first, , third, fourth] = nas.heard.map(({ packet }) => packet);
    expect(Buffer.from(third!.bytes)).toEqual(Buffer.from(first!.bytes));
    expect(fourth!.identifier).not.toBe(first!.identifier);
    const stamp = (packet: typeof first) => Buffer.from(packet!.attributes.at(-1)!.value).readUInt32BE();
    expect(stamp(fourth)).toBeGreaterThanOrEqual(stamp(first));
    expect(made.standing()).toMatchObject({ usesPreviousSecret: true, timeoutsInARow: 0 });
    expect(made.log.lines).toEqual(['warn RADIUS_PREVIOUS_SECRET {"gateway":"bng2"}']);
    expect(await made.request(change('s2'))).toMatchObject({ kind: 'ack' });
    expect(nas.heard).toHaveLength(5);
  });

  it('a whole window that had no answer is asked again, and the NAS was never silent', async () => {
    knows(OLD);
    const made = client({ secrets });
    const outcomes = await Promise.all(
      ask(
        made,
        Array.from({ length: 60 }, (_, i) => `s${i}`),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind !== 'ack')).toEqual([]);
    expect(made.counts()).toMatchObject({ ack: 60, timeout: 0 });
    expect(made.log.lines).toEqual(['warn RADIUS_PREVIOUS_SECRET {"gateway":"bng2"}']);
  });

  it('the current one is tried again after ten minutes, by one request and never by a release', async () => {
    knows(OLD);
    const made = client({ secrets });
    await made.request(change('s1'));
    const isSignedBy = (secret: Uint8Array) =>
      nas.heard.map(({ packet }) => requestFault(packet, secret) === undefined);
    nas.heard.length = 0;
    shiftMs += 601_000;
    await made.request(change('r1', { urgent: true }));
    expect(isSignedBy(OLD)).toEqual([true]);
    await Promise.all(ask(made, ['s1', 's2', 's3']));
    expect(isSignedBy(SECRET).filter(Boolean)).toHaveLength(3);
    expect(new Set(nas.heard.filter((_, i) => isSignedBy(SECRET)[i]).map(({ session }) => session))).toEqual(
      new Set(['s1']),
    );
    nas.heard.length = 0;
    shiftMs += 601_000;
    knows(SECRET);
    await made.request(change('s4'));
    expect(isSignedBy(SECRET)).toEqual([true]);
    expect(made.standing().usesPreviousSecret).toBe(false);
  });

  it('a NAS that learns the current one meanwhile is heard by it', async () => {
    knows(OLD);
    const made = client({ secrets });
    await made.request(change('s1'));
    knows(SECRET);
    expect(await made.request(change('r1', { urgent: true }))).toMatchObject({ kind: 'ack' });
    expect(made.standing().usesPreviousSecret).toBe(false);
    expect(made.log.lines).toHaveLength(1);
  });

  it('with neither it times out after both', async () => {
    knows(Buffer.from('a third test secret'));
    const made = client({ secrets });
    expect(await made.request(change('s1'))).toMatchObject({ kind: 'timeout', sent: 6 });
    expect(made.standing()).toMatchObject({ usesPreviousSecret: false, timeoutsInARow: 1 });
    expect(made.counts().timeout).toBe(1);
  });
});

it('N10: one NAS of fifty that takes 5 s for an answer holds up none of the others', async () => {
  const many = await Promise.all(Array.from({ length: 50 }, () => LoopbackNas.start()));
  const clients = many.map((one) => clientOf(one));
  undo.push(async () => {
    for (const one of clients) one.close();
    for (const one of many) await one.stop();
  });
  let slowAnswers = 0;
  many[0]!.answer = (one, slow) => {
    const timer = setTimeout(() => {
      slowAnswers += 1;
      slow.send(reply(one), one.from);
    }, 5000);
    undo.push(() => clearTimeout(timer));
    return undefined;
  };
  const asked = clients.map((one) => Promise.all(Array.from({ length: 40 }, (_, i) => one.request(change(`s${i}`)))));
  const others = (await Promise.all(asked.slice(1))).flat();
  expect(slowAnswers).toBe(0);
  expect(others.filter(({ kind }) => kind !== 'ack')).toEqual([]);
  expect(clients[0]!.standing()).toMatchObject({ inFlight: 32, waiting: 8 });
});
