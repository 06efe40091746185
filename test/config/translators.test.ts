import { describe, expect, test } from 'vitest';
import { readDocument, strict } from '../../src/config/document.ts';
import { clockAheadMs, dhcpSchema, type TranslatorConfig, translatorsSchema } from '../../src/config/translators.ts';

const schema = strict({ translators: translatorsSchema, dhcp: dhcpSchema });
const read = (text: string) => {
  const result = readDocument(text, 'engawa.yaml', schema);
  return result.ok ? result.value : result.error.map(({ path, expected }) => `${path}: ${expected}`);
};

describe('translators', () => {
  test('what a sample needs, and what is taken for granted', () => {
    const config = read(`
translators:
  - { name: cgn1, kind: syslog, dialect: junos-pba, transport: udp, listen: "127.0.0.1:6514", from: [192.0.2.11], clockBehind: 90s }
  - { name: cgn2, kind: ipfix, listen: "[::]:4739", from: [192.0.2.0/28], realms: { Broadband: main } }
  - { name: cgn3, kind: syslog, dialect: nokia, transport: file, file: cgn.log, timeZone: Europe/Berlin, interim: 30min }
`);
    if (!('translators' in config)) throw new Error(config.join('\n'));
    const [first, second, third] = config.translators as unknown as readonly [TranslatorConfig, unknown, unknown];
    expect(first).toMatchObject({ realm: 'main', insideRealm: 'main', realms: {}, skew: 1000 });
    expect(first).not.toHaveProperty('interim');
    expect(clockAheadMs(first)).toBe(-90_000);
    expect(second).toMatchObject({ transport: 'udp', oneToOne: false, realms: { Broadband: 'main' } });
    expect(third).toMatchObject({ interim: 1_800_000, timeZone: 'Europe/Berlin' });
  });

  test('A04: a dialect whose clock names no zone does not load without one', () => {
    for (const dialect of ['cisco-ios-xr', 'junos-ms-mpc', 'nokia'])
      expect(
        read(
          `translators: [{ name: a, kind: syslog, dialect: ${dialect}, transport: udp, listen: "127.0.0.1:1", from: [192.0.2.1] }]`,
        ),
      ).toEqual([`translators[0].timeZone: the zone of its clock (records of ${dialect} name none)`]);
  });

  test('all faults at once, each with what was expected', () => {
    expect(
      read(`
translators:
  - { name: a, kind: syslog, dialect: a10, transport: tcp }
  - { name: b, kind: syslog, dialect: a10, transport: file }
  - { name: c, kind: syslog, dialect: generic, transport: file, file: x }
  - name: d
    kind: syslog
    dialect: generic
    transport: file
    file: x
    generic: { pattern: "(?<event>", allocated: [a], released: [b] }
  - { name: e, kind: ipfix, listen: "[::]:4739", from: [192.0.2.1], realms: { red: other } }
`),
    ).toEqual([
      'translators[0].listen: an address and port to listen on',
      'translators[0].from: the addresses it sends from',
      'translators[1].file: the file to follow (transport: file)',
      'translators[2].generic: generic with dialect: generic, and only there',
      'translators[3].generic: a regular expression',
      'translators[4].realms.red: main (other realms: not yet)',
    ]);
  });
});

test('dhcp: the lifetime is a fact that only the operator knows; zone names are offsets', () => {
  expect(
    read(
      'dhcp: [{ name: kea1, kind: kea, file: a.csv, validLifetime: 1h, zoneNames: { CET: "+01:00", NST: "-03:30" } }]',
    ),
  ).toEqual({
    translators: [],
    dhcp: [
      {
        name: 'kea1',
        kind: 'kea',
        file: 'a.csv',
        format: 'leases',
        accessKey: 'circuit-id',
        realm: 'main',
        skew: 1000,
        validLifetime: 3_600_000,
        zoneNames: { CET: 3_600_000, NST: -12_600_000 },
      },
    ],
  });
  expect(read('dhcp: [{ name: kea1, kind: kea, file: a.csv, zoneNames: { CET: summer } }]')).toHaveLength(2);
});
