import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant } from '../../../src/core/kernel/civil.ts';
import { HOUR } from '../../../src/core/kernel/time.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { identifierText, type LeaseFact } from '../../../src/protocols/kea/lease.ts';
import { readLeaseHeader, readLeaseRow } from '../../../src/protocols/kea/lease-csv.ts';
import { readLegalLine } from '../../../src/protocols/kea/legal-log.ts';
import { relayIdsOf } from '../../../src/protocols/kea/relay.ts';
import { runs } from '../../runs.ts';

const vector = (name: string) =>
  readFileSync(new URL(`../../vectors/kea/${name}`, import.meta.url), 'utf8').split('\n');

function told(fact: LeaseFact): string {
  const until = (at: number) => (at === Number.POSITIVE_INFINITY ? 'never' : formatInstant(at));
  const end = fact.kind === 'held' ? `until ${until(fact.expiresAt)}` : fact.end;
  const ids = `${fact.circuitId ?? '-'} ${fact.remoteId ?? '-'}`;
  return `${fact.kind} ${formatPrefix(fact.prefix)} ${fact.client ?? '-'} ${formatInstant(fact.at)} ${end} ${ids}`;
}

function rows(name: string): string[] {
  const [header, ...lines] = vector(name).filter((line) => line !== '');
  const columns = readLeaseHeader(header!)!;
  return lines.map((line) => {
    const fact = readLeaseRow(line, columns);
    return fact.ok ? told(fact.value) : `! ${fact.error}`;
  });
}

describe('lease files', () => {
  test('DHCPv4 as Kea 2.2 wrote it: granted, renewed, and released, which is a row without a lifetime', () => {
    const leases = rows('kea-2.2-leases4.csv');
    expect(leases[0]).toBe(
      'held 192.0.2.100 00:0c:01:02:03:04 2026-11-28T20:04:28.000Z until 2026-11-28T20:05:28.000Z port-1/1/1 0xcafe00000001',
    );
    expect(leases[4]).toBe(
      'gone 192.0.2.101 00:0c:01:02:03:05 2026-11-28T20:04:29.000Z unseen port-1/1/1 0xcafe00000001',
    );
    expect(leases.every((lease) => /^(held|gone) /.test(lease))).toBe(true);
  });

  test('DHCPv6 in its documented layout: addresses and prefixes, the relay nearest to the client, both ways it is kept', () => {
    expect(rows('leases6.csv')).toEqual([
      'held 2001:db8:1::5 00:01:00:01:aa:bb/7 2026-03-04T05:06:07.000Z until 2026-03-04T06:06:07.000Z olt:1 line1',
      'held 2001:db8:100::/56 00:01:00:01:aa:bb/7 2026-03-04T05:06:07.000Z until 2026-03-04T06:06:07.000Z olt:1 -',
      'gone 2001:db8:100::/56 00:01:00:01:aa:bb/7 2026-03-04T05:06:07.000Z unseen - -',
      '! address-bad',
      '! lease-type',
      'gone 2001:db8:1::5 00:01:00:01:aa:bb/7 2026-03-04T06:06:07.000Z moment - -',
      '! number-bad',
      'held 2001:db8:1::8 00:01:00:01:aa:bb/7 2026-03-04T05:06:07.000Z until never 0 -',
    ]);
  });

  test('columns are found by name, and a row under another header is refused', () => {
    const columns = readLeaseHeader('state,expire,valid_lifetime,address')!;
    expect(readLeaseRow('0,1772604367,3600,192.0.2.1', columns)).toMatchObject({ ok: true, value: { kind: 'held' } });
    expect(readLeaseRow('0,1772604367,3600', columns)).toEqual({ ok: false, error: 'columns-differ' });
    expect(readLeaseRow('9,1772604367,3600,192.0.2.1', columns)).toEqual({ ok: false, error: 'state-unknown' });
    expect(readLeaseHeader('192.0.2.100,00:0c:01:02:03:04,,60,1,1,0,0,,0')).toBeUndefined();
    expect(readLeaseHeader('address,address,valid_lifetime,expire,state')).toBeUndefined();
  });
});

test('the forensic log', () => {
  const zones = new Map([['CET', HOUR]]);
  let [line, seen] = ['', 0];
  for (const one of vector('legal.txt')) {
    if (one.startsWith('< ')) line = one.slice(2);
    if (!/^[>!]/.test(one)) continue;
    const fact = readLegalLine(line, zones);
    expect(fact.ok ? `> ${told(fact.value)}` : `! ${fact.error}`, line).toBe(one);
    seen++;
  }
  expect(seen).toBe(13);
});

test('identifiers: text as text, octets in hexadecimal, and no two of them alike', () => {
  const octets = fc.uint8Array({ minLength: 1, maxLength: 6 });
  const text = fc.constantFrom('0x61', 'a', '0xaa', '0x').map((one) => new Uint8Array(Buffer.from(one)));
  fc.assert(
    fc.property(fc.oneof(octets, text), fc.oneof(octets, text), (a, b) => {
      expect(identifierText(a) === identifierText(b)).toBe(Buffer.compare(a, b) === 0);
    }),
    { numRuns: runs(1_000) },
  );
  expect(relayIdsOf('{ "ISC": { "relay-agent-info": { "sub-options": "0x0102703102026131" } } }')).toEqual({
    circuitId: 'p1',
    remoteId: 'a1',
  });
  expect(relayIdsOf('{ "ISC": { "relay-agent-info": "0x01FF70" } }')).toEqual({});
  expect(relayIdsOf('{ "comment": "0x01027031" }')).toEqual({});
  expect(relayIdsOf('{'.repeat(20_000))).toEqual({});
});

test('whatever a row or a line holds, it is read or refused, never thrown', () => {
  const seeds = [...vector('kea-2.2-leases4.csv'), ...vector('leases6.csv'), ...vector('legal.txt')];
  const line = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.nat(),
      fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom(',', '&#x2c', '{')),
      fc.nat(8),
    )
    .map(([seed, at, put, cut]) => {
      const i = at % (seed.length + 1);
      return (seed.slice(0, i) + put + seed.slice(i + cut)).replace(/^< /, '');
    });
  const headers = ['kea-2.2-leases4.csv', 'leases6.csv'].map((name) => readLeaseHeader(vector(name)[0]!)!);
  fc.assert(
    fc.property(line, (text) => {
      readLeaseHeader(text);
      for (const fact of [...headers.map((header) => readLeaseRow(text, header)), readLegalLine(text, new Map())])
        if (fact.ok && fact.value.kind === 'held') expect(fact.value.expiresAt >= fact.value.at).toBe(true);
    }),
    { numRuns: runs(3_000) },
  );
});
