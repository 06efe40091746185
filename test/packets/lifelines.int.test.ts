// Through a real kernel, with NAT on the BNG's uplink: an emergency call that is under way when the line enters, changes and
// leaves the garden, and DNS when the front dies. Nothing of ours runs but the ruleset.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseIp } from '../../src/core/net/ip.ts';
import { lifelineCommands } from '../../src/protocols/nftables/elements.ts';
import { Agent, type Stage, setStage } from './tools/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage({ masquerade: true });
});
afterAll(() => stage?.end());
afterEach(async () => {
  await stage.free(stage.network.homes[0]!);
  await stage.dnsAlive(false);
  await stage.internet.heard();
  await stage.bng.heard();
});

const FAMILIES = ['ip4', 'ip6'] as const;
const at = () => stage.network.addresses;
const home = () => stage.network.homes[0]!;
const phone = () => stage.homes[0]!;

describe.each(FAMILIES)('over %s', (family) => {
  test('a call and its signalling go on before, during and after every change of access', async () => {
    const peer = at().emergency[family];
    const talk = () => phone().tell({ do: 'udp-ask', id: `rtp-${family}`, host: peer, port: 10_000, text: 'voice' });
    const signal = () => phone().tell({ do: 'tcp-say', id: `sip-${family}`, text: 'keep-alive' });
    expect(await phone().tell({ do: 'tcp-open', id: `sip-${family}`, host: peer, port: 5060 })).toBe('open');
    expect(await talk()).toBe('echo');
    const [first] = await calls();
    const changes = [
      () => stage.put(home(), 'leaky'),
      () =>
        stage.put(home(), 'strict', {
          abusedPorts: [
            { protocol: 'tcp', port: 5060 },
            { protocol: 'udp', port: 10_000 },
          ],
        }),
      () => stage.dnsAlive(true),
      () => stage.put(home(), 'leaky'),
      () => stage.free(home()),
    ];
    for (const change of changes) {
      await change();
      expect(await talk()).toBe('echo');
      expect(await signal()).toBe('echo');
    }
    // The very same flow all the way: nothing was translated anew.
    expect(new Set(await calls())).toEqual(new Set([first]));
    for (const id of ['rtp', 'sip']) await phone().tell({ do: 'close', id: `${id}-${family}` });

    async function calls() {
      const heard = (await stage.internet.heard()).filter((line) => line.startsWith('udp') && line.includes('voice'));
      return heard.map((line) => / from (\S+)/.exec(line)![1]);
    }
  });

  test('a new call from inside strict reaches the emergency peer, other ports of that host stay closed', async () => {
    await stage.put(home(), 'strict');
    expect(await phone().udp(at().emergency[family], 5060)).toBe('echo');
    expect(await phone().tcp(at().emergency[family], 5060)).toBe('open');
    expect(await phone().tcp(at().emergency[family], 9000)).toBe('ECONNREFUSED');
  });

  test('an ICMP error of an allowed flow reaches the home', async () => {
    await stage.put(home(), 'strict');
    // Nobody listens on 5061 there: the peer's own «port unreachable» arrives, not our «prohibited».
    expect(await phone().udp(at().emergency[family], 5061)).toBe('ECONNREFUSED');
  });

  test('a big message to a lifeline arrives although it travels in fragments', async () => {
    await stage.put(home(), 'strict');
    expect(await phone().udp(at().emergency[family], 5060, 'INVITE '.repeat(500))).toBe('echo');
  });

  test('an address learned for a lifeline has all its ports at once', async () => {
    await stage.put(home(), 'strict');
    expect(await phone().tcp(at().otherSite[family], 5060)).toBe('ECONNREFUSED');
    const ip = parseIp(at().otherSite[family])!;
    await stage.send(lifelineCommands(stage.network.spec, [{ lifeline: 'emergency calls', ip, timeoutSeconds: 60 }]));
    expect(await phone().tcp(at().otherSite[family], 5060)).toBe('open');
    await stage.nft('flush', 'set', 'inet', 'engawa', `life${family.at(-1)}_emergency_calls`);
  });

  test('DNS passes unsteered once the front is no longer proven alive, for a fixed source port opened before the garden', async () => {
    const resolver = at().resolver[family];
    const ask = () =>
      phone().tell({ do: 'udp-ask', id: `dns-${family}`, host: resolver, port: 53, text: 'query', localPort: 40_053 });
    const answeredBy = async () => {
      const [outside, inside] = [await stage.internet.heard(), await stage.bng.heard()];
      return outside.length > 0 ? 'resolver' : inside.length > 0 ? 'front' : 'nobody';
    };
    expect([await ask(), await answeredBy()]).toEqual(['echo', 'resolver']);
    await stage.dnsAlive(true, 2);
    await stage.put(home(), 'strict');
    expect([await ask(), await answeredBy()]).toEqual(['echo', 'front']);
    // Nobody renews the element any more: that is what a dead front looks like to the kernel.
    await expect.poll(async () => [await ask(), await answeredBy()], { timeout: 5000 }).toEqual(['echo', 'resolver']);
    await stage.dnsAlive(true);
    expect([await ask(), await answeredBy()]).toEqual(['echo', 'front']);
    await stage.free(home());
    expect([await ask(), await answeredBy()]).toEqual(['echo', 'resolver']);
    await phone().tell({ do: 'close', id: `dns-${family}` });
  });

  test('TCP DNS follows the same rule', async () => {
    await stage.dnsAlive(true);
    await stage.put(home(), 'strict');
    expect(await phone().tcp(at().resolver[family], 53)).toBe('open');
    expect((await stage.bng.heard()).length).toBe(1);
    await stage.dnsAlive(false);
    expect(await phone().tcp(at().resolver[family], 53)).toBe('open');
    expect((await stage.internet.heard()).length).toBe(1);
  });
});

test('the lifeline may call a strict home, on its own ports or to the same ports of the home', async () => {
  const router = new Agent(stage.network, home().router);
  const target = home().lan.ip6;
  for (const port of [5060, 9003]) await router.tell({ do: 'tcp-listen', host: '::', port });
  await stage.put(home(), 'strict');
  const from = (port: number, localPort?: number) =>
    stage.internet.tell({
      do: 'tcp-open',
      host: target,
      port,
      localAddress: at().emergency.ip6,
      timeoutMs: 400,
      ...(localPort === undefined ? {} : { localPort }),
    });
  expect(await from(5060)).toBe('open');
  expect(await from(9003, 10_500)).toBe('open');
  expect(await from(9003)).toBe('timeout');
});
