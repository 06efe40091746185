import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROLES } from '../../../src/protocols/shadowserver/role-table.ts';
import { roleOf } from '../../../src/protocols/shadowserver/roles.ts';
import { defaultSeverity, severityNamed } from '../../../src/protocols/shadowserver/severities.ts';

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

test.each([
  ['event4_sinkhole', 'critical'],
  ['event6_sinkhole_http', 'critical'],
  ['event4_honeypot_darknet', 'high'],
  ['event4_ddos_participant', 'high'],
  ['scan_telnet', 'medium'],
  ['scan6_telnet', 'medium'],
  ['scan_elasticsearch', 'high'],
  ['scan6_elasticsearch', 'low'],
  ['event4_honeypot_ddos_amp', 'low'],
  ['device_id6', 'info'],
  ['scan_http', 'info'],
  ['scan_http_vulnerable', 'critical'],
  ['scan_a_new_one', undefined],
])('the severity of %s is %s where the row does not say it', (type, severity) => {
  expect(defaultSeverity(type)).toBe(severity);
});

test('a word that is none of the five is no severity', () => {
  expect(['Critical', 'info', 'urgent', '', undefined].map(severityNamed)).toEqual([
    'critical',
    'info',
    undefined,
    undefined,
    undefined,
  ]);
});
