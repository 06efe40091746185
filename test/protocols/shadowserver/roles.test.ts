import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROLES, roleOf } from '../../../src/protocols/shadowserver/roles.ts';

const lines = readFileSync(new URL('../../vectors/shadowserver/roles.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

test('every published report type has the role the table of the reference gives it', () => {
  const found = lines.map((line) => {
    const type = line.split(' ')[0]!;
    const role = roleOf(type);
    return `${type} ${role?.subscriber} ${role?.class} ${role?.mayAct ? 'yes' : 'no'}`;
  });
  expect(found).toEqual(lines);
  expect(lines.length).toBeGreaterThan(170);
});

test('victims and mere information never act, and every role is used by a published type', () => {
  for (const role of ROLES) if (role.class === 'victim' || role.class === 'info') expect(role.mayAct).toBe(false);
  const used = new Set(lines.map((line) => roleOf(line.split(' ')[0]!)));
  expect(ROLES.filter((role) => !used.has(role))).toEqual([]);
});

test.each([
  '',
  'event4_',
  'scan',
  'Scan_telnet',
  'event4_sinkhole2',
  'botnet_drone',
  `scan_${'x'.repeat(100)}`,
  'scan_a-b',
])('the type %j is not guessed at', (type) => {
  expect(roleOf(type)).toBeUndefined();
});
