import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CSV_LIMITS, CsvReader, type CsvRecord, csvRecords } from '../../../src/protocols/csv/reader.ts';
import { runs } from '../../runs.ts';

function read(text: string, limits = CSV_LIMITS): readonly CsvRecord[] {
  const reader = new CsvReader(limits);
  return [...reader.push(text), ...reader.end()];
}

const cellText = fc.string({ unit: fc.constantFrom('a', 'é', ',', '"', '\n', '\r', ' ', '=', '\u0000'), maxLength: 6 });
const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

describe('CSV records', () => {
  test('whatever is written with quotes is read back, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(cellText, { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 7 }),
        (rows, newline, step) => {
          const text = rows.map((row) => row.map(quote).join(',') + newline).join('');
          const reader = new CsvReader();
          const found: CsvRecord[] = [];
          for (let i = 0; i < text.length; i += step) found.push(...reader.push(text.slice(i, i + step)));
          found.push(...reader.end());
          expect(found.map((record) => record.fault ?? record.cells)).toEqual(rows);
        },
      ),
      { numRuns: runs(200) },
    );
  });

  test('a well-formed file means the same to another reader', () => {
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '=', '-', "'"), minLength: 1, maxLength: 5 });
    const cell = fc.oneof(plain, cellText.filter((c) => !c.includes('\r')).map(quote));
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 }), (rows) => {
        const text = rows.map((row) => `${row.join(',')}\n`).join('');
        expect(read(text).map((record) => record.fault ?? record.cells)).toEqual(
          parse(text, { relax_column_count: true }),
        );
      }),
      { numRuns: runs(200) },
    );
  });

  test('no text throws, and every line break outside quotes ends a record', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r'), maxLength: 40 }), (text) => {
        const lines = read(text).map((record) => record.line);
        expect(lines).toEqual([...lines].sort((a, b) => a - b));
        expect(lines.at(-1) ?? 1).toBeLessThanOrEqual(text.split('\n').length);
      }),
      { numRuns: runs(500) },
    );
  });

  test('F10: a stray quote spoils its own row and no other', () => {
    expect(read('a,b"c\n"d"e,f\ng,h\n')).toEqual([
      { line: 1, fault: 'quote-misplaced' },
      { line: 2, fault: 'quote-misplaced' },
      { line: 3, cells: ['g', 'h'] },
    ]);
  });

  test('F10: a quoted cell keeps its line breaks and the next row knows its line', () => {
    expect(read('"x\ny",1\nz,2')).toEqual([
      { line: 1, cells: ['x\ny', '1'] },
      { line: 3, cells: ['z', '2'] },
    ]);
  });

  test('F10: rows inside a quote that never closes are not rows', () => {
    expect(read('a,b\n"open,c\n2026-01-01 00:00:00,192.0.2.1\n')).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, fault: 'quote-open' },
    ]);
  });

  test('F10: a cell of ten megabytes and a million columns are refused in passing', async () => {
    const chunks = function* () {
      const filler = new Uint8Array(64 * 1024).fill(120);
      yield new TextEncoder().encode('1,"');
      for (let i = 0; i < 160; i++) yield filler;
      yield new TextEncoder().encode('"\n');
      for (let i = 0; i < 16; i++) yield new Uint8Array(64 * 1024).fill(44);
      yield new TextEncoder().encode('\nlast,row\n');
    };
    const found: CsvRecord[] = [];
    for await (const record of csvRecords(chunks())) found.push(record);
    expect(found).toEqual([
      { line: 1, fault: 'row-too-long' },
      { line: 2, fault: 'too-many-columns' },
      { line: 3, cells: ['last', 'row'] },
    ]);
  });

  test('a byte order mark is no part of the first name, and bytes that are no UTF-8 do not stop the file', async () => {
    const found: CsvRecord[] = [];
    for await (const record of csvRecords([Uint8Array.of(0xef, 0xbb), Uint8Array.of(0xbf, 0x61, 0x0a, 0xff, 0x0a)]))
      found.push(record);
    expect(found).toEqual([
      { line: 1, cells: ['a'] },
      { line: 2, cells: ['\ufffd'] },
    ]);
  });
});
