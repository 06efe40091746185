import { expect, test } from 'vitest';
import { closeAll } from '../src/close-all.ts';

test('one part that fails to stop leaves none of the rest open, and is told', async () => {
  const done: string[] = [];
  const told: unknown[] = [];
  const closers = [
    () => void done.push('store and writer lock'),
    async () => Promise.reject(new Error('disk full')),
    () => {
      throw new Error('bad socket');
    },
    async () => void done.push('portal'),
  ];
  await expect(closeAll(closers, (cause) => told.push(cause))).rejects.toThrow('2 parts');
  expect(done).toEqual(['portal', 'store and writer lock']);
  expect(told.map(String)).toEqual(['Error: bad socket', 'Error: disk full']);
  await expect(closeAll(closers, () => {})).resolves.toBeUndefined();
});
