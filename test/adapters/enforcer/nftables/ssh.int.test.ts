// A gateway on another machine: the whole contract over a real sshd with the shipped configuration, and what happens when the
// line breaks, the machine is another one, or somebody asks for a shell.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NftablesEnforcer } from '../../../../src/adapters/enforcer/nftables/client.ts';
import { type SshTarget, sshArguments } from '../../../../src/adapters/enforcer/nftables/ssh.ts';
import { describeEnforcer } from '../../../contract/enforcer.ts';
import { createLabGateway, type LabGateway, prefix } from '../../../helper/lab-gateway.ts';
import { type SshServer, startSshServer } from '../../../helper/ssh-server.ts';

let gateway: LabGateway;
let server: SshServer;
beforeAll(async () => {
  gateway = createLabGateway();
  await gateway.start();
  server = await startSshServer(gateway.folder, gateway.socketPath);
});
afterAll(async () => {
  await server?.stop();
  await gateway.stop();
});

describeEnforcer('nftables over ssh', async () => {
  gateway.nft('flush', 'ruleset');
  const clients: NftablesEnforcer[] = [];
  const fresh = () => {
    const client = new NftablesEnforcer({ gateway: 'bng1', ssh: server.ssh });
    clients.push(client);
    return client;
  };
  return {
    enforcer: fresh(),
    fresh,
    flushAll: async () => void gateway.nft('flush', 'ruleset'),
    passSeconds: (seconds) => wait(seconds * 1000),
    stop: async () => {
      for (const client of clients) await client.close();
    },
  };
});

const A = prefix('192.0.2.5');
const B = prefix('2001:db8:100:4200::/56');
const strict = (p: typeof A) => ({ prefix: p, access: 'strict' as const, abusedPorts: [], timeoutSeconds: 600 });

describe('the way to a remote gateway', () => {
  const clients: NftablesEnforcer[] = [];
  const troubles: (string | undefined)[] = [];
  const open = (ssh: Partial<SshTarget> = {}, actMs = 8000) => {
    const client = new NftablesEnforcer({
      gateway: 'bng1',
      ssh: { ...server.ssh, ...ssh },
      deadlines: { actMs },
      onTrouble: (trouble) => troubles.push(trouble?.code),
    });
    clients.push(client);
    return client;
  };
  beforeEach(async () => {
    gateway.nft('flush', 'ruleset');
    await gateway.start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    troubles.length = 0;
  });

  it('N13: cut in the middle of a change, the answer is timeout; the line comes back by itself and everything converges', async () => {
    const client = open();
    await client.install();
    const nft = nftOf(gateway);
    process.kill(nft, 'SIGSTOP');
    const change = client.apply({ put: [strict(A)], remove: [] });
    // Lines are read in order, and this one is answered by another nft: the change is under way.
    expect((await client.readBack()).ok).toBe(true);
    server.cut();
    expect(await change).toMatchObject({ ok: false, error: { kind: 'timeout' } });
    process.kill(nft, 'SIGCONT');
    expect((await client.apply({ put: [strict(A), strict(B)], remove: [] })).ok).toBe(true);
    expect((await client.observe([A, B])).map((one) => one.access)).toEqual(['strict', 'strict']);
    expect(client.isConnected).toBe(true);
    expect(client.trouble).toBeUndefined();
  });

  it('cut under a burst it never says done for what is not there', async () => {
    const client = open();
    await client.install();
    const prefixes = Array.from({ length: 1000 }, (_, i) => prefix(`198.18.${i >> 8}.${i & 255}`));
    const burst = prefixes.map((p) => client.apply({ put: [strict(p)], remove: [] }));
    await burst[3];
    server.cut();
    const answers = await Promise.all(burst);
    let states = await client.observe(prefixes);
    await expect
      .poll(
        async () => {
          states = await client.observe(prefixes);
          return states.some((one) => one.access === 'unknown');
        },
        { timeout: 30_000 },
      )
      .toBe(false);
    const found = new Set(answers.map((answer, i) => `${answer.ok ? 'ok' : answer.error.kind} ${states[i]!.access}`));
    expect(found).toContain('ok strict');
    const possible = ['ok strict', 'unavailable absent', 'timeout strict', 'timeout absent'];
    expect([...found].filter((one) => !possible.includes(one))).toEqual([]);
  });

  it('a gateway whose helper is away says so, and goes on when it is back', async () => {
    await gateway.kill();
    const client = open({}, 3000);
    expect(await client.apply({ put: [strict(A)], remove: [] })).toMatchObject({
      error: { kind: 'unavailable', text: 'the gateway answers, its helper does not' },
    });
    await gateway.start();
    await expect.poll(() => client.skeleton(), { timeout: 20_000 }).toBe('missing');
    expect(troubles).toEqual(['helper-away', undefined]);
  });

  it.each([
    ['a key it does not know', 'login', () => ({ identityFile: strangerKey() })],
    ['no key at all', 'login', () => ({ identityFile: join(gateway.folder, 'none') })],
    ['a machine that nobody has vouched for', 'host-key', () => ({ knownHostsFile: '/dev/null' })],
    ['a port where nobody listens', 'unreachable', () => ({ port: 1 })],
    ['a host that looks like an option', 'unreachable', () => ({ host: '-oProxyCommand=touch /tmp/engawa-never' })],
  ])('with %s it is unavailable and the reason is told once', async (_, code, change) => {
    const client = open(change(), 2500);
    const [done, states] = await Promise.all([client.apply({ put: [strict(A)], remove: [] }), client.observe([A])]);
    expect(done).toMatchObject({ error: { kind: 'unavailable' } });
    expect(states).toMatchObject([{ access: 'unknown' }]);
    expect(troubles).toEqual([code]);
    expect(client.isConnected).toBe(false);
  });

  it('another machine with its address is refused with a clear word', async () => {
    const client = open({}, 2500);
    await client.install();
    await server.replaceHostKey();
    const answer = await client.apply({ put: [strict(A)], remove: [] });
    expect(answer.ok).toBe(false);
    await expect.poll(() => client.trouble?.code, { timeout: 15_000 }).toBe('host-key');
    expect(await client.apply({ put: [strict(A)], remove: [] })).toMatchObject({
      error: { kind: 'unavailable', text: 'the host key is not the one in the known-hosts file: refused' },
    });
    await server.stop();
    server = await startSshServer(sshFolder('again'), gateway.socketPath);
  });

  it('whatever the client asks to run, forwards or wants a terminal for, it gets the pipe to the helper', () => {
    const ask = (before: readonly string[], command: readonly string[]) => {
      const args = sshArguments({ kind: 'ssh', ...server.ssh });
      const at = args.indexOf('-F');
      const argv = [...args.slice(0, at), ...before, ...args.slice(at, -1), ...command];
      return spawnSync('/usr/bin/ssh', argv, {
        encoding: 'utf8',
        input: '{"id":7,"op":"skeleton"}\n',
        timeout: 15_000,
      });
    };
    for (const command of [['id'], ['cat', '/etc/shadow'], ['sh', '-c', "'touch /tmp/engawa-never'"], []]) {
      const { stdout } = ask([], command);
      expect(stdout.split('\n')[0]).toBe('engawa-helper-pipe 1');
      expect(stdout).not.toContain('uid=');
      expect(stdout).not.toContain('root:');
    }
    expect(ask(['-s'], ['sftp']).stdout.split('\n')[0]).toBe('engawa-helper-pipe 1');
    expect(ask(['-W', '127.0.0.1:22'], []).stdout).toBe('');
    expect(existsSync('/tmp/engawa-never')).toBe(false);
  });

  it('an other end that is no helper pipe never gets to read a line of ours', async () => {
    const seen = join(gateway.folder, 'seen');
    const folder = sshFolder('shell');
    const impostor = await startSshServer(folder, gateway.socketPath);
    writeFileSync(join(folder, 'pipe'), `#!/bin/sh\necho Welcome\nexec cat > '${seen}'\n`, { mode: 0o755 });
    const client = new NftablesEnforcer({
      gateway: 'bng1',
      ssh: impostor.ssh,
      deadlines: { actMs: 2500 },
      onTrouble: (trouble) => troubles.push(trouble?.code),
    });
    clients.push(client);
    expect(await client.apply({ put: [strict(A)], remove: [] })).toMatchObject({ error: { kind: 'unavailable' } });
    expect(troubles).toEqual(['no-helper-pipe']);
    expect(execFileSync('wc', ['-c', seen], { encoding: 'utf8' })).toMatch(/^0 /);
    await impostor.stop();
  });
});

function sshFolder(name: string): string {
  const folder = join(gateway.folder, name);
  execFileSync('mkdir', ['-p', folder]);
  return folder;
}

function strangerKey(): string {
  const path = join(sshFolder('stranger'), `key${process.hrtime.bigint()}`);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
  return path;
}

function nftOf({ helper }: LabGateway): number {
  const listed = execFileSync('ps', ['-o', 'pid=,comm=', '--ppid', `${helper().pid}`], { encoding: 'utf8' });
  return Number(/(\d+) nft/.exec(listed)![1]);
}
