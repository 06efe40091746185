// Through a real kernel: abused ports of a leaky line, the deny counter, the budgets of a strict line, and who may spoof whom.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseIp } from '../../src/core/net/ip.ts';
import { allowCommands } from '../../src/protocols/nftables/elements.ts';
import { Agent, type Stage, setStage } from './tools/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage?.end());
afterEach(async () => {
  for (const home of stage.network.homes) await stage.free(home);
  await stage.internet.heard();
  await stage.bng.heard();
});

const FAMILIES = ['ip4', 'ip6'] as const;
const at = () => stage.network.addresses;
const home = () => stage.network.homes[0]!;
const bot = () => stage.homes[0]!;

/** Packets the line's element of this port has counted. */
async function denied(family: 'ip4' | 'ip6', port: number): Promise<number | undefined> {
  const { stdout } = await stage.nft('list', 'set', 'inet', 'engawa', family === 'ip4' ? 'abuse4' : 'abuse6_56');
  const found = new RegExp(`tcp \\. ${port} counter packets (\\d+)`).exec(stdout);
  return found === null ? undefined : Number(found[1]);
}

describe.each(FAMILIES)('over %s', (family) => {
  test('a leaky line is refused and counted on abused ports, and free otherwise', async () => {
    await stage.put(home(), 'leaky');
    expect(await denied(family, 23)).toBe(0);
    expect(await bot().tcp(at().honeypot[family], 23)).toBe('ECONNREFUSED');
    expect(await denied(family, 23)).toBe(1);
    // What an earlier case sent may be told of now.
    expect((await stage.internet.heard()).filter((one) => /:23 /.test(one))).toEqual([]);
    for (const port of [22, 80, 443, 853, 9000]) expect(await bot().tcp(at().site[family], port)).toBe('open');
    expect(await bot().udp(at().site[family], 443)).toBe('echo');
  });

  test('an old flow to an abused port dies when the line becomes leaky', async () => {
    expect(await bot().tell({ do: 'tcp-open', id: `t${family}`, host: at().honeypot[family], port: 23 })).toBe('open');
    await stage.put(home(), 'leaky');
    expect(await bot().tell({ do: 'tcp-say', id: `t${family}`, text: 'root' })).toBe('ECONNRESET');
  });

  test('a strict line is counted on abused ports too, and renewing the element keeps the count', async () => {
    await stage.put(home(), 'strict');
    await bot().tcp(at().honeypot[family], 23);
    await stage.put(home(), 'strict', { timeoutSeconds: 900 });
    expect(await denied(family, 23)).toBe(1);
  });

  test('incoming abused ports are dropped in leaky, without raising the deny counter', async () => {
    const router = new Agent(stage.network, home().router);
    await router.tell({ do: 'tcp-listen', host: '::', port: 23 });
    await router.tell({ do: 'tcp-listen', host: '::', port: 9000 });
    const target = family === 'ip4' ? home().ip4 : home().lan.ip6;
    const knock = (port: number) => stage.internet.tell({ do: 'tcp-open', host: target, port, timeoutMs: 400 });
    expect(await knock(23)).toBe('open');
    await stage.put(home(), 'leaky');
    expect(await knock(23)).toBe('timeout');
    expect(await knock(9000)).toBe('open');
    expect(await denied(family, 23)).toBe(0);
    await stage.put(home(), 'strict');
    expect(await knock(9000)).toBe('timeout');
  });

  test('a reply to somebody whose own port is an abused one is neither refused nor counted', async () => {
    const router = new Agent(stage.network, home().router);
    await router.tell({ do: 'tcp-listen', host: '::', port: 9001 });
    await stage.put(home(), 'leaky');
    const target = family === 'ip4' ? home().ip4 : home().lan.ip6;
    const knock = { do: 'tcp-open', host: target, port: 9001, localPort: 2323 } as const;
    expect(await stage.internet.tell({ ...knock, localAddress: at().site[family] })).toBe('open');
    expect(await denied(family, 2323)).toBe(0);
  });

  test('a pack host cannot open connections into the home', async () => {
    const router = new Agent(stage.network, home().router);
    await router.tell({ do: 'tcp-listen', host: '::', port: 9002 });
    const target = family === 'ip4' ? home().ip4 : home().lan.ip6;
    const knock = { do: 'tcp-open', host: target, port: 9002, localAddress: at().packSite[family] } as const;
    expect(await stage.internet.tell(knock)).toBe('open');
    await stage.put(home(), 'strict');
    expect(await stage.internet.tell({ ...knock, timeoutMs: 400 })).toBe('timeout');
  });

  test('an address learned for a pack opens the ports of that pack, until it times out', async () => {
    await stage.put(home(), 'strict');
    await stage.send(
      allowCommands(stage.network.spec, [{ pack: 'support', ip: parseIp(at().otherSite[family])!, timeoutSeconds: 1 }]),
    );
    await stage.internet.heard();
    expect(await bot().tcp(at().otherSite[family], 443)).toBe('open');
    expect((await stage.internet.heard()).length).toBe(1);
    expect(await bot().tcp(at().otherSite[family], 9000)).toBe('ECONNREFUSED');
    await expect
      .poll(
        async () => (await bot().tcp(at().otherSite[family], 443)) === 'open' && (await stage.internet.heard()).length,
        {
          timeout: 4000,
        },
      )
      .toBe(0);
  });

  test.each([23, 80, 443])('a bot at 250 SYN/s to port %d does not lock its household out', async (port) => {
    await stage.put(home(), 'strict');
    const dark = family === 'ip4' ? ['203.0.113.97', '203.0.113.98'] : ['2001:db8:dead::1', '2001:db8:dead::2'];
    const flood = bot().tell({ do: 'flood', hosts: dark, port, perSecond: 250, forMs: 1500 });
    // Past the burst: the flooded port no longer gets an answer each time.
    const probe = { do: 'tcp-open', host: dark[0]!, port, timeoutMs: 150 } as const;
    await expect.poll(() => bot().tell(probe), { timeout: 1100, interval: 10 }).toBe('timeout');
    const answers: unknown[] = [];
    for (let i = 0; i < 8; i++) {
      answers.push(await bot().tcp(at().portal[family], i % 2 === 0 ? 80 : 443));
      answers.push(await bot().tcp(at().packSite[family], 443));
    }
    expect(new Set(answers)).toEqual(new Set(['open']));
    expect(await flood).toBeGreaterThan(250);
    expect(await stage.internet.heard()).not.toContainEqual(expect.stringContaining(dark[0]!));
  });

  test('E17: the address of a neighbour is refused by source validation', async () => {
    const own = family === 'ip4' ? `${home().ip4}/32` : `${home().lan.ip6}/128`;
    const stolen = own.replace(/\/.*/, '');
    const thief = stage.network.homes[1]!.router;
    const agent = new Agent(stage.network, thief);
    await stage.put(home(), 'strict');
    const add = ['ip', 'addr', 'add', own, 'dev', 'wan', ...(family === 'ip6' ? ['nodad'] : [])];
    expect((await stage.network.exec(thief, add)).code).toBe(0);
    // Without its NAT, which would put the router's own address on everything.
    await stage.network.exec(thief, ['nft', 'flush chain ip nat outgoing']);
    const ask = { do: 'udp-ask', host: at().site[family], port: 9000, timeoutMs: 400 } as const;
    expect(await agent.tell({ ...ask, text: 'own' })).toBe('echo');
    expect(await agent.tell({ ...ask, text: 'stolen', localAddress: stolen })).toBe('timeout');
    expect((await stage.internet.heard()).filter((line) => line.includes('stolen'))).toEqual([]);
    await stage.network.exec(thief, ['ip', 'addr', 'del', own, 'dev', 'wan']);
    await stage.network.exec(thief, ['nft', 'add rule ip nat outgoing oifname wan masquerade']);
  });
});

describe('the DNS budget', () => {
  const ASKED = 400;
  const front = async () => (await stage.bng.heard()).filter((line) => line.includes('burst')).length;
  beforeAll(() => stage.dnsAlive(true, 600));
  afterAll(() => stage.dnsAlive(false));

  test('holds per line: a flood of one line takes nothing from its neighbour', async () => {
    for (const home of stage.network.homes) await stage.put(home, 'strict');
    await bot().tell({ do: 'udp-burst', host: at().resolver.ip4, port: 53, count: ASKED });
    expect(await stage.homes[1]!.udp(at().resolver.ip4, 53)).toBe('echo');
    const arrived = await front();
    expect(arrived).toBeGreaterThanOrEqual(100);
    expect(arrived).toBeLessThan(ASKED / 2);
  });

  test('holds per delegated prefix: more addresses are not more budget', async () => {
    const second = `${home().host.ip6.slice(0, -2)}11`;
    await stage.network.exec(home().hostNamespace, ['ip', 'addr', 'add', `${second}/64`, 'dev', 'eth0', 'nodad']);
    await stage.put(home(), 'strict');
    for (const localAddress of [home().host.ip6, second]) {
      await bot().tell({ do: 'udp-burst', host: at().resolver.ip6, port: 53, count: ASKED / 2, localAddress });
    }
    await stage.homes[1]!.udp(at().resolver.ip6, 53);
    const arrived = await front();
    expect(arrived).toBeGreaterThanOrEqual(100);
    expect(arrived).toBeLessThan(ASKED / 2);
  });
});

test.each([1, 41, 47, 50])('protocol %d does not leave the garden', async (protocol) => {
  // The home's router turns datagrams for port 6000 into packets of that protocol (port 2048 reads as an ICMP echo request);
  // the outside counts them.
  const { network } = stage;
  const tunnel = `table ip tunnel { chain out { type filter hook postrouting priority 400; udp dport 6000 ip protocol set ${protocol}; }; }`;
  const counter = `table ip seen { chain in { type filter hook prerouting priority -400; ip protocol ${protocol} counter; }; }`;
  expect((await network.exec(home().router, ['nft', tunnel])).stderr).toBe('');
  expect((await network.exec(network.internet, ['nft', counter])).stderr).toBe('');
  const seen = async () => {
    const { stdout } = await network.exec(network.internet, ['nft', 'list', 'table', 'ip', 'seen']);
    return Number(/packets (\d+)/.exec(stdout)![1]);
  };
  const send = () =>
    bot().tell({ do: 'udp-ask', host: at().site.ip4, port: 6000, localPort: 2048, text: 'tunnel', timeoutMs: 150 });
  await send();
  expect(await seen()).toBe(1);
  await stage.put(home(), 'strict');
  await send();
  expect(await seen()).toBe(1);
  await network.exec(home().router, ['nft', 'delete table ip tunnel']);
  await network.exec(network.internet, ['nft', 'delete table ip seen']);
});
