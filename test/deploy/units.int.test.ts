// The systemd units: what they grant, how they hang together, and what systemd itself says of them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const TREE = new URL('../../', import.meta.url).pathname;
const ANALYZE = '/usr/bin/systemd-analyze';
const NAMES = ['engawa', 'engawa-helper', 'engawa-snapshot', 'engawa-spec'] as const;
/** They may speak netlink, and need to. */
const GATEWAY = ['engawa-helper', 'engawa-snapshot'] as const;
const text = (name: string) => readFileSync(join(TREE, `deploy/systemd/${name}.service`), 'utf8');

/** All values of a key, in order. */
function values(name: string, key: string): readonly string[] {
  return text(name)
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

describe('what the units grant', () => {
  test('helper and snapshot hold net_admin and nothing else, the others no capability at all', () => {
    const granted = NAMES.map((name) => [values(name, 'CapabilityBoundingSet'), values(name, 'AmbientCapabilities')]);
    expect(granted).toEqual([
      [[''], ['']],
      [['CAP_NET_ADMIN'], ['CAP_NET_ADMIN']],
      [['CAP_NET_ADMIN'], ['CAP_NET_ADMIN']],
      [[''], []],
    ]);
    for (const name of NAMES) expect(values(name, 'NoNewPrivileges')).toEqual(['yes']);
  });

  test('only what changes the kernel speaks netlink, and it neither reads secrets nor state', () => {
    expect(values('engawa', 'RestrictAddressFamilies')).toEqual(['AF_INET AF_INET6 AF_UNIX']);
    for (const name of GATEWAY) {
      expect(values(name, 'RestrictAddressFamilies')).toEqual(['AF_UNIX AF_NETLINK']);
      expect(values(name, 'InaccessiblePaths')).toEqual(['-/etc/engawa -/var/lib/engawa -/run/engawa']);
    }
  });

  test('the service cannot write what the helper is told', () => {
    expect(values('engawa-spec', 'User')).toEqual(['root']);
    const folder = values('engawa-spec', 'RuntimeDirectory')[0]!;
    for (const name of GATEWAY) expect(values(name, 'ExecStart')[0]).toContain(`--spec /run/${folder}/gateway.json`);
    // Beside its own folders the service writes in the spool of feeds alone.
    expect([...values('engawa', 'RuntimeDirectory'), ...values('engawa', 'ReadWritePaths')]).toEqual([
      'engawa',
      '-/var/spool/engawa',
    ]);
  });

  test('neither process stops the other, and stopping one runs nothing that touches the kernel', () => {
    for (const name of NAMES)
      for (const key of ['Requires', 'BindsTo', 'PartOf', 'ExecStop', 'ExecStopPost'])
        expect(values(name, key), `${name} ${key}`).toEqual([]);
    for (const name of NAMES) expect(values(name, 'Conflicts').filter((one) => one !== 'shutdown.target')).toEqual([]);
  });

  test('E26: the gardens of before the reboot are loaded before any interface is up, by the file the helper saves', () => {
    expect(values('engawa-snapshot', 'Before')[0]).toContain('network-pre.target');
    expect(values('engawa-snapshot', 'Wants')[0]).toContain('network-pre.target');
    expect(values('engawa-snapshot', 'After')[0]).toContain('nftables.service');
    // What waits for the end of early boot would wait for the network as well.
    for (const name of ['engawa-snapshot', 'engawa-spec']) expect(values(name, 'DefaultDependencies')).toEqual(['no']);
    const file = /--snapshot (\S+)/.exec(values('engawa-helper', 'ExecStart')[0]!)?.[1];
    expect(values('engawa-snapshot', 'ExecStart')[0]).toContain(`--restore ${file} `);
    // What it runs to read the gardens a last time is not ended with it (seen on systemd 252).
    expect(values('engawa-helper', 'KillMode')).toEqual(['mixed']);
    for (const name of GATEWAY) expect(`/var/lib/${values(name, 'StateDirectory')[0]}/gardens.nft`).toBe(file);
  });

  test('a gateway without a configuration of its own gets its facts at the path the helper reads', () => {
    const remote = readFileSync(join(TREE, 'deploy/ssh/engawa-spec-remote.conf'), 'utf8');
    const [clear, set, ...more] = [...remote.matchAll(/^ExecStart=(.*)$/gm)].map(([, value]) => value);
    expect([clear, more]).toEqual(['', []]);
    expect(set!.split(' ').at(-1)).toBe(/--spec (\S+)/.exec(values('engawa-helper', 'ExecStart')[0]!)?.[1]);
    expect(existsSync(set!.split(' ')[0]!)).toBe(true);
  });

  test('hold, which stops repair, stops the gardens of before the reboot as well', () => {
    expect(values('engawa-snapshot', 'ConditionPathExists')).toEqual(['!/var/lib/engawa/hold']);
  });

  test('the clock of the lab cannot be had from a unit', () => {
    for (const name of NAMES) expect(text(name)).not.toContain('ENGAWA_LAB');
  });
});

describe('what systemd says of them', () => {
  let folder: string;
  const has = existsSync(ANALYZE);
  beforeAll(() => {
    // The program folder is this tree, so that the paths exist.
    folder = mkdtempSync(join(tmpdir(), 'engawa-units-'));
    for (const name of NAMES)
      writeFileSync(join(folder, `${name}.service`), text(name).replaceAll('/opt/engawa/', TREE));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const analyze = (...args: string[]) => spawnSync(ANALYZE, args, { encoding: 'utf8', timeout: 30_000 });
  const about = (said: string) => said.split('\n').filter((line) => line.includes('engawa'));

  test('verify finds nothing to complain about', (context) => {
    if (!has) context.skip('systemd-analyze is not on this machine');
    const done = analyze('verify', '--man=no', ...NAMES.map((name) => join(folder, `${name}.service`)));
    expect(about(done.stdout + done.stderr)).toEqual([]);
  });

  for (const name of NAMES)
    test(`security: ${name} stays below an exposure of 2.0`, (context) => {
      if (!has) context.skip('systemd-analyze is not on this machine');
      const done = analyze('security', '--offline=true', '--threshold=20', join(folder, `${name}.service`));
      expect(done.stdout).toContain('Overall exposure level');
      expect(done.status).toBe(0);
    });

  test('the programs they start are in the tree', () => {
    for (const name of NAMES) {
      const [program, ...args] = values(name, 'ExecStart')[0]!.split(' ');
      for (const path of [program!, ...args.filter((arg) => arg.startsWith('/opt/engawa/'))])
        expect(existsSync(join(TREE, path.replace('/opt/engawa/', ''))), path).toBe(true);
    }
  });
});
