import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readAaaUsers } from '../../src/config/aaa-users.ts';
import { formatFault } from '../../src/config/faults.ts';

const HASH =
  '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw';

const read = (text: string) => {
  const result = readAaaUsers(text, 'users.yaml');
  return result.ok ? [...result.value.values()] : result.error.map(formatFault);
};

test('a user has a hash or a clear password, what is always so, and a plan; everyone’s values where it says nothing', () => {
  expect(
    read(`
everyone:
  always: { Service-Type: Framed-User, Acct-Interim-Interval: 600 }
  plan: { Filter-Id: basic }
users:
  - name: ann
    password: ${HASH}
    always: { Framed-IP-Address: 198.51.100.7, "Delegated-IPv6-Prefix": "2001:db8:aa00::/56" }
  - name: bob
    clearPassword: "0042"
    always: { Acct-Interim-Interval: 300 }
    plan:
      Filter-Id: [fast, voice]
      ERX-Service-Activate:1: internet
`),
  ).toEqual([
    {
      name: 'ann',
      password: { hash: HASH },
      always: [
        { name: 'Service-Type', value: 'Framed-User' },
        { name: 'Acct-Interim-Interval', value: '600' },
        { name: 'Framed-IP-Address', value: '198.51.100.7' },
        { name: 'Delegated-IPv6-Prefix', value: '2001:db8:aa00::/56' },
      ],
      plan: [{ name: 'Filter-Id', value: 'basic' }],
    },
    {
      name: 'bob',
      password: { clear: '0042' },
      always: [
        { name: 'Service-Type', value: 'Framed-User' },
        { name: 'Acct-Interim-Interval', value: '300' },
      ],
      plan: [
        { name: 'Filter-Id', value: 'fast' },
        { name: 'Filter-Id', value: 'voice' },
        { name: 'ERX-Service-Activate', tag: 1, value: 'internet' },
      ],
    },
  ]);
});

test('a file with a fault does not load and says where, and never shows a password', () => {
  const faults = read(`users:
  - name: ann
    password: not-a-hash-but-the-password
    always: { Framed-IP-Address: 198.51.100 }
  - name: ann
    clearPassword: right
    plan: { Filter-Idd: x }
  - name: both
    password: ${HASH}
    clearPassword: right
  - name: none
    paln: {}
`);
  expect(faults).toHaveLength(7);
  const places = faults.map((one) =>
    /^users\.yaml:(\d+):\d+: expected .*\((users\S*)\)/.exec(String(one))?.slice(1).join(' '),
  );
  expect(places).toEqual([
    '3 users[0].password',
    '4 users[0].always.Framed-IP-Address',
    '5 users[1].name',
    '7 users[1].plan.Filter-Idd',
    '8 users[2]',
    '11 users[3]',
    '12 users[3].paln',
  ]);
  expect(faults.join()).not.toContain('but-the-password');
});

test('the sample of docs/aaa.md loads', () => {
  const text = readFileSync(new URL('../../docs/aaa.md', import.meta.url), 'utf8');
  const sample = /```yaml\n(everyone:[\s\S]*?)```/.exec(text)?.[1];
  expect(read(sample!)).toMatchObject([{ name: 'ann@isp.example' }, { name: 'bob@isp.example' }]);
});
