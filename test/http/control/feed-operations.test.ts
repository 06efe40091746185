// The parked list tells the truth about its files: they go with all evidence, read or not.
import { expect, test } from 'vitest';
import { DAY } from '../../../src/core/kernel/time.ts';
import { park } from '../../../src/flow/ingest.ts';
import { feedOperations } from '../../../src/http/control/feed-operations.ts';
import { World } from '../../flow/world.ts';

test('a parked file is listed with the day on which its original is deleted', async () => {
  const world = new World();
  try {
    const house = await world.process();
    await park(
      house.flow,
      { source: 'shadowserver', name: 'broken.csv', bytes: Buffer.from('x') },
      'file-empty: nothing',
    );
    const operations = feedOperations(house.flow, {
      sources: ['shadowserver'],
      evidenceKeptMs: 30 * DAY,
      takeIn: async () => {
        throw new Error('not asked');
      },
      readLines: async () => {
        throw new Error('not asked');
      },
      afterLines: async () => {},
      activatePolicy: async () => ({ changed: false, version: '' }),
      policyTexts: () => [],
    });
    const context = { by: 'op', signal: new AbortController().signal, progress: () => {} };
    // The world begins on 2026-11-20.
    expect(await operations['ingest.parked']!({}, context)).toMatchObject({
      parked: [{ name: 'broken.csv', reason: 'file-empty: nothing', keptUntil: expect.stringMatching(/^2026-12-20T/) }],
    });
  } finally {
    await world.end();
  }
});
