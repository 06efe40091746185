import { describe, expect, test } from 'vitest';
import { readAbusehub } from '../../../src/protocols/abusehub/read.ts';
import { classOfHubType } from '../../../src/protocols/abusehub/types.ts';
import { readAll } from '../feed/told.ts';

const HUB =
  'reliable_notifier,report_type,infection_type,event_date,event_time,src_asn,src_ip,src_port,protocol,dst_ip';
const ORIGINAL = '"timestamp","ip","port","asn","type","infection","cc","cc_port"';
const reader = readAbusehub({ timeZone: 'Europe/Amsterdam' });

const hub = (...rows: readonly string[]) =>
  `${HUB}\n${rows.map((row) => `S,Shadowserver Botnet Drone,${row}`).join('\n')}\n`;
const beside = (...rows: readonly string[]) => ({
  beside: [
    { fileName: 'smime.p7s', bytes: Buffer.from('x') },
    { fileName: '8787fbe5.csv', bytes: Buffer.from(`${ORIGINAL}\n${rows.join('\n')}\n`) },
  ],
});
const read = (file: string, ...originals: readonly string[]) =>
  readAll(reader, file, originals.length === 0 ? {} : beside(...originals));

const ROW = 'Mirai,2026-03-02,01:45:59,64496,192.0.2.17,2005,tcp,';
const SAME = '"2026-03-02 00:45:59","192.0.2.17",2005,64496,"tcp","Mirai","198.51.100.5",23';

describe('the original row in the same mail', () => {
  test('wins where both speak of one sighting: its UTC, and the end the hub left out', async () => {
    expect((await read(hub(ROW), SAME)).told).toEqual([
      '2 Shadowserver Botnet Drone infected-handshake may-act mirai 192.0.2.17:2005 tcp 198.51.100.5:23 2026-03-02T00:45:59Z±1s original-row',
    ]);
  });

  test('says when a proxy was seen (forwarded_by): nobody behind it, so nothing acts', async () => {
    const original = `${ORIGINAL.replace('"cc_port"', '"cc_port","forwarded_by"')}\n${SAME},"10.0.0.7"\n`;
    const more = { beside: [{ fileName: 'original.csv', bytes: Buffer.from(original) }] };
    expect((await readAll(reader, hub(ROW), more)).told[0]).toMatch(/infected-handshake never .* original-row;proxy$/);
    const empty = { beside: [{ fileName: 'original.csv', bytes: Buffer.from(original.replace('10.0.0.7', '')) }] };
    expect((await readAll(reader, hub(ROW), empty)).told[0]).toContain('infected-handshake may-act');
  });

  test('is the same report as the hub row alone: a re-delivery without it counts once', async () => {
    const [alone, both] = [await read(hub(ROW)), await read(hub(ROW), SAME)];
    expect(both.reports[0]?.id).toBe(alone.reports[0]?.id);
    expect(both.reports[0]?.observedAt).toBe(alone.reports[0]?.observedAt);
  });

  test('decides which of the two hours it was when the clock was put back', async () => {
    const row = 'Mirai,2026-10-25,02:30:00,64496,192.0.2.17,2005,tcp,';
    for (const utc of ['00:30:00', '01:30:00']) {
      const original = `"2026-10-25 ${utc}","192.0.2.17",2005,64496,"tcp","Mirai",,`;
      const [report] = (await read(hub(row), original)).reports;
      expect([report?.observedAt, report?.precisionMs]).toEqual([Date.parse(`2026-10-25T${utc}Z`), 1000]);
    }
  });

  test.each([
    ['an hour off (the hub would have to live in UTC)', SAME.replace('00:45:59', '01:45:59')],
    ['a second off', SAME.replace('00:45:59', '00:46:00')],
    ['another address', SAME.replace('192.0.2.17', '192.0.2.18')],
    ['another port', SAME.replace('2005', '2006')],
    ['another network', SAME.replace('64496', '64497')],
    ['another protocol', SAME.replace('"tcp"', '"udp"')],
    ['another infection', SAME.replace('Mirai', 'Conficker')],
  ])('that differs by more than the zone parks the file: %s', async (_name, original) => {
    expect((await read(hub(ROW), original)).fault).toBe('hub-differs-from-original');
  });

  test('with more or fewer rows parks the file', async () => {
    expect((await read(hub(ROW), SAME, SAME)).fault).toBe('hub-differs-from-original');
    expect((await read(hub(ROW, ROW), SAME)).fault).toBe('hub-differs-from-original');
  });

  test('that cannot be read as one is told in a remark, and the configured zone holds', async () => {
    const told = await read(hub(ROW), '"yesterday","192.0.2.17",2005,64496,"tcp","Mirai",,');
    expect([told.fault, told.remarks, told.reports.length]).toEqual([undefined, ['original-unreadable'], 1]);
  });
});

test('the zone is the configured one, not that of the machine', async () => {
  const at = async (timeZone: string) => (await readAll(readAbusehub({ timeZone }), hub(ROW))).reports[0]?.observedAt;
  expect(await at('UTC')).toBe(Date.UTC(2026, 2, 2, 1, 45, 59));
  expect(await at('Asia/Tokyo')).toBe(Date.UTC(2026, 2, 1, 16, 45, 59));
});

test('who complained is not kept', async () => {
  const file =
    'report_type,event_date,event_time,src_ip,original_hotmail_recipient,src_email\nHotmail FBL,2026-03-02,01:00:01,192.0.2.17,a@example.com,b@example.com\n';
  expect(JSON.stringify((await read(file)).reports)).not.toContain('example.com');
});

test('F10: a file without the columns that say who and when is parked', async () => {
  expect((await read('report_type,event_date,src_ip\n')).fault).toBe('column-missing');
  expect((await read('')).fault).toBe('file-empty');
});

test.each([
  ['Shadowserver Sinkhole HTTP Drone', 'tcp', 'infected-handshake'],
  ['Shadowserver Microsoft Sinkhole HTTP Drone', undefined, 'attack-single-packet'],
  ['Spamhaus Bot Report', 'tcp', 'infected-handshake'],
  ['Shadowserver Botnet DDOS', 'tcp', 'c2-contact'],
  ['NCSC Mumblehard infections', undefined, 'c2-contact'],
  ['NCSC RAT Report', undefined, 'c2-contact'],
  ['NCSC Brobot URL', undefined, 'info'],
  ['NCSC Mongodb report', undefined, 'exposed'],
  ['Team Cymru Malevolence Monitoring', 'tcp', 'c2-contact'],
  ['Shadowserver Command and Control', 'tcp', 'info'],
  ['Shadowserver Compromised Website', 'tcp', 'info'],
  ['ShadowServer SSL/Freak Vulnerable Servers report', undefined, 'exposed'],
  ['Shadowserver IPMI', 'udp', 'exposed'],
  ['Google Safe Browsing', undefined, 'info'],
  ['AOL FBL', undefined, 'info'],
  ['TrendMicro', undefined, 'info'],
  ['A new list', undefined, undefined],
] as const)('the report type %s', (name, protocol, expected) => expect(classOfHubType(name, protocol)).toBe(expected));
