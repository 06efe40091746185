// An installation in a folder of its own: the samples of deploy/ with paths moved, nothing running. What the command line
// does with the service down is tried here.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFault } from '../../src/config/faults.ts';
import { type Config, load } from '../../src/config/load.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export interface Installation {
  readonly folder: string;
  readonly configFile: string;
  readonly state: string;
  readonly config: Config;
  remove(): void;
}

export function installation(): Installation {
  const folder = mkdtempSync(join(FOLDERS, 'engawa-cli-'));
  cpSync(DEPLOY, folder, { recursive: true });
  for (const name of ['secrets', 'tls', 'state', 'run']) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['bng1', 'honeypot.key']) writeFileSync(join(folder, 'secrets', name), 'a secret of the test\n');
  for (const name of ['portal.pem', 'portal.key']) writeFileSync(join(folder, 'tls', name), 'not read here\n');
  const configFile = join(folder, 'engawa.yaml');
  const text = readFileSync(configFile, 'utf8')
    .replace('stateFolder: /var/lib/engawa', `stateFolder: ${join(folder, 'state')}`)
    .replace('controlSocket: /run/engawa/control.sock', `controlSocket: ${join(folder, 'run/control.sock')}`)
    .replace('helperSocket: /run/engawa-helper/helper.sock', `helperSocket: ${join(folder, 'run/helper.sock')}`)
    .replace('source: chrony', 'source: assumed');
  writeFileSync(configFile, text);
  const loaded = load(configFile);
  if (!loaded.ok) throw new Error(loaded.error.map(formatFault).join('\n'));
  return {
    folder,
    configFile,
    state: join(folder, 'state'),
    config: loaded.value,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
