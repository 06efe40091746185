// `engawa lab --bng radius`: the story of the second BNG as somebody types it.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../src/lab/network-process.ts';

const ENGAWA = join(import.meta.dirname, '../../bin/engawa');
const STORY_MS = 150_000;

test(
  'every fact of the story is observed, and the BNG is called a simulated one',
  async () => {
    const { code, stdout, stderr } = await run([ENGAWA, 'lab', '--bng', 'radius', '--once'], { timeoutMs: STORY_MS });
    expect(code, stdout.slice(-3000) + stderr).toBe(0);
    expect(stdout).toMatch(/All [5-9]\d facts were observed/);
    expect(stdout).toContain('simulated');
    expect(stdout).not.toContain('✗');
  },
  STORY_MS + 10_000,
);

test('the dry run says of each fact that it was not observed; another kind of BNG is refused by name', async () => {
  const dry = await run([ENGAWA, 'lab', '--bng', 'radius', '--dry-run']);
  expect(dry.code, dry.stderr).toBe(0);
  expect(dry.stdout).toContain('simulated');
  expect(dry.stdout).not.toContain('✓');
  const other = await run([ENGAWA, 'lab', '--bng', 'diameter']);
  expect(other.code).toBe(2);
  expect(other.stderr + other.stdout).toContain('linux or radius');
});
