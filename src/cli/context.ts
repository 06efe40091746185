// What every command needs: where the configuration is, how to reach the service, how to answer. Exit codes: 0 done,
// 1 not done, 2 usage or configuration.
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { formatFault } from '../config/faults.ts';
import { type Config, load } from '../config/load.ts';

export const DEFAULT_CONFIG = '/etc/engawa/engawa.yaml';
const DEFAULT_STATE = '/var/lib/engawa';

export class CliFault extends Error {
  readonly exitCode: 1 | 2;
  readonly code: string;

  constructor(exitCode: 1 | 2, code: string, text: string) {
    super(text);
    this.exitCode = exitCode;
    this.code = code;
  }
}

export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export function configPath(options: GlobalOptions): string {
  return options.config ?? process.env['ENGAWA_CONFIG'] ?? DEFAULT_CONFIG;
}

export function readConfig(options: GlobalOptions): Config {
  const path = configPath(options);
  const loaded = load(path);
  if (loaded.ok) return loaded.value;
  throw new CliFault(
    2,
    'config-invalid',
    `the configuration does not load:\n${loaded.error.map((fault) => `  ${formatFault(fault)}`).join('\n')}`,
  );
}

/** Where the state is, as far as anybody can tell: the kill switch does not wait for a configuration without faults. */
export function stateFolderOf(options: GlobalOptions): string {
  const loaded = load(configPath(options));
  if (loaded.ok) return loaded.value.stateFolder;
  return rawStateFolder(configPath(options)) ?? DEFAULT_STATE;
}

function rawStateFolder(path: string): string | undefined {
  try {
    const written = /^stateFolder:[ \t]*["']?([^"'\s#]+)/m.exec(readFileSync(path, 'utf8'))?.[1];
    return written === undefined ? undefined : resolve(dirname(path), written);
  } catch {
    return undefined;
  }
}

/** Who gives the order, for the log: the Unix user, and who became root. */
export function whoAmI(): string {
  const sudo = process.env['SUDO_USER'];
  const name = userName();
  return sudo === undefined || sudo === name ? name : `${sudo} as ${name}`;
}

/** A user without an entry in the password file (a container, a namespace) is known by number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
