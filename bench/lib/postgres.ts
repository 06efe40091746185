// Debian's PostgreSQL in a folder of its own, over a Unix socket, with its own settings: every commit is durable.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { accountOf, Daemon } from '../../test/peers/daemon.ts';

export function postgresPrograms(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  return versions.map((version) => `/usr/lib/postgresql/${version}/bin`).find((bin) => existsSync(`${bin}/postgres`));
}

/** `folder` must let the user postgres through; `undo` stops it. */
export async function startPostgres(
  folder: string,
  connections: number,
  undo: (() => Promise<void> | void)[],
): Promise<{ readonly socket: string; readonly query: (sql: string) => string }> {
  const [bin, account] = [postgresPrograms()!, accountOf('postgres')];
  const [data, socket] = [join(folder, 'data'), join(folder, 'socket')];
  for (const path of [data, socket]) {
    mkdirSync(path);
    execFileSync('chown', ['postgres', path]);
  }
  const as = { ...account, cwd: '/', encoding: 'utf8' } as const;
  execFileSync(`${bin}/initdb`, ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8'], { ...as, stdio: 'pipe' });
  const settings = { listen_addresses: '', unix_socket_directories: socket, max_connections: `${connections}` };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const postgres = new Daemon(`${bin}/postgres`, ['-D', data, ...args], account);
  undo.push(() => postgres.stop('SIGINT'));
  await postgres.until(() => postgres.output.includes('ready to accept connections'));
  const query = (sql: string) =>
    execFileSync(`${bin}/psql`, ['-h', socket, '-U', 'postgres', '-qAt', '-d', 'postgres', '-c', sql], as);
  return { socket, query };
}
