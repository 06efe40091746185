// `engawa gateway dialect`: without a configuration, with one, with one that is broken; for people and for programs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { BUILT_IN_DIALECTS } from '../../src/config/dialects.ts';
import { shipped } from '../deploy/dialects.ts';
import { type Installation, installation } from './installation.ts';

const said: string[] = [];
async function engawa(...args: readonly string[]): Promise<number> {
  said.length = 0;
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0);
  const code = await runCli(args);
  vi.restoreAllMocks();
  return code;
}
const words = () => said.join('').replace(/\u001b\[[0-9;]*m/g, '');
const json = () => JSON.parse(said.join('')) as Record<string, unknown>;

describe('without a configuration', () => {
  beforeEach(() => {
    vi.stubEnv('ENGAWA_CONFIG', '/nonexistent/engawa.yaml');
  });
  afterEach(() => vi.unstubAllEnvs());

  test('list shows every dialect, how sure we are of it, and what comes next', async () => {
    expect(await engawa('gateway', 'dialect', 'list')).toBe(0);
    for (const { name } of shipped()) expect(words()).toContain(`\n${name} `);
    expect(words()).toMatch(/coova-chilli +tried on coova-chilli 1\.9 +IPv4 only/);
    expect(words()).toMatch(/Next: engawa gateway dialect show NAME\n$/);
  });

  test.each(shipped().map(({ name }) => name))(
    'show %s fits into 80 columns and tells all there is to tell',
    async (name) => {
      expect(await engawa('gateway', 'dialect', 'show', name)).toBe(0);
      expect(
        words()
          .split('\n')
          .filter((row) => row.length > 80),
      ).toEqual([]);
      for (const text of [
        'strict: into the garden',
        'off: as before',
        'Disconnect-Request',
        'At login',
        'What proves it',
      ])
        expect(words()).toContain(text);
      for (const text of ['What it cannot do', 'What a NAK means here', 'session-gone', 'Sources', 'Next: engawa'])
        expect(words()).toContain(text);
      expect(words()).not.toMatch(/undefined|\[object|\{strict\}"/);
    },
  );

  test('show prints one order as radclient would write it', async () => {
    expect(await engawa('gateway', 'dialect', 'show', 'juniper-mx', '--order', 'strict')).toBe(0);
    expect(words()).toContain('       ERX-Service-Activate:1 = "engawa-strict"\n');
    expect(words()).toContain('1. CoA-Request, ');
    expect(words()).toContain('a NAK 404, without a cause says: it is so already');
    expect(words()).not.toContain('At login');
  });

  test('show --login prints what the Access-Accept gets, the marker with it', async () => {
    expect(await engawa('gateway', 'dialect', 'show', 'rfc', '--login')).toBe(0);
    expect(words()).toMatch(/Filter-Id = "engawa-strict"\n +Class += engawa-strict/);
    expect(words()).not.toContain('CoA-Request');
  });

  test('show --json is the same for programs', async () => {
    expect(await engawa('--json', 'gateway', 'dialect', 'show', 'nokia-sros', '--order', 'off')).toBe(0);
    expect(json()).toMatchObject({
      dialect: { name: 'nokia-sros', certainty: 'documented', families: { ipv4: true, ipv6: true } },
      packets: { off: [{ code: 'CoA-Request', attributes: [{}, {}, { name: 'Alc-Subscriber-Filter' }] }] },
    });
    expect(await engawa('--json', 'gateway', 'dialect', 'show', 'cisco-isg')).toBe(0);
    expect(json()).toMatchObject({
      query: { code: 'CoA-Request' },
      naks: expect.anything(),
      login: { strict: [{}, {}] },
    });
    expect(await engawa('--json', 'gateway', 'dialect', 'list')).toBe(0);
    expect((json()['dialects'] as readonly unknown[]).length).toBe(shipped().length);
  });

  test('an unknown name is answered with the one that was meant', async () => {
    expect(await engawa('gateway', 'dialect', 'show', 'nokia')).toBe(2);
    expect(words()).toContain('did you mean nokia-sros?');
    expect(await engawa('gateway', 'dialect', 'show', 'rfx')).toBe(2);
    expect(words()).toContain('did you mean rfc?');
    expect(await engawa('gateway', 'dialect', 'show', 'zyxel-dslam')).toBe(2);
    expect(words()).toContain('there are accel-ppp, ');
  });
});

describe('with a configuration', () => {
  let here: Installation;
  beforeEach(() => {
    here = installation();
  });
  afterEach(() => here.remove());

  const RFC = readFileSync(join(BUILT_IN_DIALECTS, 'rfc.yaml'), 'utf8');
  function configure(name: string, text: string, config = (text: string) => text): void {
    mkdirSync(join(here.folder, 'own'), { recursive: true });
    writeFileSync(join(here.folder, 'own', name), text);
    writeFileSync(here.configFile, `${config(readFileSync(here.configFile, 'utf8'))}\ndialects: own\n`);
  }
  const show = (...args: readonly string[]) => engawa('--config', here.configFile, 'gateway', 'dialect', ...args);

  test('an operator’s own dialect is listed, and one in place of ours says so', async () => {
    configure('rfc.yaml', RFC.replace('name: rfc', 'name: rfc\noverrides: true'));
    expect(await show('list')).toBe(0);
    expect(words()).toContain('rfc *');
    expect(words()).toContain('* yours, in place of the one that comes with Engawa');
    expect(await show('show', 'rfc')).toBe(0);
    expect(words()).toContain('(yours, in place of ours)');
  });

  test('its faults come with line and column, whatever else is wrong with the configuration', async () => {
    configure(
      'rfc2.yaml',
      RFC.replace('name: rfc', 'name: rfc2').replace('Filter-Id = {plan}', 'Filter-It = {plan}'),
      (text) => text.replace('stateFolder:', 'stateFoldr:'),
    );
    expect(await show('list')).toBe(2);
    expect(words()).toMatch(/own\/rfc2\.yaml:28:18: expected an attribute .* did you mean "Filter-Id"\?/);
  });

  test('--gateway shows the packets with that gateway’s own values', async () => {
    writeFileSync(join(here.folder, 'secrets', 'bng2'), 'another secret of the test\n');
    configure('x.txt', '', (text) =>
      text.replace(
        '\naccounting:\n  clients:\n',
        `
  - name: bng2
    kind: radius
    dialect: rfc
    address: 192.0.2.10
    secretFiles: [secrets/bng2]
    nasIdentities: [bng2]
    values: { strict: wg-in, plan: gold }
    pools: [198.51.100.0/24]

accounting:
  clients:
    - name: bng2
      from: [192.0.2.10]
      secretFiles: [secrets/bng2]
`,
      ),
    );
    const code = await show('show', 'rfc', '--gateway', 'bng2');
    expect(code, words()).toBe(0);
    expect(words()).toMatch(/Filter-Id += "wg-in"/);
    expect(words()).toMatch(/Filter-Id += "gold"/);
    expect(await show('show', 'rfc', '--gateway', 'bng9')).toBe(2);
    expect(words()).toContain('no gateway of kind radius called "bng9"');
    expect(await show('show', 'mikrotik', '--gateway', 'bng2')).toBe(2);
    expect(words()).toContain('bng2 speaks rfc, not mikrotik');
  });

  test('a configuration that was named and is not there is said', async () => {
    expect(await engawa('--config', join(here.folder, 'none.yaml'), 'gateway', 'dialect', 'list')).toBe(2);
    expect(words()).toContain('none.yaml: ENOENT');
  });
});
