// What the lab's translators write is what the product reads from real ones: the same block, the same time.
import { expect, test } from 'vitest';
import { formatIp } from '../../src/core/net/ip.ts';
import { iosXrLine, junosLine } from '../../src/lab/cgn-log.ts';
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
  const first = read(junosLine('allocated', block, AT), 'junos-pba');
  expect(first).toMatchObject({ ...told, kind: 'allocated', stamp: { at: AT }, own: { at: AT } });
  const again = read(junosLine('in-use', block, LATER), 'junos-pba');
  expect(again).toMatchObject({ ...told, kind: 'in-use', stamp: { at: LATER }, sinceAt: AT });
  const last = read(junosLine('released', block, LATER), 'junos-pba');
  expect(last).toMatchObject({ ...told, kind: 'released', stamp: { at: LATER } });
});

test('the AFTR’s blocks, as a Cisco tells them: by the B4, without a protocol', () => {
  const block = { inside: '2001:db8:100:400::b4', outside: '203.0.113.130', low: 1536, high: 2047, allocatedAt: AT };
  const first = read(iosXrLine('allocated', block, AT), 'cisco-ios-xr');
  expect(first).toMatchObject({ kind: 'allocated', inside: block.inside, outside: block.outside });
  expect(first.ports).toEqual({ low: 1536, high: 2047 });
  expect(first.protocol).toBeUndefined();
  const ms = (14 * 60 + 45) * 60_000 + 38_000;
  expect(first.stamp).toEqual({ wall: { year: 2022, month: 4, day: 4, ms } });
  expect(read(iosXrLine('released', block, LATER), 'cisco-ios-xr').kind).toBe('released');
});
