// A home behind a masquerading gateway with an open call, an open portal page, steered web and steered DNS: a release
// forgets the steered ones and nothing else.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import { createLabGateway, type LabGateway, prefix, share } from './lab-gateway.ts';

const HOME = `enghome${process.pid}`;
const PEER = `engpeer${process.pid}`;
const children: ChildProcess[] = [];
let gateway: LabGateway;
let client: NftablesEnforcer;

const inside = (netns: string, command: string) =>
  execFileSync('ip', ['netns', 'exec', netns, ...command.split(' ')], { encoding: 'utf8', stdio: 'pipe' });
const flows = () => inside(gateway.netns, 'conntrack -L').split('\n');

/** Runs a script in a namespace; gives what it has printed so far. */
function play(netns: string, script: string): () => string {
  const child = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return () => output;
}

const LISTENERS = `
  const net = require('net'), dgram = require('dgram');
  net.createServer((s) => { s.on('error', () => {}); s.pipe(s); }).listen(8080, '::', () => console.log('listening'));
  dgram.createSocket('udp6').bind(5353, '::');`;
const CALL_PEER = `
  const s = require('dgram').createSocket('udp4');
  s.on('message', (m, r) => s.send(m, r.port, r.address)).bind(5060, '203.0.113.112', () => console.log('listening'));`;
const HOUSEHOLD = `
  const net = require('net'), dgram = require('dgram');
  const call = dgram.createSocket('udp4').on('message', () => console.log('voice'));
  call.bind(40060, () => setInterval(() => call.send('hello', 5060, '203.0.113.112'), 50));
  const open = (host, name) => {
    const s = net.connect({ host, port: 80 }, () => console.log(name, 'open'));
    s.on('data', () => console.log(name, 'answer')).on('error', (e) => console.log(name, e.code));
    return s;
  };
  open('198.51.100.80', 'web');
  const page = open('203.0.113.10', 'page');
  setInterval(() => page.write('x'), 50);
  dgram.createSocket('udp4').bind(40053, function () { this.send('q', 53, '198.51.100.53'); });
  dgram.createSocket('udp6').bind(40063, function () { this.send('q', 53, '2001:db8:5::53'); });`;

beforeAll(async () => {
  gateway = createLabGateway();
  const bng = gateway.netns;
  for (const netns of [HOME, PEER]) execFileSync('ip', ['netns', 'add', netns]);
  const setup = [
    [bng, `ip link add access0 type veth peer name eth0 netns ${HOME}`],
    [bng, `ip link add out0 type veth peer name eth0 netns ${PEER}`],
    [bng, 'ip addr add 192.0.2.1/24 dev access0'],
    [bng, 'ip addr add 2001:db8:100:4200::1/64 dev access0 nodad'],
    [bng, 'ip addr add 203.0.113.1/24 dev out0'],
    [bng, 'ip addr add 203.0.113.10/32 dev lo'],
    [bng, 'ip addr add 2001:db8:ff::10/128 dev lo nodad'],
    ...['lo', 'access0', 'out0'].map((name) => [bng, `ip link set ${name} up`]),
    [bng, 'ip route add default via 203.0.113.112'],
    [bng, 'sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1'],
    [HOME, 'ip addr add 192.0.2.5/24 dev eth0'],
    [HOME, 'ip addr add 2001:db8:100:4200::5/64 dev eth0 nodad'],
    [HOME, 'ip link set eth0 up'],
    [HOME, 'ip route add default via 192.0.2.1'],
    [HOME, 'ip -6 route add default via 2001:db8:100:4200::1'],
    [PEER, 'ip addr add 203.0.113.112/24 dev eth0'],
    [PEER, 'ip link set eth0 up'],
  ] as const;
  for (const [netns, command] of setup) inside(netns!, command!);
  gateway.nft('add table ip nat; add chain ip nat post { type nat hook postrouting priority srcnat; }');
  gateway.nft('add rule ip nat post oifname out0 masquerade');
  await gateway.start();
  client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await client.close();
  for (const netns of [HOME, PEER]) execFileSync('ip', ['netns', 'del', netns]);
  await gateway.stop();
});

describe('forgetting steered flows after a release', () => {
  it('never touches a call or the portal page, with masquerade on the gateway', async () => {
    await client.install();
    await client.dnsAlive();
    const prefixes = [prefix('192.0.2.5'), prefix('2001:db8:100:4200::/56')];
    const garden = prefixes.map((p) => ({
      prefix: p,
      access: 'strict' as const,
      abusedPorts: [],
      timeoutSeconds: 600,
    }));
    expect(await client.apply({ put: garden, remove: [] })).toEqual({ ok: true, value: undefined });
    const [listeners, peer] = [play(gateway.netns, LISTENERS), play(PEER, CALL_PEER)];
    await expect.poll(() => `${listeners()}${peer()}`, { timeout: 10_000 }).toBe('listening\nlistening\n');
    const home = play(HOME, HOUSEHOLD);
    const seen = () => ['voice', 'web open', 'page answer'].filter((word) => home().includes(word));
    await expect.poll(seen, { timeout: 10_000 }).toEqual(['voice', 'web open', 'page answer']);
    const steered = () => flows().filter((f) => f.includes('zone=7') || f.includes('dst=198.51.100.80'));
    await expect.poll(() => steered().length, { timeout: 10_000 }).toBe(3);
    const kept = (word: string) => flows().filter((f) => f.includes(word)).length;
    expect([kept('sport=40060'), kept('dst=203.0.113.10 ')]).toEqual([1, 1]);
    expect(flows().find((f) => f.includes('sport=40060'))).toContain('dst=203.0.113.1 '); // masqueraded

    await client.apply({ put: [], remove: prefixes });
    expect(await client.forgetSteered(prefixes)).toEqual({ ok: true, value: undefined });

    expect(steered()).toEqual([]);
    expect([kept('sport=40060'), kept('dst=203.0.113.10 ')]).toEqual([1, 1]);
    const [voices, answers] = [home().split('voice').length, home().split('page answer').length];
    await expect.poll(() => home().split('voice').length).toBeGreaterThan(voices);
    await expect.poll(() => home().split('page answer').length).toBeGreaterThan(answers);
  });

  it('of a shared address forgets the flows of the released ports alone', async () => {
    await client.install();
    await client.dnsAlive();
    const [ours, theirs] = [share('192.0.2.200', 5), share('192.0.2.200', 6)];
    const put = [ours, theirs].map((one) => ({
      prefix: one,
      access: 'strict' as const,
      abusedPorts: [],
      timeoutSeconds: 600,
    }));
    expect(await client.apply({ put, remove: [] })).toEqual({ ok: true, value: undefined });
    inside(HOME, 'ip addr add 192.0.2.200/24 dev eth0');
    const ask = (port: number) =>
      `createSocket('udp4').bind(${port}, '192.0.2.200', function () { this.send('q', 53, '198.51.100.53'); });`;
    // Two ports of the line that will be free, one of its neighbour, all steered to the front.
    play(HOME, `const { createSocket } = require('dgram'); ${[1044, 64_535, 1048].map(ask).join(' ')}`);
    const steered = () =>
      flows()
        .filter((one) => one.includes('zone=7') && one.includes('src=192.0.2.200'))
        .map((one) => Number(/sport=(\d+)/.exec(one)![1]))
        .sort((a, b) => a - b);
    await expect.poll(steered, { timeout: 10_000 }).toEqual([1044, 1048, 64_535]);
    await client.apply({ put: [], remove: [ours] });
    expect(await client.forgetSteered([ours])).toEqual({ ok: true, value: undefined });
    expect(steered()).toEqual([1048]);
  });
});
