import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonValues, jsonValues } from '../../../src/protocols/feed/json-values.ts';
import { runs } from '../../runs.ts';

async function read(text: string, piece = text.length || 1) {
  const bytes = new TextEncoder().encode(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += piece) chunks.push(bytes.subarray(at, at + piece));
  const items: unknown[] = [];
  for await (const { line, value } of jsonValues(chunks)) items.push([line, value.ok ? value.value : value.error.code]);
  return items;
}

describe('the values of a JSON file', () => {
  test.each([
    [
      'one a line',
      '{"a":1}\n{"a":2}\n',
      [
        [1, { a: 1 }],
        [2, { a: 2 }],
      ],
    ],
    [
      'blank lines and CRLF',
      '\r\n{"a":1}\r\n\r\n{"a":2}',
      [
        [2, { a: 1 }],
        [4, { a: 2 }],
      ],
    ],
    [
      'over many lines',
      '{\n  "a": {\n    "b": 1\n  }\n}\n{"c": 2}\n',
      [
        [1, { a: { b: 1 } }],
        [6, { c: 2 }],
      ],
    ],
    [
      'a list',
      '[\n{"a":1},\n{"a":2}\n]\n',
      [
        [1, { a: 1 }],
        [2, { a: 2 }],
      ],
    ],
    [
      'a list of scalars',
      '[1, "x,]", null]',
      [
        [1, 1],
        [2, 'x,]'],
        [3, null],
      ],
    ],
    [
      'under data',
      '{"data":[{"a":1}, {"a":2}], "links": {"next": null}}',
      [
        [1, { a: 1 }],
        [2, { a: 2 }],
      ],
    ],
    ['an empty list', '[]', []],
    ['nothing', ' \n', []],
    ['a byte order mark', '\ufeff{"a":1}', [[1, { a: 1 }]]],
    ['a document with data further in', '{"v":1,"data":[1]}', [[1, { v: 1, data: [1] }]]],
  ])('%s', async (_name, text, expected) => {
    for (const piece of [1, 3, 1000]) expect(await read(text, piece)).toEqual(expected);
  });

  test('F12: a broken value costs itself; the next one counts', async () => {
    expect(await read('{"a":1\n{"a":2}\n')).toEqual([
      [1, 'json-invalid'],
      [2, { a: 2 }],
    ]);
    expect(await read('{"a":"x\n{"a":2}\n')).toEqual([
      [1, 'json-invalid'],
      [2, { a: 2 }],
    ]);
    expect(await read('not json\n{"a":2}')).toEqual([
      [1, 'json-invalid'],
      [2, { a: 2 }],
    ]);
    expect(await read('{"a":1}}\n{"a":2}')).toEqual([
      [1, { a: 1 }],
      [1, 'json-invalid'],
      [2, { a: 2 }],
    ]);
    expect(await read('[{"a":1},{"a":1,"a":2},{"__proto__":1},{"a":1e400}]')).toEqual([
      [1, { a: 1 }],
      [2, 'json-duplicate-key'],
      [3, 'json-forbidden-key'],
      [4, 'json-number'],
    ]);
  });

  test('F12: depth, a lone surrogate and a value of a megabyte are refused in passing; a cut list is told', async () => {
    expect(await read(`${'['.repeat(3)}${'{"a":'.repeat(100_000)}`)).toEqual([[1, 'json-cut']]);
    expect(await read(`{"a":${'['.repeat(20)}${']'.repeat(20)}}\n{"b":1}`)).toEqual([
      [1, 'json-too-deep'],
      [2, { b: 1 }],
    ]);
    expect(await read('{"a":"\\ud800"}\n{"b":1}')).toEqual([
      [1, 'json-surrogate'],
      [2, { b: 1 }],
    ]);
    expect(await read(`{"a":"${'x'.repeat(1_000_000)}"}\n{"b":1}`)).toEqual([
      [1, 'row-too-long'],
      [2, { b: 1 }],
    ]);
    expect(await read('[{"a":1},{"b"')).toEqual([
      [1, { a: 1 }],
      [2, 'json-cut'],
    ]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('what follows a list is told, never passed over in silence', async () => {
    const event = '{"source.ip":"192.0.2.17"}';
    for (const text of [`[{"a":1}]\n${event}\n`, `[{"a":1}] ,7`, `{"data":[{"a":1}]}\n${event}\n`])
      for (const piece of [1, 3, 1000])
        expect(await read(text, piece)).toEqual([
          [1, { a: 1 }],
          [2, 'json-trailing'],
        ]);
    expect(await read('{"data":[{"a":1}],\n"links":{\n"next":null}\n}\n')).toEqual([[1, { a: 1 }]]);
  });

  test('however the text is cut into chunks, the values are the same, and values written one a line come back', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (values, piece) => {
        const usable = values.filter((value) => value !== null && typeof value === 'object' && !Array.isArray(value));
        const text = usable.map((value) => JSON.stringify(value)).join('\n');
        const reader = new JsonValues();
        const items = [];
        for (let at = 0; at < text.length; at += piece) items.push(...reader.push(text.slice(at, at + piece)));
        items.push(...reader.end());
        expect(items.length).toBe(usable.length);
        for (const [i, { value, line }] of items.entries()) {
          expect(line).toBe(i + 1);
          if (value.ok) expect(JSON.stringify(value.value)).toBe(JSON.stringify(usable[i]));
        }
      }),
      { numRuns: runs(300) },
    );
  });
});
