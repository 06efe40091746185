import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUILT_IN_PROFILES, loadFeedProfile, loadFeedProfiles } from '../../../src/config/feed-profiles.ts';
import { readProfiles } from '../../../src/protocols/profile/read.ts';
import { refanged } from '../../../src/protocols/profile/row.ts';
import { readAll } from '../feed/told.ts';

const BASE = `name: list
version: 1
format: { kind: csv }
time: { columns: [seen], form: second, zone: Asia/Tokyo }
subscriber: { ip: ip, port: port }
protocol: proto
class: { otherwise: infected-handshake }
mayAct: true
`;

function faultsOf(text: string): readonly string[] {
  const loaded = loadFeedProfile(text, 'list.yaml');
  return loaded.ok ? [] : loaded.error.map((one) => `${one.path}: ${one.expected}`);
}

const withTime = (time: string) => BASE.replace(/time:.*/, `time: ${time}`);

function reader(...texts: readonly string[]) {
  return readProfiles(
    texts.map((text) => {
      const loaded = loadFeedProfile(text, 'list.yaml');
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
      return loaded.value;
    }),
  );
}

const rows = (...cells: readonly string[]) =>
  `seen,ip,port,proto\n${cells.map((cell) => `${cell},192.0.2.17,1025,tcp`).join('\n')}\n`;
const times = async (text: string, ...cells: readonly string[]) =>
  (await readAll(reader(text), rows(...cells))).told.map((line) =>
    line.replace(/.* (\S+±\S+) (\S+)$/, '$1 $2').replace(/^\d+ /, ''),
  );

describe('what a profile must say', () => {
  test('its zone: without one it does not load', () => {
    expect(faultsOf(withTime('{ columns: [seen], form: second }'))[0]).toContain('time.zone: an IANA time zone');
    expect(faultsOf(withTime('{ columns: [seen], form: second, zone: JST }'))[0]).toContain('time.zone');
    expect(faultsOf(withTime('{ columns: [seen], form: epoch-s, zone: Asia/Tokyo }'))[0]).toContain('time.zone: UTC');
    expect(faultsOf(BASE.replace('mayAct: true\n', ''))[0]).toContain('mayAct');
  });

  test('patterns that could run for long, words of classes without their column, do not load', () => {
    expect(faultsOf(`${BASE}familyInText: { column: x, pattern: '(a+)' }\n`)[0]).toContain('familyInText.pattern');
    expect(faultsOf(BASE.replace('otherwise', 'by: { a: info }, otherwise'))[0]).toContain('class.by');
  });

  test('all that come with Engawa load, and the sample names are theirs', () => {
    const files = readdirSync(BUILT_IN_PROFILES).map((name) => ({
      name,
      text: readFileSync(`${BUILT_IN_PROFILES}/${name}`, 'utf8'),
    }));
    const loaded = loadFeedProfiles(files);
    expect(loaded.ok ? [...loaded.value.keys()].map((name) => `${name}.yaml`) : loaded.error).toEqual(
      files.map((file) => file.name),
    );
  });
});

describe('times', () => {
  test('are those of the zone, not of the machine; a form that is not the promised one is refused', async () => {
    expect(await times(BASE, '2026-03-04 14:06:07', '2026-03-04 14:06', '2026-03-04T14:06:07Z', '04.03.2026')).toEqual([
      '2026-03-04T05:06:07Z±1s -',
      'timestamp-bad',
      'timestamp-bad',
      'timestamp-bad',
    ]);
  });

  test('to the minute, to the day, in an unknown zone: each with its doubt', async () => {
    expect(await times(withTime('{ columns: [seen], form: minute, zone: UTC }'), '2026-03-04 05:06')).toEqual([
      '2026-03-04T05:06:00Z±60s -',
    ]);
    expect(await times(withTime('{ columns: [seen], form: date, zone: Asia/Tokyo }'), '2026-03-04')).toEqual([
      '2026-03-03T15:00:00Z±86400s midnight',
    ]);
    expect(await times(withTime('{ columns: [seen], form: second, zone: unknown }'), '2026-03-04 05:06:07')).toEqual([
      '2026-03-04T05:06:07Z±50401s zone-unknown',
    ]);
    const surer = withTime('{ columns: [seen], form: minute, zone: UTC, precision: 1s }');
    expect(await times(surer, '2026-03-04 05:06')).toEqual(['2026-03-04T05:06:00Z±60s -']);
  });

  test('twice in autumn, never in spring', async () => {
    const berlin = withTime('{ columns: [seen], form: second, zone: Europe/Berlin }');
    expect(await times(berlin, '2026-10-25 02:30:00', '2026-03-29 02:30:00')).toEqual([
      '2026-10-25T00:30:00Z±3601s clock-put-back',
      'time-does-not-exist',
    ]);
  });

  test('as epoch, as FILETIME beyond 2^53, with an offset, in two columns', async () => {
    for (const [form, cell] of [
      ['epoch-s', '1772600767'],
      ['epoch-ms', '1772600767000'],
      ['filetime', '134170743670000000'],
      ['offset', '2026-03-04T06:06:07+01:00'],
    ])
      expect(await times(withTime(`{ columns: [seen], form: ${form}, zone: UTC }`), cell!)).toEqual([
        '2026-03-04T05:06:07Z±1s -',
      ]);
    const two = BASE.replace('columns: [seen]', 'columns: [day, clock]');
    const told = await readAll(reader(two), 'day,clock,ip,port,proto\n2026-03-04,14:06:07,192.0.2.17,1,tcp\n');
    expect(told.told[0]).toContain('2026-03-04T05:06:07Z±1s');
  });
});

describe('dialects', () => {
  const other = `${BASE.replace('name: list', 'name: other').replace('port: port', 'port: proto')}toldBy: seen,ip,port\n`;

  test('are told by their text; a list that none describes is parked', async () => {
    expect((await readAll(reader(other, BASE), rows('2026-03-04 14:06:07'))).told[0]).toContain('port-bad');
    const foreign = await readAll(reader(other), 'ip,seen\n192.0.2.17,2026-03-04 14:06:07\n');
    expect(foreign.fault).toBe('profile-differs');
  });

  test('F10: no header, a column that is missing, an empty file, and a list without rows', async () => {
    expect((await readAll(reader(BASE), 'seen,port\n')).fault).toBe('column-missing');
    expect((await readAll(reader(BASE), '')).fault).toBe('file-empty');
    expect((await readAll(reader(BASE), 'seen,ip,port,proto\n')).told).toEqual([]);
  });
});

test('defanged cells are read as what they were', async () => {
  for (const [written, meant] of [
    ['192[.]0[.]2[.]17', '192.0.2.17'],
    ['192(.)0(.)2(.)17', '192.0.2.17'],
    ['2001[:]db8[:]17[:][:]1', '2001:db8:17::1'],
    ['hxxps[://]www[.]example[dot]com', 'https://www.example.com'],
    ['192.0.2.17', '192.0.2.17'],
  ])
    expect(refanged(written!)).toBe(meant);
  const text = 'seen,ip,port,proto\n2026-03-04 14:06:07,192[.]0[.]2[.]17,1025,tcp\n';
  expect((await readAll(reader(`${BASE}defanged: true\n`), text)).told[0]).toContain(' 192.0.2.17:1025 ');
  expect((await readAll(reader(BASE), text)).told).toEqual(['2 ip-not-canonical']);
});

test('without TCP said a handshake is one packet, unless the profile knows better', async () => {
  const text = 'seen,ip,port,proto\n2026-03-04 14:06:07,192.0.2.17,1025,\n';
  expect((await readAll(reader(BASE), text)).reports[0]?.class).toBe('attack-single-packet');
  const sure = BASE.replace('otherwise: infected-handshake', 'otherwise: infected-handshake, onlyWithTcp: false');
  expect((await readAll(reader(sure), text)).reports[0]?.class).toBe('infected-handshake');
});

test('a JSON list: dotted names in any case, the same rules', async () => {
  const json = `name: ctip
version: 1
format: { kind: json }
time: { columns: [SeenAt], form: filetime, zone: UTC }
subscriber: { ip: Source.Ip, port: Source.Port }
protocol: Protocol
families: [Threat.Name]
class: { otherwise: infected-handshake }
mayAct: true
left: [Secret]
`;
  const event = {
    SeenAt: '134170743670000000',
    Source: { Ip: '192.0.2.17', Port: 1025 },
    Protocol: 'TCP',
    Threat: { Name: 'Mirai' },
    Secret: 'x',
    Kept: 1,
  };
  const { told, reports } = await readAll(reader(json), JSON.stringify([event, { ...event, SeenAt: 1.3417074367e17 }]));
  expect(told).toEqual([
    '1 ctip infected-handshake may-act mirai 192.0.2.17:1025 tcp -:- 2026-03-04T05:06:07Z±1s -',
    // A number beyond 2^53 was rounded before we saw it; the list writes it as text, or it is refused when it no longer fits.
    '2 ctip infected-handshake may-act mirai 192.0.2.17:1025 tcp -:- 2026-03-04T05:06:07Z±1s -',
  ]);
  expect(reports[0]?.extra).toEqual({ kept: '1', 'threat.name': 'Mirai' });
});
