// Two lines on one IPv4 address, told apart by ports, through the whole chain: report, garden, portal, release, end of the session.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatKey, parseKey } from '../../src/core/garden/key.ts';
import { MINUTE } from '../../src/core/kernel/time.ts';
import type { MapERule } from '../../src/core/line/sharing/map-e.ts';
import { rangesOf } from '../../src/core/net/port-set.ts';
import { ip, prefix } from '../core/line/records.ts';
import { lineOf, type Process, session, World } from './world.ts';

const SHARED = '192.0.2.120';
const ANN = { psid: 5, ports: [1044, 64_535] };
const BOB = { psid: 6, ports: [1048] };
let world: World;
let house: Process;

beforeEach(async () => {
  world = new World();
});
afterEach(() => world.end());

const blocksOf = (psid: number) =>
  rangesOf({ offset: 6, psidLength: 8, psid }).map((ports) => ({ prefix: prefix(SHARED), ports, isReleased: false }));

async function online(key: string, psid: number, process = house): Promise<void> {
  for (const [status, eventAt] of [
    ['start', world.now - 5 * MINUTE],
    ['interim', world.now],
  ] as const)
    await process.record(session(status, key, eventAt, [], { blocks: blocksOf(psid) }));
  await process.settle();
}

const report = (port: number) => house.report({ ip: ip(SHARED), port });
const garden = async (process = house) => {
  const found = await process.enforcer.readBack();
  return found.ok ? found.value.map((one) => `${formatKey(one.prefix)} ${one.access}`) : found.error;
};
const share = ({ psid }: { readonly psid: number }) => `${SHARED} psid 6/8/${psid}`;

describe('a line whose accounting names its ports', () => {
  beforeEach(async () => {
    house = await world.process();
    await house.lines(lineOf('ann'), lineOf('bob'));
    await house.start();
    await online('ann', ANN.psid);
    await online('bob', BOB.psid);
  });

  it('is quarantined alone, whichever of its 63 ranges the report names', async () => {
    await report(ANN.ports[1]!);
    expect(await garden()).toEqual([`${share(ANN)} strict`]);
    expect((await house.cases('ann')).map((one) => one.state)).toEqual(['quarantined']);
    expect(await house.cases('bob')).toEqual([]);
    const proof = house.flow.gardener.proof('line-ann', 'strict', await house.bindings.openOf('ann'));
    expect(proof).toMatchObject({ confirmed: 'strict', partial: false, elements: [{ prefix: share(ANN) }] });
    expect(house.flow.gardener.proof('line-bob', 'open', await house.bindings.openOf('bob'))).toMatchObject({
      confirmed: 'open',
    });
  });

  it('is nobody in particular where the report has no port', async () => {
    await house.report({ ip: ip(SHARED) });
    expect(await garden()).toEqual([]);
  });

  it('sees its own case at the portal, and its neighbour does not', async () => {
    await report(ANN.ports[0]!);
    const desk = house.flow.portalDesk;
    for (const port of ANN.ports)
      expect((await desk.of(SHARED, port))?.checkCode).toBe((await house.cases('ann'))[0]!.checkCode);
    expect([await desk.of(SHARED, BOB.ports[0]), await desk.standing(SHARED, BOB.ports[0])]).toEqual([
      undefined,
      'free',
    ]);
    for (const port of [undefined, 20, 1052])
      expect([await desk.of(SHARED, port), await desk.standing(SHARED, port)], `${port}`).toEqual([
        undefined,
        'unknown',
      ]);
  });

  it('leaves the garden with its session, and comes back into it with the next one', async () => {
    await report(ANN.ports[0]!);
    await house.record(session('stop', 'ann', world.now, [], { blocks: blocksOf(ANN.psid) }));
    await house.settle();
    expect(await garden()).toEqual([]);
    expect(house.enforcer.forgotten).toEqual([share(ANN)]);
    world.pass(MINUTE);
    await house.record(session('start', 'ann', world.now, [], { sessionId: 's2', blocks: blocksOf(9) }));
    await house.settle();
    expect(await garden()).toEqual([`${SHARED} psid 6/8/9 strict`]);
  });

  it('is found again by the next process, and renewed', async () => {
    await report(ANN.ports[0]!);
    await house.crash();
    house = await world.process();
    await house.start();
    await house.settle();
    expect(await garden()).toEqual([`${share(ANN)} strict`]);
    expect(house.flow.gardener.proof('line-ann', 'strict', await house.bindings.openOf('ann')).confirmed).toBe(
      'strict',
    );
    world.pass(15 * MINUTE);
    await online('ann', ANN.psid);
    await house.flow.reconciler.check();
    world.pass(10 * MINUTE);
    expect(await garden()).toEqual([`${share(ANN)} strict`]);
  });

  it('a stray share that nobody wants puts its own line in doubt, not the neighbour, until it is taken away', async () => {
    await house.enforcer.apply({
      put: [{ prefix: parseKey(share(BOB))!, access: 'strict', abusedPorts: [], timeoutSeconds: 600 }],
      remove: [],
    });
    const free = async (key: string) =>
      house.flow.gardener.proof(`line-${key}`, 'open', await house.bindings.openOf(key)).confirmed;
    await house.flow.hold.set({ by: 'op-1', at: world.now, reason: 'a look' });
    await house.flow.reconciler.full();
    expect([await free('ann'), await free('bob')]).toEqual(['open', 'unknown']);
    await house.flow.hold.lift();
    await house.flow.reconciler.full();
    expect(await garden()).toEqual([]);
    expect([await free('ann'), await free('bob')]).toEqual(['open', 'open']);
  });
});

describe('a line whose ports follow from its prefix by rule', () => {
  const RULE: MapERule = {
    kind: 'map-e',
    id: 'rule-1',
    realm: 'main',
    insideRealm: 'main',
    ipv6Prefix: prefix('2001:db8:110::/48'),
    ipv4Prefix: prefix(`${SHARED}/32`),
    eaLength: 8,
    psidOffset: 6,
    layout: 'rfc7597',
  };
  const P = { ann: '2001:db8:110:500::/56', bob: '2001:db8:110:600::/56' };

  beforeEach(async () => {
    house = await world.process({ sharing: { version: 'v1', rules: [RULE] } });
    await house.lines(lineOf('ann'), lineOf('bob'));
    await house.start();
    await house.online('ann', P.ann);
    await house.online('bob', P.bob);
  });

  it('is quarantined alone on both families, and knows its own page by either', async () => {
    await report(ANN.ports[1]!);
    expect(await garden()).toEqual(expect.arrayContaining([`${share(ANN)} strict`, `${P.ann} strict`]));
    const proof = house.flow.gardener.proof('line-ann', 'strict', await house.flow.bindings.openOf('ann'));
    expect(proof).toMatchObject({ confirmed: 'strict', partial: false });
    const code = (await house.cases('ann'))[0]!.checkCode;
    const desk = house.flow.portalDesk;
    expect((await desk.of(SHARED, ANN.ports[0]))?.checkCode).toBe(code);
    expect((await desk.of('2001:db8:110:5ff::1', 40_000))?.checkCode).toBe(code);
    expect([await desk.of(SHARED, BOB.ports[0]), await desk.standing(SHARED, BOB.ports[0])]).toEqual([
      undefined,
      'free',
    ]);
    expect([await desk.standing(SHARED), await desk.standing(SHARED, 1052)]).toEqual(['unknown', 'unknown']);
  });

  it('loses both elements with its prefix, and a later holder of the prefix gets none', async () => {
    await report(ANN.ports[0]!);
    const sessionId = `s-ann-${world.now}`;
    world.pass(MINUTE);
    await house.record(session('stop', 'ann', world.now, [P.ann], { sessionId }));
    await house.settle();
    expect(await garden()).toEqual([]);
    expect(house.enforcer.forgotten.toSorted()).toEqual([share(ANN), P.ann]);
    world.pass(MINUTE);
    await house.dial('bob', P.ann);
    await house.settle();
    expect(await garden()).toEqual([]);
    expect(await house.flow.portalDesk.standing(SHARED, ANN.ports[0])).toBe('free');
  });

  it('has another share at once when a person puts the rule right', async () => {
    await report(ANN.ports[0]!);
    const rules = { version: 'v2', rules: [{ ...RULE, id: 'rule-2', ipv4Prefix: prefix('192.0.2.122/32') }] };
    await house.flow.facts.giveSharing(rules, { text: '', name: 'rules.yaml', by: 'op-1' });
    await house.settle();
    const found = await garden();
    expect(found).not.toContain(`${share(ANN)} strict`);
  });

  it('whose NAS sees the softwire alone stays reachable: leaky there, and partial', async () => {
    const before = house.flow.gateways[0]!;
    Object.assign(before, { passesSoftwires: false, sharedPools: [] });
    await report(ANN.ports[0]!);
    expect(await garden()).toEqual([`${P.ann} leaky`]);
    const proof = house.flow.gardener.proof('line-ann', 'strict', await house.flow.bindings.openOf('ann'));
    expect(proof).toMatchObject({ wanted: 'strict', confirmed: 'leaky', partial: true });
    expect(proof.uncovered.map((one) => `${one.prefix} ${one.reason}`).sort()).toEqual([
      `${SHARED} shared-address`,
      `${P.ann} outer-packet`,
    ]);
  });
});
