// A gateway that answers later: what is on record and what is said meanwhile, and that nobody else waits for it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../src/core/kernel/time.ts';
import type { GatewayWord } from '../../src/flow/ports.ts';
import { ip, prefix } from '../core/line/records.ts';
import { LaterEnforcer } from '../fakes/later-enforcer.ts';
import { lineOf, type Process, policyOf, rule, session, World } from './world.ts';

const V4 = '192.0.2.130';
const V6 = '2001:db8:200:100::/56';
const POOLS = [prefix('192.0.2.128/26'), prefix('2001:db8:200::/48')];
let world: World;
let house: Process;
let bng: LaterEnforcer;

const link = (families = { ipv4: true, ipv6: true }) => {
  bng = new LaterEnforcer('bng2');
  return { name: 'bng2', enforcer: bng, nasIdentities: ['bng2'], ipv6Lengths: [56], pools: POOLS, families };
};
beforeEach(async () => {
  world = new World();
  house = await world.process({ gateways: [link()] });
  await house.lines(lineOf('ann'), lineOf('cid'));
  await house.start();
  await house.record(session('start', 'cid', world.now, [V4, V6], { nas: 'bng2' }));
  world.pass(5 * MINUTE);
});
afterEach(() => world.end());

const say = async (word: GatewayWord['word'], access: GatewayWord['access'], failure?: string) => {
  const words = [V4, V6].map((text) => ({
    prefix: prefix(text),
    access,
    word,
    ...(failure === undefined ? {} : { failure }),
  }));
  bng.say(...words);
  await house.flow.gardener.heard();
};
const proof = async () => {
  const cases = await house.store.openCasesOfLine('line-cid', 1);
  const wanted = cases[0]?.access ?? 'open';
  return house.flow.gardener.proof('line-cid', wanted, await house.bindings.openOf('cid'));
};
const phases = async () => (await proof()).elements.map((one) => one.phase).join(' ');
const gardenActions = () =>
  house.store.database.read
    .allSql<{ entry: string }>('SELECT entry FROM audit ORDER BY sequence')
    .map((row) => (JSON.parse(row.entry) as { action: string }).action)
    .filter((one) => one.startsWith('garden-'))
    .map((one) => one.slice('garden-'.length));
const reported = () => house.report({ ip: ip(V4), observedAt: world.now - 1000 });
const release = async () => {
  const [open] = await house.cases('cid');
  const actor = { kind: 'staff', name: 'agent' } as const;
  await house.flow.casebook.order(open!.id, () => [{ kind: 'staffRelease', actor, reason: 'cleaned' }]);
  await house.settle();
};

describe('a gateway that answers later', () => {
  it('is sent, acked and confirmed in steps of their own, each on record once', async () => {
    await reported();
    expect(bng.orders).toEqual([`strict ${V4}`, `strict ${V6}`]);
    expect([await phases(), (await proof()).confirmed]).toEqual(['sent sent', 'unknown']);
    await say('acked', 'strict');
    await say('acked', 'strict');
    expect([await phases(), (await proof()).confirmed]).toEqual(['acked acked', 'unknown']);
    await say('confirmed', 'strict');
    await say('confirmed', 'strict');
    expect([await phases(), (await proof()).confirmed]).toEqual(['confirmed confirmed', 'strict']);
    expect(gardenActions()).toEqual(['sent', 'sent', 'acked', 'acked', 'confirmed', 'confirmed']);
  });

  it('is told whose address it is: it may have changed hands by the time it acts', async () => {
    const owners: unknown[] = [];
    const apply = bng.apply.bind(bng);
    bng.apply = (change) => {
      owners.push(...change.put.map((one) => (one as { readonly accessKey?: string }).accessKey));
      return apply(change);
    };
    await reported();
    expect(owners).toEqual(['cid', 'cid']);
  });

  it('keeps its failure on record, and the next success ends it', async () => {
    await reported();
    await say('unanswered', 'strict', 'timeout');
    await say('unanswered', 'strict', 'timeout');
    expect((await house.store.enforcement('line-cid'))[0]).toMatchObject({ failure: 'timeout' });
    await say('acked', 'strict');
    expect((await house.store.enforcement('line-cid'))[0]?.failure).toBeUndefined();
    expect(gardenActions()).toEqual(['sent', 'sent', 'unanswered', 'unanswered', 'acked', 'acked']);
  });

  it('what was proven and is not any more is shown as unknown', async () => {
    await reported();
    await say('confirmed', 'strict');
    await say('unproven', 'strict');
    expect((await proof()).confirmed).toBe('unknown');
  });

  it('a line is not called free before its release is confirmed', async () => {
    await reported();
    await say('confirmed', 'strict');
    await release();
    expect(bng.orders.slice(2)).toEqual([`open ${V4}`, `open ${V6}`]);
    await say('acked', 'open');
    expect((await proof()).confirmed).toBe('unknown');
    await say('confirmed', 'open');
    expect(await proof()).toMatchObject({ wanted: 'open', confirmed: 'open', elements: [] });
  });

  it('words about an order that was withdrawn meanwhile are passed over', async () => {
    await reported();
    await release();
    await say('acked', 'strict');
    await say('confirmed', 'strict');
    expect((await proof()).confirmed).toBe('unknown');
    await say('confirmed', 'open');
    expect((await proof()).confirmed).toBe('open');
  });

  it('nobody waits for it: another gateway’s line is proven while it says nothing', async () => {
    await reported();
    await house.online('ann', '192.0.2.70');
    await house.report({ ip: ip('192.0.2.70') });
    expect(await house.element('192.0.2.70')).toBe('strict');
    expect(await phases()).toBe('sent sent');
  });

  it('is not asked the same again every half minute', async () => {
    await reported();
    for (let i = 0; i < 4; i++) {
      world.pass(30_000);
      await house.flow.reconciler.check();
    }
    expect(bng.orders).toEqual([`strict ${V4}`, `strict ${V6}`]);
    expect(gardenActions()).toEqual(['sent', 'sent']);
  });

  it('that is silent proves nothing at this moment', async () => {
    await reported();
    await say('confirmed', 'strict');
    bng.isSilent = true;
    await house.flow.reconciler.check();
    expect((await proof()).confirmed).toBe('unknown');
    bng.isSilent = false;
    await house.flow.reconciler.check();
    expect((await proof()).confirmed).toBe('strict');
  });

  it('holds a garden nobody asked for: the comparison takes it out', async () => {
    bng.say({ prefix: prefix('192.0.2.140'), access: 'strict', word: 'confirmed' });
    await house.flow.reconciler.full();
    expect(bng.orders).toEqual(['open 192.0.2.140']);
  });

  it('a family that it cannot restrict makes the line partial, and says why', async () => {
    await world.end();
    world = new World();
    house = await world.process({ gateways: [link({ ipv4: true, ipv6: false })] });
    await house.lines(lineOf('cid'));
    await house.start();
    await house.record(session('start', 'cid', world.now, [V4, V6], { nas: 'bng2' }));
    world.pass(5 * MINUTE);
    await reported();
    expect(bng.orders).toEqual([`strict ${V4}`]);
    expect(await proof()).toMatchObject({ partial: true, uncovered: [{ prefix: V6, reason: 'family' }] });
  });

  it('a gateway with nothing between open and strict makes a leaky line partial', async () => {
    await world.end();
    world = new World();
    house = await world.process({ gateways: [{ ...link(), lacksLeaky: true }] });
    world.policy = policyOf({ rules: [rule({}, { do: 'leaky' })] });
    await house.lines(lineOf('cid'));
    await house.start();
    await house.record(session('start', 'cid', world.now, [V4], { nas: 'bng2' }));
    world.pass(5 * MINUTE);
    await reported();
    expect(bng.orders).toEqual([`leaky ${V4}`]);
    expect(await proof()).toMatchObject({ partial: true, uncovered: [{ prefix: V4, reason: 'no-leaky' }] });
  });

  it('N07: a session that moves to another BNG in mid-change is told there, and asked out where it was', async () => {
    await world.end();
    world = new World();
    const first = link();
    const old = bng;
    const second = { ...link(), name: 'bng3', enforcer: new LaterEnforcer('bng3'), nasIdentities: ['bng3'] };
    house = await world.process({ gateways: [first, second] });
    await house.lines(lineOf('cid'));
    await house.start();
    await house.record(session('start', 'cid', world.now, [V4, V6], { nas: 'bng2' }));
    world.pass(5 * MINUTE);
    await reported();
    expect(old.orders).toEqual([`strict ${V4}`, `strict ${V6}`]);
    await house.record(session('interim', 'cid', world.now, [V4, V6], { nas: 'bng2' }));
    world.pass(MINUTE);
    await house.record(session('start', 'cid', world.now, [V4, V6], { nas: 'bng3', sessionId: 's-next' }));
    await house.settle();
    expect(old.orders.slice(2).sort()).toEqual([`open ${V4}`, `open ${V6}`].sort());
    expect(second.enforcer.orders.sort()).toEqual([`strict ${V4}`, `strict ${V6}`].sort());
    // Whatever it logs in to next, AAA says the same.
    expect(house.flow.gardener.logins.of('cid')).toBe('strict');
  });

  it('a static prefix finds it by the pool it lies in', async () => {
    await house.lines(lineOf('dee', { staticPrefixes: [prefix('192.0.2.150')] }));
    world.pass(HOUR);
    await house.report({ ip: ip('192.0.2.150'), observedAt: world.now - 1000 });
    expect(bng.orders).toContain('strict 192.0.2.150');
  });
});

describe('what a login gets', () => {
  it('is the garden that is wanted, from memory, and nothing on hold', async () => {
    const { logins } = house.flow.gardener;
    const heard: string[] = [];
    logins.onChange((key, access) => heard.push(`${key} ${access ?? 'free'}`));
    expect([logins.isReady, logins.of('cid')]).toEqual([true, undefined]);
    await reported();
    expect([logins.of('cid'), logins.of('ann')]).toEqual(['strict', undefined]);
    await house.flow.hold.set({ by: 'eve', at: world.now, reason: 'test' });
    expect(logins.of('cid')).toBeUndefined();
    await house.flow.hold.lift();
    await release();
    expect([logins.of('cid'), heard]).toEqual([undefined, ['cid strict', 'cid free']]);
  });

  it('is not known before the wanted state was read', async () => {
    await reported();
    await house.end();
    const next = await world.process({ gateways: [link()] });
    expect(next.flow.gardener.logins.isReady).toBe(false);
    await next.start();
    expect([next.flow.gardener.logins.isReady, next.flow.gardener.logins.of('cid')]).toEqual([true, 'strict']);
  });
});
