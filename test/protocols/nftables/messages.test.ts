import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/core/net/ip.ts';
import { formatPrefix, parsePrefix } from '../../../src/core/net/prefix.ts';
import {
  formatRequest,
  formatResponse,
  LineReader,
  MAX_ITEMS,
  MAX_LINE_BYTES,
  parseRequest,
  parseResponse,
  type Request,
  type Response,
} from '../../../src/protocols/nftables/messages.ts';

const prefixArb = fc.oneof(
  fc.ipV4().map((text) => parsePrefix(text)!),
  fc
    .ipV6()
    .map((text) => parsePrefix(text))
    .filter((p) => p !== undefined),
);
const putArb = fc.record({
  prefix: prefixArb,
  access: fc.constantFrom('leaky' as const, 'strict' as const),
  abusedPorts: fc.array(
    fc.record({ protocol: fc.constantFrom('tcp' as const, 'udp' as const), port: fc.integer({ min: 1, max: 65_535 }) }),
    { maxLength: 4 },
  ),
  timeoutSeconds: fc.integer({ min: 1, max: 259_200 }),
});
const requestArb: fc.Arbitrary<Request> = fc.record({
  id: fc.nat(),
  operation: fc.oneof(
    fc.record({
      op: fc.constant('apply' as const),
      put: fc.array(putArb, { maxLength: 4 }),
      remove: fc.array(prefixArb, { maxLength: 4 }),
    }),
    fc.record({
      op: fc.constantFrom('observe' as const, 'forgetSteered' as const),
      prefixes: fc.array(prefixArb, { maxLength: 4 }),
    }),
    fc.record({
      op: fc.constantFrom(
        'install' as const,
        'releaseAll' as const,
        'dnsAlive' as const,
        'dnsOff' as const,
        'offload' as const,
      ),
    }),
  ),
});

describe('messages between main and the helper', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(requestArb, (request) => {
        const line = formatRequest(request);
        expect(line).not.toContain('\n');
        const parsed = parseRequest(line);
        expect(parsed.ok && formatRequest(parsed.value)).toBe(line);
      }),
      { numRuns: 200 },
    );
  });

  it('answers come back as they were sent, unknown included', () => {
    const prefix = parsePrefix('2001:db8:5::/56')!;
    const responses: Response[] = [
      { id: 1, last: true, result: { ok: true, value: { kind: 'none' } } },
      { id: 2, last: false, result: { ok: true, value: { kind: 'states', items: [{ prefix, access: 'unknown' }] } } },
      {
        id: 3,
        last: true,
        result: { ok: true, value: { kind: 'counts', items: [{ prefix, protocol: 'tcp', port: 23, packets: 7 }] } },
      },
      { id: 4, last: true, result: { ok: false, error: { kind: 'refused', code: 'outside-pools', text: 'no' } } },
      { id: 5, last: true, result: { ok: false, error: { kind: 'unknown', afterMs: 5000 } } },
      { id: 6, last: true, result: { ok: true, value: { kind: 'word', word: 'intact' } } },
      {
        id: 7,
        last: true,
        result: {
          ok: true,
          value: { kind: 'offloads', items: [{ table: 'inet fw4', flowtable: 'ft', interfaces: ['access0'] }] },
        },
      },
    ];
    for (const response of responses) expect(parseResponse(formatResponse(response))).toEqual(response);
  });

  it('never throw, whatever the line', () => {
    const lines = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), requestArb.map(formatRequest), mutated());
    fc.assert(
      fc.property(lines, (line) => {
        parseRequest(line);
        parseResponse(line);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['; rm -rf /', '"192.0.2.1; rm -rf /"', 'prefix-bad'],
    ['an option', '"-f"', 'prefix-bad'],
    ['a newline', '"192.0.2.1\\n"', 'prefix-bad'],
    ['an octal address', '"010.0.0.1"', 'prefix-bad'],
    ['a mapped address', '"::ffff:192.0.2.1"', 'prefix-bad'],
    ['a zone', '"fe80::1%eth0"', 'prefix-bad'],
    ['a number', '3221225985', 'prefix-bad'],
  ])('N12: %s instead of a prefix is refused', (_name, prefix, code) => {
    for (const line of [
      `{"id":1,"op":"apply","put":[{"prefix":${prefix},"access":"strict","ports":[],"timeout":60}],"remove":[]}`,
      `{"id":1,"op":"apply","put":[],"remove":[${prefix}]}`,
      `{"id":1,"op":"observe","prefixes":[${prefix}]}`,
    ]) {
      expect(parseRequest(line)).toMatchObject({ ok: false, error: { id: 1, code } });
    }
  });

  it.each([
    ['a foreign table', '{"id":1,"op":"apply","table":"filter","put":[],"remove":[]}', 'field-unknown'],
    ['raw commands', '{"id":1,"op":"nft","commands":["flush ruleset"]}', 'op-unknown'],
    ['no id', '{"op":"install"}', 'id-bad'],
    ['an array', '[]', 'not-json'],
    ['a prototype key', '{"id":1,"op":"__proto__"}', 'op-unknown'],
    ['a port 0', put('["tcp/0"]', 60), 'port-bad'],
    ['a port too high', put('["tcp/65536"]', 60), 'port-bad'],
    ['sctp', put('["sctp/23"]', 60), 'port-bad'],
    ['no end', put('[]', 259_201), 'timeout-bad'],
    ['timeout 0', put('[]', 0), 'timeout-bad'],
    ['half a second', put('[]', 0.5), 'timeout-bad'],
    ['too many', `{"id":1,"op":"observe","prefixes":[${'"192.0.2.1",'.repeat(MAX_ITEMS)}"192.0.2.1"]}`, 'too-many'],
    ['an odd name', '{"id":1,"op":"allow","entries":[{"name":"a b","ip":"192.0.2.1","timeout":1}]}', 'name-bad'],
  ])('N12: %s is refused with a stable code', (_name, line, code) => {
    expect(parseRequest(line)).toMatchObject({ ok: false, error: { code } });
  });

  it('addresses are normalised on the way in', () => {
    const parsed = parseRequest('{"id":1,"op":"allow","entries":[{"name":"bank","ip":"2001:DB8:0::1","timeout":1}]}');
    expect(parsed).toMatchObject({ ok: true, value: { operation: { entries: [{ ip: parseIp('2001:db8::1') }] } } });
    expect(formatPrefix(parsePrefix('2001:DB8::/56')!)).toBe('2001:db8::/56');
  });
});

describe('the line reader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const cut = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\n', ' '))),
        cut,
        (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const reader = new LineReader();
          const seen: string[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length]!;
            seen.push(...reader.push(bytes.subarray(at, at + size))!);
            at += size;
          }
          expect(seen).toEqual(lines);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('gives up on an endless line instead of keeping it', () => {
    const reader = new LineReader();
    const chunk = Buffer.alloc(1024 * 1024, 97);
    const pushes = Array.from({ length: MAX_LINE_BYTES / chunk.length }, () => reader.push(chunk));
    expect(pushes.every((lines) => lines?.length === 0)).toBe(true);
    expect(reader.push(chunk)).toBeUndefined();
  });
});

function put(ports: string, timeout: number): string {
  const element = `{"prefix":"192.0.2.1","access":"strict","ports":${ports},"timeout":${timeout}}`;
  return `{"id":1,"op":"apply","put":[${element}],"remove":[]}`;
}

/** A real message with one character changed: nearer to the parser's branches than random text. */
function mutated(): fc.Arbitrary<string> {
  return fc
    .tuple(requestArb.map(formatRequest), fc.nat(), fc.string({ minLength: 0, maxLength: 2 }))
    .map(([line, at, text]) => {
      const i = at % line.length;
      return line.slice(0, i) + text + line.slice(i + 1);
    });
}
