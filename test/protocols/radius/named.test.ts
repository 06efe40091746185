import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedAttribute } from '../../../src/core/dialect/dialect.ts';
import type { Attribute } from '../../../src/protocols/radius/codec.ts';
import { type AttributeDefinition, attributeNamed } from '../../../src/protocols/radius/dictionary.ts';
import { ATTRIBUTE_ROWS, VALUE_NAMES } from '../../../src/protocols/radius/dictionary-data.ts';
import { ROOM } from '../../../src/protocols/radius/dynamic.ts';
import { decodeNamed, encodeNamed, valueFault } from '../../../src/protocols/radius/named.ts';
import { runs } from '../../runs.ts';

const BLOCKS = readFileSync(new URL('../../vectors/radius/named.txt', import.meta.url), 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((block) => ({ title: block.split('\n')[0]!, lines: block.split('\n') }));

const written = BLOCKS.filter((one) => one.lines.some((line) => line.startsWith('hex ')));
const refused = BLOCKS.filter((one) => one.lines.some((line) => line.startsWith('! ')));

describe('attributes by name', () => {
  it.each(written)('are written and read back: $title', ({ lines }) => {
    const texts = linesOf(lines, 'text ');
    const encoded = encodeNamed(texts.map(parse));
    expect(encoded.ok && encoded.value.map(hexOf)).toEqual(linesOf(lines, 'hex '));
    const shown = linesOf(lines, '= ');
    if (encoded.ok) expect(decodeNamed(encoded.value).map(show)).toEqual(shown.length === 0 ? texts.map(trim) : shown);
  });

  it.each(refused)('are $title', ({ lines }) => {
    const reasons = linesOf(lines, '! ');
    expect(linesOf(lines, 'text ').map((text) => valueFault(parse(text)))).toEqual(reasons);
    const [first] = linesOf(lines, 'text ');
    const good = { name: 'User-Name', value: 'alice' };
    expect(encodeNamed([good, parse(first!)])).toEqual({ ok: false, error: { index: 1, text: reasons[0] } });
  });

  it('refuses control characters and half characters in text: who means them writes octets', () => {
    for (const value of ['a\nb', 'a\u0000', '\u007f', '\ud800'])
      expect(valueFault({ name: 'Filter-Id', value })).toBeTruthy();
  });

  it('fills an attribute to its last octet and refuses one more; a tag, a vendor and a wide type take their part', () => {
    for (const [name, room, tag] of [
      ['Filter-Id', 253],
      ['Cisco-AVPair', 247],
      ['Tunnel-Private-Group-Id', 252, 1],
      ['ERX-Service-Activate', 246, 1],
      ['Attr-199', 253],
      ['Attr-26.8164.1', 245],
      ['Attr-241.1', 252],
    ] as const) {
      const value = (octets: number) => (name.startsWith('Attr') ? `0x${'61'.repeat(octets)}` : 'a'.repeat(octets));
      const attribute = { name, ...(tag === undefined ? {} : { tag }), value: value(room) };
      const encoded = encodeNamed([attribute]);
      expect(encoded.ok && encoded.value[0]!.value.length, name).toBe(253);
      expect(encoded.ok && decodeNamed(encoded.value), name).toEqual([attribute]);
      expect(valueFault({ ...attribute, value: value(room + 1) }), name).toMatch(/has room for/);
    }
  });

  it('cuts long values into attributes of 253 octets and puts them together again (RFC 4849 §2, RFC 3579 §3.1)', () => {
    const rules = ['192.0.2.1', '192.0.2.2'].flatMap((to) =>
      Array.from({ length: 6 }, (_, port) => ({
        name: 'NAS-Filter-Rule',
        value: `permit in tcp from any to ${to} ${8000 + port}`,
      })),
    );
    const eap = { name: 'EAP-Message', value: `0x${'ab'.repeat(600)}` };
    const encoded = encodeNamed([eap, ...rules]);
    if (!encoded.ok) throw new Error(encoded.error.text);
    expect(encoded.value.map((one) => [one.type, one.value.length])).toEqual([
      [79, 253],
      [79, 253],
      [79, 94],
      [92, 253],
      [92, 238],
    ]);
    expect(decodeNamed(encoded.value)).toEqual([eap, ...rules]);
  });

  it('does not take a vendor’s attribute of the same number for a long one', () => {
    const policies = ['in:A', 'in:B'].map((value) => ({ name: 'Forward-Policy', value }));
    const encoded = encodeNamed(policies);
    expect(encoded.ok && encoded.value.map((one) => one.type)).toEqual([26, 26]);
    expect(encoded.ok && decodeNamed(encoded.value)).toEqual(policies);
  });

  it('refuses what no packet holds', () => {
    const most = Array.from({ length: Math.floor(ROOM / 255) }, () => ({ name: 'Filter-Id', value: 'a'.repeat(253) }));
    expect(encodeNamed(most).ok).toBe(true);
    const error = { index: most.length, text: expect.stringMatching(/a packet has room for 4052/) };
    expect(encodeNamed([...most, most[0]!])).toEqual({ ok: false, error });
    expect(valueFault({ name: 'NAS-Filter-Rule', value: 'a'.repeat(ROOM) })).toBeUndefined();
    expect(encodeNamed([{ name: 'NAS-Filter-Rule', value: 'a'.repeat(ROOM) }]).ok).toBe(false);
  });

  it('reads several sub-attributes out of one attribute 26, and what is not of its form as octets', () => {
    const read = (type: number, hex: string) => decodeNamed([{ type, value: Buffer.from(hex, 'hex') }]).map(show);
    expect(read(26, '000000090103610104622d')).toEqual(['Cisco-AVPair a', 'Cisco-AVPair b-']);
    expect(read(26, '0000130a06030141')).toEqual(['Attr-26 0x0000130a06030141']);
    expect(read(8, 'c63364')).toEqual(['Attr-8 0xc63364']);
    expect(read(97, '0081')).toEqual(['Attr-97 0x0081']);
    expect(read(97, '003820010db8aaffff')).toEqual(['Framed-IPv6-Prefix 2001:db8:aaff:ff00::/56']);
    expect(read(95, '00000000000000000000ffffc0000201')).toEqual(['Attr-95 0x00000000000000000000ffffc0000201']);
    expect(read(64, 'ff000003')).toEqual(['Attr-64 0xff000003']);
    expect(read(69, '018000aabb')).toEqual(['Tunnel-Password 0x018000aabb']);
    expect(read(241, '')).toEqual(['Attr-241 0x']);
    expect(read(92, '6100')).toEqual(['NAS-Filter-Rule 0x6100']);
  });

  it('reads back whatever it was given, of any attribute of the dictionary', () => {
    fc.assert(
      fc.property(fc.array(anyAttribute(), { maxLength: 12 }), (attributes) => {
        const encoded = encodeNamed(attributes);
        if (!encoded.ok) throw new Error(`${JSON.stringify(attributes[encoded.error.index])}: ${encoded.error.text}`);
        expect(decodeNamed(encoded.value).toSorted(byName)).toEqual([...attributes].toSorted(byName));
      }),
      { numRuns: runs(300) },
    );
  });
});

function linesOf(lines: readonly string[], mark: string): string[] {
  return lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
}

function parse(text: string): NamedAttribute {
  const [, name, tag, value] = /^(\S+?)(?::(\d+))? (.*)$/.exec(text)!;
  return { name: name!, ...(tag === undefined ? {} : { tag: Number(tag) }), value: value! };
}

function show({ name, tag, value }: NamedAttribute): string {
  return trim(`${name}${tag === undefined ? '' : `:${tag}`} ${value}`);
}

function trim(text: string): string {
  return text.trimEnd();
}

function hexOf({ type, value }: Attribute): string {
  return Buffer.from([type, value.length + 2, ...value]).toString('hex');
}

function byName(a: NamedAttribute, b: NamedAttribute): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Of the dictionary, in the form in which decodeNamed shows it; of EAP-Message one, since two would be one. */
function anyAttribute(): fc.Arbitrary<NamedAttribute> {
  const definitions = ATTRIBUTE_ROWS.map(([, , name]) => attributeNamed(name)!).filter(
    (one) => one.encrypted !== true && !['Message-Authenticator', 'Proxy-State', 'EAP-Message'].includes(one.name),
  );
  return fc.constantFrom(...definitions).chain((definition) =>
    fc
      .record({
        value: anyValue(definition),
        tag: definition.tagged === true ? anyTag(definition) : fc.constant(undefined),
      })
      .filter(({ value, tag }) => definition.tagged !== true || tag !== undefined || !startsLikeTag(value))
      .map(({ value, tag }) => ({ name: definition.name, ...(tag === undefined ? {} : { tag }), value })),
  );
}

function anyTag({ format }: AttributeDefinition): fc.Arbitrary<number | undefined> {
  return fc.option(fc.integer({ min: format === 'integer' ? 1 : 0, max: 31 }), { nil: undefined });
}

function startsLikeTag(value: string): boolean {
  return /^0x[01]/.test(value);
}

function anyValue(definition: AttributeDefinition): fc.Arbitrary<string> {
  const { name, format, tagged } = definition;
  const number = (max: bigint) => fc.bigInt({ min: 0n, max }).map(String);
  const octets = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
  const hex = (min: number, max: number) => octets(min, max).map((one) => `0x${Buffer.from(one).toString('hex')}`);
  const group = fc.nat(0xffff).map((one) => one.toString(16).padStart(4, '0'));
  switch (format) {
    case 'string': {
      const least = name === 'NAS-Filter-Rule' ? 1 : 0;
      const text = fc.string({ minLength: least, maxLength: 80, unit: 'grapheme' }).filter(isPlainText);
      return fc.oneof(
        text,
        octets(1, 200)
          .map(canonicalText)
          .filter((one) => name !== 'NAS-Filter-Rule' || !one.startsWith('0x')),
      );
    }
    case 'octets':
      return hex(0, 245);
    case 'integer':
      return VALUE_NAMES[name] === undefined
        ? number(tagged === true ? 0xffffffn : 0xffffffffn)
        : fc.constantFrom(...uniqueWords(name));
    case 'date':
      return number(0xffffffffn);
    case 'short':
      return number(0xffffn);
    case 'byte':
      return number(0xffn);
    case 'integer64':
      return number(2n ** 64n - 1n);
    case 'ipaddr':
      return fc.ipV4();
    case 'ipv6addr':
      return group
        .map((one) => `2001:db8::${Number.parseInt(one, 16).toString(16)}`)
        .filter((one) => !one.endsWith(':0'));
    case 'ipv6prefix':
      return fc.constantFrom('2001:db8::/32', '2001:db8:aa00::/56', '2001:db8:1:1::/64', '2001:db8::1', '::/0');
    case 'ifid':
      return fc.tuple(group, group, group, group).map((groups) => groups.join(':'));
  }
}

function uniqueWords(name: string): string[] {
  return [...new Map(Object.entries(VALUE_NAMES[name]!).map(([word, number]) => [number, word])).values()];
}

function isPlainText(text: string): boolean {
  return (
    !text.startsWith('0x') && !/[\x00-\x1f\x7f]/.test(text) && text.isWellFormed() && Buffer.byteLength(text) <= 240
  );
}

/** Octets as text where they are that. */
function canonicalText(octets: Uint8Array): string {
  const text = Buffer.from(octets).toString('utf8');
  const isText = Buffer.from(text).equals(octets) && isPlainText(text);
  return isText ? text : `0x${Buffer.from(octets).toString('hex')}`;
}
