// The simulated BNG with a data plane: what really passes, over both families, before, inside and after its walled garden.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeNamed } from '../../src/lab/bng/dictionary.ts';
import { RemoteBng } from '../../src/lab/bng/remote.ts';
import type { WalledGarden } from '../../src/lab/bng/ruleset.ts';
import { buildNetwork, type LabNetwork } from '../../src/lab/network.ts';
import { LAB_ADDRESSES, LAB_BNG2, LAB_UPLINK } from '../../src/lab/network-plan.ts';
import { type Remote, startRemote } from '../../src/lab/remote.ts';
import { LAB_NAMES } from '../../src/lab/site.ts';
import { waitFor } from '../../src/lab/wait.ts';
import { CODE } from '../../src/protocols/radius/codec.ts';
import { buildDynamicRequest } from '../../src/protocols/radius/dynamic.ts';

const SECRET = 'a-secret-between-two-boxes';
const { site, otherSite, packSite, emergency, portal, resolver, honeypot } = LAB_ADDRESSES;
const GARDEN: WalledGarden = {
  accessInterfaces: 'acc*',
  portal,
  resolver,
  lifelines: [
    { addresses: [emergency.ip4, emergency.ip6], protocols: ['udp', 'tcp'], ports: ['5060-5061'], inbound: true },
  ],
  packs: [{ addresses: [packSite.ip4, packSite.ip6], protocols: ['tcp'], ports: ['443'] }],
  leakyPorts: [23, 2323],
};
const USER = 'home2@lab.example';
const OTHER = 'home3@lab.example';

let network: LabNetwork;
let bng: RemoteBng;
let home: Remote;
let neighbour: Remote;
let gateway: Remote;

beforeAll(async () => {
  network = await buildNetwork({ homes: 1, radiusHomes: 2 });
  const [, two, three] = network.homes;
  const [internet, ...rest] = await Promise.all(
    [network.internet, two!.hostNamespace, three!.hostNamespace, network.bng].map((one) => startRemote(network, one)),
  );
  [home, neighbour, gateway] = [rest[0]!, rest[1]!, rest[2]!];
  for (const family of ['ip4', 'ip6'] as const) {
    for (const place of [site, otherSite]) {
      await internet!.do('serve.http', { address: place[family], port: 80, body: 'a site' });
      await internet!.do('serve.echo', { address: place[family], port: 9000 });
      await internet!.do('serve.udp', { address: place[family], port: 9000 });
    }
    await internet!.do('serve.echo', { address: packSite[family], port: 443 });
    await internet!.do('serve.echo', { address: packSite[family], port: 22 });
    await internet!.do('serve.udp', { address: emergency[family], port: 5060 });
    await internet!.do('serve.echo', { address: honeypot[family], port: 23 });
    await gateway.do('serve.http', { address: portal[family], port: 80, body: 'the portal' });
  }
  const records = [
    { name: LAB_NAMES.site, type: 'A', value: site.ip4 },
    { name: LAB_NAMES.site, type: 'AAAA', value: site.ip6 },
  ];
  await internet!.do('serve.resolver', { records, addresses: [resolver.ip4, resolver.ip6], port: 53 });
  bng = await RemoteBng.start(network, network.bng2!, {
    options: {
      name: LAB_BNG2.name,
      address: LAB_BNG2.ip4,
      port: 3799,
      personality: 'strict',
      dialect: 'rfc',
      clients: [LAB_UPLINK.bng],
      secrets: [SECRET],
      homes: [two!, three!].map(({ number, ip4, prefix6 }) => ({ user: `home${number}@lab.example`, ip4, prefix6 })),
    },
    garden: GARDEN,
  });
});

afterAll(async () => {
  bng?.stop();
  await network?.destroy();
});

/** A CoA from the first gateway, where the service is. */
let identifier = 0;
async function coa(filter: string): Promise<string | null> {
  const session = await bng.sessionOf(USER);
  const bytes = buildDynamicRequest({
    code: CODE.coaRequest,
    identifier: identifier++ & 255,
    attributes: writeNamed([
      { name: 'Acct-Session-Id', value: session!.id },
      { name: 'Filter-Id', value: filter },
    ]),
    secret: Buffer.from(SECRET),
    eventTimestampSeconds: Math.floor(Date.now() / 1000),
  });
  const key = `coa-${identifier}`;
  await gateway.do('udp.open', { key, family: 4, localPort: 0 });
  const hex = Buffer.from(bytes).toString('hex');
  return gateway.do('udp.ask', { key, hex, address: LAB_BNG2.ip4, port: 3799 });
}

const tcp = async (from: Remote, address: string, port: number) =>
  (await from.do<{ outcome: string }>('tcp', { address, port, timeoutMs: 1000 })).outcome;
const page = async (from: Remote, address: string, family: number) =>
  (await from.do<{ body: string }>('visit', { url: `http://${LAB_NAMES.site}/`, address, family, timeoutMs: 1500 }))
    .body;

test('without a session nothing of a home passes, with one everything does', async () => {
  expect(await tcp(home, site.ip4, 9000)).toBe('silent');
  expect(await bng.dial(USER)).toMatchObject({ kind: 'up' });
  expect(await bng.dial(OTHER)).toMatchObject({ kind: 'up' });
  for (const from of [home, neighbour]) {
    expect(await tcp(from, site.ip4, 9000)).toBe('open');
    expect(await tcp(from, site.ip6, 9000)).toBe('open');
  }
  expect(await page(home, site.ip4, 4)).toContain('a site');
});

const ECHO_FROM = `
  const [from, to] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket('udp6');
  socket.bind(0, from, () => socket.send('hello', 9000, to));
  socket.once('message', (text) => { process.stdout.write(text); process.exit(0); });
  setTimeout(() => process.exit(1), 700);`;

test('a source address of somebody else does not pass', async () => {
  const [, two, three] = network.homes;
  const own = two!.host.ip6;
  const foreign = three!.host.ip6.replace(/::10$/, '::99');
  await network.exec(two!.hostNamespace, ['ip', 'addr', 'add', `${foreign}/128`, 'dev', 'eth0', 'nodad']);
  const echo = async (from: string) =>
    (await network.exec(two!.hostNamespace, [process.execPath, '-e', ECHO_FROM, from, site.ip6])).stdout;
  expect(await echo(own)).toBe('hello');
  expect(await echo(foreign)).toBe('');
  await network.exec(two!.hostNamespace, ['ip', 'addr', 'del', `${foreign}/128`, 'dev', 'eth0']);
});

test('strict: packs, lifelines, names and the portal on both families; everything else ends at once, old streams too', async () => {
  await home.do('call.start', { address: emergency.ip4, port: 5060 });
  await home.do('stream.open', { key: 'four', address: site.ip4, port: 9000 });
  await home.do('stream.open', { key: 'six', address: site.ip6, port: 9000 });
  const said = await coa('engawa-strict');
  expect(said, JSON.stringify(await bng.counts())).not.toBeNull();

  for (const key of ['four', 'six']) {
    const stream = await waitFor(
      () => home.do<{ endedBy: string | null }>('stream.state', { key }),
      (one) => one.endedBy !== null,
    );
    expect(stream.endedBy).not.toBeNull();
  }
  for (const family of ['ip4', 'ip6'] as const) {
    expect(await tcp(home, packSite[family], 443)).toBe('open');
    expect(await tcp(home, packSite[family], 22)).toBe('refused');
    expect(await tcp(home, otherSite[family], 9000)).toBe('refused');
    expect(await home.do('udp', { address: site[family], port: 9000, timeoutMs: 500 })).toBeNull();
    expect(await home.do('udp', { address: emergency[family], port: 5060 })).toBe('hello');
    expect(await page(home, otherSite[family], family === 'ip4' ? 4 : 6)).toContain('the portal');
    expect(await tcp(neighbour, otherSite[family], 9000)).toBe('open');
  }
  expect(await home.do<readonly string[]>('resolve', { name: LAB_NAMES.site })).toHaveLength(2);
  const call = await home.do<{ longestGapMs: number; heard: number }>('call.state');
  expect(call.longestGapMs).toBeLessThan(1000);
});

test('leaky: everything but the scanner’s ports; open again: those too', async () => {
  await coa('engawa-leaky');
  for (const family of ['ip4', 'ip6'] as const) {
    expect(await tcp(home, otherSite[family], 9000)).toBe('open');
    expect(await tcp(home, honeypot[family], 23)).toBe('refused');
    expect(await page(home, otherSite[family], family === 'ip4' ? 4 : 6)).toContain('a site');
  }
  await coa('plan');
  for (const family of ['ip4', 'ip6'] as const) expect(await tcp(home, honeypot[family], 23)).toBe('open');
});

test('killed it goes on forwarding as it did; started again nobody has a session until the homes dial in', async () => {
  await coa('engawa-strict');
  await bng.kill();
  expect(await tcp(home, otherSite.ip4, 9000)).toBe('refused');
  expect(await tcp(neighbour, otherSite.ip4, 9000)).toBe('open');
  bng = await RemoteBng.start(network, network.bng2!, {
    options: {
      name: LAB_BNG2.name,
      address: LAB_BNG2.ip4,
      personality: 'strict',
      dialect: 'rfc',
      secrets: [SECRET],
      homes: [{ user: USER, ip4: network.homes[1]!.ip4, prefix6: network.homes[1]!.prefix6 }],
    },
    garden: GARDEN,
  });
  expect(await tcp(home, otherSite.ip4, 9000)).toBe('silent');
  await bng.dial(USER);
  expect(await tcp(home, otherSite.ip4, 9000)).toBe('open');
});

test('a home that dials in again under another address takes it with it', async () => {
  const two = network.homes[1]!;
  const next = '192.0.2.180';
  await network.renumber(two, two.ip4, next);
  expect(await bng.redial(USER, { ip4: next })).toMatchObject({ kind: 'up' });
  expect(await tcp(home, otherSite.ip4, 9000)).toBe('open');
  expect((await bng.sessionOf(USER))?.home.ip4).toBe(next);
});

test('told to reboot it loses its sessions, and homes dial in again by themselves', async () => {
  const before = await bng.sessionOf(USER);
  await bng.become('forgets-on-reboot');
  await bng.reboot();
  const after = await waitFor(
    () => bng.sessionOf(USER),
    (session) => session !== undefined,
  );
  expect(after?.id).not.toBe(before?.id);
  expect(after?.home.ip4).toBe(before?.home.ip4);
  await bng.hangUp(USER);
  expect(await bng.sessionOf(USER)).toBeUndefined();
  expect(await tcp(home, otherSite.ip4, 9000)).toBe('silent');
});
