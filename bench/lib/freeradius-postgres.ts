// What many ISPs run today, as a baseline: FreeRADIUS with rlm_sql writing accounting to PostgreSQL, both of Debian, on this machine, in
// a folder and on a port of their own, with the tables and queries they ship and every commit durable.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon, freePort } from '../../test/peers/daemon.ts';
import { postgresPrograms, startPostgres } from './postgres.ts';

export interface Baseline {
  readonly port: number;
  /** Sessions with a Stop in the database. */
  readonly finished: () => number;
  readonly close: () => Promise<void>;
}

const SQL = '/etc/freeradius/3.0/mods-config/sql/main/postgresql';
const MODULE = '/usr/lib/freeradius/rlm_sql_postgresql.so';
/** PostgreSQL serves so many at once, and FreeRADIUS has as many threads. */
const CONNECTIONS = 32;

/** Why it cannot be had here; undefined = it can. */
export function baselineFault(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to start PostgreSQL under its own user';
  if (!existsSync(MODULE) || !existsSync(`${SQL}/schema.sql`)) return 'needs the Debian package freeradius-postgresql';
  return postgresPrograms() === undefined ? 'needs the Debian package postgresql' : undefined;
}

export async function startBaseline(secret: string): Promise<Baseline> {
  const folder = mkdtempSync(join(tmpdir(), 'engawa-baseline-'));
  const undo: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    chmodSync(folder, 0o711);
    const database = await startPostgres(folder, CONNECTIONS + 10, undo);
    // Read by us: to others the folder is closed.
    database.query(readFileSync(`${SQL}/schema.sql`, 'utf8'));
    const port = await startFreeradius(folder, { secret, socket: database.socket }, undo);
    const finished = () => Number(database.query('SELECT count(*) FROM radacct WHERE acctstoptime IS NOT NULL').trim());
    return { port, finished, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function startFreeradius(
  folder: string,
  { secret, socket }: { readonly secret: string; readonly socket: string },
  undo: (() => Promise<void> | void)[],
): Promise<number> {
  const port = await freePort('udp');
  writeFileSync(join(folder, 'radiusd.conf'), configuration(folder, { secret, socket, port }), { mode: 0o600 });
  const freeradius = new Daemon('/usr/sbin/freeradius', ['-f', '-l', 'stdout', '-d', folder, '-n', 'radiusd']);
  undo.push(() => freeradius.stop());
  await freeradius.until(() => freeradius.output.includes('Ready to process requests'));
  return port;
}

function configuration(
  folder: string,
  { secret, socket, port }: { readonly secret: string; readonly socket: string; readonly port: number },
): string {
  return `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${folder}
run_dir = ${folder}
max_requests = 65536
cleanup_delay = 0
thread pool {
  start_servers = ${CONNECTIONS}
  max_servers = ${CONNECTIONS}
  min_spare_servers = ${CONNECTIONS}
  max_spare_servers = ${CONNECTIONS}
  max_queue_size = 65536
}
client bench {
  ipaddr = 127.0.0.1
  secret = ${secret}
}
modules {
  $INCLUDE /etc/freeradius/3.0/mods-available/always
  $INCLUDE /etc/freeradius/3.0/mods-available/expr
  sql {
    driver = rlm_sql_postgresql
    dialect = postgresql
    server = ${socket}
    login = postgres
    radius_db = postgres
    acct_table1 = radacct
    acct_table2 = radacct
    postauth_table = radpostauth
    authcheck_table = radcheck
    groupcheck_table = radgroupcheck
    authreply_table = radreply
    groupreply_table = radgroupreply
    usergroup_table = radusergroup
    client_table = nas
    group_attribute = SQL-Group
    pool {
      start = ${CONNECTIONS}
      min = ${CONNECTIONS}
      max = ${CONNECTIONS}
      spare = 0
      uses = 0
      lifetime = 0
      idle_timeout = 0
    }
    $INCLUDE ${SQL}/queries.conf
  }
}
policy {
  $INCLUDE /etc/freeradius/3.0/policy.d/accounting
}
server bench {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = ${port}
  }
  preacct {
    acct_unique
  }
  accounting {
    sql
    # A record that comes again changes nothing; without an answer it would come for ever.
    if (noop) {
      ok
    }
  }
}
`;
}
