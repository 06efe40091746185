// The second BNG's part of the operator's folder: how it is told, who may tell of it, who asks about its logins. Names and secrets
// of both ends, since the lab is both.
import { stringify } from 'yaml';
import { LAB_ADDRESSES, LAB_BNG2 } from './network-plan.ts';

/** What it is told with, what it tells with, what it asks AAA with; and what homes log in with. */
export const LAB_BNG2_SECRETS = {
  dynamic: 'lab-bng2-dynamic-secret-0001',
  accounting: 'lab-bng2-accounting-secret-01',
  aaa: 'lab-bng2-aaa-secret-00000001',
  home: 'lab-home-password',
} as const;
export const LAB_AAA = { address: LAB_ADDRESSES.gateway.ip4, port: 1812 } as const;
/** Where the lab's FreeRADIUS asks about a login, and its key. */
export const LAB_POST_AUTH = { address: '127.0.0.1', port: 8095, key: 'lab-post-auth-key-0000000001' } as const;

/** User-Name of a home at its login, and access key of its line. */
export function userOf(home: number): string {
  return `home${home}@lab.example`;
}

/** What the operator's folder has besides, of a part of the network that not every lab has. */
export interface SitePart {
  readonly gateways: readonly unknown[];
  readonly accountingClients: readonly unknown[];
  readonly top: Readonly<Record<string, unknown>>;
  /** Files that the service alone may read: name → content. */
  readonly files: Readonly<Record<string, string>>;
}

export function secondBngPart(aaa: 'freeradius' | 'own', homes: readonly number[]): SitePart {
  const { top, files } = aaaPart(aaa, homes);
  const { name, ip4, pool4, pool6 } = LAB_BNG2;
  return {
    gateways: [
      {
        name,
        kind: 'radius',
        dialect: 'rfc',
        address: ip4,
        port: 3799,
        source: LAB_ADDRESSES.gateway.ip4,
        secretFiles: ['bng2-dynamic.secret'],
        nasIdentities: [name],
        values: { strict: 'engawa-strict', leaky: 'engawa-leaky', plan: 'plan' },
        pools: [pool4, pool6],
        ipv6Lengths: [56],
      },
    ],
    accountingClients: [{ name, from: [ip4], secretFiles: ['bng2-accounting.secret'], interim: '10min' }],
    top,
    files: {
      ...files,
      'bng2-dynamic.secret': LAB_BNG2_SECRETS.dynamic,
      'bng2-accounting.secret': LAB_BNG2_SECRETS.accounting,
    },
  };
}

/** Either asks or answers: a login has one server. */
function aaaPart(aaa: 'freeradius' | 'own', homes: readonly number[]): Pick<SitePart, 'top' | 'files'> {
  const { name, ip4 } = LAB_BNG2;
  if (aaa === 'freeradius') {
    const { address, port, key } = LAB_POST_AUTH;
    const postAuth = { listen: `${address}:${port}`, keyFiles: ['post-auth.key'] };
    return { top: { aaa: { postAuth } }, files: { 'post-auth.key': key } };
  }
  const clients = [{ name, from: [ip4], secretFiles: ['bng2-aaa.secret'], gateway: name, accessKey: 'User-Name' }];
  const server = { listen: `${LAB_AAA.address}:${LAB_AAA.port}`, usersFile: 'users.yaml', clients };
  const users = homes.map((home) => ({ name: userOf(home), clearPassword: LAB_BNG2_SECRETS.home }));
  return {
    top: { aaa: { server } },
    files: {
      'bng2-aaa.secret': LAB_BNG2_SECRETS.aaa,
      'users.yaml': stringify({ everyone: { plan: { 'Filter-Id': 'plan' } }, users }),
    },
  };
}
