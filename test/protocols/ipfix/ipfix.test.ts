// The messages of test/vectors/ipfix are made by encode.py beside this file, which shares nothing with the decoder; that tshark
// reads them alike, ipfix.int.test.ts shows.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant } from '../../../src/core/kernel/civil.ts';
import { formatIp } from '../../../src/core/net/ip.ts';
import { messageLength, readMessage } from '../../../src/protocols/ipfix/message.ts';
import { natRecordOf } from '../../../src/protocols/ipfix/nat-event.ts';
import { Sequence } from '../../../src/protocols/ipfix/sequence.ts';
import { Templates } from '../../../src/protocols/ipfix/templates.ts';
import { runs } from '../../runs.ts';

const MESSAGES = new Map(
  readFileSync(new URL('../../vectors/ipfix/messages.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string])
    .map(([name, hex]) => [name, new Uint8Array(Buffer.from(hex, 'hex'))]),
);

/** After the templates, what a message says. */
function say(name: string, isOneToOne = false, templates = new Templates()): string[] {
  readMessage(MESSAGES.get('templates')!, templates);
  const message = readMessage(MESSAGES.get(name)!, templates);
  if (!message.ok) return [`! ${message.error}`];
  const { exportAt, records, counted } = message.value;
  return [
    ...records.map((record) => {
      const nat = natRecordOf(record, { exportAt, isOneToOne });
      if (!nat.ok) return `! ${nat.error}`;
      const { kind, at, outside, ports, protocol, inside, vrf } = nat.value;
      const place = `${formatIp(outside)} ${ports.low}-${ports.high} ${protocol ?? '*'}`;
      return `${kind} ${formatInstant(at).slice(11)} ${place} ${formatIp(inside)}${vrf === undefined ? '' : ` in ${vrf}`}`;
    }),
    `counted ${counted ?? 'nobody knows'}`,
  ];
}

describe('what the events of RFC 8158 say', () => {
  test('sessions and BIB entries, historic values, protocols without ports of ours', () => {
    expect(say('sessions')).toEqual([
      'allocated 05:06:07.000Z 192.0.2.1 2048-2048 tcp 10.0.0.1',
      'released 05:06:07.005Z 192.0.2.1 2048-2048 tcp 10.0.0.1',
      'allocated 05:06:07.000Z 192.0.2.1 2049-2049 udp 10.0.0.1',
      'allocated 05:06:07.000Z 192.0.2.1 2050-2050 icmp 10.0.0.1',
      '! other-protocol',
      'counted 5',
    ]);
  });

  test('port blocks are about every protocol; a VRF is said; a quota is no binding; a time a day off is refused', () => {
    expect(say('blocks')).toEqual([
      'allocated 05:06:07.000Z 192.0.2.1 1024-2047 * 10.0.0.1',
      'released 05:07:07.000Z 192.0.2.1 1024-2047 * 10.0.0.1 in 5',
      '! not-a-binding',
      '! time-bad',
      'counted 4',
    ]);
  });

  test('DS-Lite names the B4, NAT64 the host; without a time of its own the message’s counts', () => {
    expect(say('dslite')).toEqual(['allocated 05:06:07.000Z 192.0.2.2 4096-5119 * 2001:db8:5::1', 'counted 1']);
    expect(say('nat64')).toEqual(['allocated 05:06:10.000Z 192.0.2.3 5000-5000 udp 2001:db8:5:1::9', 'counted 1']);
  });

  test('elements of variable length in both forms, and of an enterprise, are stepped over', () => {
    expect(say('varied')).toEqual([
      'allocated 05:06:10.000Z 192.0.2.4 1024-1535 * 10.0.0.1 in red',
      'allocated 05:06:10.000Z 192.0.2.4 1536-2047 * 10.0.0.2',
      'counted 2',
    ]);
  });

  test('a range with holes is refused, an address binding too unless addresses are each one host’s', () => {
    expect(say('stepped')).toEqual(['! ports-stepped', 'counted 1']);
    expect(say('binding')).toEqual(['! address-binding', 'counted 1']);
    expect(say('binding', true)[0]).toBe('allocated 05:06:10.000Z 192.0.2.6 0-65535 * 10.0.0.1');
  });

  test('records of options count, and say nothing', () => {
    expect(say('options')).toEqual(['counted 1']);
  });
});

describe('templates', () => {
  test('are those of one observation domain, and gone when they are withdrawn: what follows cannot be counted', () => {
    expect(say('elsewhere')).toEqual(['counted nobody knows']);
    expect(say('withdrawn')).toEqual(['counted nobody knows']);
    const templates = new Templates();
    say('all-withdrawn', false, templates);
    expect(templates.size).toBe(1); // that of the options stays
  });

  test('are bounded: an exporter that never ends keeps the newest', () => {
    const templates = new Templates();
    const one = (id: number) => Uint8Array.of(id >> 8, id & 255, 0, 1, 0, 230, 0, 1);
    for (let id = 256; id < 3_256; id++) expect(templates.take(1, one(id), false)).toBe(true);
    expect(templates.size).toBe(1_000);
    expect(templates.of(1, 3_255)).toBeDefined();
    expect(templates.of(1, 256)).toBeUndefined();
    expect(templates.take(1, Uint8Array.of(1, 0, 255, 255), false)).toBe(false);
  });
});

describe('lost records', () => {
  const words = (...messages: readonly (readonly [number, number | undefined])[]) => {
    const sequence = new Sequence();
    return [...messages.map(([number, counted]) => sequence.take(number, counted)), sequence.lost];
  };

  test('a number that does not follow is a loss, also over the end of the count', () => {
    expect(words([0, 3], [3, 2], [5, 1], [9, 1])).toEqual(['begun', 'in-order', 'in-order', 'lost', 3]);
    expect(words([2 ** 32 - 2, 3], [1, 1])).toEqual(['begun', 'in-order', 0]);
  });

  test('what fills a hole is late; an exporter that begins anew is a loss, and so is what could not be counted', () => {
    expect(words([0, 3], [5, 1], [3, 2], [6, 1])).toEqual(['begun', 'lost', 'late', 'in-order', 2]);
    expect(words([40, 3], [0, 2], [2, 1])).toEqual(['begun', 'lost', 'in-order', 0]);
    expect(words([0, 3], [3, undefined], [9, 1])).toEqual(['begun', 'in-order', 'begun', 0]);
  });
});

test('whatever octets come, reading ends, throws nothing and stays inside them', () => {
  const seeds = [...MESSAGES.values()];
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
      .map(([seed, changes]) => {
        const changed = seed.slice();
        for (const [at, value] of changes) changed[at % changed.length] = value;
        return changed;
      }),
  );
  fc.assert(
    fc.property(fc.array(octets, { maxLength: 4 }), (messages) => {
      const templates = new Templates();
      for (const message of [seeds[0]!, ...messages]) {
        messageLength(message);
        const read = readMessage(message, templates);
        if (!read.ok) continue;
        for (const record of read.value.records) {
          const nat = natRecordOf(record, { exportAt: read.value.exportAt, isOneToOne: true });
          if (nat.ok) expect(nat.value.ports.low <= nat.value.ports.high && nat.value.ports.high <= 65_535).toBe(true);
        }
      }
    }),
    { numRuns: runs(3_000) },
  );
});
