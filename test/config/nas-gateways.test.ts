// BNGs that are told by RADIUS, as the configuration names them: what loads, what does not, and where the fault is shown.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../src/config/faults.ts';
import { load } from '../../src/config/load.ts';
import { formatIp } from '../../src/core/net/ip.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const SAMPLE = readFileSync(`${DEPLOY}engawa.yaml`, 'utf8');
const GATEWAY = `  - name: bng2
    kind: radius
    dialect: rfc
    address: 192.0.2.9
    secretFiles: [secrets/bng2]
    nasIdentities: [bng2]
    values: { strict: engawa-strict, leaky: engawa-leaky, plan: home }
    pools: [198.51.100.0/24]
`;
const CLIENT = `    - { name: bng2, from: [192.0.2.9], secretFiles: [secrets/bng2] }
`;

function text(gateway = GATEWAY): string {
  return SAMPLE.replace('\naccounting:\n  clients:\n', `${gateway}\naccounting:\n  clients:\n${CLIENT}`);
}
function loaded(gateway?: string, secret = 'sixteen octets!!') {
  return load(`${DEPLOY}engawa.yaml`, {
    read: (path) => {
      if (path === `${DEPLOY}engawa.yaml`) return Buffer.from(text(gateway));
      return path.startsWith(`${DEPLOY}secrets/`) ? Buffer.from(secret) : readFileSync(path);
    },
    list: (path) => readdirSync(path),
  });
}
function faultsOf(gateway: string, secret?: string): readonly string[] {
  const found = loaded(gateway, secret);
  return found.ok ? [] : found.error.map((fault) => formatFault(fault).replace(DEPLOY, ''));
}

describe('a gateway of kind radius', () => {
  it('stands beside the Linux gateway, with the dialect’s own port and sensible limits', () => {
    const config = loaded();
    if (!config.ok) throw new Error(config.error.map(formatFault).join('\n'));
    expect(config.value.gateways).toHaveLength(1);
    const [bng] = config.value.nasGateways;
    expect(formatIp(bng!.address)).toBe('192.0.2.9');
    expect(bng).toMatchObject({
      name: 'bng2',
      dialect: { name: 'rfc' },
      port: 3799,
      window: 32,
      packetsPerSecond: 200,
      replayWindow: 300_000,
      messageAuthenticator: 'send',
      bounce: 'never',
      ipv6Lengths: [56, 64],
    });
    expect(Buffer.from(bng!.secrets[0]).toString()).toBe('sixteen octets!!');
  });

  it.each([
    [
      'a dialect nobody wrote',
      GATEWAY.replace('dialect: rfc', 'dialect: rfcc'),
      /expected one of the dialects .*rfc.*got "rfcc"/,
    ],
    [
      'a value that it does not know',
      GATEWAY.replace('plan: home', 'plan: home, speed: fast'),
      /gateways\[1\]\.values\.speed/,
    ],
    [
      'a way back without a plan and without leave to cut',
      GATEWAY.replace(', plan: home', ''),
      /expected values\.plan, or bounce: release/,
    ],
    [
      'a NAS that sends no accounting',
      GATEWAY.replace('nasIdentities: [bng2]', 'nasIdentities: [bng7]'),
      /the name of an accounting client, got "bng7"/,
    ],
    ['a name that two gateways have', GATEWAY.replace('name: bng2', 'name: bng1'), /each name once/],
    ['no pool', GATEWAY.replace('pools: [198.51.100.0/24]', 'pools: []'), /gateways\[1\]\.pools/],
    ['a key of the other kind', GATEWAY.replace('dialect: rfc', 'dialect: rfc\n    tls443: alert'), /got "tls443"/],
  ])('does not load with %s', (_name, gateway, fault) => {
    expect(faultsOf(gateway).join('\n')).toMatch(fault);
  });

  it('N06: a secret of fewer than 16 octets is refused, and never shown', () => {
    const faults = faultsOf(GATEWAY, 'shortsecret').join('\n');
    expect(faults).toMatch(/a secret of at least 16 octets, got 11 octets in secrets\/bng2/);
    expect(faults).not.toContain('shortsecret');
  });

  it('a bounce on release is a way back too', () => {
    expect(faultsOf(GATEWAY.replace(', plan: home', '').replace('pools:', 'bounce: release\n    pools:'))).toEqual([]);
  });

  it('one Linux gateway there must be: portal and DNS front live on it', () => {
    const alone = text().replace(/gateways:\n {2}- name: bng1[\s\S]*?(?= {2}- name: bng2)/, 'gateways:\n');
    const found = load(`${DEPLOY}engawa.yaml`, {
      read: (path) =>
        path === `${DEPLOY}engawa.yaml`
          ? Buffer.from(alone)
          : path.startsWith(`${DEPLOY}secrets/`)
            ? Buffer.from('sixteen octets!!')
            : readFileSync(path),
      list: (path) => readdirSync(path),
    });
    expect(found.ok ? [] : found.error.map(formatFault).join()).toMatch(/one gateway of kind nftables/);
  });

  it('names no NAS that another gateway carries: each would free the gardens of the other', () => {
    const faults = faultsOf(GATEWAY + GATEWAY.replace('name: bng2', 'name: bng3'));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain('expected a name of no other gateway, got "bng2"');
  });
});
