import { afterEach, beforeEach, expect, test } from 'vitest';
import { DAY, HOUR } from '../../src/core/kernel/time.ts';
import { FeedBook } from '../../src/flow/feed-book.ts';
import { World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

const rows = (count: number) => ({ parked: false, rows: count, refused: 0 }) as const;
const file = (name: string) => ({ source: 'feed', name });

test('F24: a feed that brings nothing for longer than it may is silent, from its first day, over restarts, until a file comes', async () => {
  const house = await world.process();
  const book = new FeedBook(house.flow);
  await book.open(['feed']);
  world.pass(DAY);
  expect(book.silentMs('feed', DAY)).toBeUndefined();
  world.pass(HOUR);
  expect(book.silentMs('feed', DAY)).toBe(25 * HOUR);
  expect(book.silentMs('feed', undefined), 'nobody said how long it may').toBeUndefined();
  const after = new FeedBook((await world.process()).flow);
  await after.open(['feed']);
  expect(after.silentMs('feed', DAY), 'a restart is no sign of life').toBe(25 * HOUR);
  await after.note(file('a.csv'), rows(3));
  expect(after.silentMs('feed', DAY)).toBeUndefined();
});

test('F24: a file without rows after files with rows is suddenly empty, until one has rows again', async () => {
  const book = new FeedBook((await world.process()).flow);
  await book.note(file('first.csv'), rows(0));
  expect(book.of('feed')?.emptyFile, 'it never had any').toBeUndefined();
  await book.note(file('a.csv'), rows(5));
  await book.note(file('b.csv'), rows(0));
  expect(book.of('feed')?.emptyFile).toBe('b.csv');
  await book.note(file('c.csv'), { parked: true });
  expect(book.of('feed')).toMatchObject({ emptyFile: 'b.csv', files: 4, parked: 1, rows: 5, lastFile: 'c.csv' });
  await book.note(file('d.csv'), rows(1));
  expect(book.of('feed')?.emptyFile).toBeUndefined();
});

test('files that end together are all counted', async () => {
  const house = await world.process();
  const book = new FeedBook(house.flow);
  await Promise.all(Array.from({ length: 20 }, (_, i) => book.note(file(`${i}`), rows(1))));
  expect(await house.store.setting('feed.feed')).toMatchObject({ files: 20, rows: 20 });
});
