// The lab's internet stands, carries traffic, never meets a parallel run, and leaves nothing behind, even after a crash.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { buildNetwork, type LabNetwork } from '../../src/lab/network.ts';

const built: LabNetwork[] = [];
afterEach(async () => {
  for (const network of built.splice(0)) await network.destroy();
});
const build = async (...args: Parameters<typeof buildNetwork>) => {
  const network = await buildNetwork(...args);
  built.push(network);
  return network;
};
const namespacesOf = (pid: number | undefined) =>
  readdirSync('/run/netns').filter((name) => name.startsWith(`egw-${pid}-`));

const FETCH = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:net').connect({ host, port: Number(port) });
  socket.on('data', (data) => { process.stdout.write(data); socket.end(); });
  socket.on('error', (error) => { console.error(error.code); process.exit(1); });
  setTimeout(() => process.exit(2), 3000).unref();`;
const SERVE = `require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.end(socket.remoteAddress);
}).listen(80, '::', () => console.log('ready'));`;

test('a home reaches the outside from its own address, over IPv4 through NAT and over IPv6 directly', async () => {
  const network = await build();
  const server = network.spawn(network.internet, [process.execPath, '-e', SERVE]);
  await once(server.stdout!, 'data');
  const [home] = network.homes;
  const fetch = async (host: string) =>
    (await network.exec(home!.hostNamespace, [process.execPath, '-e', FETCH, host, '80'])).stdout;
  expect(await fetch(network.addresses.site.ip4)).toBe(`::ffff:${home!.ip4}`);
  expect(await fetch(network.addresses.site.ip6)).toBe(home!.host.ip6);
  expect(await fetch('203.0.113.100')).toBe(`::ffff:${home!.ip4}`); // the darknet answers on every address
});

test('a program in a home asks the operator’s resolver, and the machine’s own resolv.conf stays', async () => {
  const network = await build({ homes: 1 });
  const { stdout } = await network.exec(network.homes[0]!.hostNamespace, ['cat', '/etc/resolv.conf']);
  expect(stdout).toContain(`nameserver ${network.addresses.resolver.ip4}`);
  const outside = await network.exec(network.bng, ['cat', '/etc/resolv.conf']);
  expect(outside.stdout).not.toContain(network.addresses.resolver.ip4);
});

test('two networks at once do not meet, and destroying one leaves the other alone', async () => {
  const [one, two] = [await build({ homes: 1 }), await build({ homes: 1 })];
  expect(one.bng).not.toBe(two.bng);
  await one.destroy();
  await one.destroy();
  expect((await two.exec(two.bng, ['true'])).code).toBe(0);
  expect((await one.exec(one.bng, ['true'])).code).not.toBe(0);
});

test('a run that is killed leaves namespaces, and the next build takes them away', async () => {
  const module = new URL('../../src/lab/network.ts', import.meta.url).pathname;
  const script = `const { buildNetwork } = await import('${module}');
    const network = await buildNetwork({ homes: 1 });
    network.spawn(network.bng, ['sleep', '300']);
    console.log('built'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(namespacesOf(child.pid).length).toBe(4);
  await build({ homes: 1 });
  expect(namespacesOf(child.pid)).toEqual([]);
});

test('a program that does not end is ended at its deadline', async () => {
  const network = await build({ homes: 1 });
  expect((await network.exec(network.bng, ['sleep', '60'], { timeoutMs: 200 })).code).toBeUndefined();
});
