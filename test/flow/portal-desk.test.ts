// Who stands at the portal's door and what their orders do, on the real desk over the whole chain.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/core/kernel/time.ts';
import type { Consent, FormProof, Journey } from '../../src/flow/journey.ts';
import { prefix } from '../core/line/records.ts';
import { lineOf, type Process, policyOf, rule, session, World } from './world.ts';

const A = '192.0.2.70';
const P = '2001:db8:100:100::/56';
let world: World;
let house: Process;
let tokens = 0;

beforeEach(async () => {
  world = new World();
  house = await world.process();
  await house.lines(lineOf('ann'), lineOf('bob'));
  await house.start();
  await house.online('ann', A, P);
});
afterEach(() => world.end());

const desk = () => house.flow.portalDesk;
const proofOf = (tokenId = `token-${++tokens}`): FormProof => ({
  tokenId,
  expiresAt: world.now + HOUR,
  requestId: 'req-1',
});
const consent = (html = '<p>I have restarted the recorder.</p>'): Consent => ({
  html,
  textVersion: '2026-11',
  language: 'en',
  declared: ['done'],
});
const journey = async (peer = A): Promise<Journey> => (await desk().of(peer))!;
/** Time in which the counters are read as the service does, and nothing rises. */
async function quietFor(ms: number): Promise<void> {
  await house.flow.verifier.poll();
  world.pass(ms);
  await house.online('ann', A, P);
  await house.flow.verifier.poll();
}
/** In the garden, quiet for a while, the steps done: a release is open to the household. */
async function ready(): Promise<Journey> {
  await house.report({});
  await quietFor(11 * MINUTE);
  const { lineRef } = await journey();
  expect(await desk().tick(lineRef, 'restart', 'done', proofOf())).toEqual({ kind: 'done' });
  return journey();
}
const release = (one: Journey, proof = proofOf(), page = consent()) =>
  desk().release(one.lineRef, one.version, page, proof);

describe('who stands at the door', () => {
  it('is known by our own element, on every address of the line and inside its prefix', async () => {
    await house.report({});
    for (const peer of [A, `::ffff:${A}`, '2001:db8:100:100::7', '2001:db8:100:1ff::1'])
      expect((await journey(peer)).checkCode, peer).toBe((await house.cases('ann'))[0]!.checkCode);
  });

  it('is known by the binding of this moment when no element is there', async () => {
    world.policy = policyOf({ rules: [rule({}, { do: 'notify' })] });
    await house.report({});
    expect(await journey()).toMatchObject({ phase: 'noticed', wanted: 'notice' });
    expect(await desk().standing(A)).toBe('noticed');
  });

  it('is free, or nobody we know, and never somebody else (W01, W05)', async () => {
    await house.report({});
    await house.online('bob', '192.0.2.71');
    expect([await desk().standing('192.0.2.71'), await desk().of('192.0.2.71')]).toEqual(['free', undefined]);
    for (const peer of ['198.51.100.1', 'unix', '', '192.0.2.070', '10.0.0.1, 192.0.2.70', 'fe80::1%eth0'])
      expect([await desk().standing(peer), await desk().of(peer)], peer).toEqual(['unknown', undefined]);
  });

  it('W20: a new customer on the line sees nothing of the one before, and forms of before do nothing', async () => {
    const before = await ready();
    await house.store.commit({ lines: [lineOf('ann', { epoch: 2, epochStartedAt: world.now })] });
    expect(await desk().of(A)).toBeUndefined();
    expect(await release(before)).toEqual({ kind: 'refused', reason: 'unknown-line' });
    expect(await desk().tick(before.lineRef, 'restart', 'done', proofOf())).toMatchObject({ kind: 'refused' });
    expect(await desk().medicalDoor(before.lineRef, proofOf())).toMatchObject({ kind: 'refused' });
  });
});

describe('a check code from outside', () => {
  it('shows the state and nothing personal, and never opens a release', async () => {
    await house.report({});
    const code = (await house.cases('ann'))[0]!.checkCode;
    const found = await desk().byCode(`${code.slice(0, 4)}-${code.slice(4).toLowerCase()}`, '198.51.100.1');
    expect(found).toMatchObject({ kind: 'found', journey: { phase: 'quarantined', checkCode: code } });
    for (const key of ['customerNoLast3', 'expert', 'selfRelease', 'medicalDoor', 'language', 'answers'])
      expect((found as { journey: object }).journey).not.toHaveProperty(key);
  });

  it('ten wrong ones an hour and source, then a pause that even a right code does not end; other sources go on', async () => {
    await house.report({});
    const code = (await house.cases('ann'))[0]!.checkCode;
    for (let i = 0; i < 10; i++)
      expect(await desk().byCode(`ZZZZ-ZZ0${i}`, `2001:db8:1:2::${i + 1}`)).toEqual({ kind: 'wrong' });
    const pause = { kind: 'pause', untilAt: world.now + HOUR };
    expect(await desk().byCode(code, '2001:db8:1:2:ffff::1')).toEqual(pause);
    // A stranger hops through a /48 in vain; the next network is another source.
    expect(await desk().byCode(code, '2001:db8:1:3::1')).toEqual(pause);
    expect(await desk().byCode(code, '2001:db8:2:3::1')).toMatchObject({ kind: 'found' });
    world.pass(HOUR + 1);
    expect(await desk().byCode(code, '2001:db8:1:2:ffff::1')).toMatchObject({ kind: 'found' });
  });

  it('thousands of sources together guess no more than 5,000 codes an hour; customers are not paused for strangers', async () => {
    await house.report({});
    const code = (await house.cases('ann'))[0]!.checkCode;
    const source = (n: number) => `2001:db8:${(n + 1).toString(16)}::1`;
    for (let i = 0; i < 5600; i++) await desk().byCode('ZZZZ-ZZZZ', source(i));
    expect(await desk().byCode(code, source(6000))).toMatchObject({ kind: 'pause' });
    expect(await desk().byCode(code, A)).toMatchObject({ kind: 'found' });
    world.pass(HOUR + 1);
    expect(await desk().byCode(code, source(6000))).toMatchObject({ kind: 'found' });
  });

  it('is dead thirty days after the end of its case', async () => {
    await house.report({});
    const [state] = await house.cases('ann');
    const actor = { kind: 'staff', name: 'agent' } as const;
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
    expect(await desk().byCode(state!.checkCode, A)).toMatchObject({ kind: 'found', journey: { phase: 'free' } });
    world.pass(30 * DAY + 1);
    expect(await desk().byCode(state!.checkCode, A)).toEqual({ kind: 'wrong' });
  });
});

describe('a self-release', () => {
  it('is leaky, proven, before the answer; the scanner’s ports stay closed', async () => {
    const one = await ready();
    expect(one.selfRelease).toEqual({ allowed: true });
    expect(await release(one)).toEqual({ kind: 'done' });
    expect([await house.element(A), await house.element(P)]).toEqual(['leaky', 'leaky']);
    expect(await journey()).toMatchObject({ phase: 'on-probation', wanted: 'leaky', confirmed: 'leaky' });
    const { element } = world.kernel.garden.get(A)!;
    expect(element.abusedPorts).toContainEqual({ protocol: 'tcp', port: 23 });
    expect(house.enforcer.forgotten).toContain(A);
  });

  it('says `unknown`, never released, when the gateway does not answer', async () => {
    const one = await ready();
    const { enforcer } = house;
    const read = enforcer.denyCounts.bind(enforcer);
    enforcer.denyCounts = () => {
      const counts = read();
      enforcer.failNext('lost-undone', 'lost-undone');
      return counts;
    };
    expect(await release(one)).toEqual({ kind: 'done' });
    expect(await journey()).toMatchObject({ wanted: 'leaky', confirmed: 'unknown' });
  });

  it('is refused while the counters cannot be read: unread is not quiet, and that is on record', async () => {
    const one = await ready();
    house.enforcer.failNext('unavailable');
    expect(await release(one)).toEqual({ kind: 'refused', reason: 'cannot-see' });
    expect(await house.element(A)).toBe('strict');
    const events = await house.store.caseEvents((await house.cases('ann'))[0]!.id);
    expect(events.at(-1)!.event).toMatchObject({ type: 'release-refused', reason: 'cannot-see' });
    expect(await release(await journey())).toEqual({ kind: 'done' });
  });

  it('a bot that never stops is on record at once and then hourly; the page knows the very minute', async () => {
    await house.report({});
    await house.flow.verifier.poll();
    for (let minute = 0; minute < 150; minute++) {
      world.pass(MINUTE);
      if (minute % 10 === 0) await house.online('ann', A, P);
      house.enforcer.count(prefix(A), 'tcp', 23, 50);
      await house.flow.verifier.poll();
    }
    const events = await house.store.caseEvents((await house.cases('ann'))[0]!.id);
    expect(events.filter(({ event }) => event.type === 'still-seen')).toHaveLength(3);
    expect((await journey()).lastSeenAt).toBe(world.now);
  });

  it('reads the counters itself: a scan of the last seconds refuses it', async () => {
    const one = await ready();
    house.enforcer.count(prefix(A), 'tcp', 23, 5);
    expect(await release(one)).toEqual({ kind: 'refused', reason: 'still-seen' });
  });

  it('covers every garden case of the line in one commit', async () => {
    await house.report({});
    await house.report({ family: 'qsnatch' });
    world.pass(11 * MINUTE);
    await house.online('ann', A, P);
    await desk().tick((await journey()).lineRef, 'restart', 'done', proofOf());
    let commits = 0;
    const { commit } = house.store;
    house.store.commit = (change) => {
      if ((change.cases ?? []).length > 0) commits++;
      return commit.call(house.store, change);
    };
    expect(await release(await journey())).toEqual({ kind: 'done' });
    expect(commits).toBe(1);
    for (const one of await house.cases('ann')) expect(one).toMatchObject({ state: 'on-probation', access: 'leaky' });
    expect(await house.element(A)).toBe('leaky');
  });

  it('keeps the very page agreed to, under the hash that is in the log, and consent before release', async () => {
    await release(await ready());
    const [state] = await house.cases('ann');
    const events = (await house.store.caseEvents(state!.id)).map(({ event }) => event);
    const given = events.find((event) => event.type === 'consent-given')!;
    const hash = createHash('sha256').update(consent().html).digest('hex');
    expect(given).toMatchObject({ pageHash: hash, textVersion: '2026-11', language: 'en', requestId: 'req-1' });
    expect(await house.store.page(hash)).toBe(consent().html);
    expect(JSON.stringify(await house.store.auditOfCase(state!.id))).toContain(hash);
    const types = events.map((event) => event.type);
    expect(types.indexOf('consent-given')).toBeLessThan(types.indexOf('released'));
  });

  it('W05: a token works once; the second use changes nothing at all', async () => {
    const one = await ready();
    const token = proofOf('once');
    expect(await desk().tick(one.lineRef, 'update', 'cannot', token)).toEqual({ kind: 'done' });
    const version = (await house.cases('ann'))[0]!.version;
    expect(await release(one, token)).toEqual({ kind: 'refused', reason: 'token-used' });
    expect((await house.cases('ann'))[0]!.version).toBe(version);
    expect(await house.element(A)).toBe('strict');
    expect(await house.store.page(createHash('sha256').update(consent().html).digest('hex'))).toBeUndefined();
  });

  it('of a form made before something happened is refused as changed', async () => {
    const one = await ready();
    await house.flow.casebook.order((await house.cases('ann'))[0]!.id, () => [
      { kind: 'medicalDoor', actor: { kind: 'subscriber' } },
    ]);
    expect(await release(one)).toEqual({ kind: 'refused', reason: 'case-changed' });
  });

  it('clicked twice at one time happens once', async () => {
    const one = await ready();
    const answers = await Promise.all([release(one), release(one)]);
    expect(answers.filter((answer) => answer.kind === 'done')).toHaveLength(1);
    expect((await house.cases('ann'))[0]!.selfReleasedAt).toHaveLength(1);
  });

  it('is refused while the deny counters rose in the last ten minutes, and that is on record', async () => {
    await ready();
    await house.flow.verifier.poll();
    house.enforcer.count(prefix(A), 'tcp', 23, 5);
    await house.flow.verifier.poll();
    const one = await journey();
    expect(one).toMatchObject({
      selfRelease: { allowed: false, reason: 'still-seen' },
      sighting: { kind: 'still-seen' },
    });
    expect(await release(one)).toEqual({ kind: 'refused', reason: 'still-seen' });
    expect(await house.element(A)).toBe('strict');
    expect((await house.cases('ann'))[0]).toMatchObject({ turn: 'support' });
    const events = await house.store.caseEvents((await house.cases('ann'))[0]!.id);
    expect(events.some(({ event }) => event.type === 'release-refused')).toBe(true);
    await quietFor(11 * MINUTE);
    expect((await journey()).selfRelease).toEqual({ allowed: true });
  });

  it('counters never tighten: a leaky line that goes on scanning stays leaky', async () => {
    await release(await ready());
    await house.flow.verifier.poll();
    house.enforcer.count(prefix(A), 'tcp', 23, 500);
    await house.flow.verifier.poll();
    await house.settle();
    expect(await house.element(A)).toBe('leaky');
  });

  it('W06: without the steps is refused', async () => {
    await house.report({});
    world.pass(11 * MINUTE);
    await house.online('ann', A, P);
    expect(await release(await journey())).toEqual({ kind: 'refused', reason: 'steps-missing' });
    expect(await house.element(A)).toBe('strict');
  });

  it('ends by itself: the probation over and nothing seen, the line is open and the case closed', async () => {
    await release(await ready());
    world.pass(3 * DAY + MINUTE);
    await house.online('ann', A, P);
    await house.flow.timekeeper.runDue();
    await house.settle();
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'not-seen' });
    expect([await house.element(A), await house.element(P)]).toEqual(['absent', 'absent']);
    expect(await desk().standing(A)).toBe('free');
  });

  it('a report after the grace ends the probation at once', async () => {
    await release(await ready());
    world.pass(3 * HOUR);
    await house.online('ann', A, P);
    await house.report({ observedAt: world.now });
    expect(await house.element(A)).toBe('strict');
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'quarantined' });
  });
});

describe('the medical door', () => {
  it('is leaky at once, to a person, and once in thirty days', async () => {
    await house.report({});
    const one = await journey();
    expect(one.medicalDoor).toEqual({ available: true });
    expect(await desk().medicalDoor(one.lineRef, proofOf())).toEqual({ kind: 'done' });
    expect(await house.element(A)).toBe('leaky');
    expect((await house.cases('ann'))[0]).toMatchObject({ turn: 'support', access: 'leaky' });
    const [state] = await house.cases('ann');
    const actor = { kind: 'staff', name: 'agent' } as const;
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor, reason: 'called' }]);
    world.pass(3 * HOUR);
    await house.online('ann', A, P);
    await house.report({ observedAt: world.now });
    // A care device was named: for thirty days nothing stricter than leaky begins here without a person.
    expect(await house.element(A)).not.toBe('strict');
    expect((await desk().of(A))?.medicalDoor.available ?? false).toBe(false);
  });
});

describe('seen', () => {
  it('is recorded once, and looking again writes nothing', async () => {
    await house.report({});
    const { lineRef } = await journey();
    await desk().seen(lineRef);
    const { version } = (await house.cases('ann'))[0]!;
    let commits = 0;
    const { commit } = house.store;
    house.store.commit = (change) => {
      commits++;
      return commit.call(house.store, change);
    };
    for (let i = 0; i < 20; i++) await desk().seen(lineRef);
    expect([commits, (await house.cases('ann'))[0]!.version]).toEqual([0, version]);
  });
});

describe('P10: what nobody may find again', () => {
  it('phone, e-mail, customer number and anything a page carried are nowhere in the audit log or in our logs', async () => {
    const canaries = ['+81-50-5555-0199', 'ann@example.net', 'C-4711-ann', 'canary-host.example', 'canary note'];
    const one = await ready();
    await release(one, proofOf(), consent('<p>canary-host.example</p>'));
    const [state] = await house.cases('ann');
    const actor = { kind: 'staff', name: 'agent' } as const;
    await house.flow.casebook.order(state!.id, () => [{ kind: 'note', actor, text: 'canary note +81-50-5555-0199' }]);
    await house.flow.messenger.sendDue(new AbortController().signal);
    world.mailAnswers.push('permanent', 'throw');
    await house.report({ observedAt: world.now, extra: { 'http.host': 'canary-host.example' } });
    await house.flow.messenger.sendDue(new AbortController().signal);
    house.enforcer.failNext('unavailable');
    await house.flow.gardener.refresh('line-ann');
    const out = join(world.folder, 'export');
    await house.store.exportAudit(out, world.now);
    const log = readFileSync(join(out, 'log.jsonl'), 'utf8');
    expect(log).toContain('consent-given');
    for (const canary of [...canaries, 'line-ann', A]) {
      expect(log, canary).not.toContain(canary);
      expect(world.log.lines.join('\n'), canary).not.toContain(canary);
    }
  });

  it('a late neighbour on the address of a case sees nothing of it', async () => {
    await house.report({});
    world.pass(MINUTE);
    await house.record(session('start', 'bob', world.now, [A], { sessionId: 'later' }));
    expect(await desk().of(A)).toBeUndefined();
  });
});
