// The zone files as text, out and in.
import { describe, expect, it } from 'vitest';
import {
  formatAllowZone,
  formatGardenZone,
  isZoneName,
  nextSerial,
  readGardenZone,
  readHead,
  readZoneList,
} from '../../../src/protocols/rpz/zone.ts';
import { ip, prefix } from '../../helper/lab-gateway.ts';

const ANSWERS = { ip4: ip('203.0.113.10'), ip6: ip('2001:db8:ff::10') };
const HEAD = { zone: 'garden.engawa.', serial: 1770091506 };
const LINES = [
  { prefix: prefix('192.0.2.5'), access: 'strict' as const, until: 1770092106000 },
  { prefix: prefix('2001:db8:100:4200::/56'), access: 'strict' as const, until: 1770092106001 },
  { prefix: prefix('192.0.2.6'), access: 'leaky' as const, until: 1770092106002 },
];
const text = formatGardenZone(HEAD, ANSWERS, LINES);

describe('the zone of strict lines', () => {
  it('is this text: both families for every client, leaky lines in comments', () => {
    const [first, ...rest] = text.split('\n');
    expect(first).toMatch(/^; engawa-rpz 1 garden\.engawa\. 1770091506 [0-9a-f]{64}$/);
    expect(rest).toEqual([
      '$ORIGIN garden.engawa.',
      '$TTL 5',
      '@ SOA localhost. hostmaster.localhost. 1770091506 3600 600 86400 5',
      '@ NS localhost.',
      '32.5.2.0.192.rpz-client-ip A 203.0.113.10 ; until 1770092106000',
      '32.5.2.0.192.rpz-client-ip AAAA 2001:db8:ff::10',
      '56.zz.4200.100.db8.2001.rpz-client-ip A 203.0.113.10 ; until 1770092106001',
      '56.zz.4200.100.db8.2001.rpz-client-ip AAAA 2001:db8:ff::10',
      '; leaky 192.0.2.6 until 1770092106002',
      '',
    ]);
  });

  it('is read as it was written; an empty one is no damaged one', () => {
    expect(readGardenZone(text)).toEqual({ head: HEAD, lines: LINES });
    expect(readGardenZone(formatGardenZone(HEAD, ANSWERS, []))).toEqual({ head: HEAD, lines: [] });
  });

  it.each([
    ['nothing', ''],
    ['half of it', text.slice(0, text.length / 2)],
    ['another address', text.replace('32.5.2.0.192', '32.6.2.0.192')],
    ['another end', text.replace('until 1770092106000', 'until 1970092106000')],
    ['a line more', `${text}* CNAME .\n`],
    ['no head', text.slice(text.indexOf('\n') + 1)],
    ['another format', text.replace('rpz 1 ', 'rpz 2 ')],
  ])('with %s it is damaged', (_, damaged) => {
    expect(readGardenZone(damaged)).toBeUndefined();
  });
});

describe('the zone of names that are let through', () => {
  it('is this text, each owner once, and nothing that is no name', () => {
    const names = [
      { name: 'sip.example.net', covers: 'both' as const },
      { name: 'sip.example.net', covers: 'name' as const },
      { name: 'x\n* CNAME .', covers: 'name' as const },
    ];
    const zone = formatAllowZone({ zone: 'allow.engawa.', serial: 7 }, names);
    expect(zone.split('\n').slice(5)).toEqual([
      '*.sip.example.net CNAME rpz-passthru.',
      'sip.example.net CNAME rpz-passthru.',
      '',
    ]);
    expect(readHead(zone)).toEqual({ zone: 'allow.engawa.', serial: 7 });
  });
});

describe('serials and lists', () => {
  it('a serial always grows, near the clock where it can', () => {
    expect(nextSerial(undefined, 1770091506123)).toBe(1770091506);
    expect(nextSerial(1770091506, 1770091506999)).toBe(1770091507);
    expect(nextSerial(1770091500, 1770091506000)).toBe(1770091506);
    expect(nextSerial(2_000_000_000, 1770091506000)).toBe(2_000_000_001);
  });

  it('the resolver’s list gives each zone its serial, and none to one that could not be read', () => {
    const list = 'allow.engawa.\tserial 7\ngarden.engawa.\tno serial\nold.example.\texpired\n\nnoise\n';
    expect([...readZoneList(list)]).toEqual([
      ['allow.engawa.', 7],
      ['garden.engawa.', undefined],
      ['old.example.', undefined],
    ]);
  });

  it.each([
    ['garden.engawa.', true],
    ['garden.engawa', false],
    ['.', false],
    ['a b.', false],
    ['a\n.', false],
    [`${'a'.repeat(64)}.`, false],
  ])('%j is a name of a zone: %s', (zone, is) => {
    expect(isZoneName(zone)).toBe(is);
  });
});
