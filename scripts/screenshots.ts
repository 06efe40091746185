// Makes every picture of the docs anew: each page of the portal by itself (portal-shots.ts), and the pages a household meets in the
// lab, taken on the way of the end-to-end test. Ends with the first failure.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const { status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    timeout: 900_000,
  });
  if (status !== 0) process.exit(1);
}

run(['scripts/portal-shots.ts']);
run(['node_modules/vitest/vitest.mjs', 'run', '--project', 'e2e', 'test/e2e/household.e2e.test.ts'], {
  ENGAWA_SHOTS: join(ROOT, 'docs/pictures/lab'),
});
