// `engawa lab --bng shared`: the story of homes that share IPv4 addresses, told in this process; and what nobody may be named for, in
// the lab that it leaves behind.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { Narrator } from '../../src/lab/narrator.ts';
import { LAB_CGN } from '../../src/lab/network-plan.ts';
import { run } from '../../src/lab/network-process.ts';
import { who } from '../../src/lab/shared-scenes.ts';
import { SHARED_HOMES, SharedStory } from '../../src/lab/shared-story.ts';

const ENGAWA = join(import.meta.dirname, '../../bin/engawa');
const STORY_MS = 120_000;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.build({ homes: 0, sharedHomes: SHARED_HOMES });
  await lab.startEngawa();
}, STORY_MS);
afterAll(async () => {
  await lab?.destroy();
}, 60_000);

test(
  'one bot of each pair is quarantined alone: behind a CGN, with DS-Lite, with MAP-E',
  async () => {
    let told = '';
    const narrator = new Narrator((text) => {
      told += text;
    });
    await new SharedStory(lab, narrator).tell();
    expect(narrator.failed(), told.slice(-4000)).toEqual([]);
    expect(narrator.facts.length).toBeGreaterThan(45);
  },
  STORY_MS,
);

test('a port of no block names nobody; with the CGN silent for two intervals its blocks do not either', async () => {
  const outside = LAB_CGN.outside.cgn;
  const ask = (port: number, at: number) => who(lab, { peer: outside, port, at, destinationPort: 23 });
  expect(await ask(60_000, lab.now())).toMatchObject({ kind: 'none', line: null });
  const { low } = lab.cgn!.blockOf(lab.network.homes[1]!)!;
  expect((await ask(low, lab.now())).line?.id).toBe('LAB-2');
  await lab.moveClock(25 * 60_000);
  for (const { number } of lab.network.homes)
    await lab.account(number, 'interim', { sessionId: `lab-${number}-again` });
  expect(await ask(low, lab.now())).toMatchObject({ kind: 'stale', line: null });
});

test('the dry run says of each fact that it was not observed', async () => {
  const { code, stdout, stderr } = await run([ENGAWA, 'lab', '--bng', 'shared', '--dry-run']);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('MAP-E');
  expect(stdout).not.toContain('✓');
});
