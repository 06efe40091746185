import { expect, test } from 'vitest';
import { callingCodeOf, phoneForms } from '../../../src/core/line/phone.ts';

test('a number is found however it was typed and however it was imported', () => {
  const typed = [
    '+81 3-0000-0001',
    '+81300000001',
    '0081 3 0000 0001',
    '+81 (0)3 0000 0001',
    '03-0000-0001',
    '81300000001',
  ];
  const imported = ['+81300000001', '0300000001', '81300000001', '0081300000001'];
  for (const one of typed) expect(phoneForms(one, '81'), one).toEqual(expect.arrayContaining(imported));
});

test('words that are no number are none, and a home code is not guessed', () => {
  expect(phoneForms('C-4711', '81')).toEqual([]);
  expect(phoneForms('12', '81')).toEqual([]);
  expect(phoneForms('0300000001')).toEqual(['0300000001']);
  expect(phoneForms('+44 20 7946 0000', '81')).not.toContain('+8102079460000');
});

test('calling codes have one, two or three digits', () => {
  expect(['+1 555 0100', '+81 3', '+49 30 0000', '+352 0000', '0044 20', '03 0000'].map(callingCodeOf)).toEqual([
    '1',
    '81',
    '49',
    '352',
    '44',
    undefined,
  ]);
});
