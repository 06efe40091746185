// Orders given while the service is down: they act on the same memory as the service would.
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callOperation } from '../../src/cli/call.ts';
import { compose } from '../../src/compose.ts';
import { type Installation, installation } from './installation.ts';

let here: Installation;
beforeEach(() => {
  here = installation();
});
afterEach(() => here.remove());

test('C09: an order given with the service down knows what the breaker let in before, and writes no emptiness back', async () => {
  const engine = await compose(here.config, { quiet: true });
  const at = engine.clock.now();
  const kept = {
    admissions: [1, 2, 3].map((n) => ({ source: `s${n}`, gateway: 'bng1', at: at - n })),
    trips: [{ scope: 'total', name: 'total', at }],
  };
  await engine.store.commit({ settings: { breaker: kept } });
  await engine.close();
  expect(await callOperation(here.config, { name: 'breaker.show' })).toMatchObject({
    breaker: { state: 'tripped', newGardensInWindow: 3 },
  });
  await callOperation(here.config, { name: 'breaker.discard' });
  expect(await callOperation(here.config, { name: 'breaker.show' })).toMatchObject({
    breaker: { state: 'closed', newGardensInWindow: 3 },
  });
});

test('C09: an order given with the service down takes the journal of releases in before it decides anything', async () => {
  const entry = { id: 'J1', lineId: 'L1', epoch: 1, at: 5, by: 'op', reason: 'storm' };
  appendFileSync(join(here.state, 'releases.jsonl'), `${JSON.stringify(entry)}\n`);
  await callOperation(here.config, { name: 'case.list' });
  const engine = await compose(here.config, { quiet: true });
  expect(await engine.store.setting('journal-imported')).toEqual({ count: 1, lastId: 'J1' });
  await engine.close();
  expect(existsSync(join(here.state, 'hold'))).toBe(false);
});
