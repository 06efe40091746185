// Somebody without root tries the lab: it tells the whole story in a user namespace, or says why it cannot.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../src/lab/network-process.ts';

const ROOT = realpathSync(join(import.meta.dirname, '../..'));
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const STORY_MS = 110_000;

/** As nobody, with the tree below /mnt in a mount namespace of its own: readable whatever stands above it. */
function engawaAsNobody(...args: readonly string[]) {
  const script = 'mount --bind "$0" /mnt && shift && cd / && exec "$@"';
  const argv = ['unshare', '-m', 'sh', '-c', script, ROOT, 'x', ...NOBODY, '/mnt/bin/engawa', ...args];
  return run(argv, { timeoutMs: STORY_MS, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
}

test('the dry run tells the story without a kernel, and says of each fact that it was not observed', async () => {
  const { code, stdout, stderr } = await engawaAsNobody('lab', '--dry-run');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('not observed');
  expect(stdout).not.toContain('✓');
});

test(
  'without root the whole story is observed but for the users, or the lab says what is missing',
  async () => {
    const allowed = (await run([...NOBODY, 'unshare', '-Urnm', 'true'])).code === 0;
    const { code, stdout, stderr } = await engawaAsNobody('--json', 'lab', '--once');
    if (!allowed) {
      expect(code).toBe(1);
      expect(stderr + stdout).toMatch(/needs root, or user namespaces/);
      return;
    }
    const told = JSON.parse(stdout) as { observed: number; failed: unknown[]; notObserved: string[] };
    expect(told.failed, stderr).toEqual([]);
    expect(told.observed).toBeGreaterThan(40);
    expect(told.notObserved.join()).toContain('own user');
    expect(code).toBe(0);
  },
  STORY_MS + 10_000,
);
