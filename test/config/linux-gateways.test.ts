// Linux gateways on other machines, marks and resolvers, as the configuration names them.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { formatFault } from '../../src/config/faults.ts';
import { load } from '../../src/config/load.ts';
import { formatPrefix } from '../../src/core/net/prefix.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const SAMPLE = readFileSync(`${DEPLOY}engawa.yaml`, 'utf8');
const LOCAL = /( {2}- name: bng1\n[\s\S]*?)\n {2}# A BNG that only listens/.exec(SAMPLE)![1]!;

function loaded(remote: string) {
  const text = SAMPLE.replace(LOCAL, `${remote}\n${LOCAL}`).replace(
    '\naccounting:\n  clients:\n',
    '\naccounting:\n  clients:\n    - { name: bng2, from: [192.0.2.9], secretFiles: [secrets/bng2] }\n',
  );
  return load(`${DEPLOY}engawa.yaml`, {
    read: (path) => {
      if (path === `${DEPLOY}engawa.yaml`) return Buffer.from(text);
      return path.startsWith(`${DEPLOY}secrets/`) ? Buffer.from('sixteen octets!!') : readFileSync(path);
    },
    list: (path) => readdirSync(path),
  });
}
const remote = (more: string) =>
  LOCAL.replace('name: bng1', 'name: bng2')
    .replace('nasIdentities: [bng1]', 'nasIdentities: [bng2]')
    .replace('    accessInterfaces:', `${more}    accessInterfaces:`);
const SSH = `    ssh: { host: bng2.isp.example, user: engawa-pipe, identityFile: secrets/bng2-ssh, knownHostsFile: bng2.known_hosts }
`;

it('a gateway reached by ssh stands behind this machine, with its portal here', () => {
  const config = loaded(remote(SSH));
  if (!config.ok) throw new Error(config.error.map(formatFault).join('\n'));
  const [here, there] = config.value.gateways;
  expect([here!.spec.name, there!.spec.name]).toEqual(['bng1', 'bng2']);
  expect([here!.ssh, here!.spec.isPortalElsewhere]).toEqual([undefined, undefined]);
  expect(there!.spec.isPortalElsewhere).toBe(true);
  expect(there!.ssh).toEqual({
    host: 'bng2.isp.example',
    port: 22,
    user: 'engawa-pipe',
    identityFile: `${DEPLOY}secrets/bng2-ssh`,
    knownHostsFile: `${DEPLOY}bng2.known_hosts`,
  });
});

it('marks and a resolver come along', () => {
  const more = `${SSH}    modeMarks: { mask: 0x000f0000, strict: 0x00010000, leaky: 0x00020000 }
    resolver: { folder: /var/lib/engawa-rpz, controlSocket: /run/unbound-engawa/control.sock }
`;
  const config = loaded(remote(more));
  if (!config.ok) throw new Error(config.error.map(formatFault).join('\n'));
  expect(config.value.gateways[1]).toMatchObject({
    spec: { modeMarks: { mask: 0xf0000, strict: 0x10000, leaky: 0x20000 } },
    resolver: { folder: '/var/lib/engawa-rpz', zones: { allow: 'allow.engawa.', garden: 'garden.engawa.' } },
  });
});

it('shared pools and the borders of softwires come along', () => {
  const more = `${SSH}    sharedPools: [{ prefix: 203.0.113.64/26, psidOffset: 6, psidLength: 8 }]
    softwireBorders: ["2001:db8:ff::b"]
`;
  const config = loaded(remote(more));
  if (!config.ok) throw new Error(config.error.map(formatFault).join('\n'));
  const { sharedPools, softwireBorders } = config.value.gateways[1]!.spec;
  expect(sharedPools?.map((one) => [formatPrefix(one.prefix), one.offset, one.psidLength])).toEqual([
    ['203.0.113.64/26', 6, 8],
  ]);
  expect(softwireBorders?.map(formatPrefix)).toEqual(['2001:db8:ff::b']);
});

it.each([
  [
    'a shared pool outside the pools',
    `${SSH}    sharedPools: [{ prefix: 10.0.0.0/24, psidOffset: 6, psidLength: 8 }]\n`,
    /a part of the subscriber pools/,
  ],
  [
    'more bits than a port has',
    `${SSH}    sharedPools: [{ prefix: 203.0.113.64/26, psidOffset: 9, psidLength: 8 }]\n`,
    /at most 16 bits together/,
  ],
  ['two gateways on this machine', '', /one gateway of kind nftables, this machine/],
  ['ssh and a socket', `${SSH}    helperSocket: /run/x.sock\n`, /helperSocket or ssh, not both/],
  ['marks outside their mask', `${SSH}    modeMarks: { mask: 1, strict: 1, leaky: 2 }\n`, /within the bits of mask/],
])('does not load with %s', (_name, more, fault) => {
  const config = loaded(remote(more));
  expect(config.ok ? '' : config.error.map(formatFault).join('\n')).toMatch(fault);
});
