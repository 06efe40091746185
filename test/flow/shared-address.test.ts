// Two lines on one IPv4 address, told apart by ports, through the whole chain: report, garden, portal, release, end of the session.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatKey, parseKey } from '../../src/core/garden/key.ts';
import { MINUTE } from '../../src/core/kernel/time.ts';
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
  house = await world.process();
  await house.lines(lineOf('ann'), lineOf('bob'));
  await house.start();
  await online('ann', ANN.psid);
  await online('bob', BOB.psid);
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

describe('a line that shares its address', () => {
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
