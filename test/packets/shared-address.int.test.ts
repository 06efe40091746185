// Two MAP-E lines on one IPv4 address, in a real kernel: one in the garden, the other browses on. Ports alone tell them apart.
// Stand-ins echo; no application code runs.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { GardenKey } from '../../src/core/garden/key.ts';
import { rangesOf } from '../../src/core/net/port-set.ts';
import { parsePrefix } from '../../src/core/net/prefix.ts';
import { LAB_ADDRESSES, LAB_MAP_RULE, LAB_SOFTWIRES } from '../../src/lab/network-plan.ts';
import { putCommands, removeCommands } from '../../src/protocols/nftables/elements.ts';
import { type Agent, type Stage, setStage } from './tools/stage.ts';

const { address, psidOffset: offset, psidLength } = LAB_MAP_RULE;
const prefix = (text: string) => parsePrefix(text)!;
/** A dual-stack listener writes IPv4 peers as mapped ones. */
const FROM = /from (?:::ffff:)?([\d.]+)(?::| port )(\d+)/;
const ABUSED = [
  { protocol: 'tcp', port: 23 },
  { protocol: 'udp', port: 5555 },
] as const;

let stage: Stage;
beforeAll(async () => {
  stage = await setStage({
    homes: 0,
    sharedHomes: ['map-e', 'map-e'],
    spec: {
      sharedPools: [{ prefix: prefix(address), offset, psidLength }],
      // The other site plays a border that stands beyond this gateway.
      softwireBorders: [prefix(LAB_SOFTWIRES.br), prefix(LAB_ADDRESSES.otherSite.ip6)],
    },
  });
});
afterAll(() => stage?.end());
afterEach(async () => {
  await stage.send(removeCommands(stage.network.spec, [{ prefix: share(0), abusedPorts: ABUSED }]));
  await stage.dnsAlive(false);
  await stage.internet.heard();
  await stage.bng.heard();
});

const at = () => stage.network.addresses;
const bot = () => stage.homes[0]!;
const neighbour = () => stage.homes[1]!;
const setOf = (home: number) => ({ offset, psidLength, psid: stage.network.homes[home]!.number });
const share = (home: number): GardenKey => ({ ...prefix(address), portSet: setOf(home) });
const put = (access: 'strict' | 'leaky', timeoutSeconds = 600) =>
  stage.send(putCommands(stage.network.spec, [{ prefix: share(0), access, abusedPorts: ABUSED, timeoutSeconds }]));
const free = () => stage.send(removeCommands(stage.network.spec, [{ prefix: share(0), abusedPorts: ABUSED }]));

/** The neighbour opens new connections and gets answers, as if nobody were in any garden. */
async function browsesOn(agent: Agent): Promise<void> {
  for (const port of [23, 80, 443, 9000]) expect(await agent.tcp(at().site.ip4, port)).toBe('open');
  expect(await agent.udp(at().site.ip4, 443)).toBe('echo');
  expect(await agent.udp(at().foreignResolver.ip4, 53)).toBe('echo');
  const heard = await heardBy(stage.internet, 6);
  const ranges = rangesOf(setOf(1));
  for (const line of heard) {
    const [, from, port] = FROM.exec(line)!;
    expect(from).toBe(address);
    expect(ranges.some(({ low, high }) => low <= Number(port) && Number(port) <= high)).toBe(true);
  }
  expect(await stage.bng.heard()).toEqual([]);
}

describe('a strict line of a shared address', () => {
  test('is alone in the garden: its neighbour browses on', async () => {
    await browsesOn(neighbour());
    await put('strict');
    expect(await bot().tcp(at().site.ip4, 9000)).toBe('ECONNREFUSED');
    expect(await bot().udp(at().site.ip4, 9000)).toMatch(/ECONNREFUSED|EHOSTUNREACH|EACCES/);
    expect(await bot().tcp(at().honeypot.ip4, 23)).toBe('ECONNREFUSED');
    expect(await stage.internet.heard()).toEqual([]);
    await browsesOn(neighbour());
    await free();
    await browsesOn(neighbour());
    expect(await bot().tcp(at().site.ip4, 9000)).toBe('open');
  });

  test('keeps lifelines, packs and the time of the operator', async () => {
    await put('strict');
    expect(await bot().tcp(at().emergency.ip4, 5060)).toBe('open');
    expect(await bot().udp(at().emergency.ip4, 10_000)).toBe('echo');
    expect(await bot().tcp(at().packSite.ip4, 443)).toBe('open');
    expect(await bot().udp(at().ntp.ip4, 123)).toBe('echo');
    expect(await bot().tcp(at().foreignResolver.ip4, 853)).toBe('ECONNREFUSED');
    expect(await bot().tcp(at().gateway.ip4, 22)).toBe('ECONNREFUSED');
    expect(await neighbour().tcp(at().gateway.ip4, 22)).toBe('open');
  });

  test('is steered to redirector, refuser and front, which see a port of its own', async () => {
    await stage.dnsAlive(true);
    await put('strict');
    expect(await bot().tcp(at().site.ip4, 80)).toBe('open');
    expect(await bot().tcp(at().site.ip4, 443)).toBe('open');
    expect(await bot().udp(at().foreignResolver.ip4, 53)).toBe('echo');
    expect(await bot().tcp(at().portal.ip4, 443)).toBe('open');
    expect((await heardBy(stage.bng, 4)).map(ownerOf)).toEqual([0, 0, 0, 0]);
    expect(await stage.internet.heard()).toEqual([]);
    expect(await neighbour().udp(at().foreignResolver.ip4, 53)).toBe('echo');
    expect(await neighbour().tcp(at().portal.ip4, 443)).toBe('open');
    expect((await heardBy(stage.bng, 1)).map(ownerOf)).toEqual([1]);
  });

  test('loses its old flows, its neighbour keeps its own', async () => {
    const open = (agent: Agent, id: string) => agent.tell({ do: 'tcp-open', id, host: at().site.ip4, port: 9000 });
    const say = (agent: Agent, id: string) => agent.tell({ do: 'tcp-say', id, text: 'still there?' });
    for (const agent of [bot(), neighbour()]) {
      expect(await open(agent, 'old')).toBe('open');
      expect(await say(agent, 'old')).toBe('echo');
    }
    const toBot = await flowOf(bot(), 'bot');
    const toNeighbour = await flowOf(neighbour(), 'neighbour');
    await put('strict');
    expect(await say(bot(), 'old')).toBe('ECONNRESET');
    expect(await say(neighbour(), 'old')).toBe('echo');
    await push(toBot);
    await push(toNeighbour);
    await expect.poll(() => udpReceived(1)).toBe(toNeighbour.received + 1);
    expect(await udpReceived(0)).toBe(toBot.received);
    await neighbour().tell({ do: 'close', id: 'old' });
  });

  test('is free when its element is gone by itself', async () => {
    await put('strict', 1);
    await expect.poll(() => bot().tcp(at().site.ip4, 9000), { timeout: 5000 }).toBe('open');
  });
});

describe('a leaky line of a shared address', () => {
  test('is refused and counted on the abused ports alone; nobody else is counted', async () => {
    await put('leaky');
    expect(await bot().tcp(at().site.ip4, 9000)).toBe('open');
    expect(await bot().tcp(at().site.ip4, 80)).toBe('open');
    await stage.internet.heard();
    expect(await bot().tcp(at().honeypot.ip4, 23)).toBe('ECONNREFUSED');
    expect(await bot().udp(at().site.ip4, 5555)).toMatch(/ECONNREFUSED|EHOSTUNREACH|EACCES/);
    expect((await stage.internet.heard()).filter((line) => /:(23|5555) from/.test(line))).toEqual([]);
    const before = await counted();
    expect(before.get('tcp 23')).toBeGreaterThan(0);
    expect(before.get('udp 5555')).toBeGreaterThan(0);
    expect(await neighbour().tcp(at().honeypot.ip4, 23)).toBe('open');
    expect(await counted()).toEqual(before);
    await put('leaky');
    expect(await counted()).toEqual(before);
  });
});

test('two flows that steering would make one are never taken for a neighbour', async () => {
  await put('strict');
  const { network } = stage;
  // One port of the home for two peers at once, outside too: home routers with few ports do so all the time.
  const [range] = rangesOf(setOf(0));
  const rule = `insert rule ip nat outgoing oifname softwire tcp sport 40000 snat ip to ${address}:${range!.low}`;
  await network.exec(network.homes[0]!.router, ['nft', ...rule.split(' ')]);
  const open = (id: string, host: string, localPort?: number) =>
    bot().tell({ do: 'tcp-open', id, host, port: 80, ...(localPort === undefined ? {} : { localPort }) });
  expect(await open('first', at().site.ip4, 40_000)).toBe('open');
  expect(await open('second', at().otherSite.ip4, 40_000)).toBe('ECONNREFUSED');
  expect(await open('third', at().otherSite.ip4)).toBe('open');
  expect((await heardBy(stage.bng, 2)).map(ownerOf)).toEqual([0, 0]);
  for (const id of ['first', 'third']) await bot().tell({ do: 'close', id });
});

test('what a line may ask in a second is its own: a flood takes nothing from another strict line of the address', async () => {
  const { spec } = stage.network;
  const both = [0, 1].map(share);
  const elements = both.map((one) => ({
    prefix: one,
    access: 'strict' as const,
    abusedPorts: [],
    timeoutSeconds: 600,
  }));
  await stage.send(putCommands(spec, elements));
  await stage.dnsAlive(true);
  await bot().tell({ do: 'udp-burst', host: at().resolver.ip4, port: 53, count: 400 });
  expect(await neighbour().udp(at().resolver.ip4, 53)).toBe('echo');
  const heard = await stage.bng.heard();
  const owners = heard.map(ownerOf);
  expect(owners.filter((home) => home === 1)).toHaveLength(1);
  expect(owners.filter((home) => home === 0).length).toBeLessThan(200);
  await stage.send(
    removeCommands(
      spec,
      both.map((one) => ({ prefix: one })),
    ),
  );
});

test('a strict prefix keeps its softwire: IPv4 in IPv6 passes to a border and back, and to nobody else', async () => {
  const { network, send } = stage;
  const home = network.homes[0]!;
  const own = prefix(home.prefix6);
  await count(network.internet, `ip6 saddr ${home.prefix6}`);
  await count(home.hostNamespace, 'meta nfproto ipv6');
  await send(putCommands(network.spec, [{ prefix: own, access: 'strict', abusedPorts: [], timeoutSeconds: 600 }]));
  const { site, otherSite } = at();
  for (const withLimit of [false, true]) {
    await tunnelled(home.hostNamespace, site.ip6, withLimit);
    await tunnelled(home.hostNamespace, otherSite.ip6, withLimit);
  }
  await expect.poll(() => packets(network.internet)).toBe(2);
  await tunnelled(network.internet, home.host.ip6, false, otherSite.ip6);
  await expect.poll(() => packets(home.hostNamespace)).toBe(1);
  await tunnelled(network.internet, home.host.ip6, false, site.ip6);
  await tunnelled(network.internet, home.host.ip6, true, otherSite.ip6);
  await expect.poll(() => packets(home.hostNamespace)).toBe(2);
  await send(removeCommands(network.spec, [{ prefix: own }]));
});

/** Counts IPv4 in IPv6 that arrives in a namespace. */
async function count(namespace: string, match: string): Promise<void> {
  const rules = [
    'add table inet tunnelled',
    'add counter inet tunnelled seen',
    'add chain inet tunnelled arriving { type filter hook prerouting priority -300; }',
    `add rule inet tunnelled arriving ${match} meta l4proto 4 counter name seen`,
  ].join('\n');
  expect((await stage.network.exec(namespace, ['nft', rules])).code).toBe(0);
}

async function packets(namespace: string): Promise<number> {
  const { stdout } = await stage.network.exec(namespace, ['nft', 'list', 'counter', 'inet', 'tunnelled', 'seen']);
  return Number(/packets (\d+)/.exec(stdout)![1]);
}

/** One packet with an empty IPv4 header inside; `withLimit`: behind a destination option as RFC 2473 §4.1.1 has it. */
async function tunnelled(namespace: string, to: string, withLimit: boolean, from?: string): Promise<void> {
  const inner = `450000140000000040000000${'c0000201'}${'c0000202'}`;
  const data = withLimit ? `0400040104010100${inner}` : inner;
  const bind = from === undefined ? '' : `bind(S, pack_sockaddr_in6(0, inet_pton(AF_INET6, '${from}'))) or die $!;`;
  const script = `use Socket qw(:all); socket(S, AF_INET6, SOCK_RAW, ${withLimit ? 60 : 4}) or die $!; ${bind}
    send(S, pack('H*', '${data}'), 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, '${to}'))) or die $!;`;
  const { code, stderr } = await stage.network.exec(namespace, ['perl', '-e', script]);
  expect([code, stderr]).toEqual([0, '']);
}

test('an ICMP error has no port of its own and reaches the neighbour as ever', async () => {
  await put('strict');
  expect(await neighbour().udp(at().site.ip4, 9001)).toBe('ECONNREFUSED');
});

/** A connection is open a moment before its listener is told. */
async function heardBy(agent: Agent, count: number): Promise<readonly string[]> {
  const heard: string[] = [];
  await expect
    .poll(async () => {
      heard.push(...(await agent.heard()));
      return heard.length;
    })
    .toBe(count);
  return heard;
}

/** Which home a port outside belongs to. */
function ownerOf(heard: string): number {
  const port = Number(FROM.exec(heard)![2]);
  return [0, 1].findIndex((home) => rangesOf(setOf(home)).some(({ low, high }) => low <= port && port <= high));
}

interface UdpFlow {
  readonly host: string;
  readonly port: number;
  readonly received: number;
}

/** A UDP flow that is open from inside, and what its home had received when it was. */
async function flowOf(agent: Agent, word: string): Promise<UdpFlow> {
  expect(await agent.tell({ do: 'udp-ask', id: word, host: at().site.ip4, port: 9000, text: word })).toBe('echo');
  const heard = (await stage.internet.heard()).find((line) => line.includes(word))!;
  const [, host, port] = FROM.exec(heard)!;
  return { host: host!, port: Number(port), received: await udpReceived(word === 'bot' ? 0 : 1) };
}

function push({ host, port }: UdpFlow): Promise<unknown> {
  return stage.internet.tell({ do: 'udp-push', from: { host: at().site.ip4, port: 9000 }, host, port });
}

async function udpReceived(home: number): Promise<number> {
  const { hostNamespace } = stage.network.homes[home]!;
  const { stdout } = await stage.network.exec(hostNamespace, ['cat', '/proc/net/snmp']);
  const udp = stdout
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))[1]!
    .split(' ');
  return Number(udp[1]) + Number(udp[2]);
}

/** Deny counters by protocol and port. */
async function counted(): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await stage.nft('-j', 'list', 'set', 'inet', 'engawa', `abuse4_p${offset}_${psidLength}`);
  const { nftables } = JSON.parse(stdout);
  const elements = nftables[1].set.elem as { elem: { val: { concat: unknown[] }; counter: { packets: number } } }[];
  return new Map(elements.map(({ elem }) => [elem.val.concat.slice(2).join(' '), elem.counter.packets]));
}
