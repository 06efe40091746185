import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/protocols/json/parse.ts';
import { runs } from '../../runs.ts';

const codeOf = (text: string) => {
  const parsed = parseJson(text, 8);
  return parsed.ok ? 'ok' : parsed.error.code;
};

describe('F12: JSON from strangers', () => {
  test.each([
    ['['.repeat(100_000), 'json-too-deep'],
    [`${'{"a":'.repeat(9)}1${'}'.repeat(9)}`, 'json-too-deep'],
    ['{"a":1,"a":2}', 'json-duplicate-key'],
    ['{"a":1,"\\u0061":2}', 'json-duplicate-key'],
    ['{"__proto__":{"polluted":1}}', 'json-forbidden-key'],
    ['{"\\u005f_proto__":{"polluted":1}}', 'json-forbidden-key'],
    ['[{"constructor":{"prototype":{"polluted":1}}}]', 'json-forbidden-key'],
    ['{"a":1e400}', 'json-number'],
    ['[-1e999]', 'json-number'],
    ['["\\ud800"]', 'json-surrogate'],
    ['{"\\udfff":1}', 'json-surrogate'],
    ['{"a":NaN}', 'json-invalid'],
    ['"never ends', 'json-invalid'],
    ['"\\x"', 'json-invalid'],
    ['{"a":1}}', 'json-invalid'],
    ['', 'json-invalid'],
  ])('%.40j is refused', (text, code) => {
    expect(codeOf(text)).toBe(code);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('the same key in different objects is fine, and so is a value that looks like a key', () => {
    expect(parseJson('{"a":{"a":["a","a"]},"b" : "a"}', 8)).toEqual({
      ok: true,
      value: { a: { a: ['a', 'a'] }, b: 'a' },
    });
  });

  test('a string of eight megabytes needs no deep stack', () => {
    expect(codeOf(`["${'a'.repeat(4_000_000)}${'\\n'.repeat(2_000_000)}"]`)).toBe('ok');
  });

  test('whatever was written is read back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        const text = JSON.stringify(value);
        const parsed = parseJson(text, 8);
        if (parsed.ok) expect(parsed.value).toEqual(JSON.parse(text));
        else expect(parsed.error.code).toBe('json-forbidden-key');
      }),
      { numRuns: runs(200) },
    );
  });

  test('no text throws, and nothing is accepted that JSON.parse refuses', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '1',
      '-',
      'e',
      '\\',
      'a',
      'true',
      ' ',
      '\n',
      '\u0000',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const parsed = parseJson(tokens.join(''), 8);
        if (parsed.ok) expect(() => JSON.parse(tokens.join(''))).not.toThrow();
      }),
      { numRuns: runs(500) },
    );
  });
});
