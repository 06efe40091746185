// What runs beside the steps: reconcile, timers, messages – and that none of them spins, stops or forgets.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wantedOf } from '../../src/core/casefile/line-view.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/core/kernel/time.ts';
import type { MessageTemplate } from '../../src/flow/notify.ts';
import { loadMessages } from '../../src/http/messages.ts';
import { prefix } from '../core/line/records.ts';
import { lineOf, type Process, policyOf, rule, World } from './world.ts';

const A = '192.0.2.70';
const P = '2001:db8:100:100::/56';
let world: World;
let house: Process;

beforeEach(async () => {
  world = new World();
  house = await world.process();
  await house.lines(lineOf('ann'));
  await house.online('ann', A, P);
  await house.start();
});
afterEach(() => world.end());

const staff = { kind: 'staff', name: 'agent' } as const;
const send = () => house.flow.messenger.sendDue(new AbortController().signal);
const proof = async () => {
  const wanted = wantedOf(await house.store.openCasesOfLine('line-ann', 1));
  return house.flow.gardener.proof('line-ann', wanted, await house.bindings.openOf('ann')).confirmed;
};
const stray = async (text: string) => {
  await house.enforcer.apply({
    put: [{ prefix: prefix(text), access: 'strict', abusedPorts: [], timeoutSeconds: 3600 }],
    remove: [],
  });
};

describe('reconcile', () => {
  it('N14: a foreign flush is found by the cheap look, repaired and on record', async () => {
    await house.report({});
    world.kernel.flush();
    await house.flow.reconciler.check();
    expect([await house.element(A), await house.element(P), await proof()]).toEqual(['strict', 'strict', 'strict']);
    expect(house.flow.reconciler.health()).toMatchObject([{ skeleton: 'intact', missing: 2 }]);
    expect(world.log.lines.filter((line) => line.includes('GATEWAY_DRIFT'))).toHaveLength(1);
  });

  it('N14: changed chains are repaired, and their elements kept', async () => {
    await house.report({});
    house.enforcer.isChanged = true;
    await house.flow.reconciler.check();
    expect(await house.enforcer.skeleton()).toBe('intact');
    expect(await house.element(A)).toBe('strict');
  });

  it('one vanished element is found by the read-back', async () => {
    await house.report({});
    world.kernel.garden.delete(A);
    await house.flow.reconciler.full();
    expect(await house.element(A)).toBe('strict');
  });

  it('N13: a process without memory takes over what is there and removes only what nobody wants', async () => {
    await house.report({});
    await house.crash();
    const applied = house.enforcer.applies;
    house = await world.process();
    await stray('192.0.2.90');
    await house.start();
    expect([await house.element(A), await house.element(P), await proof()]).toEqual(['strict', 'strict', 'strict']);
    expect(await house.element('192.0.2.90')).toBe('absent');
    expect(house.enforcer.applies).toBe(3);
    expect(applied).toBe(1);
  });

  it('N13: on hold a stray element stays; the line that holds its address is not said to be free', async () => {
    await house.flow.hold.set({ by: 'op', at: world.now, reason: 'x' });
    await stray(A);
    await house.flow.reconciler.full();
    expect([await house.element(A), await proof()]).toEqual(['strict', 'unknown']);
    await house.flow.hold.lift();
    await house.flow.reconciler.full();
    expect([await house.element(A), await proof()]).toEqual(['absent', 'open']);
  });

  it('a gateway that was away at the start is compared as soon as it answers, not five minutes later', async () => {
    await house.report({});
    await house.crash();
    house = await world.process();
    house.enforcer.failNext('unavailable', 'unavailable');
    await house.start();
    expect(await proof()).toBe('unknown');
    await house.flow.reconciler.check();
    expect(await proof()).toBe('strict');
  });

  it('a gateway that does not answer proves nothing, and is compared whole once it does', async () => {
    await house.report({});
    house.enforcer.isBlind = true;
    await house.flow.reconciler.check();
    expect(await proof()).toBe('unknown');
    world.kernel.garden.delete(A);
    house.enforcer.isBlind = false;
    await house.flow.reconciler.check();
    expect([await house.element(A), await proof()]).toEqual(['strict', 'strict']);
  });

  it('a release that the gateway did not take is tried again even on hold', async () => {
    await house.report({});
    await house.flow.hold.set({ by: 'op', at: world.now, reason: 'x' });
    house.enforcer.failNext('lost-undone');
    const [state] = await house.cases('ann');
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor: staff, reason: 'called' }]);
    await house.settle();
    expect(await house.element(A)).toBe('strict');
    await house.flow.reconciler.check();
    expect([await house.element(A), await proof()]).toEqual(['absent', 'open']);
  });

  it('the same failure over and over is on record once', async () => {
    house.enforcer.failNext('unavailable');
    await house.report({});
    for (let i = 0; i < 5; i++) {
      house.enforcer.failNext('unavailable');
      await house.flow.gardener.refresh('line-ann');
    }
    const entries = house.store.database.read
      .allSql<{ entry: string }>('SELECT entry FROM audit')
      .filter((row) => row.entry.includes('garden-unanswered'));
    expect(entries).toHaveLength(2);
  });

  it('a garden that could not be put for three days is old news: it ends instead of beginning', async () => {
    house.enforcer.failNext('unavailable');
    await house.report({});
    world.pass(3 * DAY + HOUR);
    await house.online('ann', A, P);
    await house.flow.reconciler.check();
    await house.settle();
    expect(await house.element(A)).toBe('absent');
    expect((await house.cases('ann'))[0]).toMatchObject({ state: 'closed', closeReason: 'expired' });
  });

  it('a milder case that joins never ends the older, stricter one that is in force', async () => {
    world.policy = policyOf({
      rules: [rule(), rule({ id: 'mild', match: { class: ['infected-handshake'] } }, { do: 'leaky' })].reverse(),
    });
    await house.report({});
    for (let day = 0; day < 4; day++) {
      world.pass(DAY);
      await house.online('ann', A, P);
      await house.flow.reconciler.check();
    }
    await house.report({ class: 'infected-handshake', family: 'gafgyt', observedAt: world.now });
    await house.flow.reconciler.check();
    const states = (await house.cases('ann')).map((one) => [one.access, one.state]);
    expect(states.sort()).toEqual([
      ['leaky', 'quarantined'],
      ['strict', 'quarantined'],
    ]);
    expect([await house.element(A), await proof()]).toEqual(['strict', 'strict']);
  });

  it('a second case of the same access outlives the first one, over three days and a restart', async () => {
    await house.report({});
    world.pass(HOUR);
    await house.online('ann', A, P);
    await house.report({ family: 'qsnatch', observedAt: world.now });
    const first = (await house.cases('ann')).find((one) => one.family === 'mirai')!;
    await house.flow.casebook.order(first.id, () => [{ kind: 'close', actor: staff, reason: 'staff' }]);
    for (let day = 0; day < 4; day++) {
      world.pass(DAY);
      await house.online('ann', A, P);
      await house.flow.reconciler.check();
    }
    await house.crash();
    house = await (await world.process()).start();
    await house.settle();
    expect([await house.element(A), await proof()]).toEqual(['strict', 'strict']);
  });

  it('a garden of more than three days that is in force survives a restart', async () => {
    await house.report({});
    for (let day = 0; day < 4; day++) {
      world.pass(DAY);
      await house.online('ann', A, P);
      await house.flow.reconciler.check();
    }
    await house.crash();
    house = await (await world.process()).start();
    await house.settle();
    expect([await house.element(A), await proof()]).toEqual(['strict', 'strict']);
  });
});

describe('timers', () => {
  it('never stay due: whatever the case answers, the same timer is later or gone', async () => {
    await house.report({});
    const [state] = await house.cases('ann');
    for (const kind of ['expire', 'step-end', 'probation-end', 'portal-unseen', 'hold-retry', 'no-such-kind'])
      await house.store.commit({ arm: [{ kind: `case-${kind}`, key: state!.id, dueAt: world.now }] });
    await house.store.commit({ arm: [{ kind: 'case-expire', key: 'no-such-case', dueAt: world.now }] });
    await house.flow.timekeeper.runDue();
    expect(await house.store.dueTimers(world.now + 9 * SECOND, 100)).toEqual([]);
    expect((await house.cases('ann'))[0]!.state).toBe('quarantined');
  });

  it.each([
    { state: 'unsynchronised', jumped: false },
    { state: 'synchronised', jumped: true },
  ] as const)(
    'C06: nothing expires and nothing is deleted by a clock that is $state, jumped $jumped',
    async (clock) => {
      world.policy = policyOf({ rules: [rule({ expiryMs: DAY })] });
      await house.report({});
      let purges = 0;
      house.store.purge = async () => ({ reports: ++purges });
      world.pass(400 * DAY);
      world.clock = clock;
      expect(await house.flow.timekeeper.runDue()).toBe(0);
      await house.service.purge();
      expect([(await house.cases('ann'))[0]!.state, purges]).toEqual(['quarantined', 0]);
      world.clock = { state: 'synchronised', jumped: false };
      await house.flow.timekeeper.runDue();
      await house.service.purge();
      expect([(await house.cases('ann'))[0]!.state, purges]).toEqual(['closed', 1]);
    },
  );

  it('one that fails stands before no other', async () => {
    world.policy = policyOf({ rules: [rule({ expiryMs: DAY })] });
    await house.report({});
    await house.store.commit({ arm: [{ kind: 'case-hold-retry', key: 'poison', dueAt: world.now - 1 }] });
    const read = house.store.case;
    house.store.case = (id: string) => (id === 'poison' ? Promise.reject(new Error('bad row')) : read(id));
    world.pass(DAY);
    await house.flow.timekeeper.runDue();
    expect((await house.cases('ann'))[0]!.state).toBe('closed');
    expect(await house.store.dueTimers(world.now, 100)).toEqual([]);
  });

  it('C08: ten thousand at once are taken in paces, and firing twice changes nothing', async () => {
    const arm = Array.from({ length: 10_000 }, (_, n) => ({ kind: 'case-expire', key: `gone-${n}`, dueAt: world.now }));
    await house.store.commit({ arm });
    let [turns, total] = [0, 0];
    for (let done = -1; done !== 0; turns++) total += done = await house.flow.timekeeper.runDue();
    expect([turns, total]).toEqual([51, 10_000]);
  });
});

describe('messages', () => {
  it('ride in the commit of their event, go out from minute 0, and a crash before sending loses none', async () => {
    await house.report({});
    await house.crash();
    house = await (await world.process()).start();
    await send();
    await send();
    expect(world.mails).toMatchObject([{ to: 'ann@example.net', subject: 'quarantined' }]);
    expect((await house.store.caseEvents((await house.cases('ann'))[0]!.id)).at(-1)!.event).toMatchObject({
      type: 'message-sent',
      outcome: 'sent',
    });
  });

  it('are tried again with longer and longer pauses, and given up at last', async () => {
    world.mailAnswers.push('temporary', 'throw', ...Array.from({ length: 20 }, () => 'temporary' as const));
    await house.report({});
    const pauses: number[] = [];
    for (let i = 0; i < 30; i++) {
      const left = world.mailAnswers.length;
      for (let waited = 0; world.mailAnswers.length === left && waited < 2 * HOUR; waited += MINUTE) {
        if ((await send()) > 0) pauses.push(waited / MINUTE);
        world.pass(MINUTE);
      }
    }
    expect(pauses.slice(0, 5)).toEqual([0, 0, 4, 24, 59]);
    expect(pauses).toHaveLength(13);
    expect(world.mails).toEqual([]);
    const events = await house.store.caseEvents((await house.cases('ann'))[0]!.id);
    expect(events.filter(({ event }) => event.type === 'message-sent')).toHaveLength(1);
  });

  it('are given up at once when the address is refused for good', async () => {
    world.mailAnswers.push('permanent');
    await house.report({});
    expect([await send(), await send()]).toEqual([1, 0]);
  });

  it('never reach a customer who moved in meanwhile', async () => {
    await house.report({});
    await house.lines(lineOf('ann', { epoch: 2, email: 'next@example.net', epochStartedAt: world.now }));
    await send();
    expect(world.mails).toEqual([]);
  });

  it('say nothing about the end of what was never said', async () => {
    world.policy = policyOf({ rules: [rule({}, { waitMs: HOUR })] });
    await house.report({});
    const [state] = await house.cases('ann');
    expect(state!.state).toBe('watching');
    await house.flow.casebook.order(state!.id, () => [{ kind: 'staffRelease', actor: staff, reason: 'x' }]);
    expect(await send()).toBe(0);
  });

  const words = { operator: 'Example Net', phone: '0120-000-000', portal: 'help.example.net' };
  for (const language of ['en', 'ja', 'ja-easy'])
    it(`in «${language}» carry code, portal and phone, and nothing that is left to fill in`, () => {
      const render = loadMessages(words, { offered: ['en', 'ja', 'ja-easy'], default: 'en' });
      for (const template of ['noticed', 'quarantined', 'released'] as MessageTemplate[]) {
        const { subject, text } = render(template, language, 'ABCD1234');
        expect(subject).toContain('ABCD-1234');
        for (const word of ['ABCD-1234', words.portal, words.phone, words.operator]) expect(text).toContain(word);
        expect(subject + text).not.toMatch(/\{\{|\}\}|undefined/);
        expect(text).not.toMatch(/http:\/\//);
      }
      const file = readFileSync(join(import.meta.dirname, `../../locales/messages/${language}.json`), 'utf8');
      const asked = new Set([...file.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]));
      expect([...asked].sort()).toEqual(['code', 'operator', 'phone', 'portal']);
    });
});

describe('a noisy line', () => {
  it('of a thousand reports is decided in seconds, as one case', async () => {
    const reports = Array.from({ length: 1000 }, (_, n) => ({
      observedAt: world.now - n,
      destinationPort: 23 + (n % 5),
    }));
    const start = performance.now();
    await house.report(...reports);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect((await house.cases('ann')).map((one) => one.reports)).toEqual([1000]);
  });
});
