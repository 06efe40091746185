// The shell scripts in a small tree of their own, with a PATH that holds only what the case allows.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'engawa-tree-'));
  for (const part of ['scripts', 'bin', '.ci', 'package-lock.json'])
    cpSync(join(root, part), join(tree, part), { recursive: true });
  mkdirSync(join(tree, 'tools'));
  for (const tool of ['sh', 'bash', 'dirname', 'find', 'readlink', 'touch', 'mkdir', 'rm', 'cat', 'chmod', 'ls'])
    symlinkSync(
      spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim(),
      join(tree, 'tools', tool),
    );
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

function tool(name: string, script: string): void {
  writeFileSync(join(tree, 'tools', name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(tree, 'tools', name), 0o755);
}

function run(command: readonly string[], env: Record<string, string> = {}) {
  const done = spawnSync(join(tree, 'tools', command[0]!), command.slice(1), {
    cwd: tree,
    encoding: 'utf8',
    timeout: 30_000,
    env: { PATH: join(tree, 'tools'), ENGAWA_NODE: process.execPath, ...env },
  });
  return { status: done.status, out: done.stdout, said: done.stderr };
}

function installed(): void {
  mkdirSync(join(tree, 'node_modules'));
  writeFileSync(join(tree, 'node_modules', '.package-lock.json'), '{}');
}

describe('with-tools.sh', () => {
  test('without node_modules it says the command first, runs it, and hands over with arguments untouched', () => {
    tool('npm', 'echo "npm $*"; mkdir -p node_modules; touch node_modules/.package-lock.json');
    const { status, out, said } = run([
      'sh',
      'scripts/with-tools.sh',
      'check',
      'sh',
      '-c',
      'echo "ran: $1"',
      'x',
      'a b',
    ]);
    expect([status, out]).toEqual([0, 'ran: a b\n']);
    expect(said).toBe(
      'engawa: installing node_modules: npm ci --ignore-scripts --no-audit --no-fund\nnpm ci --ignore-scripts --no-audit --no-fund\n',
    );
  });

  test('a lock file newer than what is installed is installed again, an older one is not', () => {
    installed();
    tool('npm', 'echo again; exit 7');
    expect(run(['sh', 'scripts/with-tools.sh', 'check', 'sh', '-c', 'exit 5']).status).toBe(5);
    utimesSync(join(tree, 'node_modules', '.package-lock.json'), 1, 1);
    const { status, said } = run(['sh', 'scripts/with-tools.sh', 'check', 'sh', '-c', 'exit 5']);
    expect([status, said]).toEqual([1, expect.stringMatching(/again\nengawa: npm ci failed/)]);
  });

  test('ENGAWA_NO_INSTALL names the command and changes nothing', () => {
    const { status, said } = run(['sh', 'scripts/with-tools.sh', 'check', 'sh'], { ENGAWA_NO_INSTALL: '1' });
    expect([status, said]).toEqual([1, expect.stringContaining('Next: npm ci --ignore-scripts')]);
  });

  test('missing Debian packages: root installs them and says so, others are told the line, other systems the names', () => {
    installed();
    const start = ['sh', 'scripts/with-tools.sh', 'test', 'sh', '-c', 'echo handed over'];
    expect(run(start).said).toMatch(/missing:.* chromium.*This is no Debian/);
    tool('apt-get', 'echo "apt-get $*"');
    tool('id', 'echo 1000');
    expect(run(start)).toMatchObject({
      status: 1,
      said: expect.stringMatching(
        /Next, as root: apt-get update && apt-get install -y --no-install-recommends.* chromium.* freeradius-utils/,
      ),
    });
    tool('id', 'echo 0');
    const { status, out, said } = run(start);
    expect([status, out]).toEqual([0, 'handed over\n']);
    expect(said).toMatch(
      /^engawa: installing Debian packages:.* chromium.*\napt-get update -q\napt-get install -y -q --no-install-recommends.* chromium/,
    );
    tool('apt-get', 'exit 100');
    expect(run(start)).toMatchObject({ status: 1, said: expect.stringContaining('apt-get update failed') });
  });

  test('bad usage is 2', () => {
    expect(run(['sh', 'scripts/with-tools.sh', 'everything', 'sh']).status).toBe(2);
    expect(run(['sh', 'scripts/with-tools.sh', 'run']).status).toBe(2);
  });
});

describe('.ci/run', () => {
  const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);
  const good = '{"testResults":[{"status":"passed","assertionResults":[{"status":"passed"}]}]}';

  test.each([
    ['passes', `mkdir -p .cache; echo '${good}' > .cache/vitest.json`, 0, '1 passed, 0 failed'],
    ['crashes before any report', 'exit 134', 1, '0 passed, 1 failed'],
    ['fails beside the tests', `mkdir -p .cache; echo '${good}' > .cache/vitest.json; exit 1`, 1, '1 passed, 1 failed'],
  ])('a test command that %s', (_name, script, status, line) => {
    // A report left over from an earlier run must not count.
    mkdirSync(join(tree, '.cache'));
    writeFileSync(join(tree, '.cache', 'vitest.json'), good.replace('passed', 'failed'));
    tool('npm', script);
    const done = run(['bash', '.ci/run']);
    expect([done.status, lastLine(done.out)]).toEqual([status, line]);
  });

  test('without a Node that can read the report it is a failure in the same words', () => {
    tool('npm', 'exit 0');
    const done = run(['bash', '.ci/run'], { ENGAWA_NODE: '/nonexistent' });
    expect([done.status, lastLine(done.out)]).toEqual([1, '0 passed, 1 failed']);
  });
});
