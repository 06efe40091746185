// What the lab's translators write is what the product reads from real ones: the same block, the same time.
import { expect, test } from 'vitest';
import { formatIp } from '../../src/core/net/ip.ts';
import { AFTR_SERVICE_SET, cardLine, pbaLine } from '../../src/lab/cgn-log.ts';
import { CGN_DIALECTS } from '../../src/protocols/cgn-log/dialects.ts';
import { readSyslog } from '../../src/protocols/syslog/message.ts';

const AT = Date.UTC(2022, 3, 4, 14, 45, 38);
const LATER = AT + 900_500;

function read(line: string, dialect: keyof typeof CGN_DIALECTS) {
  const message = readSyslog(line);
  if (!message.ok) throw new Error(message.error);
  const [record, ...more] = CGN_DIALECTS[dialect](message.value.body);
  expect(more).toEqual([]);
  if (record?.ok !== true) throw new Error(record?.error);
  const { inside, outside, ...rest } = record.value;
  return { stamp: message.value.stamp, inside: formatIp(inside), outside: formatIp(outside), ...rest };
}

test('the CGN’s blocks, as a Juniper tells them', () => {
  const block = { inside: '100.64.0.2', outside: '203.0.113.129', low: 1536, high: 2047, allocatedAt: AT };
  const told = { inside: block.inside, outside: block.outside, ports: { low: 1536, high: 2047 } };
  const first = read(pbaLine('allocated', block, AT), 'junos-pba');
  expect(first).toMatchObject({ ...told, kind: 'allocated', stamp: { at: AT }, own: { at: AT } });
  const again = read(pbaLine('in-use', block, LATER), 'junos-pba');
  expect(again).toMatchObject({ ...told, kind: 'in-use', stamp: { at: LATER }, sinceAt: AT });
  const last = read(pbaLine('released', block, LATER), 'junos-pba');
  expect(last).toMatchObject({ ...told, kind: 'released', stamp: { at: LATER } });
});

test('the AFTR’s blocks, as a service card tells them: by the B4, without a protocol', () => {
  const block = { inside: '2001:db8:100:400::b4', outside: '203.0.113.130', low: 1536, high: 2047, allocatedAt: AT };
  const told = {
    inside: block.inside,
    outside: block.outside,
    ports: { low: 1536, high: 2047 },
    vrf: AFTR_SERVICE_SET,
  };
  const ms = (14 * 60 + 45) * 60_000 + 38_000;
  const stamp = { wall: { year: 2022, month: 4, day: 4, ms } };
  const first = read(cardLine('allocated', block, AT), 'junos-ms-mpc');
  expect(first).toMatchObject({ ...told, kind: 'allocated', stamp });
  expect(first.protocol).toBeUndefined();
  expect(read(cardLine('in-use', block, LATER), 'junos-ms-mpc')).toMatchObject({
    ...told,
    kind: 'in-use',
    sinceAt: AT,
  });
  expect(read(cardLine('released', block, LATER), 'junos-ms-mpc')).toMatchObject({ ...told, kind: 'released' });
});
