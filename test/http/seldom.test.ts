import { expect, it } from 'vitest';
import { seldom } from '../../src/http/seldom.ts';

it('tells at once, then at most once a minute, and counts what it kept to itself', () => {
  let now = 0;
  const told: number[] = [];
  const knock = seldom(
    () => now,
    (times) => told.push(times),
  );
  for (let i = 0; i < 10_000; i++) knock();
  expect(told).toEqual([1]);
  now = 59_999;
  knock();
  expect(told).toEqual([1]);
  now = 60_000;
  knock();
  expect(told).toEqual([1, 10_001]);
});
