// Long fuzzing of what binding sources send: lines of translators' logs, IPFIX messages, Kea's files; real ones with octets changed,
// cut, doubled and joined. A reader may refuse anything, but it ends, throws nothing and names only ports and addresses that exist.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { offsetsOf } from '../../src/core/kernel/stamp.ts';
import { CGN_DIALECTS } from '../../src/protocols/cgn-log/dialects.ts';
import { eventOf } from '../../src/protocols/cgn-log/event.ts';
import { genericDialect } from '../../src/protocols/cgn-log/generic.ts';
import { readMessage } from '../../src/protocols/ipfix/message.ts';
import { natRecordOf } from '../../src/protocols/ipfix/nat-event.ts';
import { Templates } from '../../src/protocols/ipfix/templates.ts';
import { readLeaseHeader, readLeaseRow } from '../../src/protocols/kea/lease-csv.ts';
import { readLegalLine } from '../../src/protocols/kea/legal-log.ts';
import { SyslogFrames } from '../../src/protocols/syslog/framing.ts';
import { readSyslog } from '../../src/protocols/syslog/message.ts';
import { runs } from '../runs.ts';

const vectors = new URL('../vectors/', import.meta.url);
const linesOf = (name: string) =>
  readFileSync(new URL(name, vectors), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
const change = fc.record({ at: fc.nat(), cut: fc.nat(12), put: fc.uint8Array({ maxLength: 6 }), twice: fc.boolean() });

function changed(
  seed: Buffer,
  changes: readonly { at: number; cut: number; put: Uint8Array; twice: boolean }[],
): Buffer {
  return changes.reduce((bytes, { at, cut, put, twice }) => {
    const i = at % (bytes.length + 1);
    const [head, part, tail] = [bytes.subarray(0, i), bytes.subarray(i, i + cut), bytes.subarray(i + cut)];
    return Buffer.concat([head, ...(twice ? [part, part] : []), put, tail]);
  }, seed);
}

const mutated = (seeds: readonly Buffer[]) =>
  fc
    .tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 8 }))
    .map(([seed, changes]) => changed(seed, changes));

test('lines of translators', () => {
  const seeds = readdirSync(new URL('cgn/', vectors)).flatMap((name) =>
    linesOf(`cgn/${name}`)
      .filter((line) => line.startsWith('< '))
      .map((line) => Buffer.from(`${line.slice(2)}\n`)),
  );
  const words = { allocated: ['A', 'NEW'], inUse: [], released: ['D'] };
  const keys = { event: 'e', inside: 'internal-ip', outside: 'reflexive-ip', ports: 'block-port-low' };
  const dialects = [...Object.values(CGN_DIALECTS), genericDialect({ keys, ...words })];
  const facts = {
    source: 's',
    outsideRealm: 'main',
    insideRealm: 'main',
    realms: new Map<string, string>(),
    offsetAt: offsetsOf('America/New_York'),
    clockAheadMs: 0,
  };
  fc.assert(
    fc.property(fc.array(mutated(seeds), { maxLength: 3 }), (parts) => {
      for (const line of new SyslogFrames().push(Buffer.concat(parts))) {
        const head = readSyslog(line);
        if (!head.ok) continue;
        for (const result of dialects.flatMap((dialect) => dialect(head.value.body))) {
          if (!result.ok) continue;
          const event = eventOf(result.value, { stamp: head.value.stamp, nearAt: 1_772_600_767_000 }, facts);
          if (event.ok) expect(Number.isSafeInteger(event.value.at)).toBe(true);
          expect(result.value.ports.low <= result.value.ports.high && result.value.ports.high <= 65_535).toBe(true);
        }
      }
    }),
    { numRuns: runs(2_000) },
  );
});

test('IPFIX messages', () => {
  const seeds = linesOf('ipfix/messages.txt').map((line) => Buffer.from(line.split(' ')[1]!, 'hex'));
  fc.assert(
    fc.property(fc.array(mutated(seeds), { maxLength: 6 }), (messages) => {
      const templates = new Templates();
      for (const message of [seeds[0]!, ...messages]) {
        // As long as it says: else most of them would end at the header.
        if (message.length >= 4) message.writeUInt16BE(Math.min(message.length, 65_535), 2);
        const read = readMessage(message, templates);
        if (!read.ok) continue;
        for (const record of read.value.records) {
          const nat = natRecordOf(record, { exportAt: read.value.exportAt, isOneToOne: true });
          if (nat.ok) expect(nat.value.ports.high <= 65_535).toBe(true);
        }
      }
      expect(templates.size).toBeLessThanOrEqual(1_000);
    }),
    { numRuns: runs(2_000) },
  );
});

test('Kea’s files', () => {
  const files = ['kea/kea-2.2-leases4.csv', 'kea/leases6.csv'].map(linesOf);
  const seeds = [...files.flat(), ...linesOf('kea/legal.txt').map((line) => line.slice(2))].map((line) =>
    Buffer.from(line),
  );
  const headers = files.map(([header]) => readLeaseHeader(header!)!);
  fc.assert(
    fc.property(mutated(seeds), (bytes) => {
      const line = bytes.toString('utf8');
      const own = readLeaseHeader(line);
      for (const columns of own === undefined ? headers : [...headers, own]) readLeaseRow(line, columns);
      readLegalLine(line, new Map([['CET', 3_600_000]]));
    }),
    { numRuns: runs(3_000) },
  );
});
