import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../../../src/core/kernel/time.ts';
import type { SessionRecord } from '../../../../src/core/line/accounting.ts';
import { prefix, T0 } from '../../../core/line/records.ts';
import { ack, FILTERS, nak, Stage, timeout, V4 } from './stage.ts';

let t: Stage;
beforeEach(() => {
  t = new Stage();
});
afterEach(() => t.end());

const STRICT = '43 Acct-Session-Id=s1 Filter-Id=garden';
const OFF = '43 Acct-Session-Id=s1 Filter-Id=home';
const LEAKY = '43 Acct-Session-Id=s1 Filter-Id=leaky';
const MARKED = { 'User-Name': ['home1@isp.example'], Class: ['engawa-strict'], 'Filter-Id': ['garden'] };
/** Another customer's session on the same address, a second later. */
const another = (change: Partial<SessionRecord> = {}): Partial<SessionRecord> => ({
  sessionId: 's9',
  accessKey: 'home9@isp.example',
  startAt: t.now + SECOND,
  eventAt: t.now + SECOND,
  prefixes: [{ slot: 'ipv4', prefix: V4 }],
  facts: { 'User-Name': ['home9@isp.example'] },
  ...change,
});
const putFor = async (accessKey: string) => {
  const one = { prefix: V4, access: 'strict' as const, abusedPorts: [], timeoutSeconds: 1200, accessKey };
  await t.enforcer.apply({ put: [one], remove: [] });
  await t.quiet();
};
const interim = (filter: string) => ({
  status: 'interim' as const,
  facts: { 'User-Name': ['home1@isp.example'], 'Filter-Id': [filter] },
});

describe('wanted, sent, acked, confirmed', () => {
  it('are kept apart: one order per session, an acknowledgement is no proof, accounting is', async () => {
    await t.hear();
    expect(await t.put('strict')).toEqual({ ok: true, value: undefined });
    expect(t.asked).toEqual([STRICT]);
    expect(t.said()).toEqual(['192.0.2.65 strict acked', '2001:db8:100:100::/56 strict acked']);
    expect(await t.seen()).toBe('unknown unknown');
    await t.pass(MINUTE);
    await t.hear(interim('garden'));
    expect(t.said()).toContain('192.0.2.65 strict confirmed');
    expect(await t.seen()).toBe('strict strict');
    expect(t.asked).toEqual([STRICT]);
  });

  it('off restores the plan, and is proven by the record that says so', async () => {
    await t.hear();
    await t.put('strict');
    await t.remove();
    expect(t.asked).toEqual([STRICT, OFF]);
    expect(t.said()).toContain('192.0.2.65 open acked');
    expect(await t.seen()).toBe('unknown unknown');
    await t.pass(MINUTE);
    await t.hear(interim('home'));
    expect(t.said()).toContain('2001:db8:100:100::/56 open confirmed');
    expect(await t.seen()).toBe('absent absent');
    expect(t.tellings.load('bng2')).toEqual([]);
  });

  it('asked again for what is there sends nothing', async () => {
    await t.hear();
    await t.put('strict');
    await t.put('strict');
    await t.put('strict', V4);
    expect(t.asked).toEqual([STRICT]);
  });

  it('a page load that the gateway redirected to us proves the garden', async () => {
    await t.hear();
    await t.put('strict');
    t.enforcer.seenInGarden(V4.ip);
    await t.quiet();
    expect(await t.seen()).toBe('strict strict');
  });

  it('a record that comes before the acknowledgement proves it when that comes', async () => {
    await t.hear();
    let answer = () => {};
    t.isHanging = true;
    t.answer = () => new Promise((resolve) => (answer = () => resolve(ack)));
    await t.put('strict');
    await t.hear(interim('garden'));
    expect(await t.seen()).toBe('unknown unknown');
    t.isHanging = false;
    answer();
    await t.quiet();
    expect(await t.seen()).toBe('strict strict');
  });

  it('a record made while the order was under way counts, whole seconds and all', async () => {
    await t.hear();
    t.answer = async () => {
      t.now += 3 * SECOND;
      return ack;
    };
    const sentAt = t.now;
    await t.put('strict');
    await t.hear({ ...interim('garden'), eventAt: sentAt });
    expect(await t.seen()).toBe('strict strict');
  });

  it('the stricter of two wishes is told: a session cannot be half in the garden', async () => {
    await t.hear();
    await t.enforcer.apply({
      put: [
        { prefix: V4, access: 'leaky', abusedPorts: [], timeoutSeconds: 600 },
        { prefix: prefix('2001:db8:100:100::/56'), access: 'strict', abusedPorts: [], timeoutSeconds: 600 },
      ],
      remove: [],
    });
    await t.quiet();
    expect(t.asked).toEqual([STRICT]);
  });

  it('an element that nobody renews frees its session', async () => {
    await t.hear();
    await t.put('strict');
    await t.pass(21 * MINUTE);
    expect(t.asked).toEqual([STRICT, OFF]);
  });

  it('a line without a session is told at its next login, and as soon as one appears', async () => {
    await t.put('strict');
    expect(t.asked).toEqual([]);
    expect(t.said()).toContain('192.0.2.65 strict unanswered (applies-at-next-login)');
    expect(await t.seen()).toBe('unknown unknown');
    expect(t.enforcer.progress().atNextLogin).toBe(2);
    await t.hear();
    expect(t.asked).toEqual([STRICT]);
  });
});

describe('what goes wrong', () => {
  it('a timeout is told with its word and tried again, releases twice as soon', async () => {
    await t.hear();
    t.answer = () => timeout;
    await t.put('strict');
    expect(t.said()).toEqual([
      '192.0.2.65 strict unanswered (timeout)',
      '2001:db8:100:100::/56 strict unanswered (timeout)',
    ]);
    await t.pass(4 * SECOND);
    expect(t.asked).toHaveLength(1);
    await t.pass(2 * SECOND);
    expect(t.asked).toHaveLength(2);
    t.answer = () => ack;
    await t.remove();
    expect(t.asked.at(-1)).toBe(OFF);
  });

  it('N02: 401 stops, alarms and is tried again when an engineer says so', async () => {
    await t.hear();
    t.answer = () => nak(401);
    await t.put('strict');
    expect(t.said()[0]).toMatch(/^192\.0\.2\.65 strict refused \(nak 401: /);
    await t.pass(5 * MINUTE);
    expect(t.asked).toHaveLength(1);
    expect(t.enforcer.progress().stopped).toMatchObject({ sessions: 1 });
    t.answer = () => ack;
    t.enforcer.retryNow();
    await t.quiet();
    expect(t.asked).toHaveLength(2);
    expect(t.enforcer.progress().stopped).toBeUndefined();
  });

  it('N02: 503 looks the session up again, and else waits for the next login', async () => {
    await t.hear();
    t.answer = () => nak(503);
    await t.put('strict');
    expect(t.said()).toContain('192.0.2.65 strict unanswered (applies-at-next-login)');
    await t.pass(5 * MINUTE);
    expect(t.asked).toHaveLength(1);
    t.answer = () => ack;
    await t.hear({ sessionId: 's2', startAt: t.now, eventAt: t.now });
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=s2 Filter-Id=garden');
  });

  it('N02: 506 is tried again, never «done»', async () => {
    await t.hear();
    t.answer = () => nak(506);
    await t.put('strict');
    expect(t.said()[0]).toMatch(/unanswered \(nak 506/);
    t.answer = () => ack;
    await t.pass(10 * SECOND);
    expect(t.said()).toContain('192.0.2.65 strict acked');
  });

  it('a NAK without a cause is no success', async () => {
    await t.hear();
    t.answer = () => nak();
    await t.put('strict');
    expect(t.said().join()).not.toContain('acked');
    expect(await t.seen()).toBe('unknown unknown');
  });

  it('N03: acknowledged, and the next record says otherwise: alarm, shown as not proven, tried again', async () => {
    await t.hear();
    await t.put('strict');
    t.said();
    await t.pass(MINUTE);
    await t.hear(interim('home'));
    expect(t.said()).toContain('192.0.2.65 strict unanswered (acknowledged, and not in force)');
    expect(t.enforcer.progress().drifted).toBe(1);
    expect(t.log.lines.join()).toContain('RADIUS_DRIFT');
    await t.pass(6 * SECOND);
    expect(t.asked).toEqual([STRICT, STRICT]);
    await t.pass(MINUTE);
    await t.hear(interim('garden'));
    expect(await t.seen()).toBe('strict strict');
    expect(t.enforcer.progress().drifted).toBe(0);
  });

  it('a record made before the order and delivered after it contradicts nothing', async () => {
    await t.hear();
    await t.pass(MINUTE);
    await t.put('strict');
    await t.hear({ ...interim('home'), eventAt: t.now - 20 * SECOND });
    expect(t.enforcer.progress().drifted).toBe(0);
  });

  it('N09: a gateway that is full keeps what it has and refuses the new one', async () => {
    await t.hear();
    await t.put('strict');
    t.answer = () => nak(506);
    await t.hear({
      sessionId: 's2',
      accessKey: 'home2@isp.example',
      prefixes: [{ slot: 'ipv4', prefix: prefix('192.0.2.66') }],
      facts: { 'User-Name': ['home2@isp.example'] },
    });
    await t.put('strict', prefix('192.0.2.66'));
    expect(t.enforcer.progress()).toMatchObject({ acked: 1, sessions: 2 });
  });
});

describe('sessions come and go', () => {
  it('a Stop ends what was told: nothing is sent to a session that is over', async () => {
    await t.hear();
    await t.put('strict');
    await t.hear({ status: 'stop', eventAt: t.now + SECOND });
    t.said();
    await t.remove();
    expect(t.asked).toEqual([STRICT]);
    expect(t.said()).toContain('192.0.2.65 open confirmed');
  });

  it('a re-dial that AAA let in quarantined is in the garden without a packet, and proven', async () => {
    await t.hear();
    await t.put('strict');
    await t.hear({ status: 'stop', eventAt: t.now + SECOND });
    await t.pass(10 * SECOND);
    t.said();
    await t.hear({
      sessionId: 's2',
      startAt: t.now,
      facts: { 'User-Name': ['home1@isp.example'], Class: ['engawa-strict'], 'Filter-Id': ['garden'] },
    });
    expect(t.asked).toEqual([STRICT]);
    expect(t.said()).toContain('192.0.2.65 strict confirmed');
    await t.remove();
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=s2 Filter-Id=home');
  });

  it('a re-dial without AAA is told again, and shown as unproven in between', async () => {
    await t.hear();
    await t.put('strict');
    await t.hear(interim('garden'));
    await t.pass(10 * SECOND);
    t.said();
    t.answer = () => new Promise(() => {});
    t.isHanging = true;
    await t.hear({ sessionId: 's2', startAt: t.now });
    expect(t.said()).toContain('192.0.2.65 strict unproven');
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=s2 Filter-Id=garden');
    expect(await t.seen()).toBe('unknown unknown');
  });

  it('an address that is another customer’s now: the old session is freed, the new one never told', async () => {
    await t.hear();
    await t.put('strict', V4);
    await t.hear({
      sessionId: 's9',
      accessKey: 'home9@isp.example',
      startAt: t.now + SECOND,
      eventAt: t.now + SECOND,
      prefixes: [{ slot: 'ipv4', prefix: V4 }],
      facts: { 'User-Name': ['home9@isp.example'] },
    });
    await t.remove(V4);
    expect(t.asked).toEqual([STRICT, OFF]);
  });

  it('a session quarantined at login that nobody asks for is told of as stray, and freed only when asked', async () => {
    let strays = 0;
    t.enforcer.onStray = () => strays++;
    await t.hear({ facts: { Class: ['engawa-strict'], 'Filter-Id': ['garden'] } });
    expect(strays).toBe(1);
    expect(t.asked).toEqual([]);
    expect(await t.seen()).toBe('strict strict');
    await t.remove();
    expect(t.asked).toEqual([OFF]);
    // Its Class says «engawa-strict» to its end: that is history by now.
    await t.pass(MINUTE);
    await t.hear({ status: 'interim', facts: { Class: ['engawa-strict'], 'Filter-Id': ['home'] } });
    await t.pass(MINUTE);
    await t.hear({ status: 'interim', facts: { Class: ['engawa-strict'], 'Filter-Id': ['home'] } });
    expect(strays).toBe(1);
    expect(t.asked).toEqual([OFF]);
    expect(await t.seen()).toBe('absent absent');
  });

  it('N08: a NAS that rebooted has nothing of ours; what dials in anew is told anew', async () => {
    await t.hear();
    await t.put('strict');
    await t.pass(MINUTE);
    await t.sessions.record([{ status: 'on', nas: 'bng2', realm: 'main', eventAt: t.now }]);
    await t.quiet();
    expect(await t.seen()).toBe('absent absent');
    await t.pass(SECOND);
    await t.hear({ sessionId: 's2', startAt: t.now });
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=s2 Filter-Id=garden');
  });

  it('the act may rename the session: the order is not repeated, and the way back uses the newest name', async () => {
    await t.end();
    t = new Stage({ dialect: { ...FILTERS, sessionIdChanges: true, confirm: [] } });
    await t.hear();
    await t.put('strict');
    await t.hear({ status: 'stop', eventAt: t.now + SECOND });
    await t.pass(2 * SECOND);
    await t.hear({ sessionId: 's2', startAt: t.now });
    expect(t.asked).toEqual([STRICT]);
    await t.remove();
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=s2 Filter-Id=home');
  });
});

describe('records about one service of a session', () => {
  it('prove what they name, and neither rename the session nor end it', async () => {
    await t.end();
    t = new Stage({
      dialect: {
        ...FILTERS,
        confirm: [{ by: 'accounting', strict: { attribute: 'ERX-Service-Session', contains: '{strict}' } }],
      },
    });
    await t.hear();
    await t.put('strict');
    await t.pass(MINUTE);
    const service = { sessionId: 's1:77', facts: { 'ERX-Service-Session': ['garden'] } };
    await t.hear({ ...service, startAt: t.now });
    expect(await t.seen()).toBe('strict strict');
    await t.hear({ ...service, status: 'stop', eventAt: t.now + SECOND });
    expect(await t.seen()).toBe('strict strict');
    await t.remove();
    expect(t.asked.at(-1)).toBe(OFF);
  });

  it('of another vendor name their parent', async () => {
    await t.hear();
    await t.put('strict');
    await t.hear({ sessionId: 'svc-9', facts: { 'Cisco-AVPair': ['parent-session-id=s1'] }, startAt: t.now });
    await t.remove();
    expect(t.asked).toEqual([STRICT, OFF]);
  });
});

describe('a dialect with nothing between open and strict', () => {
  it('takes open for what leaky looks like there, and raises no alarm', async () => {
    await t.end();
    t = new Stage({ dialect: { ...FILTERS, leaky: FILTERS.off, lacksLeaky: true } });
    await t.hear();
    await t.put('strict');
    await t.put('leaky');
    await t.pass(MINUTE);
    await t.hear(interim('home'));
    expect(t.enforcer.progress().drifted).toBe(0);
    expect(await t.seen()).toBe('leaky leaky');
  });
});

describe('order and safety', () => {
  it('a release outranks every quarantine that waits', async () => {
    await t.end();
    t = new Stage({ window: 1 });
    const key = (i: number) => `home${i}@isp.example`;
    for (const i of [1, 2, 3, 4])
      await t.hear({
        sessionId: `s${i}`,
        accessKey: key(i),
        prefixes: [{ slot: 'ipv4', prefix: prefix(`192.0.2.${64 + i}`) }],
        facts: { 'User-Name': [key(i)] },
      });
    await t.put('strict', prefix('192.0.2.65'));
    let open = () => {};
    t.answer = () => new Promise((resolve) => (open = () => resolve(ack)));
    await t.enforcer.apply({
      put: [66, 67, 68].map((n) => ({
        prefix: prefix(`192.0.2.${n}`),
        access: 'strict' as const,
        abusedPorts: [],
        timeoutSeconds: 600,
      })),
      remove: [],
    });
    await expect.poll(() => t.asked.length).toBe(2);
    await t.enforcer.apply({ put: [], remove: [prefix('192.0.2.65')] });
    t.answer = () => ack;
    open();
    await t.quiet();
    expect(t.asked.map((one) => one.split(' ').slice(1).join(' '))).toEqual([
      'Acct-Session-Id=s1 Filter-Id=garden',
      'Acct-Session-Id=s2 Filter-Id=garden',
      'Acct-Session-Id=s1 Filter-Id=home',
      'Acct-Session-Id=s3 Filter-Id=garden',
      'Acct-Session-Id=s4 Filter-Id=garden',
    ]);
  });

  it('nothing gets stricter while hold is on, looked at right before the packet; freedom goes on', async () => {
    await t.hear();
    t.mayTighten = false;
    await t.put('strict');
    await t.pass(10 * SECOND);
    expect(t.asked).toEqual([]);
    t.mayTighten = true;
    await t.pass(2 * SECOND);
    expect(t.asked).toEqual([STRICT]);
    t.mayTighten = false;
    await t.remove();
    expect(t.asked).toEqual([STRICT, OFF]);
  });

  it('withdrawn before it was sent, an order is never sent', async () => {
    await t.hear();
    t.mayTighten = false;
    await t.put('strict');
    await t.remove();
    t.mayTighten = true;
    await t.pass(10 * SECOND);
    expect(t.asked).toEqual([]);
    expect(t.said()).toContain('192.0.2.65 open confirmed');
  });

  it.each([
    ['everybody', prefix('0.0.0.0/0'), 'prefix-length'],
    ['a length not in use', prefix('2001:db8:100::/48'), 'prefix-length'],
    ['an address outside the pools', prefix('198.51.100.1'), 'outside-pools'],
    ['infrastructure', prefix('192.0.2.112'), 'covers-infrastructure'],
  ])('N12: refuses %s and takes nothing of that order', async (_name, bad, code) => {
    await t.hear();
    expect(await t.put('strict', V4, bad)).toMatchObject({ ok: false, error: { kind: 'refused', code } });
    expect(t.asked).toEqual([]);
  });

  it('restarted in the middle it goes on freeing, and tightens only what is asked for again', async () => {
    await t.hear();
    t.answer = () => timeout;
    await t.put('strict');
    await t.restart();
    t.answer = () => ack;
    await t.pass(MINUTE);
    expect(t.asked).toEqual([STRICT]);
    expect(await t.seen()).toBe('unknown unknown');
    await t.put('strict');
    expect(t.asked).toEqual([STRICT, STRICT]);
    t.answer = () => timeout;
    await t.remove();
    await t.restart();
    t.answer = () => ack;
    await t.quiet();
    expect(t.asked.at(-1)).toBe(OFF);
  });

  it('a session that ended while nobody of us lived is over', async () => {
    await t.hear();
    await t.put('strict');
    await t.enforcer.close();
    await t.sessions.record([
      {
        status: 'stop',
        nas: 'bng2',
        realm: 'main',
        sessionId: 's1',
        accessKey: 'home1@isp.example',
        eventAt: T0 + HOUR,
        prefixes: [],
        facts: {},
      },
    ]);
    await t.restart();
    await t.quiet();
    expect(await t.seen()).toBe('absent absent');
  });

  it('release-all asks every session out, and says how many did not answer', async () => {
    await t.hear();
    await t.put('strict');
    const released = t.enforcer.releaseAll(5000);
    await t.quiet();
    expect(await released).toEqual({ ok: true, value: undefined });
    expect(t.asked).toEqual([STRICT, OFF]);
  });

  it('without a plan value the way out is the momentary cut, where an engineer allowed it', async () => {
    await t.end();
    t = new Stage({ values: { strict: 'garden', leaky: 'leaky' }, bounce: 'release' });
    await t.hear({ facts: { 'User-Name': ['home1@isp.example'] } });
    await t.put('strict');
    await t.remove();
    expect(t.asked).toEqual([STRICT, '40 Acct-Session-Id=s1']);
    expect(t.said()).toContain('192.0.2.65 open acked');
  });

  it('and where nobody allowed it, the line is said to wait, and why', async () => {
    await t.end();
    t = new Stage({ values: { strict: 'garden', leaky: 'leaky' } });
    await t.hear({ facts: { 'User-Name': ['home1@isp.example'] } });
    await t.put('strict');
    await t.remove();
    expect(t.asked).toEqual([STRICT]);
    expect(t.said().join()).toContain('open refused (not asked: nobody knows the Filter-Id from before the garden');
    await t.pass(2 * MINUTE);
    expect(t.enforcer.progress().oldestReleaseMs).toBeGreaterThan(MINUTE);
  });

  it('says who is strict from memory, doubt included', async () => {
    await t.hear();
    expect(t.enforcer.isStrict(V4.ip)).toBe(false);
    t.answer = () => timeout;
    await t.put('strict');
    expect(t.enforcer.isStrict(V4.ip)).toBe(true);
    await t.restart();
    expect(t.enforcer.isStrict(V4.ip)).toBe(true);
    t.answer = () => ack;
    await t.remove();
    expect(t.enforcer.isStrict(V4.ip)).toBe(false);
  });

  it('a silent gateway proves nothing: its skeleton is unknown', async () => {
    expect(await t.enforcer.skeleton()).toBe('intact');
    t.isSilent = true;
    expect(await t.enforcer.skeleton()).toBe('unknown');
  });

  it('N15: a gateway that is away for days: what waits keeps its age, and the way out clears when it is back', async () => {
    await t.hear();
    await t.put('strict');
    t.answer = () => timeout;
    await t.remove();
    for (let day = 0; day < 3; day++) await t.pass(24 * HOUR);
    expect(t.enforcer.progress().oldestReleaseMs).toBeGreaterThanOrEqual(72 * HOUR);
    expect(t.enforcer.progress().releasesWaiting).toBe(1);
    t.answer = () => ack;
    await t.pass(MINUTE);
    expect(t.asked.at(-1)).toBe(OFF);
    expect(t.enforcer.progress()).toMatchObject({ releasesWaiting: 0, oldestReleaseMs: 0 });
  });

  it('N16: a mass release goes oldest first, a window at a time, and says how long it will take', async () => {
    await t.end();
    t = new Stage({ window: 4, pools: [prefix('198.18.0.0/15')] });
    const at = (i: number) => prefix(`198.18.${i >> 8}.${i & 255}`);
    const COUNT = 400;
    await t.sessions.record(
      Array.from({ length: COUNT }, (_, i) => ({
        status: 'start' as const,
        nas: 'bng2',
        realm: 'main',
        sessionId: `s${i}`,
        accessKey: `home${i}`,
        eventAt: t.now,
        startAt: t.now,
        prefixes: [{ slot: 'ipv4' as const, prefix: at(i) }],
        facts: { 'User-Name': [`home${i}`] },
      })),
    );
    await t.put('strict', ...Array.from({ length: COUNT }, (_, i) => at(i)));
    expect(t.enforcer.progress().acked).toBe(COUNT);
    t.asked.length = 0;
    let [underWay, most] = [0, 0];
    t.answer = async () => {
      most = Math.max(most, ++underWay);
      t.monotonicMs += 10;
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return ack;
    };
    await t.enforcer.apply({ put: [], remove: Array.from({ length: COUNT }, (_, i) => at(i)) });
    await expect.poll(() => t.asked.length).toBeGreaterThan(50);
    const { etaSeconds, waiting, releasesWaiting } = t.enforcer.progress();
    expect(waiting).toBeGreaterThan(0);
    expect(releasesWaiting).toBeGreaterThanOrEqual(waiting);
    expect(etaSeconds).toBeGreaterThan(0);
    await t.quiet();
    expect(most).toBe(4);
    const order = t.asked.map((one) => Number(/Acct-Session-Id=s(\d+)/.exec(one)![1]));
    expect(order.length).toBe(COUNT);
    // A window is under way at once: within it the order may shift.
    expect(order.every((n, place) => Math.abs(n - place) < 8)).toBe(true);
  });
});

describe('doubt', () => {
  it('of an order that got no answer is not ended by the next one that gets none: the release stays owed', async () => {
    await t.hear();
    await t.put('strict');
    await t.remove();
    t.answer = () => timeout;
    await t.put('strict');
    await t.remove();
    expect(t.asked).toEqual([STRICT, OFF, STRICT, OFF]);
    t.said();
    t.answer = () => ack;
    await t.pass(MINUTE);
    expect(t.asked.at(-1)).toBe(OFF);
    expect(t.asked).toHaveLength(5);
    expect(t.said()).toContain('192.0.2.65 open acked');
  });

  it('keeps a line known as strict, and its step to leaky owed', async () => {
    await t.hear();
    await t.put('leaky');
    t.answer = () => timeout;
    await t.put('strict');
    t.said();
    await t.put('leaky');
    expect(t.enforcer.isStrict(V4.ip)).toBe(true);
    expect(await t.seen()).toBe('unknown unknown');
    expect(t.said().join()).not.toContain('leaky acked');
    t.answer = () => ack;
    await t.pass(MINUTE);
    expect(t.asked.at(-1)).toBe(LEAKY);
    expect(t.enforcer.isStrict(V4.ip)).toBe(false);
  });

  it('is none about an order that never left us', async () => {
    await t.end();
    t = new Stage({ dialect: { ...FILTERS, identify: [['NAS-Port-Id']] } });
    await t.hear();
    await t.put('strict');
    expect(t.enforcer.isStrict(V4.ip)).toBe(false);
    t.said();
    await t.remove();
    expect(t.asked).toEqual([]);
    expect(t.said()).toContain('192.0.2.65 open confirmed');
  });

  it('nor about one that the store did not take; told of once, not once per session', async () => {
    const places = Array.from({ length: 20 }, (_, i) => prefix(`192.0.2.${66 + i}`));
    for (const [i, one] of places.entries())
      await t.hear(another({ sessionId: `x${i}`, accessKey: `x${i}`, prefixes: [{ slot: 'ipv4', prefix: one }] }));
    t.tellings.save = async () => {
      throw new Error('disk full');
    };
    await t.put('strict', ...places);
    expect(t.log.lines.join().split('INTENT_NOT_RECORDED')).toHaveLength(2);
    t.said();
    await t.remove(places[0]!);
    expect(t.asked).toEqual([]);
    expect(t.said()).toContain('192.0.2.66 open confirmed');
  });

  it('an answer from before a re-dial says nothing about the session after it, whatever the order may rename', async () => {
    await t.end();
    t = new Stage({ dialect: { ...FILTERS, sessionIdChanges: true } });
    await t.hear();
    let open = () => {};
    t.answer = () => new Promise((resolve) => (open = () => resolve(ack)));
    t.isHanging = true;
    await t.put('strict');
    t.now += 31 * SECOND;
    await t.hear({ sessionId: 's2', startAt: t.now });
    t.answer = () => ack;
    t.isHanging = false;
    open();
    await t.quiet();
    expect(t.asked).toEqual([STRICT, '43 Acct-Session-Id=s2 Filter-Id=garden']);
  });
});

describe('which session is meant', () => {
  it('one whose records keep coming is not over, whatever the NAS said to one order', async () => {
    await t.end();
    t = new Stage({ interimMs: MINUTE });
    await t.hear();
    await t.put('strict');
    for (let i = 0; i < 5; i++) {
      await t.pass(MINUTE);
      await t.hear(interim('garden'));
    }
    t.answer = () => nak(503);
    await t.remove();
    await t.pass(2 * SECOND);
    expect(t.said().join()).not.toContain('open confirmed');
    t.answer = () => ack;
    await t.pass(MINUTE);
    await t.hear(interim('garden'));
    expect(t.asked).toEqual([STRICT, OFF, OFF]);
  });

  it('a late Stop of an earlier life of the same Acct-Session-Id ends nothing', async () => {
    await t.hear({ startAt: T0 - 5 * HOUR, eventAt: T0 - 5 * HOUR });
    await t.hear();
    await t.put('strict');
    await t.hear({ status: 'stop', startAt: T0 - 5 * HOUR, eventAt: T0 - HOUR });
    await t.remove();
    expect(t.asked).toEqual([STRICT, OFF]);
    expect(t.said().join()).not.toContain('open confirmed');
  });

  it('the same Acct-Session-Id used again is a new session: told again, with or without a Stop', async () => {
    await t.hear();
    await t.put('strict');
    await t.pass(10 * MINUTE);
    await t.hear({ startAt: t.now });
    expect(t.asked).toEqual([STRICT, STRICT]);
    await t.hear({ status: 'stop', startAt: t.now, eventAt: t.now + SECOND });
    await t.pass(10 * MINUTE);
    await t.put('strict');
    await t.hear({ startAt: t.now });
    expect(t.asked).toEqual([STRICT, STRICT, STRICT]);
  });

  it('a clock that is stepped loses no release that is owed', async () => {
    await t.hear();
    await t.put('strict');
    t.answer = () => timeout;
    await t.remove();
    t.said();
    await t.hear({ status: 'interim', startAt: T0 + 10 * MINUTE, eventAt: T0 + 10 * MINUTE });
    expect(t.said().join()).not.toContain('open confirmed');
    t.answer = () => ack;
    await t.pass(MINUTE);
    expect(t.asked.at(-1)).toBe(OFF);
  });

  it('a late record of a session that is over is no stray, and takes no address from the one that lives', async () => {
    let strays = 0;
    t.enforcer.onStray = () => strays++;
    await t.hear({ facts: MARKED });
    await t.hear({ status: 'stop', eventAt: T0 + SECOND });
    await t.remove();
    await t.pass(MINUTE);
    await t.hear({ sessionId: 's2', startAt: t.now });
    await t.put('strict');
    await t.hear({ status: 'interim', eventAt: T0, facts: MARKED });
    expect(strays).toBe(1);
    await t.remove();
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=s2 Filter-Id=home');
  });

  it('nor does a late record of somebody who held the address before', async () => {
    await t.hear();
    await t.put('strict');
    await t.pass(MINUTE);
    const before = { status: 'interim' as const, startAt: T0 - 9 * HOUR, eventAt: T0 - HOUR };
    await t.hear(another({ ...before, facts: { Class: ['engawa-strict'] } }));
    await t.remove();
    expect(t.asked).toEqual([STRICT, OFF]);
  });

  it('a stray that names its address later is found by it', async () => {
    let strays = 0;
    t.enforcer.onStray = () => strays++;
    await t.hear({ facts: MARKED, prefixes: [] });
    await t.hear({ status: 'interim', facts: MARKED, prefixes: [{ slot: 'ipv4', prefix: V4 }] });
    expect(strays).toBe(2);
    expect(await t.enforcer.readBack()).toEqual({ ok: true, value: [{ prefix: V4, access: 'strict' }] });
    await t.remove(V4);
    expect(t.asked).toEqual([OFF]);
  });

  it('a stray whose Stop never came is forgotten after a month', async () => {
    await t.hear({ facts: MARKED });
    await t.remove();
    await t.pass(MINUTE);
    await t.hear({ status: 'interim', facts: { ...MARKED, 'Filter-Id': ['home'] } });
    await t.pass(29 * 24 * HOUR);
    expect(t.enforcer.progress().sessions).toBe(1);
    await t.pass(2 * 24 * HOUR);
    expect(t.enforcer.progress().sessions).toBe(0);
    expect(t.tellings.load('bng2')).toEqual([]);
  });
});

describe('an address that changed hands', () => {
  it('what was ordered for one customer is never told to another', async () => {
    await t.hear();
    await putFor('home1@isp.example');
    await t.hear(another());
    await putFor('home1@isp.example');
    expect(t.asked).toEqual([STRICT]);
  });

  it('nor when the session of the other is the first that is heard of', async () => {
    await putFor('home1@isp.example');
    await t.hear(another());
    expect(t.asked).toEqual([]);
    await t.hear({ startAt: t.now + 2 * SECOND, eventAt: t.now + 2 * SECOND });
    expect(t.asked).toEqual([STRICT]);
  });

  it('is the new holder’s after a restart, too: the release reaches that session', async () => {
    await t.hear();
    await t.put('strict');
    await t.hear(another({ sessionId: 'a9' }));
    t.answer = (asked) => (asked.includes('=a9') ? ack : timeout);
    await t.put('strict', V4);
    await t.restart();
    await t.remove(V4);
    expect(t.asked.at(-1)).toBe('43 Acct-Session-Id=a9 Filter-Id=home');
  });

  it('stays known as strict while its holder is, when the old session is freed', async () => {
    await t.hear();
    await t.put('strict', V4);
    await t.hear(another());
    t.answer = (asked) => (asked.includes('=s9') ? ack : timeout);
    await t.put('strict', V4);
    t.answer = () => ack;
    await t.pass(MINUTE);
    expect(t.asked.at(-1)).toBe(OFF);
    expect(t.enforcer.isStrict(V4.ip)).toBe(true);
  });

  it('frees the session that began quarantined and was asked for', async () => {
    await t.hear({ facts: MARKED });
    await t.put('strict', V4);
    await t.hear(another());
    await t.put('strict', V4);
    expect(t.asked).toContain(OFF);
  });
});

describe('at scale', () => {
  it('after a long outage nobody is freed before the comparison with what is wanted', async () => {
    await t.hear();
    await t.put('strict');
    await t.enforcer.close();
    t.now += HOUR;
    t.monotonicMs += HOUR;
    await t.restart();
    await t.quiet();
    await t.put('strict');
    expect(t.asked).toEqual([STRICT]);
  });

  it('a release that is refused for good does not make another look failed', async () => {
    const other = prefix('192.0.2.66');
    await t.hear();
    await t.hear(another({ prefixes: [{ slot: 'ipv4', prefix: other }] }));
    await t.put('strict', V4, other);
    t.answer = (asked) => (asked.includes('=s9') ? nak(401) : ack);
    await t.remove(V4, other);
    expect(await t.enforcer.drained(0, [V4])).toEqual({ ok: true, value: undefined });
    expect(await t.enforcer.drained(0, [other])).toMatchObject({ ok: false });
  });
});
