// install.sh and uninstall.sh into a folder (DESTDIR) and without packages: files, modes, what is kept. Users, systemd and
// the kernel are tried by hand; docs/operating.md says how.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const TREE = new URL('../../', import.meta.url).pathname;
let root: string;
let source: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'engawa-install-'));
  source = join(root, 'source');
  for (const part of ['bin', 'src', 'views', 'locales', 'deploy', 'docs/adr', 'docs/operating.md', 'package.json'])
    cpSync(join(TREE, part), join(source, part), { recursive: true });
  for (const part of ['package-lock.json', 'LICENSE', 'README.md']) cpSync(join(TREE, part), join(source, part));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function run(script: 'install' | 'uninstall', ...args: string[]) {
  const env = { PATH: process.env['PATH']!, DESTDIR: join(root, 'machine'), ENGAWA_SKIP_NPM: '1' };
  const options = { encoding: 'utf8', env, timeout: 60_000 } as const;
  const done = spawnSync('sh', [join(source, `deploy/${script}.sh`), ...args], options);
  return { status: done.status, said: done.stdout + done.stderr };
}
const at = (path: string) => join(root, 'machine', path);
const read = (path: string) => readFileSync(at(path), 'utf8');
const mode = (path: string) => (statSync(at(path)).mode & 0o777).toString(8);

describe('install.sh', () => {
  test('puts the program, units, sample configuration and secrets where they belong, and says what to do next', () => {
    const { status, said } = run('install');
    expect(said).toContain('engawa config check');
    expect(status).toBe(0);
    for (const path of ['opt/engawa/bin/engawa', 'opt/engawa/src/main.ts', 'opt/engawa/views', 'opt/engawa/locales'])
      expect(existsSync(at(path)), path).toBe(true);
    for (const unit of ['engawa', 'engawa-helper', 'engawa-snapshot', 'engawa-spec'])
      expect(read(`etc/systemd/system/${unit}.service`)).toContain('ExecStart=/opt/engawa/bin/');
    expect(read('etc/engawa/engawa.yaml')).toBe(readFileSync(join(TREE, 'deploy/engawa.yaml'), 'utf8'));
    expect(read('etc/engawa/secrets/bng1')).toMatch(/^[0-9a-f]{64}$/);
    expect(read('etc/engawa/secrets/honeypot.key')).not.toBe(read('etc/engawa/secrets/bng1'));
  });

  test('lets nobody but root and the group read configuration and secrets', () => {
    run('install');
    expect(mode('etc/engawa')).toBe('750');
    expect(mode('etc/engawa/secrets/bng1')).toBe('640');
    expect(mode('opt/engawa/src/main.ts')).toBe('644');
  });

  test('says honestly that nothing runs without packages', () => {
    expect(run('install').said).toContain('node_modules left out');
    expect(existsSync(at('opt/engawa/node_modules'))).toBe(false);
  });

  test('once more keeps edited files, secrets and state, and takes the new program', () => {
    run('install');
    const secret = read('etc/engawa/secrets/bng1');
    writeFileSync(at('etc/engawa/engawa.yaml'), 'edited: yes\n');
    rmSync(at('etc/engawa/packs/device-updates.yaml'));
    writeFileSync(at('var/lib/engawa/engawa.db'), 'state');
    writeFileSync(join(source, 'src/new-file.ts'), '// of the next version\n');
    const { status, said } = run('install');
    expect(status).toBe(0);
    expect(said).toContain('kept: /etc/engawa/engawa.yaml');
    expect(read('etc/engawa/engawa.yaml')).toBe('edited: yes\n');
    expect(existsSync(at('etc/engawa/packs/device-updates.yaml')), 'a removed pack stays removed').toBe(false);
    expect([read('etc/engawa/secrets/bng1'), read('var/lib/engawa/engawa.db')]).toEqual([secret, 'state']);
    expect(existsSync(at('opt/engawa/src/new-file.ts'))).toBe(true);
    expect(existsSync(at('opt/engawa.previous/src/main.ts')), 'the way back').toBe(true);
  });

  test('the units name the program folder that was asked for', () => {
    const env = { PATH: process.env['PATH']!, DESTDIR: at(''), ENGAWA_SKIP_NPM: '1', ENGAWA_PREFIX: '/srv/engawa' };
    expect(spawnSync('sh', [join(source, 'deploy/install.sh')], { env, timeout: 60_000 }).status).toBe(0);
    expect(read('etc/systemd/system/engawa.service')).not.toContain('/opt/engawa');
    expect(existsSync(at('srv/engawa/bin/engawa'))).toBe(true);
  });
});

describe('uninstall.sh', () => {
  test('removes program and units, keeps state and configuration for root alone and says where', () => {
    run('install');
    writeFileSync(at('var/lib/engawa/engawa.db'), 'state');
    const { status, said } = run('uninstall');
    expect(status).toBe(0);
    expect(said).toContain('var/lib/engawa for root alone');
    for (const gone of ['opt/engawa', 'etc/systemd/system/engawa.service', 'usr/local/bin/engawa'])
      expect(existsSync(at(gone)), gone).toBe(false);
    expect([read('var/lib/engawa/engawa.db'), mode('var/lib/engawa'), mode('etc/engawa')]).toEqual([
      'state',
      '700',
      '700',
    ]);
  });

  test('what it kept is taken up again by the next install', () => {
    run('install');
    writeFileSync(at('etc/engawa/policy.yaml'), '# mine\n');
    run('uninstall');
    expect(run('install').status).toBe(0);
    expect([read('etc/engawa/policy.yaml'), mode('etc/engawa')]).toEqual(['# mine\n', '750']);
  });

  test('--purge deletes state and configuration, an unknown option nothing', () => {
    run('install');
    expect(run('uninstall', '--prune').status).toBe(2);
    expect(existsSync(at('opt/engawa'))).toBe(true);
    expect(run('uninstall', '--purge').status).toBe(0);
    expect([existsSync(at('var/lib/engawa')), existsSync(at('etc/engawa'))]).toEqual([false, false]);
  });
});
