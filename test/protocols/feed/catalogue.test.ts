// Cases of the catalogue that every reader must pass alike: one row in each format with the bad value in its place.
import { describe, expect, test } from 'vitest';
import { loadFeedProfile } from '../../../src/config/feed-profiles.ts';
import { parsePrefix } from '../../../src/core/net/prefix.ts';
import type { FeedFile, FeedReader } from '../../../src/core/report/feed.ts';
import { readAbusehub } from '../../../src/protocols/abusehub/read.ts';
import { readArf } from '../../../src/protocols/arf/read.ts';
import { readIntelmq } from '../../../src/protocols/intelmq/read.ts';
import { readN6 } from '../../../src/protocols/n6/read.ts';
import { readProfiles } from '../../../src/protocols/profile/read.ts';
import { readShadowserver } from '../../../src/protocols/shadowserver/parse.ts';
import { readSuricata } from '../../../src/protocols/suricata/read.ts';
import { readXarf } from '../../../src/protocols/xarf/read.ts';
import { readAll } from './told.ts';

interface Row {
  readonly ip: string;
  /** `2026-03-04 05:06:07`, UTC. */
  readonly time: string;
  readonly name: string;
}

interface Format {
  readonly reader: FeedReader;
  readonly fileName?: string;
  readonly write: (row: Row) => string;
  /** The same instant without saying of which zone; undefined = the format has a zone of its own. */
  readonly withoutZone?: (row: Row) => string;
}

const iso = (time: string, zone = 'Z') => `${time.replace(' ', 'T')}${zone}`;
const profile = loadFeedProfile(
  `name: list
version: 1
format: { kind: csv }
time: { columns: [seen], form: second, zone: UTC }
subscriber: { ip: ip }
families: [name]
class: { otherwise: infected-handshake }
mayAct: true
`,
  'list.yaml',
);
if (!profile.ok) throw new Error(JSON.stringify(profile.error));
const csv = (text: string) => `"${text.replaceAll('"', '""')}"`;

const intelmq = ({ ip, time, name }: Row, zone = 'Z') =>
  JSON.stringify({
    'time.source': iso(time, zone),
    'source.ip': ip,
    'malware.name': name,
    'classification.type': 'scanner',
  });
const n6 = ({ ip, time, name }: Row, zone = 'Z') =>
  JSON.stringify([{ id: 'x', category: 'scanning', time: iso(time, zone), address: [{ ip }], name }]);
const xarf = ({ ip, time, name }: Row, zone = 'Z') =>
  JSON.stringify({
    Version: '3',
    Report: { ReportType: 'PortScan', Date: iso(time, zone), SourceIp: ip, BotnetName: name },
  });
const eve = ({ ip, time, name }: Row, zone = '+0000') =>
  JSON.stringify({
    timestamp: iso(time, zone),
    event_type: 'alert',
    src_ip: '198.51.100.1',
    dest_ip: ip,
    alert: { signature: name },
  });

const FORMATS: Readonly<Record<string, Format>> = {
  shadowserver: {
    reader: readShadowserver,
    fileName: '2026-03-04-event4_sinkhole-x.csv',
    write: ({ ip, time, name }) => `timestamp,src_ip,infection\n${csv(time)},${csv(ip)},${csv(name)}\n`,
  },
  abusehub: {
    reader: readAbusehub({ timeZone: 'UTC' }),
    write: ({ ip, time, name }) =>
      `report_type,event_date,event_time,src_ip,infection_type\nShadowserver Botnet Drone,${time.slice(0, 10)},${time.slice(11)},${csv(ip)},${csv(name)}\n`,
  },
  'profile list': {
    reader: readProfiles([profile.value]),
    write: ({ ip, time, name }) => `seen,ip,name\n${csv(time)},${csv(ip)},${csv(name)}\n`,
  },
  intelmq: {
    reader: readIntelmq({ leastAccuracy: 0 }),
    write: (row) => intelmq(row),
    withoutZone: (row) => intelmq(row, ''),
  },
  n6: { reader: readN6, write: (row) => n6(row), withoutZone: (row) => n6(row, '') },
  xarf: { reader: readXarf({ clockMs: 1000 }), write: (row) => xarf(row), withoutZone: (row) => xarf(row, '') },
  suricata: {
    reader: readSuricata({ homeNet: [parsePrefix('192.0.2.0/24')!, parsePrefix('2001:db8::/32')!], alerts: [] }),
    write: (row) => eve(row),
    withoutZone: (row) => eve(row, ''),
  },
  arf: {
    reader: readArf,
    write: ({ ip, time, name }) =>
      `Feedback-Type: abuse\nVersion: 1\nUser-Agent: ${name.replaceAll(/[\r\n]/g, '')}\nSource-IP: ${ip.replaceAll(/[\r\n]/g, '')}\nArrival-Date: ${mailDate(time)} +0000\n`,
    withoutZone: ({ ip, time }) =>
      `Feedback-Type: abuse\nVersion: 1\nUser-Agent: x\nSource-IP: ${ip}\nArrival-Date: ${mailDate(time)}\n`,
  },
};

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
function mailDate(time: string): string {
  const [year, month, day] = time.slice(0, 10).split('-');
  return `${day} ${MONTHS[Number(month) - 1] ?? 'Xyz'} ${year} ${time.slice(11)}`;
}

const GOOD: Row = { ip: '192.0.2.17', time: '2026-03-04 05:06:07', name: 'mirai' };
const AT = Date.UTC(2026, 2, 4, 5, 6, 7);

describe.each(Object.entries(FORMATS))('%s', (_name, { reader, fileName = 'file', write }) => {
  const read = (text: string, more: Partial<FeedFile> = {}) => readAll(reader, text, { fileName, ...more });
  const codes = async (row: Partial<Row>, more: Partial<FeedFile> = {}) => {
    const { items, fault } = await read(write({ ...GOOD, ...row }), more);
    return fault ?? items.map((item) => ('code' in item ? item.code : 'report'));
  };

  test('F05: 1 s ahead is tolerated; an hour, ten years, 1970 and a leap second are not', async () => {
    expect(await codes({})).toEqual(['report']);
    expect(await codes({}, { receivedAt: AT - 1000 })).toEqual(['report']);
    expect(await codes({}, { receivedAt: AT - 3_600_000 })).toEqual(['timestamp-future']);
    expect(await codes({ time: '2036-03-04 05:06:07' })).toEqual(['timestamp-future']);
    expect(await codes({ time: '1970-01-01 00:00:01' })).toEqual(['timestamp-bad']);
    expect(await codes({ time: '2016-12-31 23:59:60' })).toEqual(['timestamp-bad']);
  });

  test('F08: an address in any but its one form is refused', async () => {
    for (const ip of ['010.0.0.1', '1.1', '0x7f.1', '::ffff:192.0.2.1', 'fe80::1%eth0', '１92.0.2.1', '192.0.2.1.7']) {
      const answer = await codes({ ip });
      expect(['ip-not-canonical', 'source-not-address'], `${ip}: ${answer}`).toContain(answer[0]);
      expect(answer).toHaveLength(1);
    }
    expect((await codes({ ip: '192.0.2.17\0' }))[0]).not.toBe('report');
  });

  test('F09: a prefix is no line, of whatever length; an address of one is one', async () => {
    for (const ip of ['2001:db8:17::/48', '2001:db8:17::/64', '2001:db8:17::1/128', '192.0.2.0/24', '192.0.2.0'])
      expect(['ip-is-network', 'ip-not-canonical']).toContain((await codes({ ip }))[0]);
    const { reports } = await read(write({ ...GOOD, ip: '2001:db8:17::1' }));
    expect(reports.map((one) => one.ip.family)).toEqual([6]);
  });

  test('F19: what a name brings along stays text, and 1 MB of it is cut or refused', async () => {
    const { reports, fault } = await read(write({ ...GOOD, name: 'x\r\nFORGED: 1\u001b[31m\u202eevil' }));
    expect([fault, reports.length]).toEqual([undefined, 1]);
    expect(Object.values(reports[0]!.extra).some((value) => value.includes('evil'))).toBe(true);
    const large = await read(write({ ...GOOD, name: 'x'.repeat(1_000_000) }));
    for (const report of large.reports)
      for (const value of Object.values(report.extra)) expect(value.length).toBeLessThanOrEqual(256);
    expect(large.reports.length + large.items.length + (large.fault === undefined ? 0 : 1)).toBeGreaterThan(0);
  });
});

test.each(
  Object.entries(FORMATS).flatMap(([name, one]) =>
    one.withoutZone ? [[name, one.reader, one.withoutZone] as const] : [],
  ),
)('F05: %s refuses a time without its offset, and never reads it as local', async (_name, reader, withoutZone) => {
  expect((await readAll(reader, withoutZone(GOOD))).told).toEqual(['1 timestamp-bad']);
});
