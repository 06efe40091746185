import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant } from '../../../src/core/kernel/civil.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import type { RefusedRow, Report } from '../../../src/core/report/report.ts';
import { readShadowserver, typeOfFileName } from '../../../src/protocols/shadowserver/parse.ts';
import { runs } from '../../runs.ts';

const families = new Set(['mirai', 'gafgyt', 'mozi', 'qsnatch']);
const RECEIVED = Date.UTC(2026, 2, 5);

async function read(fileName: string, content: string | Uint8Array, receivedAt = RECEIVED) {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const feed = await readShadowserver({
    source: 'shadowserver',
    fileName,
    bytes: [bytes],
    evidenceHash: 'e'.repeat(64),
    receivedAt,
    familyOf: (name) => (families.has(name) ? name : undefined),
  });
  if (!feed.ok)
    return {
      fault: feed.error.code,
      remarks: [] as string[],
      items: [] as (Report | RefusedRow)[],
      reports: [] as Report[],
      refused: [] as string[],
    };
  const items: (Report | RefusedRow)[] = [];
  for await (const item of feed.value.items) items.push(item);
  return {
    fault: undefined,
    remarks: feed.value.remarks.map((one) => `${one.code}: ${one.text}`),
    items,
    reports: items.filter((item): item is Report => !('code' in item)),
    refused: items.flatMap((item) => ('code' in item ? [`${item.line} ${item.code}`] : [])),
  };
}

const vector = (type: string, identifier = 'example_isp') => {
  const name = `2026-03-04-${type}-${identifier}.csv`;
  return read(name, readFileSync(new URL(`../../vectors/shadowserver/${name}`, import.meta.url)));
};

const told = (report: Report) =>
  [
    formatInstant(report.observedAt).slice(11, 19),
    report.class,
    report.mayAct ? 'may-act' : 'never',
    report.family,
    formatIp(report.ip),
    report.port ?? '-',
    report.protocol ?? '-',
    report.extra['engawa.notes'] ?? '-',
  ].join(' ');

describe('what each report type says about the line', () => {
  test('a sinkhole contact over TCP is an infection, over UDP one spoofable packet, at midnight a whole day', async () => {
    const { reports, refused } = await vector('event4_sinkhole');
    expect(reports.map(told)).toEqual([
      '05:06:07 infected-handshake may-act mirai 192.0.2.17 50123 tcp -',
      '05:06:08 attack-single-packet may-act unknown 192.0.2.18 50124 udp spoofable',
      '00:00:00 infected-handshake may-act qsnatch 192.0.2.19 50125 tcp midnight',
      '05:06:07 infected-handshake may-act mirai 192.0.2.17 50123 tcp -',
    ]);
    expect(reports.map((report) => report.precisionMs)).toEqual([1000, 1000, 86_400_000, 1000]);
    expect(refused).toEqual(['5 ip-not-canonical', '6 port-bad', '7 timestamp-bad']);
    expect(reports[0]?.destinationPort).toBe(443);
    expect(reports[0]?.extra).toMatchObject({ src_asn: '64496', event_id: 'ev-1', severity: 'critical' });
    expect(reports[3]?.id).toBe(reports[0]?.id);
    expect(reports[3]?.evidence.line).toBe(8);
  });

  test('IPv6 is read alike', async () => {
    expect((await vector('event6_sinkhole')).reports.map(told)).toEqual([
      '05:06:07 infected-handshake may-act mozi 2001:db8:17::1 50123 tcp -',
    ]);
  });

  test('F10: honeypot log-ins keep quotes, commas, line breaks and formulas as text', async () => {
    const { reports } = await vector('event4_honeypot_brute_force');
    expect(reports.map(told)).toEqual([
      '10:00:01 attack-handshake may-act unknown 192.0.2.17 40001 tcp -',
      '10:00:02 attack-handshake may-act gafgyt 192.0.2.17 40002 tcp -',
    ]);
    expect(reports.map((r) => [r.extra['username'], r.extra['password'], r.evidence.line])).toEqual([
      ['ro"ot', 'a,b\nc', 2],
      ['=cmd()', '@x', 4],
    ]);
  });

  test('darknet rows act only with an infection named and TCP', async () => {
    expect((await vector('event4_honeypot_darknet')).reports.map(told)).toEqual([
      '11:00:01 attack-single-packet may-act mirai 192.0.2.17 40001 tcp -',
      '11:00:02 info never unknown 192.0.2.17 40002 tcp no-infection-named',
      '11:00:03 info never mirai 192.0.2.17 53 udp not-tcp',
    ]);
  });

  test('victims are the right end of the row and never act', async () => {
    expect((await vector('event4_honeypot_ddos_amp')).reports.map(told)).toEqual([
      '12:00:01 victim never unknown 192.0.2.17 80 udp -',
    ]);
    expect((await vector('event4_honeypot_ddos_target')).reports.map(told)).toEqual([
      '12:00:01 victim never mirai 192.0.2.17 80 tcp -',
    ]);
  });

  test('an abused open resolver is no bot, nor is another service that answered forged questions', async () => {
    expect((await vector('event4_ddos_participant')).reports.map(told)).toEqual([
      '12:00:01 info never mirai 192.0.2.17 53 udp open-resolver',
      '12:00:02 c2-contact may-act mirai 192.0.2.17 4444 tcp -',
      '12:00:03 info never mirai 192.0.2.17 1900 udp open-reflector',
    ]);
  });

  test('a proxy in front of the sinkhole takes the act away', async () => {
    expect((await vector('event4_sinkhole_http')).reports.map(told)).toEqual([
      '13:00:01 infected-handshake may-act unknown 192.0.2.17 4001 tcp -',
      '13:00:02 infected-handshake never unknown 192.0.2.18 4001 tcp proxy',
    ]);
  });

  test('open services, with byte order mark and a banner of two lines', async () => {
    expect((await vector('scan_telnet', 'example_isp-delayed')).reports.map(told)).toEqual([
      '01:02:03 exposed may-act unknown 192.0.2.17 23 tcp -',
    ]);
  });

  test('A8: a network is no line; the spoofer report alone may name one', async () => {
    expect((await vector('blocklist')).refused).toEqual(['2 ip-is-network']);
    expect((await vector('event4_ip_spoofer')).reports.map(told)).toEqual([
      '12:00:01 info never unknown 192.0.2.0 - - -',
    ]);
    const { refused } = await read('2026-03-04-device_id-x.csv', 'timestamp,ip\n2026-03-04 01:00:00,192.0.2.0\n');
    expect(refused).toEqual(['2 ip-is-network']);
  });
});

describe('files and rows that are not as they should be', () => {
  const sinkhole = '2026-03-04-event4_sinkhole-x.csv';
  const good = '2026-03-04 05:06:07,192.0.2.17,tcp\n';

  test('F10: a missing column, a column twice, no header, a foreign name: the file is parked', async () => {
    expect((await read(sinkhole, `timestamp,ip,protocol\n${good}`)).fault).toBe('column-missing');
    expect((await read(sinkhole, `timestamp,src_ip,SRC_IP\n${good}`)).fault).toBe('header-duplicate');
    expect((await read(sinkhole, '')).fault).toBe('file-empty');
    expect((await read(sinkhole, `"timestamp,src_ip,protocol\n${good}`)).fault).toBe('header-broken');
    for (const name of ['report.csv', '2026-13-04-event4_sinkhole-x.csv', '2026-03-04-event4_sinkhole-x.csv.gz'])
      expect((await read(name, '')).fault).toBe('file-name-unknown');
    expect(typeOfFileName('2026-03-04-scan_ics-sample-asn-delayed.csv')).toBe('scan_ics');
    expect(typeOfFileName('2026-03-04-event4_sinkhole-example-asn.csv')).toBe('event4_sinkhole');
    expect(typeOfFileName('2026-03-04-event4_sinkhole-example-asn.csv.zip')).toBe('event4_sinkhole');
  });

  test('an archive that nobody unpacked is parked as one; unpacked under its old name it is read', async () => {
    const zip = Buffer.from([0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0]);
    expect((await read(`${sinkhole}.zip`, zip)).fault).toBe('file-compressed');
    expect((await read(`${sinkhole}.zip`, `timestamp,src_ip,protocol\n${good}`)).reports).toHaveLength(1);
  });

  test('a column that is new and one that is gone are named; where only the head is known, new ones are no news', async () => {
    const sample = readFileSync(
      new URL('../../vectors/shadowserver/2026-03-04-event4_sinkhole-example_isp.csv', import.meta.url),
      'utf8',
    );
    const drifted = sample.replace('ssl_servername', 'ssl_name').replace('severity', 'level');
    expect((await read(sinkhole, sample)).remarks).toEqual([]);
    expect((await read(sinkhole, drifted)).remarks).toEqual([
      'columns-missing: missing since the columns of this type were written down: "severity", "ssl_servername"',
      'columns-new: new since the columns of this type were written down: "level", "ssl_name"',
    ]);
    const ddos = sample.replace('ssl_servername', 'attack');
    expect((await read('2026-03-04-event4_ddos_participant-x.csv', ddos)).remarks).toEqual([]);
    const many = `timestamp,src_ip,${Array.from({ length: 30 }, (_, i) => `c${i}`).join(',')}\n`;
    expect((await read(sinkhole, many)).remarks[1]).toContain('"c11" and 18 more');
  });

  test('the severity is the row’s own, else that of its type', async () => {
    const rows = async (cells: string) =>
      (await read('2026-03-04-scan_telnet-x.csv', `timestamp,ip,severity\n${cells}\n`)).reports.map(
        (one) => one.extra['engawa.severity'],
      );
    expect(await rows('2026-03-04 05:06:07,192.0.2.17,CRITICAL')).toEqual(['critical']);
    expect(await rows('2026-03-04 05:06:07,192.0.2.17,')).toEqual(['medium']);
  });

  test('several values in one cell: new files split them at ; and old ones at ,', async () => {
    for (const tags of ['botnet;mirai', '"botnet,mirai"', 'unknown;0;mirai'])
      expect((await read(sinkhole, `timestamp,src_ip,protocol,tag\n${good.trim()},${tags}\n`)).reports[0]?.family).toBe(
        'mirai',
      );
  });

  test('F10: the order of columns means nothing, and an unknown column survives, bounded', async () => {
    const a = await read(sinkhole, `timestamp,src_ip,protocol,novel\n${good.trim()},=1+1${'x'.repeat(300)}\n`);
    const b = await read(
      sinkhole,
      `novel,protocol,src_ip,timestamp\n=1+1${'x'.repeat(300)},tcp,192.0.2.17,2026-03-04 05:06:07`,
    );
    expect(a.reports.map((r) => r.id)).toEqual(b.reports.map((r) => r.id));
    expect(a.reports[0]?.extra['novel']).toHaveLength(256);
  });

  test('a row of which something was left out says so, and no other does', async () => {
    const rows = async (column: string, cell: string) => {
      const text = `timestamp,ip,port,protocol,${column}\n2026-03-04 05:06:07,192.0.2.17,23,tcp,${cell}\n`;
      const { reports } = await read('2026-03-04-scan_telnet-x.csv', Buffer.from(text));
      return reports.map((one) => (one.extra['engawa.notes'] ?? '').split(';').includes('truncated'));
    };
    expect(await rows('city', 'Example')).toEqual([false]);
    expect(await rows('city', 'x'.repeat(257))).toEqual([true]);
    expect(await rows('two words', 'x')).toEqual([true]);
    expect(await rows('two words', '')).toEqual([false]);
    const many = Array.from({ length: 65 }, (_, i) => `c${i}`);
    expect(await rows(many.join(','), many.join(','))).toEqual([true]);
  });

  test('F10: values in the wrong columns are refused, each with its line, and the next row counts', async () => {
    const { reports, refused } = await read(
      sinkhole,
      `timestamp,src_ip,protocol\n192.0.2.17,2026-03-04 05:06:07,tcp\ntcp\n2026-03-04 05:06:07,"192.0.2.17"x,tcp\n${good}`,
    );
    expect(refused).toEqual(['2 timestamp-bad', '3 cell-count', '4 quote-misplaced']);
    expect(reports.map((r) => r.evidence.line)).toEqual([5]);
  });

  test.each([
    '010.0.0.1',
    '1.1',
    '0x7f.1',
    '::ffff:192.0.2.1',
    'fe80::1%eth0',
    '192.0.2.1\t',
    '192.0.2.1\0',
    '１92.0.2.1',
    ' 192.0.2.1',
  ])('F08: the address %j is refused', async (text) => {
    const { refused } = await read(sinkhole, `timestamp,src_ip\n2026-03-04 05:06:07,${text}\n`);
    expect(refused).toEqual(['2 ip-not-canonical']);
  });

  test('F05: two seconds into the future are tolerated, more is refused', async () => {
    const at = Date.UTC(2026, 2, 4, 5, 6, 7);
    expect((await read(sinkhole, `timestamp,src_ip,protocol\n${good}`, at - 2000)).refused).toEqual([]);
    expect((await read(sinkhole, `timestamp,src_ip,protocol\n${good}`, at - 2001)).refused).toEqual([
      '2 timestamp-future',
    ]);
  });

  test('an unknown type and a type without an address refuse every row and park nothing', async () => {
    const text = `timestamp,src_ip\n${good}x,y\n`;
    expect((await read('2026-03-04-event9_new-x.csv', text.replaceAll(',tcp', ''))).refused).toEqual([
      '2 type-unknown',
      '3 type-unknown',
    ]);
    expect((await read('2026-03-04-compromised_account-x.csv', 'timestamp\nx\n')).refused).toEqual([
      '2 type-without-line',
    ]);
  });

  test('another name for the file, the same row, the same id; another source, another id', async () => {
    const one = await read(sinkhole, `timestamp,src_ip,protocol\n${good}`);
    const again = await read('2026-03-05-event4_sinkhole-resend.csv', `timestamp,src_ip,protocol\n${good}`);
    const other = await read('2026-03-05-event4_sinkhole_http-x.csv', `timestamp,src_ip,protocol\n${good}`);
    expect(again.reports[0]?.id).toBe(one.reports[0]?.id);
    expect(other.reports[0]?.id).not.toBe(one.reports[0]?.id);
  });

  test('F10: no bytes throw, each record becomes one item, and a second reading says the same', async () => {
    const cell = fc.constantFrom(
      '192.0.2.9',
      '2026-03-04 05:06:07',
      'tcp',
      '"',
      '\n',
      ',',
      '\r',
      '\0',
      '=cmd()',
      '"a\nb"',
      '::1',
      '__proto__',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(cell, { maxLength: 30 }), async (cells) => {
        const text = `timestamp,src_ip,__proto__,constructor\n${cells.join('')}`;
        const first = await read(sinkhole, text);
        expect(first.items.length).toBeLessThanOrEqual(text.split('\n').length);
        expect(await read(sinkhole, text)).toEqual(first);
        expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      }),
      { numRuns: runs(150) },
    );
  });
});
