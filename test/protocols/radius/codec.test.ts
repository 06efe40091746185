import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../src/core/net/ip.ts';
import { formatPrefix } from '../../../src/core/net/prefix.ts';
import { accountingResponse, readAccounting } from '../../../src/protocols/radius/accounting.ts';
import { requestFault, signRequest } from '../../../src/protocols/radius/authenticator.ts';
import { type Attribute, decodePacket, encodePacket } from '../../../src/protocols/radius/codec.ts';

const SECRET = Buffer.from('engawa-test');

interface Vector {
  readonly name: string;
  readonly octets: Buffer;
  readonly expected: readonly string[];
}

function vectors(): Vector[] {
  const text = readFileSync(new URL('../../vectors/radius/accounting.txt', import.meta.url), 'utf8');
  return text
    .split(/^## /m)
    .slice(1)
    .map((block) => {
      const lines = block.trim().split('\n');
      const hex = lines.filter((line) => line.startsWith('hex ')).map((line) => line.slice(4));
      const expected = lines.filter((line) => /^[=!] /.test(line));
      return { name: lines[0]!, octets: Buffer.from(hex.join(''), 'hex'), expected };
    });
}

function describePacket(octets: Uint8Array): string[] {
  const packet = decodePacket(octets);
  if (!packet.ok) return [`! ${packet.error.kind}`];
  const fault = requestFault(packet.value, SECRET);
  if (fault !== undefined) return [`! ${fault}`];
  const request = readAccounting(packet.value);
  if (!request.ok) return [`! ${request.error.kind}`];
  return Object.entries(request.value).flatMap(([name, value]) => {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.map((one) => `= ${name} ${show(one)}`);
  });
}

function show(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('length' in value && 'ip' in value) return formatPrefix(value as never);
  if ('family' in value) return formatIp(value as never);
  const { type, value: octets } = value as Attribute;
  return `${type}:${Buffer.from(octets).toString('hex')}`;
}

describe('RADIUS accounting on the wire', () => {
  it.each(vectors())('reads «$name» as the vector says', ({ octets, expected }) => {
    expect(describePacket(octets).toSorted()).toEqual([...expected].toSorted());
  });

  it('finds every single turned bit of a genuine packet', () => {
    for (const { octets, expected } of vectors().slice(0, 4)) {
      expect(expected[0]).toMatch(/^=/);
      for (let bit = 0; bit < octets.length * 8; bit++) {
        const turned = Buffer.from(octets);
        turned[bit >> 3]! ^= 1 << (bit & 7);
        expect(describePacket(turned)[0]).toMatch(/^! /);
      }
    }
  });

  it('takes a wrong Message-Authenticator for a forgery even when the Request Authenticator fits', () => {
    const bytes = signRequest(
      encodePacket({ code: 4, identifier: 1, attributes: [status(1), authenticatorPlace()] }),
      SECRET,
    );
    const at = bytes.length - 16;
    bytes[at]! ^= 1;
    const resigned = encodePacket({
      code: 4,
      identifier: 1,
      attributes: [status(1), { type: 80, value: bytes.slice(at) }],
    });
    const packet = decodePacket(withRequestAuthenticatorOnly(resigned));
    expect(packet.ok && requestFault(packet.value, SECRET)).toBe('message-authenticator');
  });

  it('answers with every Proxy-State in order, and with a Message-Authenticator only when one came', () => {
    const states = ['abc', 'def', 'abc'].map((text) => ({ type: 33, value: Buffer.from(text) }));
    for (const extra of [[], [authenticatorPlace()]]) {
      const bytes = signRequest(
        encodePacket({ code: 4, identifier: 9, attributes: [status(1), ...states, ...extra] }),
        SECRET,
      );
      const request = decodePacket(bytes);
      if (!request.ok) throw new Error('own packet refused');
      const answer = decodePacket(accountingResponse(request.value, SECRET));
      if (!answer.ok) throw new Error('own answer refused');
      expect(answer.value.code).toBe(5);
      expect(answer.value.identifier).toBe(9);
      const proxied = answer.value.attributes.filter((one) => one.type === 33);
      expect(proxied.map((one) => Buffer.from(one.value).toString())).toEqual(['abc', 'def', 'abc']);
      expect(answer.value.attributes.some((one) => one.type === 80)).toBe(extra.length === 1);
    }
  });

  it('accepts trimmed IPv6 prefixes and refuses impossible ones (RFC 3162 §2.3)', () => {
    const read = (octets: number[]) => {
      const attributes = [status(3), { type: 123, value: Uint8Array.from(octets) }];
      const packet = decodePacket(signRequest(encodePacket({ code: 4, identifier: 1, attributes }), SECRET));
      if (!packet.ok) throw new Error('own packet refused');
      const request = readAccounting(packet.value);
      return request.ok ? request.value.delegatedIpv6Prefixes.map(formatPrefix) : request.error.kind;
    };
    expect(read([0, 56, 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0x22])).toEqual(['2001:db8:1:2200::/56']);
    for (const impossible of [[0, 56, 0x20, 0x01, 0x0d, 0xb8], [0, 129], [0]]) expect(read(impossible)).toEqual([]);
  });

  it('an odd value of an attribute costs that value, not the record; of status and times it costs the record', () => {
    const read = (type: number, octets: number[]) => {
      const odd = { type, value: Uint8Array.from(octets) };
      const own = { type: 44, value: Buffer.from('0001') };
      const attributes = type === 40 ? [odd] : [status(2), own, odd];
      const packet = decodePacket(signRequest(encodePacket({ code: 4, identifier: 1, attributes }), SECRET));
      if (!packet.ok) throw new Error('own packet refused');
      const request = readAccounting(packet.value);
      if (!request.ok) return request.error.kind;
      return { ...request.value, unknown: request.value.unknown.map((one) => one.type) };
    };
    for (const [type, octets] of [
      [4, [1, 2, 3]],
      [8, [198, 51, 100]],
      [26, [0, 0, 13]],
      [26, [0, 0, 13, 233, 1, 99]],
      [49, [1]],
      [95, [1]],
      [97, [0]],
    ] as const)
      expect(read(type, [...octets]), String(type)).toMatchObject({
        status: 'stop',
        sessionId: '0001',
        odd: 1,
        unknown: [type],
      });
    for (const type of [40, 41, 46, 55]) expect(read(type, [1, 2]), String(type)).toBe('attribute-value');
  });

  it('never throws and never runs away on any octets', () => {
    const known = fc.constantFrom(...vectors().map((one) => one.octets));
    const mangled = fc.tuple(known, fc.nat(), fc.nat(255), fc.nat(8)).map(([octets, at, value, cut]) => {
      const copy = Buffer.from(octets);
      if (copy.length > 0) copy[at % copy.length] = value;
      return copy.subarray(0, copy.length - cut);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mangled), (octets) => {
        const packet = decodePacket(octets);
        if (!packet.ok) return;
        requestFault(packet.value, SECRET);
        readAccounting(packet.value);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back the attributes it was given', () => {
    const attribute = fc.record({ type: fc.integer({ min: 1, max: 255 }), value: fc.uint8Array({ maxLength: 253 }) });
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 12 }), (attributes) => {
        const packet = decodePacket(encodePacket({ code: 4, identifier: 0, attributes }));
        expect(packet.ok && packet.value.attributes.map((one) => ({ ...one, value: one.value.slice() }))).toEqual(
          attributes,
        );
      }),
      { numRuns: 100 },
    );
  });
});

function status(value: number): Attribute {
  return { type: 40, value: Uint8Array.from([0, 0, 0, value]) };
}

function authenticatorPlace(): Attribute {
  return { type: 80, value: new Uint8Array(16) };
}

/** Signs as somebody would who knows the secret but leaves a wrong Message-Authenticator in place. */
function withRequestAuthenticatorOnly(bytes: Uint8Array): Uint8Array {
  bytes.set(createHash('md5').update(bytes).update(SECRET).digest(), 4);
  return bytes;
}
