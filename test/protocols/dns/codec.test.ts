// The DNS codec against hand-laid messages, and against anything at all.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../src/core/net/ip.ts';
import { addressesOf, parseAnswer, targetsOf } from '../../../src/protocols/dns/answer.ts';
import { canonicalName, encodeName, isWithin, readName } from '../../../src/protocols/dns/name.ts';
import { buildQuery, parseQuery, TYPE } from '../../../src/protocols/dns/query.ts';
import { buildFault, buildReply, fitInto, passThrough, udpLimit } from '../../../src/protocols/dns/reply.ts';

function vectors(file: string) {
  const text = readFileSync(new URL(`../../vectors/dns/${file}`, import.meta.url), 'utf8');
  return text
    .split(/\n\n+/)
    .map((block) => block.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    .filter((lines) => lines.length > 2)
    .map(([title, hex, ...expected]) => ({
      title: title!,
      bytes: Uint8Array.from(Buffer.from(hex!.replaceAll(' ', ''), 'hex')),
      expected: expected.map((line) => line.slice(2)),
    }));
}

function queryText(bytes: Uint8Array): string {
  const parsed = parseQuery(bytes);
  if (!parsed.ok) return parsed.error.kind === 'silent' ? 'silent' : `reply ${parsed.error.rcode}`;
  const { name, type, edns } = parsed.value;
  const opt = edns === undefined ? '' : ` edns ${edns.udpBytes}${edns.dnssecOk ? ' do' : ''}`;
  return `query ${name === '' ? '.' : name} ${type}${opt}`;
}

function answerText(bytes: Uint8Array): string[] {
  const parsed = parseAnswer(bytes);
  if (!parsed.ok) return [`error ${parsed.error}`];
  const addresses = addressesOf(parsed.value).map((a) => ` ${formatIp(a.ip)}/${a.ttlSeconds}`);
  const targets = targetsOf(parsed.value);
  const asksAddress = parsed.value.type === TYPE.A || parsed.value.type === TYPE.AAAA;
  return [
    ...(asksAddress ? [`addresses${addresses.join('')}`] : []),
    ...(targets.length > 0 ? [`targets ${targets.join(' ')}`] : []),
  ];
}

describe('queries', () => {
  const all = vectors('queries.txt');
  test('the vector file is read', () => expect(all.length).toBeGreaterThan(15));
  test.each(all)('$title', ({ bytes, expected }) => expect([queryText(bytes)]).toEqual(expected));
});

describe('answers', () => {
  const all = vectors('answers.txt');
  test('the vector file is read', () => expect(all.length).toBeGreaterThan(9));
  test.each(all)('$title', ({ bytes, expected }) => expect(answerText(bytes)).toEqual(expected));
});

const label = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_'), minLength: 1, maxLength: 63 });
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));

describe('properties', () => {
  test('no octets make the parsers throw or loop', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseQuery(bytes);
        parseAnswer(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('a real message with any few octets changed does not throw, loop or grow names beyond 255 octets', () => {
    const seeds = [...vectors('queries.txt'), ...vectors('answers.txt')].map((v) => v.bytes);
    const change = fc.tuple(fc.nat(80), fc.nat(255));
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(change, { maxLength: 6 }), (seed, changes) => {
        const bytes = seed.slice();
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        parseQuery(bytes);
        const answer = parseAnswer(bytes);
        if (answer.ok) for (const r of answer.value.records) expect(r.name.length).toBeLessThanOrEqual(4 * 255);
      }),
      { numRuns: 2000 },
    );
  });

  test('a message full of pointers is refused in bounded time', () => {
    const bytes = new Uint8Array(65_535);
    bytes.set([0, 1, 0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    for (let at = 17; at + 1 < bytes.length; at += 2) bytes.set([0xc0 | (((at - 2) >> 8) & 0x3f), (at - 2) & 255], at);
    expect(parseAnswer(bytes).ok).toBe(false);
  });

  test('what we ask is what we read back', () => {
    fc.assert(
      fc.property(name, fc.nat(65_535), fc.nat(65_535), fc.boolean(), (text, id, type, dnssecOk) => {
        const wire = encodeName(text)!;
        const sent = buildQuery({ id, name: wire, type, edns: { udpBytes: 1232, dnssecOk } });
        const read = parseQuery(sent);
        expect(read.ok && read.value).toMatchObject({ id, type, name: canonicalName(text), edns: { dnssecOk } });
        expect(readName(wire, 0)?.text).toBe(text.toLowerCase());
      }),
      { numRuns: 200 },
    );
  });
});

describe('replies', () => {
  const asked = parseQuery(buildQuery({ id: 7, name: encodeName('WwW.Example')!, type: TYPE.A }));
  const query = asked.ok ? asked.value : expect.unreachable();
  const record = { type: TYPE.A, ttlSeconds: 5, data: parseIp('192.0.2.9')!.bytes };

  test('carry the asker’s id, letter case and records', () => {
    const answer = parseAnswer(buildReply(query, { rcode: 0, answers: [record] }));
    expect(answer.ok && answer.value.id).toBe(7);
    expect(answer.ok && answer.value.question).toEqual(query.question);
    expect(answer.ok && addressesOf(answer.value)).toEqual([{ ip: parseIp('192.0.2.9'), ttlSeconds: 5 }]);
  });

  test('beyond the asker’s limit only header and question go out, with TC', () => {
    const long = buildReply(query, { rcode: 0, answers: new Array(60).fill(record) });
    const short = fitInto(query, long, udpLimit(query));
    expect(short.length).toBeLessThanOrEqual(512);
    const answer = parseAnswer(short);
    expect(answer.ok && answer.value.truncated).toBe(true);
  });

  test('an upstream message passes through under the asker’s id, with TTLs clamped', () => {
    const upstream = buildReply({ ...query, id: 99 }, { rcode: 0, answers: [{ ...record, ttlSeconds: 86_400 }] });
    const read = parseAnswer(upstream);
    const passed = read.ok ? parseAnswer(passThrough(query, upstream, read.value, 300)) : read;
    expect(passed.ok && passed.value.id).toBe(7);
    expect(passed.ok && passed.value.records[0]?.ttlSeconds).toBe(300);
  });

  test('a fault is a bare header, BADVERS with the OPT that can say so', () => {
    expect(buildFault({ id: 1, opcode: 5, rcode: 4 })).toEqual(Uint8Array.of(0, 1, 0xa8, 0x84, 0, 0, 0, 0, 0, 0, 0, 0));
    expect(buildFault({ id: 1, opcode: 0, rcode: 16 })[17]).toBe(1);
  });

  test('a suffix is a border of labels, never of letters or of a dot inside a label', () => {
    expect(isWithin('a.sos.example', 'sos.example')).toBe(true);
    expect(isWithin('xsos.example', 'sos.example')).toBe(false);
    const tricky = readName(Uint8Array.from([6, 120, 46, 115, 111, 115, 120, 2, 111, 107, 0]), 0)!.text;
    expect(isWithin(tricky, 'sosx.ok')).toBe(false);
  });
});
