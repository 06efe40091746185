// The helper as a process on a real kernel: what survives its death, what it repairs, and what it refuses over a raw socket.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import type { GatewaySpec } from '../../src/core/garden/gateway.ts';
import { createLabGateway, ip, type LabGateway, prefix, SPEC } from './lab-gateway.ts';

const A = prefix('192.0.2.5');
const B = prefix('2001:db8:100:4200::/56');
const telnet = [{ protocol: 'tcp' as const, port: 23 }];
const strict = (p: typeof A, timeoutSeconds = 600) => ({
  prefix: p,
  access: 'strict' as const,
  abusedPorts: telnet,
  timeoutSeconds,
});

let gateway: LabGateway;
let client: NftablesEnforcer;

beforeAll(() => {
  gateway = createLabGateway();
});
afterAll(() => gateway.stop());
beforeEach(async () => {
  gateway.nft('flush', 'ruleset');
  await gateway.start();
  client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
  await client.install();
});
afterEach(() => client.close());

/** The next helper has this spec; the test after this one finds the usual one again. */
async function restartWith(spec: GatewaySpec): Promise<void> {
  onTestFinished(async () => {
    await gateway.kill();
    gateway.configure(SPEC);
  });
  await gateway.kill();
  gateway.configure(spec);
  await gateway.start();
}

describe('the helper and the kernel', () => {
  it('N14: a chain flushed by somebody else is seen and repaired, elements and counters kept', async () => {
    await client.apply({ put: [strict(A), strict(B)], remove: [] });
    gateway.nft('flush', 'chain', 'inet', 'engawa', 'from_home');
    expect(await client.skeleton()).toBe('changed');
    expect(await client.install()).toEqual({ ok: true, value: 'repaired' });
    expect(await client.skeleton()).toBe('intact');
    expect((await client.observe([A, B])).map((s) => s.access)).toEqual(['strict', 'strict']);
  });

  it('a foreign rule inside our table counts as changed, and goes', async () => {
    gateway.nft('insert', 'rule', 'inet', 'engawa', 'to_home', 'accept');
    expect(await client.skeleton()).toBe('changed');
    await client.install();
    expect(gateway.nft('list', 'chain', 'inet', 'engawa', 'to_home')).not.toMatch(/^\t\taccept/m);
  });

  it.each([
    ['a pack', { packs: [] }],
    ['a prefix length', { ipv6Lengths: [56] }],
    ['the name of a lifeline', { lifelines: SPEC.lifelines.map((l) => ({ ...l, name: 'rescue' })) }],
  ])(
    '%s leaves the configuration and comes back: one load each, lines and the rest of the table kept',
    async (_, change) => {
      await client.apply({ put: [strict(A), strict(B)], remove: [] });
      for (const spec of [{ ...SPEC, ...change }, SPEC]) {
        await gateway.kill();
        gateway.configure(spec);
        await gateway.start();
        expect(await client.skeleton()).toBe('changed');
        expect(await client.install()).toEqual({ ok: true, value: 'repaired' });
        expect(await client.skeleton()).toBe('intact');
        expect((await client.observe([A, B])).map((s) => s.access)).toEqual(['strict', 'strict']);
      }
    },
  );

  it('sets that an older release made with another size are made anew: learned addresses stay, read-back tells the lines', async () => {
    await client.apply({ put: [strict(A), strict(B)], remove: [] });
    await client.lifeline([{ lifeline: 'emergency', ip: ip('203.0.113.200'), timeoutSeconds: 3600 }]);
    await client.allow([{ pack: 'bank', ip: ip('198.51.100.7'), timeoutSeconds: 3600 }]);
    const listed = gateway.nft('list', 'table', 'inet', 'engawa');
    gateway.nft('delete', 'table', 'inet', 'engawa');
    const older = join(gateway.folder, 'older.nft');
    const smaller = listed
      .replace(/(set life4_emergency \{[^}]*?size )\d+/, '$1100')
      .replace(/(set pack4_bank \{[^}]*?)\t\ttimeout 2h\n/, '$1\t\tflags timeout\n')
      .replace(/(set abuse4 \{[^}]*?size )\d+/, '$1100');
    expect(smaller.match(/size 100\n/g)).toHaveLength(2);
    writeFileSync(older, smaller);
    gateway.nft('-f', older);
    expect(await client.skeleton()).toBe('changed');
    expect(await client.install()).toEqual({ ok: true, value: 'repaired' });
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'life4_emergency')).toContain('203.0.113.200');
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'pack4_bank')).toMatch(
      /timeout 2h[\s\S]*198\.51\.100\.7 timeout/,
    );
    expect(await client.readBack()).toMatchObject({ ok: true, value: [{ prefix: B, access: 'strict' }] });
  });

  it('an address that another resolver put into a pack’s set, without a timeout of its own, survives a new definition too', async () => {
    gateway.nft('add', 'element', 'inet', 'engawa', 'pack4_bank', '{ 198.51.100.7 }');
    const listed = gateway.nft('list', 'table', 'inet', 'engawa');
    expect(listed).toMatch(/198\.51\.100\.7 expires/);
    gateway.nft('delete', 'table', 'inet', 'engawa');
    const older = join(gateway.folder, 'older.nft');
    writeFileSync(older, listed.replace(/(set pack4_bank \{[^}]*?size )\d+/, '$1100'));
    gateway.nft('-f', older);
    expect(await client.install()).toEqual({ ok: true, value: 'repaired' });
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'pack4_bank')).toContain('198.51.100.7 timeout 1h59m');
  });

  it('releases all from the sets of a prefix length that the configuration no longer has', async () => {
    await client.apply({ put: [strict(A), strict(B)], remove: [] });
    await restartWith({ ...SPEC, ipv6Lengths: [64] });
    expect((await client.releaseAll()).ok).toBe(true);
    for (const set of ['strict4', 'strict6_56', 'abuse6_56'])
      expect(gateway.nft('list', 'set', 'inet', 'engawa', set)).not.toContain('elements');
  });

  it('a vanished sentinel counts as changed: somebody flushed our sets', async () => {
    gateway.nft('flush', 'set', 'inet', 'engawa', 'sentinel');
    expect(await client.skeleton()).toBe('changed');
    expect(await client.install()).toEqual({ ok: true, value: 'repaired' });
  });

  it('looks for flowtables of anybody, and tells «none» from «cannot tell»', async () => {
    expect(await client.offload()).toEqual([]);
    await gateway.kill();
    const hasty = new NftablesEnforcer({
      gateway: 'bng1',
      socketPath: gateway.socketPath,
      deadlines: { checkMs: 300 },
    });
    expect(await hasty.offload()).toBeUndefined();
    await hasty.close();
  });

  it('a table of somebody else is left alone, and no twin of ours stays behind', async () => {
    gateway.nft('add', 'table', 'inet', 'other');
    await client.install();
    await client.releaseAll();
    expect(gateway.nft('list', 'tables').trim().split('\n').sort()).toEqual(['table inet engawa', 'table inet other']);
  });

  it('a renewal keeps the deny counter and sets a new timeout', async () => {
    await client.apply({ put: [strict(A, 30)], remove: [] });
    const element = '192.0.2.5 . tcp . 23';
    gateway.nft('delete', 'element', 'inet', 'engawa', 'abuse4', `{ ${element} }`);
    gateway.nft('add', 'element', 'inet', 'engawa', 'abuse4', `{ ${element} counter packets 7 bytes 420 timeout 30s }`);
    await client.apply({ put: [strict(A, 600)], remove: [] });
    expect(await client.denyCounts()).toMatchObject({ value: [{ port: 23, packets: 7 }] });
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'strict4')).toMatch(/192\.0\.2\.5 timeout 10m/);
  });

  it('N13: killed in the middle of a burst, it leaves whole transactions, and the next one adopts them', async () => {
    const prefixes = Array.from({ length: 400 }, (_, i) => prefix(`198.18.${i >> 8}.${i & 255}`));
    await client.apply({ put: [strict(A)], remove: [] });
    const hasty = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath, deadlines: { actMs: 2000 } });
    const burst = prefixes.map((p) => hasty.apply({ put: [strict(p)], remove: [] }));
    await burst[20];
    await gateway.kill();
    const answers = await Promise.all(burst);
    await hasty.close();
    const rules = gateway.nft('-s', 'list', 'chain', 'inet', 'engawa', 'from_home');
    await gateway.start();
    expect(await client.install()).toEqual({ ok: true, value: 'adopted' });
    expect(gateway.nft('-s', 'list', 'chain', 'inet', 'engawa', 'from_home')).toBe(rules);
    const states = await client.observe([A, ...prefixes]);
    expect(states[0]!.access).toBe('strict');
    // Acknowledged = there. Never sent (unavailable) = not there. Sent and not answered = one of the two, and says so.
    const found = prefixes.map((_, i) => `${kindOf(answers[i]!)} ${states[i + 1]!.access}`);
    expect(new Set(found)).toContain('ok strict');
    const possible = ['ok strict', 'unavailable absent', 'timeout strict', 'timeout absent'];
    expect(found.filter((f) => !possible.includes(f))).toEqual([]);
  });

  it('N13: its nft killed in the middle of a burst costs unknown answers at most, never a wrong one', async () => {
    const prefixes = Array.from({ length: 300 }, (_, i) => prefix(`198.18.${i >> 8}.${i & 255}`));
    const burst = prefixes.map((p) => client.apply({ put: [strict(p)], remove: [] }));
    await burst[5];
    for (const pid of childrenOf(gateway.helper().pid!)) killIfThere(pid);
    const answers = await Promise.all(burst);
    const states = await client.observe(prefixes);
    answers.forEach((answer, i) => {
      if (answer.ok) expect(states[i]!.access).toBe('strict');
      else expect(answer.error.kind).toBe('timeout');
    });
    expect((await client.apply({ put: [strict(A)], remove: [] })).ok).toBe(true);
  });

  it('a wedged nft is killed after the deadline and the answer is timeout', async () => {
    await client.apply({ put: [strict(A)], remove: [] });
    for (const pid of childrenOf(gateway.helper().pid!)) process.kill(pid, 'SIGSTOP');
    expect(await client.apply({ put: [strict(B)], remove: [] })).toMatchObject({ error: { kind: 'timeout' } });
    expect((await client.apply({ put: [strict(B)], remove: [] })).ok).toBe(true);
  });

  it('a helper that starts anew still takes away the ports its predecessor put', async () => {
    await client.apply({ put: [strict(A)], remove: [] });
    await gateway.kill();
    await gateway.start();
    await client.apply({ put: [], remove: [A] });
    expect(await client.denyCounts()).toEqual({ ok: true, value: [] });
  });

  it('while it is down nothing is guessed: unavailable or unknown, and the client finds the next one by itself', async () => {
    const hasty = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath, deadlines: { actMs: 300 } });
    await gateway.kill();
    expect(await hasty.apply({ put: [strict(A)], remove: [] })).toMatchObject({ error: { kind: 'unavailable' } });
    expect(await hasty.observe([A])).toMatchObject([{ access: 'unknown' }]);
    const waiting = client.apply({ put: [strict(A)], remove: [] });
    await gateway.start();
    expect((await waiting).ok).toBe(true);
    await hasty.close();
  });

  it('invariant 6: told that the front goes, it takes the steering away at once, present or not', async () => {
    await client.dnsAlive();
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'dns_alive')).toContain('53 timeout');
    for (let i = 0; i < 2; i++) expect((await client.dnsOff()).ok).toBe(true);
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'dns_alive')).not.toContain('elements');
  });

  it('releases all with nobody else alive: every garden element, nothing of DNS or packs', async () => {
    await client.apply({ put: [strict(A), { ...strict(B), access: 'leaky' }], remove: [] });
    await client.dnsAlive();
    expect((await client.releaseAll()).ok).toBe(true);
    expect(await client.readBack()).toEqual({ ok: true, value: [] });
    expect(await client.denyCounts()).toEqual({ ok: true, value: [] });
    expect(gateway.nft('list', 'set', 'inet', 'engawa', 'dns_alive')).toContain('53 timeout 1m');
    expect(await client.skeleton()).toBe('intact');
  });
});

describe('the helper refuses', () => {
  it.each([
    ['; rm', '{"id":1,"op":"apply","put":[],"remove":["192.0.2.1; rm -rf /"]}', 'prefix-bad'],
    ['-f', '{"id":1,"op":"observe","prefixes":["-f"]}', 'prefix-bad'],
    ['a newline', '{"id":1,"op":"observe","prefixes":["192.0.2.5\\n"]}', 'prefix-bad'],
    ['a foreign table', '{"id":1,"op":"apply","table":"filter","put":[],"remove":[]}', 'field-unknown'],
    ['an unknown operation', '{"id":1,"op":"flush"}', 'op-unknown'],
    ['everybody', putLine('0.0.0.0/0'), 'prefix-length'],
    ['everybody on IPv6', putLine('::/0'), 'prefix-length'],
    ['somebody outside the pools', putLine('198.51.100.9'), 'outside-pools'],
  ])('N12: %s, with a stable code, and reports it', async (_name, line, code) => {
    const before = gateway.nft('list', 'ruleset');
    expect(await askRaw(gateway.socketPath, line)).toMatchObject({ id: 1, error: { kind: 'refused', code } });
    expect(gateway.nft('list', 'ruleset')).toBe(before);
    await expect.poll(() => gateway.journal()).toContain(`"${code}"`);
  });

  it('a peer that does not speak its language is dropped, others go on', async () => {
    expect(await askRaw(gateway.socketPath, 'flush ruleset')).toBe('closed');
    expect(await client.skeleton()).toBe('intact');
  });

  it('a second helper on the same socket, a folder open to others, a spec without emergency: exit 2', () => {
    expect(exitOf(gateway, ['--socket', gateway.socketPath, '--spec', gateway.specPath])).toContain('already answers');
    expect(exitOf(gateway, ['--socket', '/tmp/engawa-none.sock', '--spec', gateway.specPath])).toContain('0750');
    expect(exitOf(gateway, ['--socket', gateway.socketPath, '--spec', '/dev/null'])).toContain('not JSON');
    expect(exitOf(gateway, ['--socket', gateway.socketPath])).toContain('usage');
  });
});

function kindOf(answer: Awaited<ReturnType<NftablesEnforcer['apply']>>): string {
  return answer.ok ? 'ok' : answer.error.kind;
}

function putLine(text: string): string {
  return `{"id":1,"op":"apply","put":[{"prefix":"${text}","access":"strict","ports":[],"timeout":60}],"remove":[]}`;
}

async function askRaw(path: string, line: string): Promise<unknown> {
  const socket = connect(path);
  socket.write(`${line}\n`);
  const answer = await Promise.race([
    once(socket, 'data').then(([chunk]) => JSON.parse(String(chunk)) as unknown),
    once(socket, 'close').then(() => 'closed'),
  ]);
  socket.destroy();
  return answer;
}

function childrenOf(pid: number): number[] {
  return execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .map(Number);
}

function exitOf(gateway: LabGateway, args: readonly string[]): string {
  try {
    execFileSync('ip', ['netns', 'exec', gateway.netns, process.execPath, 'src/helper/main.ts', ...args], {
      stdio: 'pipe',
      timeout: 15_000,
    });
    return 'exit 0';
  } catch (error) {
    const { status, stderr } = error as { status: number; stderr: Buffer };
    return `exit ${status}: ${stderr}`;
  }
}

/** A child that ended by itself between the look and the blow. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
