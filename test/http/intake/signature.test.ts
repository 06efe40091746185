import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBodySigned, isGenuine, readSignature, signatureBase } from '../../../src/http/intake/signature.ts';
import { runs } from '../../runs.ts';
import { KEY, sign } from './sign.ts';

test('RFC 9421 B.2.5: the HMAC of the appendix over the base of the appendix', () => {
  const key = Buffer.from(
    'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
    'base64',
  );
  const base = signatureBase(
    [
      ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
      ['@authority', 'example.com'],
      ['content-type', 'application/json'],
    ],
    '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
  );
  expect(createHmac('sha256', key).update(base).digest('base64')).toBe('pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=');
});

const request = sign({ body: '{"reports":[]}', created: 1_772_604_000, nonce: 'abcdefghijklmnop' });

describe('F03: a signature', () => {
  test('of ours is genuine, with the old key or the new one, and says when, which and by whom', () => {
    const read = readSignature(request)!;
    expect(read).toMatchObject({ keyId: 'honeypot-1', created: 1_772_604_000, nonce: 'abcdefghijklmnop' });
    expect(isGenuine(read, [KEY])).toBe(true);
    expect(isGenuine(read, [Buffer.alloc(32, 9), KEY])).toBe(true);
    expect(isBodySigned(read, Buffer.from('{"reports":[]}'))).toBe(true);
    expect(isBodySigned(read, Buffer.from('{"reports":[1]}'))).toBe(false);
  });

  test('by another key, or by nobody who is configured, is none', () => {
    const read = readSignature(request)!;
    expect([isGenuine(read, [Buffer.alloc(32, 9)]), isGenuine(read, [])]).toEqual([false, false]);
    const zero = sign({ body: 'x', created: 1, nonce: 'abcdefghijklmnop' }, Buffer.alloc(32));
    expect(isGenuine(readSignature(zero)!, [])).toBe(false);
  });

  test.each([
    ['another method', { ...request, method: 'PUT' }],
    ['another path', { ...request, target: '/v1/feeds/x' }],
    [
      'another digest',
      {
        ...request,
        headers: {
          ...request.headers,
          'content-digest': `sha-256=:${createHash('sha256').update('y').digest('base64')}:`,
        },
      },
    ],
    ['another time', changed('created=1772604000', 'created=1772604001')],
    ['another nonce', changed('abcdefghijklmnop', 'ABCDEFGHIJKLMNOP')],
    ['another sender', changed('keyid="honeypot-1"', 'keyid="honeypot-2"')],
  ])('%s than the signed one is not genuine', (_what, one) => {
    const read = readSignature(one);
    expect(read !== undefined && isGenuine(read, [KEY])).toBe(false);
  });

  test.each([
    ['no path', changed(' "@path"', '')],
    ['no body', changed(' "content-digest"', '')],
    ['no method', changed('"@method" ', '')],
    ['a part twice', changed('"@method"', '"@method" "@method"')],
    ['a part we do not know', changed('"@method"', '"@method" "date"')],
    ['no nonce', changed(';nonce="abcdefghijklmnop"', '')],
    ['a short nonce', changed('abcdefghijklmnop', 'abc')],
    ['no time', changed(';created=1772604000', '')],
    ['a time twice', changed(';created=1772604000', ';created=1772604000;created=1')],
    ['a time as text', changed('created=1772604000', 'created="1772604000"')],
    ['another algorithm', changed('alg="hmac-sha256"', 'alg="ed25519"')],
    ['an unknown parameter', changed(';alg=', ';x="y";alg=')],
    ['a query that is not signed', { ...request, target: '/v1/reports?source=other' }],
    ['two signatures', changed('sig1=', 'sig1=("@method");created=1, sig1=')],
    ['no signature', { ...request, headers: { ...request.headers, signature: undefined } }],
    [
      'a label of another',
      { ...request, headers: { ...request.headers, signature: request.headers['signature'].replace('sig1', 'sig2') } },
    ],
    ['no digest', { ...request, headers: { ...request.headers, 'content-digest': 'sha-512=:AAAA:' } }],
  ])('with %s is not read at all', (_what, one) => {
    expect(readSignature(one)).toBeUndefined();
  });

  test('any headers give an answer', () => {
    const words = fc.constantFrom(
      'sig1=("@method" "@path" "content-digest")',
      ';created=1',
      ';nonce="0123456789abcdef"',
      ';keyid="a"',
      '"',
      '(',
      ';',
      ' ',
      'sig1=:',
      'A'.repeat(43),
      '=:',
      '\\',
      '\u0000',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, text, text, fc.string(), (input, signature, digest, target) => {
        const headers = { 'signature-input': input, signature, 'content-digest': digest };
        const read = readSignature({ method: 'POST', target, headers });
        expect(read === undefined || !isGenuine(read, [KEY])).toBe(true);
      }),
      { numRuns: runs(3000) },
    );
  });
});

function changed(from: string, to: string): typeof request {
  const input = request.headers['signature-input'];
  expect(input).toContain(from);
  return { ...request, headers: { ...request.headers, 'signature-input': input.replace(from, to) } };
}
