import { expect, test } from 'vitest';
import { ClientSilence } from '../../../src/adapters/sessions/accounting/client-silence.ts';

test('a client that was not heard for two of its interim intervals is named, and no other', () => {
  let now = 0;
  const silence = new ClientSilence(
    [
      { name: 'bng1', interimMs: 600_000 },
      { name: 'bng2', interimMs: 600_000 },
    ],
    () => now,
  );
  now = 1_200_000;
  expect(silence.silent()).toEqual([]);
  silence.heard('bng1/nas-7');
  silence.heard('nobody');
  now = 1_200_001;
  expect(silence.silent()).toEqual([{ client: 'bng2', silentMs: 1_200_001 }]);
  silence.heard('bng2');
  expect(silence.silent()).toEqual([]);
});
