// Every attribute of the dictionary, written by us and read by tshark with the dictionaries of FreeRADIUS: the same name, the
// same tag, the same value, in an attribute of its own.
import { describe, expect, it } from 'vitest';
import type { NamedAttribute } from '../../../src/core/dialect/dialect.ts';
import { type AttributeDefinition, attributeNamed, numberOf } from '../../../src/protocols/radius/dictionary.ts';
import { ATTRIBUTE_ROWS, VALUE_NAMES } from '../../../src/protocols/radius/dictionary-data.ts';
import { buildDynamicRequest } from '../../../src/protocols/radius/dynamic.ts';
import { encodeNamed } from '../../../src/protocols/radius/named.ts';
import { decodeWithTshark } from './tools/decoder.ts';

/** Shown by tshark in words of its own. */
const DATE = { value: '1795000000', shown: 'Nov 18, 2026 11:06:40.000000000 UTC' };
/** As many as a CHAP-Password has. */
const OCTETS = '00ff'.padEnd(34, '0');
const ADDED = ['Message-Authenticator', 'Proxy-State', 'EAP-Message'];
const BATCH = 25;

describe('tshark', () => {
  it('shows every attribute of the dictionary by its name, with the tag and the value that we wrote', async () => {
    const samples = ATTRIBUTE_ROWS.map(([, , name]) => attributeNamed(name)!)
      .filter((one) => one.encrypted !== true && !ADDED.includes(one.name))
      .map(sample);
    expect(samples.length).toBeGreaterThan(350);
    const batches = Array.from({ length: Math.ceil(samples.length / BATCH) }, (_, i) =>
      samples.slice(i * BATCH, (i + 1) * BATCH),
    );
    const shown = await decodeWithTshark(batches.map((batch) => packetOf(batch.map((one) => one.attribute))));
    // It knows words for some numbers of vendors that we do not, and none for this one.
    const lines = shown.flatMap((packet) => packet.slice(1)).map((line) => line.replace('= Unknown(65537)', '= 65537'));
    expect(lines).toEqual(samples.map((one) => one.shown));
    for (const packet of shown) expect(packet[0]).toMatch(/^Message-Authenticator = [0-9a-f]{32}$/);
  });

  it('shows long values in parts, a zero-length string, and by number what has no name', async () => {
    const rules = Array.from({ length: 8 }, (_, i) => `permit in ip from any to 192.0.2.${i}`);
    const attributes = [
      ...rules.map((value) => ({ name: 'NAS-Filter-Rule', value })),
      { name: 'HTTP-Redirect-Profile-Name', value: '' },
      { name: 'Attr-26.55999.7', value: '0x0102' },
      { name: 'Attr-241.9', value: '0x0102' },
    ];
    const [lines] = await decodeWithTshark([packetOf(attributes)]);
    expect(lines![1]).toContain(`NAS-Filter-Rule = ${rules.slice(0, 5).join('\\000')}`);
    expect(lines!.slice(2)).toEqual([
      `NAS-Filter-Rule = ${rules.join('|').slice(253)}`,
      'HTTP-Redirect-Profile-Name = ',
      'Unknown-Attribute(7) = 0102',
      'Unknown-Attribute(241.9) = 0102',
    ]);
  });

  it('says so when a packet is wrong, so that silence means something', async () => {
    const octets = packetOf([{ name: 'User-Name', value: 'alice' }]);
    octets[octets.length - 6]! += 4;
    const [lines] = await decodeWithTshark([octets]);
    expect(lines!.some((line) => line.startsWith('! '))).toBe(true);
  });
});

function packetOf(attributes: readonly NamedAttribute[]): Uint8Array {
  const encoded = encodeNamed(attributes);
  if (!encoded.ok) throw new Error(`${attributes[encoded.error.index]!.name}: ${encoded.error.text}`);
  return buildDynamicRequest({
    code: 43,
    identifier: 1,
    attributes: encoded.value,
    secret: Buffer.from('engawa-test'),
  });
}

function sample(definition: AttributeDefinition): { attribute: NamedAttribute; shown: string } {
  const { name } = definition;
  const { value, shown = value } = valueFor(definition);
  if (definition.tagged !== true) return { attribute: { name, value }, shown: `${name} = ${shown}` };
  return { attribute: { name, tag: 3, value }, shown: `${name}:3 = ${shown}` };
}

function valueFor({ name, format }: AttributeDefinition): { value: string; shown?: string } {
  const [word] = Object.keys(VALUE_NAMES[name] ?? {});
  switch (format) {
    case 'string':
      return { value: `of ${name}` };
    case 'octets':
      return { value: `0x${OCTETS}`, shown: OCTETS };
    case 'integer':
      return word === undefined ? { value: '65537' } : { value: word, shown: `${word}(${numberOf(name, word)})` };
    case 'integer64':
      return { value: '18446744073709551615', shown: 'ffffffffffffffff' };
    case 'short':
      return { value: '258' };
    case 'byte':
      return { value: '3' };
    case 'date':
      return DATE;
    case 'ipaddr':
      return { value: '198.51.100.7' };
    case 'ipv6addr':
      return { value: '2001:db8::7' };
    case 'ipv6prefix':
      return { value: '2001:db8:aa00::/56' };
    case 'ifid':
      return { value: '0202:00ff:fe00:0001', shown: '020200fffe000001' };
  }
}
