// E26 on a real kernel: the helper saves its gardens, the machine reboots (the ruleset is gone), the boot unit's command loads
// them again, and whoever comes next corrects it.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import type { GardenKey } from '../../src/core/garden/key.ts';
import { formatSnapshot, parseSnapshot } from '../../src/protocols/nftables/snapshot.ts';
import { createLabGateway, ip, type LabGateway, prefix, SPEC, share } from './lab-gateway.ts';

const A = prefix('192.0.2.5');
const B = prefix('2001:db8:100:4200::/56');
const C = prefix('192.0.2.7');
const S = share('192.0.2.200', 5);
const telnet = [{ protocol: 'tcp' as const, port: 23 }];
const element = (p: GardenKey, access: 'strict' | 'leaky', timeoutSeconds = 86_400) => ({
  prefix: p,
  access,
  abusedPorts: telnet,
  timeoutSeconds,
});
const DAY_MS = 86_400_000;

let gateway: LabGateway;
let client: NftablesEnforcer;

beforeAll(() => {
  gateway = createLabGateway();
});
afterAll(() => gateway.stop());
beforeEach(async () => {
  await gateway.kill();
  gateway.nft('flush', 'ruleset');
  rmSync(gateway.snapshot, { force: true });
  gateway.configure(SPEC);
});
afterEach(() => client?.close());

async function serve(): Promise<void> {
  await gateway.start();
  client = new NftablesEnforcer({ gateway: 'bng1', socketPath: gateway.socketPath });
}

async function fillGarden(): Promise<void> {
  await serve();
  await client.install();
  await client.apply({ put: [element(A, 'strict'), element(B, 'leaky'), element(C, 'strict', 90)], remove: [] });
  await client.lifeline([{ lifeline: 'emergency', ip: ip('203.0.113.200'), timeoutSeconds: 3600 }]);
  await client.allow([{ pack: 'bank', ip: ip('2001:db8:5::7'), timeoutSeconds: 3600 }]);
  await client.dnsAlive();
}

async function reboot(): Promise<void> {
  await gateway.kill('SIGTERM');
  gateway.nft('flush', 'ruleset');
}

const saved = () => (existsSync(gateway.snapshot) ? readFileSync(gateway.snapshot, 'utf8') : '');
const setText = (name: string) => gateway.nft('list', 'set', 'inet', 'engawa', name);
const gardenSets = ['strict4', 'leaky4', 'strict6_56', 'leaky6_56', 'abuse4', 'abuse6_56', 'abuse_in4'];

describe('what the helper saves', () => {
  it('a change and a release are in the file within moments, whole and for nobody else to read', async () => {
    await fillGarden();
    await expect.poll(saved, { timeout: 15_000 }).toMatch(/strict4 \{192\.0\.2\.5 timeout 600s/);
    expect(statSync(gateway.snapshot).mode & 0o777).toBe(0o600);
    await client.apply({ put: [], remove: [A] });
    await expect.poll(saved, { timeout: 15_000 }).not.toContain('192.0.2.5');
    expect(saved()).toContain('192.0.2.7');
  });

  it('a stop saves what is not saved yet, a kill leaves the last whole file', async () => {
    await fillGarden();
    await gateway.kill('SIGTERM');
    expect(saved()).toContain('192.0.2.5');
    await serve();
    await client.apply({ put: [], remove: [A] });
    await gateway.kill('SIGKILL');
    expect(parseSnapshot(SPEC, saved(), Date.now())).toMatchObject({ ok: true });
    expect(saved()).toContain('192.0.2.7');
  });

  it('a ruleset that somebody else emptied is an empty garden for the next boot', async () => {
    await fillGarden();
    gateway.nft('flush', 'ruleset');
    await client.skeleton();
    await gateway.kill('SIGTERM');
    expect(saved().split('\n')).toHaveLength(2);
  });

  it('a folder that cannot be written is told once, stops nothing, and is written again when it can be', async () => {
    const folder = dirname(gateway.snapshot);
    rmSync(folder, { recursive: true });
    await fillGarden();
    await expect.poll(() => gateway.journal(), { timeout: 15_000 }).toContain('snapshot-fault');
    expect((await client.apply({ put: [], remove: [A] })).ok).toBe(true);
    mkdirSync(folder, { mode: 0o700 });
    await gateway.kill('SIGTERM');
    expect(saved()).toContain('192.0.2.7');
    expect(gateway.journal().match(/snapshot-fault/g)).toHaveLength(1);
  });
});

describe('E26: at boot', () => {
  it('gardens, abused ports and learned addresses are back for ten minutes at most; steering of DNS is not', async () => {
    await fillGarden();
    await reboot();
    const { status, said } = gateway.restore();
    expect(said).toMatchObject({ event: 'restored', gateway: 'bng1', lines: 3, addresses: 2, leftOut: 0 });
    expect(status).toBe(0);
    expect(setText('strict4')).toMatch(/192\.0\.2\.5 timeout 10m/);
    expect(setText('strict4')).toMatch(/192\.0\.2\.7 timeout 1m(2\d|30)s/);
    expect(setText('leaky6_56')).toMatch(/2001:db8:100:4200:: timeout 10m/);
    for (const set of ['abuse4', 'abuse_in4']) expect(setText(set)).toMatch(/192\.0\.2\.5 \. tcp \. 23/);
    expect(setText('life4_emergency')).toMatch(/203\.0\.113\.200 timeout 10m/);
    expect(setText('pack6_bank')).toMatch(/2001:db8:5::7 timeout 10m/);
    expect(setText('dns_alive')).not.toContain('elements');
  });

  it('a port set of a shared address comes back as one, and a shape that left the configuration does not', async () => {
    await serve();
    await client.install();
    await client.apply({ put: [element(S, 'strict'), element(A, 'leaky')], remove: [] });
    await reboot();
    expect(gateway.restore().said).toMatchObject({ event: 'restored', lines: 2, leftOut: 0 });
    expect(setText('strict4_p6_8')).toMatch(/192\.0\.2\.200 \. 20 timeout 10m/);
    expect(setText('abuse4_p6_8')).toMatch(/192\.0\.2\.200 \. 20 \. tcp \. 23/);
    await serve();
    await client.install();
    expect(await client.observe([S, share('192.0.2.200', 6)])).toMatchObject([
      { access: 'strict' },
      { access: 'absent' },
    ]);
    await client.close();
    await reboot();
    gateway.configure({ ...SPEC, sharedPools: [] });
    expect(gateway.restore().said).toMatchObject({ event: 'restored', lines: 1 });
  });

  it('what comes after it finds the ruleset intact and the lines proven, and takes away what is not wanted', async () => {
    await fillGarden();
    await reboot();
    gateway.restore();
    await serve();
    expect(await client.install()).toEqual({ ok: true, value: 'adopted' });
    expect((await client.observe([A, B])).map((one) => one.access)).toEqual(['strict', 'leaky']);
    await client.apply({ put: [element(B, 'strict')], remove: [A] });
    expect((await client.observe([A, B])).map((one) => one.access)).toEqual(['absent', 'strict']);
    expect(await client.denyCounts()).toMatchObject({ value: [{ prefix: C }, { prefix: B }] });
  });

  it('a second start of the unit changes nothing: where the table is there, it is no boot', async () => {
    await fillGarden();
    await gateway.kill('SIGTERM');
    gateway.nft('delete', 'element', 'inet', 'engawa', 'strict4', '{ 192.0.2.5 }');
    expect(gateway.restore()).toMatchObject({ status: 0, said: { event: 'left-alone' } });
    expect(setText('strict4')).not.toContain('192.0.2.5');
  });

  it.each([
    ['damaged', () => writeFileSync(gateway.snapshot, saved().replace('192.0.2.5', '192.0.2.6'))],
    ['damaged', () => writeFileSync(gateway.snapshot, '')],
    ['damaged', () => writeFileSync(gateway.snapshot, saved().slice(0, 100))],
    ['missing', () => rmSync(gateway.snapshot)],
    ['foreign', () => gateway.configure({ ...SPEC, name: 'bng2' })],
    ['old', () => resave(Date.now() - DAY_MS - 1000)],
    ['clock', () => resave(Date.now() + DAY_MS)],
  ])('a file that is %s costs the gardens, not the ruleset, and it says so', async (word, spoil) => {
    await fillGarden();
    await reboot();
    spoil();
    const { status, said } = gateway.restore();
    expect(said).toMatchObject({ event: 'skeleton-only', lines: 0 });
    expect(String(said['reason'])).toMatch(new RegExp(`^${word}: `));
    expect(status).toBe(0);
    for (const set of gardenSets) expect(setText(set)).not.toContain('elements');
    expect(setText('sentinel')).toContain('elements');
  });

  it('N12: every element passes the guard: what the configuration no longer takes stays out, the rest comes in', async () => {
    await fillGarden();
    await reboot();
    gateway.configure({ ...SPEC, infrastructure: [...SPEC.infrastructure, A], packs: [] });
    expect(gateway.restore().said).toMatchObject({ event: 'restored', lines: 2, addresses: 1, leftOut: 2 });
    expect(setText('strict4')).not.toContain('192.0.2.5');
    expect(setText('strict4')).toContain('192.0.2.7');
  });

  it('a file touched by a tool that keeps its bytes is still ours: its age is in it, not on it', async () => {
    await fillGarden();
    await reboot();
    utimesSync(gateway.snapshot, 0, 0);
    expect(gateway.restore().said).toMatchObject({ event: 'restored', lines: 3 });
  });

  it('without facts of the gateway nothing is loaded, and the unit fails', () => {
    writeFileSync(gateway.specPath, 'not JSON');
    expect(gateway.restore()).toMatchObject({ status: 2, said: { event: 'fault' } });
    expect(gateway.nft('list', 'ruleset')).toBe('');
  });
});

function resave(at: number): void {
  const line = { prefix: A, access: 'strict' as const, abusedPorts: telnet, leftSeconds: 600 };
  writeFileSync(gateway.snapshot, formatSnapshot(SPEC, { lines: [line], addresses: [] }, at).text);
}
