// Templates: filled once, in one pass, with what fits; whatever a session calls itself.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asNamedValue, fill, parseTemplate, type Source } from '../../../src/core/dialect/template.ts';
import { runs } from '../../runs.ts';

const from = (values: Record<string, string>, facts: Record<string, string> = {}): Source => ({
  value: (name) => values[name],
  session: (name) => facts[name],
});

describe('a template', () => {
  test('is filled with values of the configuration and of the session', () => {
    const filled = fill(
      'S{session:Framed-IP-Address}:vrf-id={vrf}',
      from({ vrf: 'HOMES' }, { 'Framed-IP-Address': '192.0.2.1' }),
    );
    expect(filled).toEqual({ ok: true, value: 'S192.0.2.1:vrf-id=HOMES' });
  });

  test.each(['{', '}', '{strict', 'a{}b', '{Strict}', '{session:}', '{session:User Name}', '{a b}', '{{strict}}'])(
    'with braces that are no placeholder is none: %s',
    (text) => expect(parseTemplate(text).ok).toBe(false),
  );

  test('says all that is missing, by name', () => {
    const filled = fill('{a}-{session:User-Name}-{b}', from({ b: 'x' }));
    expect(filled).toEqual({
      ok: false,
      error: [
        { of: 'configuration', name: 'a' },
        { of: 'session', name: 'User-Name' },
      ],
    });
  });

  test('does not take names of Object for values', () => {
    expect(fill('{constructor}', { value: () => undefined, session: () => undefined }).ok).toBe(false);
  });

  test('may be empty: one vendor reads that as «take it away»', () => {
    expect(fill('', from({}))).toEqual({ ok: true, value: '' });
  });
});

describe('a value', () => {
  test('with braces in it stays a value', () => {
    const filled = fill('{a}{session:User-Name}', from({ a: '{session:User-Name}' }, { 'User-Name': '{a}' }));
    expect(filled).toEqual({ ok: true, value: '{session:User-Name}{a}' });
  });

  test.each([
    ['a line break', 'x\ny'],
    ['a NUL', 'x\u0000'],
    ['a DEL', 'x\u007f'],
    ['nothing', ''],
    ['more than an attribute holds', 'x'.repeat(254)],
    ['more octets than characters', 'ü'.repeat(127)],
    ['octets that are none', '0xzz'],
    ['half an octet', '0x123'],
  ])('with %s is none', (_name, value) => {
    expect(fill('{a}', from({ a: value })).ok).toBe(false);
  });

  test('of octets goes as the whole, never inside a text', () => {
    const source = from({}, { Class: '0x0a0b' });
    expect(fill('{session:Class}', source)).toEqual({ ok: true, value: '0x0a0b' });
    expect(fill('S{session:Class}', source).ok).toBe(false);
  });

  test('of a session that looks like octets, or cannot be text, is sent as the octets it was', () => {
    expect(asNamedValue('0x1A')).toBe('0x30783141');
    expect(asNamedValue('a\u0001')).toBe('0x6101');
    expect(asNamedValue('80a00002')).toBe('80a00002');
  });
});

test('whatever a session calls itself, it is in the text exactly once, or not at all', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
      const filled = fill('a{session:User-Name}b{strict}c', from({ strict: 'garden' }, { 'User-Name': name }));
      if (filled.ok) expect(filled.value).toBe(`a${name}bgardenc`);
      else expect(filled.error).toEqual([{ of: 'session', name: 'User-Name' }]);
    }),
    { numRuns: runs(300) },
  );
});

test('any text is a template or is not: nothing is thrown, and a template keeps every character outside its places', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('{', '}', 'a', '-', ':', 's', 'é') }), (text) => {
      const parsed = parseTemplate(text);
      if (!parsed.ok) return;
      const again = parsed.value.map((part) =>
        typeof part === 'string' ? part : `{${part.of === 'session' ? 'session:' : ''}${part.name}}`,
      );
      expect(again.join('')).toBe(text);
    }),
    { numRuns: runs(300) },
  );
});
