// E26 with packets: a bot's line before and after a reboot of the gateway, with nothing of ours running afterwards but the
// ruleset that the boot unit's command loaded.
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NftablesEnforcer } from '../../src/adapters/enforcer/nftables/client.ts';
import { setSlug } from '../../src/protocols/nftables/sets.ts';
import { encodeSpec } from '../../src/protocols/nftables/spec-json.ts';
import { ABUSED, prefixesOf, type Stage, setStage } from './tools/stage.ts';

const MAIN = 'src/helper/main.ts';
let stage: Stage;
let folder: string;
let client: NftablesEnforcer;
let helper: ChildProcess;

beforeAll(async () => {
  stage = await setStage();
  folder = mkdtempSync(join(tmpdir(), 'engboot-'));
  mkdirSync(join(folder, 'run'), { mode: 0o750 });
  const socketPath = join(folder, 'run/helper.sock');
  // The lab gives its lifelines longer names than a configuration may.
  const { spec } = stage.network;
  const lifelines = spec.lifelines.map((one) => ({ ...one, name: setSlug(one.name) }));
  writeFileSync(join(folder, 'gateway.json'), encodeSpec({ ...spec, lifelines }));
  await stage.nft('flush', 'ruleset');
  const args = ['--socket', socketPath, '--spec', join(folder, 'gateway.json'), '--snapshot', join(folder, 'gardens')];
  helper = stage.network.spawn(stage.network.bng, [process.execPath, MAIN, ...args], { cwd: process.cwd() });
  client = new NftablesEnforcer({ gateway: spec.name, socketPath });
});
afterAll(async () => {
  await client?.close();
  helper?.kill('SIGKILL');
  await stage?.end();
  rmSync(folder, { recursive: true, force: true });
});

test('a strict line is strict from the first packet after the boot, its lifeline open, its neighbour free', async () => {
  const { network } = stage;
  const at = network.addresses;
  expect((await client.install()).ok).toBe(true);
  const put = prefixesOf(network.homes[0]!).map((prefix) => {
    return { prefix, access: 'strict' as const, abusedPorts: ABUSED, timeoutSeconds: 86_400 };
  });
  expect((await client.apply({ put, remove: [] })).ok).toBe(true);
  const gone = new Promise((resolve) => helper.once('exit', resolve));
  helper.kill('SIGTERM');
  await gone;
  await stage.nft('flush', 'ruleset');
  expect(await stage.homes[0]!.tcp(at.site.ip4, 9000)).toBe('open'); // what a reboot would mean

  const restore = [MAIN, '--restore', join(folder, 'gardens'), '--spec', join(folder, 'gateway.json')];
  const argv = ['netns', 'exec', network.bng, process.execPath, ...restore];
  const done = spawnSync('ip', argv, { encoding: 'utf8', timeout: 30_000 });
  expect(JSON.parse(done.stderr)).toMatchObject({ event: 'restored', lines: 2 });

  const [bot, neighbour] = [stage.homes[0]!, stage.homes[1]!];
  for (const family of ['ip4', 'ip6'] as const) {
    expect(await bot.tcp(at.honeypot[family], 23)).toBe('ECONNREFUSED');
    expect(await bot.tcp(at.site[family], 9000)).toBe('ECONNREFUSED');
    expect(await bot.udp(at.emergency[family], 5060)).toBe('echo');
    // The front is not alive yet: names can be asked for, which a lifeline may need.
    expect(await bot.udp(at.resolver[family], 53)).toBe('echo');
    expect(await neighbour.tcp(at.site[family], 9000)).toBe('open');
  }
  const counted = await stage.nft('list', 'set', 'inet', network.spec.table, 'abuse4');
  expect(counted.stdout).toMatch(/tcp \. 23 counter packets [1-9]/);
});
