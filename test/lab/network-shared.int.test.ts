// Homes that share IPv4 addresses, as packets: under which address and port each leaves, that answers find their way back, and what
// nobody can send in a neighbour's name.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildNetwork, type LabNetwork } from '../../src/lab/network.ts';
import type { LabHome } from '../../src/lab/network-plan.ts';
import { LAB_MAP_RULE } from '../../src/lab/network-plan.ts';
import { psidOfPort } from '../../src/lab/softwire/far-ends.ts';
import { oneAddressRule } from '../../src/lab/softwire/options.ts';

const SIZE = 200_000;
const SERVE = `require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.end(JSON.stringify({ peer: socket.remoteAddress.replace('::ffff:', ''), port: socket.remotePort, more: 'x'.repeat(${SIZE}) }));
}).listen(80, '::', () => console.log('ready'));`;
const FETCH = `const [host, address] = process.argv.slice(1);
  let text = '';
  const socket = require('node:net').connect({ host, port: 80, ...(address ? { localAddress: address } : {}) });
  socket.setEncoding('utf8').on('data', (data) => { text += data; }).on('end', () => { process.stdout.write(text); });
  socket.on('error', (error) => { console.error(error.code); process.exit(1); });
  setTimeout(() => process.exit(2), Number(process.env.PATIENCE_MS ?? 5000)).unref();`;

let network: LabNetwork;
beforeAll(async () => {
  network = await buildNetwork({ homes: 0, sharedHomes: ['cgn', 'ds-lite', 'ds-lite', 'map-e', 'map-e'] });
  const server = network.spawn(network.internet, [process.execPath, '-e', SERVE]);
  await once(server.stdout!, 'data');
}, 60_000);
afterAll(async () => {
  await network?.destroy();
});

async function seenFrom({ hostNamespace }: LabHome, host: string): Promise<{ peer: string; port: number } | undefined> {
  const { code, stdout } = await network.exec(hostNamespace, [process.execPath, '-e', FETCH, host]);
  if (code !== 0) return undefined;
  const { peer, port, more } = JSON.parse(stdout) as { peer: string; port: number; more: string };
  expect(more).toHaveLength(SIZE);
  return { peer, port };
}

async function counter(name: string): Promise<number> {
  const { stdout } = await network.exec(network.softwires!, [
    'nft',
    '-j',
    'list',
    'counter',
    'inet',
    'softwires',
    name,
  ]);
  const listed = JSON.parse(stdout) as { nftables: { counter?: { packets: number } }[] };
  return listed.nftables.find((one) => one.counter !== undefined)!.counter!.packets;
}

test('an inside address without a block does not leave, with one it leaves under it', async () => {
  const [home] = network.homes;
  const { site } = network.addresses;
  const early = await network.exec(home!.hostNamespace, [process.execPath, '-e', FETCH, site.ip4], {
    env: { ...process.env, PATIENCE_MS: '500' },
  });
  expect(early.stdout).toBe('');
  const block = `{ ${home!.ip4} : 203.0.113.129 . 2048-2063 }`;
  expect((await network.exec(network.cgn!, ['nft', 'add', 'element', 'ip', 'cgn', 'blocks', block])).code).toBe(0);
  const seen = await seenFrom(home!, site.ip4);
  expect(seen?.peer).toBe('203.0.113.129');
  expect(seen!.port >= 2048 && seen!.port <= 2063).toBe(true);
  expect((await seenFrom(home!, site.ip6))?.peer, 'IPv6 has nobody in between').toBe(home!.host.ip6);
});

test('MAP-E homes have one address and ports of their own; full-sized packets come through', async () => {
  const rule = oneAddressRule(LAB_MAP_RULE);
  for (const home of network.homes.filter(({ sharing }) => sharing === 'map-e')) {
    for (let flow = 0; flow < 3; flow++) {
      const seen = await seenFrom(home, network.addresses.site.ip4);
      expect(seen?.peer).toBe(LAB_MAP_RULE.address);
      expect(psidOfPort(rule, seen!.port)).toBe(home.number);
    }
    expect((await seenFrom(home, network.addresses.site.ip6))?.peer).toBe(home.host.ip6);
  }
});

test('a B4 that sends under its neighbour’s inside address is stopped at the AFTR', async () => {
  const [, mine, neighbour] = network.homes;
  const blocks = `{ ${mine!.ip4} : 203.0.113.130 . 1024-1039, ${neighbour!.ip4} : 203.0.113.130 . 1040-1055 }`;
  expect((await network.exec(network.cgn!, ['nft', 'add', 'element', 'ip', 'cgn', 'blocks', blocks])).code).toBe(0);
  const before = await counter('inside_ipv6');
  expect((await seenFrom(mine!, network.addresses.site.ip4))?.peer).toBe('203.0.113.130');
  expect(await counter('inside_ipv6'), 'it travelled as IPv4 in IPv6').toBeGreaterThan(before);
  expect(await counter('bare_ipv4')).toBe(0);

  // A router whose owner changed it: no NAT, and the neighbour's address beside its own.
  const { router } = mine!;
  await network.exec(router, ['nft', 'delete', 'table', 'ip', 'nat']);
  await network.exec(router, ['ip', 'addr', 'add', `${neighbour!.ip4}/32`, 'dev', 'softwire']);
  const from = async ({ ip4 }: LabHome) => {
    const argv = [process.execPath, '-e', FETCH, network.addresses.site.ip4, ip4];
    return (await network.exec(router, argv, { env: { ...process.env, PATIENCE_MS: '1000' } })).stdout.length;
  };
  expect(await from(mine!)).toBeGreaterThan(SIZE);
  expect(await from(neighbour!)).toBe(0);
});
