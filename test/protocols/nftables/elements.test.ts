// What the commands say, value by value; what the kernel makes of them is in test/packets.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Prefix } from '../../../src/core/net/prefix.ts';
import {
  allowCommands,
  dnsAliveCommands,
  lifelineCommands,
  probeTransaction,
  putCommands,
  readProbe,
  removeCommands,
} from '../../../src/protocols/nftables/elements.ts';
import { keyFormOf, keyForms, keyValue, maskText } from '../../../src/protocols/nftables/sets.ts';
import { ip, prefix, exampleGateway as spec } from './example-gateway.ts';

const telnet = { protocol: 'tcp', port: 23 } as const;
const element = (set: string, ...elem: unknown[]) => ({
  element: { family: 'inet', table: 'engawa', name: set, elem },
});

describe('putting', () => {
  test('adds the new access before it takes the other one away, in one transaction', () => {
    const commands = putCommands(spec, [
      { prefix: prefix('192.0.2.65'), access: 'strict', abusedPorts: [telnet], timeoutSeconds: 600 },
    ]);
    const value = { elem: { val: '192.0.2.65', timeout: 600 } };
    const port = { elem: { val: { concat: ['192.0.2.65', 'tcp', 23] }, timeout: 600 } };
    expect(commands).toEqual([
      { add: element('strict4', value) },
      { add: element('abuse4', port) },
      { add: element('abuse_in4', port) },
      { add: element('leaky4', value) },
      { delete: element('leaky4', value) },
    ]);
  });

  test('groups a thousand lines into one command per set', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      prefix: prefix(`2001:db8:100:${((i % 255) * 256).toString(16)}::/56`),
      access: 'leaky' as const,
      abusedPorts: [telnet],
      timeoutSeconds: 60,
    }));
    expect(putCommands(spec, many).length).toBe(5);
  });

  test('takes away the ports a line no longer has', () => {
    const put = { prefix: prefix('192.0.2.65'), access: 'leaky', abusedPorts: [], timeoutSeconds: 60 } as const;
    const text = JSON.stringify(putCommands(spec, [{ ...put, dropPorts: [telnet] }]));
    expect(text.match(/"delete":\{"element":\{"family":"inet","table":"engawa","name":"abuse(_in)?4"/g)?.length).toBe(
      2,
    );
  });
});

test('removing adds before it deletes, so that it may be repeated', () => {
  const commands = removeCommands(spec, [{ prefix: prefix('2001:db8:100:100::/56') }]);
  expect(commands.map((command) => Object.keys(command)[0])).toEqual(['add', 'delete', 'add', 'delete']);
  expect(JSON.stringify(commands)).toContain('"strict6_56"');
});

test('a prefix length without a set is a bug, not a wider element', () => {
  expect(keyFormOf(spec, prefix('2001:db8:100::/48'))).toBeUndefined();
  expect(keyFormOf(spec, prefix('192.0.2.64/31'))).toBeUndefined();
  expect(() => removeCommands(spec, [{ prefix: prefix('2001:db8:100::/48') }])).toThrow('takes the prefix');
});

test('the probe asks for one element and for the table, nothing more', () => {
  expect(JSON.parse(probeTransaction(spec, prefix('192.0.2.65'), 'leaky'))).toEqual({
    nftables: [
      { create: element('leaky4', { elem: { val: '192.0.2.65' } }) },
      { create: { table: { family: 'inet', name: 'engawa' } } },
    ],
  });
});

test.each([
  ['internal:0:0-0: Error: Could not process rule: File exists\n\n\n', 'absent'],
  [
    'internal:0:0-0: Error: Could not process rule: File exists\n\ninternal:0:0-0: Error: Could not process rule: File exists\n',
    'present',
  ],
  ['internal:0:0-0: Error: Could not process rule: No such file or directory\n', 'unknown'],
  [
    'internal:0:0-0: Error: File exists\ninternal:0:0-0: Error: Could not process rule: Operation not permitted\n',
    'unknown',
  ],
  ['', 'unknown'],
  ['something else entirely', 'unknown'],
])('the answer %j proves %s', (stderr, proof) => {
  expect(readProbe(stderr)).toBe(proof);
});

test('learned addresses go to the set of their pack or lifeline and family', () => {
  expect(allowCommands(spec, [{ pack: 'cert-status', ip: ip('203.0.113.9'), timeoutSeconds: 300 }])).toEqual([
    { add: element('pack4_cert_status', { elem: { val: '203.0.113.9', timeout: 300 } }) },
  ]);
  expect(lifelineCommands(spec, [{ lifeline: 'emergency calls', ip: ip('2001:db8::9'), timeoutSeconds: 9 }])).toEqual([
    { add: element('life6_emergency_calls', { elem: { val: '2001:db8::9', timeout: 9 } }) },
  ]);
  expect(dnsAliveCommands(spec)).toEqual([{ add: element('dns_alive', { elem: { val: 53, timeout: 60 } }) }]);
});

test('the stored key is what the masked look-up of the rules yields for every address of the prefix', () => {
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(address, fc.constantFrom(48, 56, 60, 64, 128), (bytes, length) => {
      const held: Prefix = { ip: { family: 6, bytes }, length };
      const mask = maskText(length);
      const maskBytes = mask === undefined ? new Uint8Array(16).fill(255) : ip(mask).bytes;
      const looked = { family: 6 as const, bytes: bytes.map((byte, i) => byte & maskBytes[i]!) };
      expect(keyValue(held)).toBe(keyValue({ ip: looked, length: 128 }));
    }),
    { numRuns: 200 },
  );
});

test('key forms are listed once, longest prefix first', () => {
  expect(keyForms({ ...spec, ipv6Lengths: [48, 64, 56, 64] }).map(({ suffix }) => suffix)).toEqual([
    '4',
    '6_64',
    '6_56',
    '6_48',
  ]);
});
