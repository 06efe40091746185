// Recognising a first record without looking inside it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accessDeniedAlert, recogniseClientHello } from '../../../src/protocols/tls/client-hello.ts';

/** A record around a hello of `version`, padded to `length` octets of fragment. */
function hello(version = 3, length = 60, recordMinor = 1): Uint8Array {
  const bytes = new Uint8Array(5 + length);
  bytes.set([22, 3, recordMinor, length >> 8, length & 255, 1, 0, 0, length - 4, 3, version]);
  return bytes;
}

test.each([
  ['TLS 1.0', hello(1), 1],
  ['TLS 1.2 and 1.3', hello(3), 3],
  ['a hello of 1,800 octets with post-quantum key shares', hello(3, 1800), 3],
  ['SSL 3.0 is answered as TLS 1.0', hello(0, 60, 0), 1],
])('%s', (_name, bytes, version) => {
  expect(recogniseClientHello(bytes)).toEqual({ kind: 'client-hello', version });
});

test('any beginning of a hello is incomplete, never a decision', () => {
  const bytes = hello(3, 300);
  for (let i = 0; i < bytes.length; i++) expect(recogniseClientHello(bytes.subarray(0, i)).kind).toBe('incomplete');
});

test.each([
  ['plain HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\n')],
  ['an SSL 2.0 hello', Uint8Array.of(0x80, 0x2e, 1, 3, 1)],
  ['an alert', Uint8Array.of(21, 3, 3, 0, 2, 2, 40)],
  ['a ServerHello', Uint8Array.of(22, 3, 3, 0, 40, 2)],
  ['a record longer than any may be', Uint8Array.of(22, 3, 1, 0x40, 1, 1)],
  ['an empty record', Uint8Array.of(22, 3, 1, 0, 0)],
  ['another major version', Uint8Array.of(22, 4)],
])('%s is not a ClientHello', (_name, bytes) => {
  expect(recogniseClientHello(bytes).kind).toBe('other');
});

test('no octets make it throw, and it always decides within one record', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      recogniseClientHello(bytes);
      const record = Uint8Array.from([22, 3, 1, 0, 50, ...bytes]);
      if (record.length >= 55) expect(recogniseClientHello(record).kind).not.toBe('incomplete');
    }),
    { numRuns: 500 },
  );
});

test('the alert is fatal, access_denied (RFC 8446 §6)', () => {
  expect([...accessDeniedAlert(3)]).toEqual([21, 3, 3, 0, 2, 2, 49]);
});
