// The recipe for dnsmasq as it stands in docs/linux-gateways.md: a real dnsmasq fills the sets of a pack. What it does, and the
// two things it does not, which the document says.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import { createLabGateway, type LabGateway } from './lab-gateway.ts';

const TREE = new URL('../../', import.meta.url).pathname;
const RESOLVER = '203.0.113.53';
const INTERNET = '203.0.113.200';
const children: ChildProcess[] = [];
let gateway: LabGateway;
let client: NftablesEnforcer;

/** The block of the document that is a dnsmasq configuration. */
function recipe(): string {
  const text = readFileSync(join(TREE, 'docs/linux-gateways.md'), 'utf8');
  // To dnsmasq documentation addresses are private, and it would give none of them.
  return /```ini\n(# \/etc\/dnsmasq[\s\S]*?)```/.exec(text)![1]!.replace('stop-dns-rebind\n', '');
}

async function daemon(argv: readonly string[], sign: RegExp): Promise<void> {
  const child = spawn('ip', ['netns', 'exec', gateway.netns, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  });
  children.push(child);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${argv[0]} is not up: ${said}`)), 15_000);
    child.once('exit', () => reject(new Error(`${argv[0]} ended: ${said}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (!sign.test(said)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

beforeAll(async () => {
  gateway = createLabGateway();
  const ip = (...args: string[]) => execFileSync('ip', ['-n', gateway.netns, ...args], { stdio: 'pipe' });
  ip('link', 'set', 'lo', 'up');
  for (const address of [RESOLVER, INTERNET]) ip('addr', 'add', `${address}/32`, 'dev', 'lo');
  await gateway.start();
  client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
  expect((await client.install()).ok).toBe(true);

  const at = (name: string) => join(gateway.folder, name);
  const internet = [
    'server:',
    '  use-syslog: no',
    '  username: ""',
    '  chroot: ""',
    `  directory: "${gateway.folder}"`,
    `  pidfile: "${at('internet.pid')}"`,
    '  do-daemonize: no',
    `  interface: ${INTERNET}`,
    '  access-control: 0.0.0.0/0 allow',
    '  local-zone: "example." static',
    '  local-data: "bank.example. 3600 IN A 198.51.100.7"',
    '  local-data: "bank.example. 3600 IN AAAA 2001:db8:5::7"',
    '  local-data: "other.example. 3600 IN A 198.51.100.9"',
    '',
  ];
  writeFileSync(at('internet.conf'), internet.join('\n'));
  await daemon(['/usr/sbin/unbound', '-d', '-c', at('internet.conf')], /start of service/);
  const common = [`listen-address=${RESOLVER}`, 'bind-interfaces', 'no-resolv', 'no-hosts', `server=${INTERNET}`];
  writeFileSync(at('dnsmasq.conf'), `${common.join('\n')}\nuser=root\npid-file=\n${recipe()}`);
  await daemon(['/usr/sbin/dnsmasq', '-k', '--log-facility=-', '-C', at('dnsmasq.conf')], /started, version/);
});
afterAll(async () => {
  await client?.close();
  for (const child of children) child.kill('SIGKILL');
  await gateway.stop();
});
beforeEach(() => {
  for (const set of ['pack4_bank', 'pack6_bank']) gateway.nft('flush', 'set', 'inet', 'engawa', set);
});

function ask(name: string, type: 'A' | 'AAAA'): string {
  const script = `const r=new (require('dns').promises.Resolver)({timeout:2000});r.setServers(['${RESOLVER}']);
    r.resolve('${name}','${type}').then(a=>process.stdout.write(String(a)),e=>process.stdout.write(e.code))`;
  return execFileSync('ip', ['netns', 'exec', gateway.netns, process.execPath, '-e', script], { encoding: 'utf8' });
}
const setText = (name: string) => gateway.nft('list', 'set', 'inet', 'engawa', name);

test('answers of a pack’s name are in its sets when they arrive, for two hours; other names open nothing', async () => {
  expect(ask('bank.example', 'A')).toBe('198.51.100.7');
  expect(setText('pack4_bank')).toMatch(/198\.51\.100\.7 expires 1h59m/);
  expect(ask('bank.example', 'AAAA')).toBe('2001:db8:5::7');
  expect(setText('pack6_bank')).toMatch(/2001:db8:5::7 expires/);
  expect(ask('other.example', 'A')).toBe('198.51.100.9');
  expect(setText('pack4_bank')).not.toContain('198.51.100.9');
  expect(await client.skeleton()).toBe('intact');
});

test('the trap: an answer out of its cache does not put the address back', () => {
  ask('bank.example', 'A');
  gateway.nft('flush', 'set', 'inet', 'engawa', 'pack4_bank');
  expect(ask('bank.example', 'A')).toBe('198.51.100.7');
  expect(setText('pack4_bank')).not.toContain('elements');
});
