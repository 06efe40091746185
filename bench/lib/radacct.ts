// The same sessions as FreeRADIUS would have kept them: one row each in PostgreSQL, with the index on (address, time) that whoever looks
// up holders there makes first. Answers one question at a time per connection.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Instant } from '../../src/core/kernel/time.ts';
import { formatIp, type Ip } from '../../src/core/net/ip.ts';
import { DAYS, type ManyBindings } from './many-bindings.ts';
import { postgresPrograms, startPostgres } from './postgres.ts';

export interface Radacct {
  readonly rows: number;
  /** Connections that are open. */
  readonly clients: readonly pg.Client[];
  close(): Promise<void>;
}

const TABLE = `CREATE TABLE radacct (radacctid bigserial PRIMARY KEY, acctsessionid text NOT NULL, username text,
  nasipaddress inet NOT NULL, framedipaddress inet, delegatedipv6prefix inet, acctstarttime timestamptz,
  acctupdatetime timestamptz, acctstoptime timestamptz);`;
const INDEXES = `CREATE INDEX ON radacct (framedipaddress, acctstarttime);
  CREATE INDEX ON radacct (delegatedipv6prefix, acctstarttime); ANALYZE radacct;`;
const COLUMNS =
  'acctsessionid, username, nasipaddress, framedipaddress, delegatedipv6prefix, acctstarttime, acctupdatetime, acctstoptime';
const WHEN = 'acctstarttime <= $2 AND (acctstoptime IS NULL OR acctstoptime >= $3)';

export function radacctFault(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to start PostgreSQL under its own user';
  return postgresPrograms() === undefined ? 'needs the Debian package postgresql' : undefined;
}

export async function startRadacct(folder: string, many: ManyBindings, connections: number): Promise<Radacct> {
  chmodSync(folder, 0o711);
  const place = join(folder, 'postgres');
  mkdirSync(place, { mode: 0o711 });
  const undo: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const { socket, query } = await startPostgres(place, connections + 5, undo);
    query(TABLE);
    const rows = fill(many, place, query);
    query(INDEXES);
    const clients = Array.from(
      { length: connections },
      () => new pg.Client({ host: socket, user: 'postgres', database: 'postgres' }),
    );
    for (const client of clients) {
      await client.connect();
      undo.push(() => client.end());
    }
    return { rows, clients, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** In files, which PostgreSQL reads itself. */
function fill(many: ManyBindings, folder: string, query: (sql: string) => string): number {
  let rows = 0;
  for (let day = many.firstDay; day < many.firstDay + DAYS; day++) {
    const lines: string[] = [];
    for (let n = 0; n < many.lines; n++) {
      // Whoever keeps its addresses has one session over all of the days.
      const begun = many.holdings(day, n).filter((one) => day === many.firstDay || one.firstAt === one.startAt);
      for (const one of begun) {
        const isOver = one.sessionId !== `s-${n}` && day < many.firstDay + DAYS - 1;
        const stopAt = one.stopAt ?? (isOver ? many.holdings(day + 1, n)[0]!.stopAt! : undefined);
        const addresses = [formatIp(many.ipv4(n)), `${formatIp(many.ipv6(n))}/56`];
        const times = [one.startAt, stopAt ?? one.lastAt, stopAt].map((at) => (at === undefined ? '\\N' : text(at)));
        lines.push([one.sessionId, many.accessKey(one.line), '192.0.2.1', ...addresses, ...times].join('\t'));
      }
    }
    const file = join(folder, `${day}.tsv`);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 });
    query(`COPY radacct (${COLUMNS}) FROM '${file}'`);
    rows += lines.length;
  }
  return rows;
}

export function askRadacct(client: pg.Client, ip: Ip, fromAt: Instant, toAt: Instant): Promise<unknown> {
  const column = ip.family === 4 ? 'framedipaddress' : 'delegatedipv6prefix';
  const address =
    ip.family === 4
      ? formatIp(ip)
      : `${formatIp({ family: 6, bytes: ip.bytes.map((one, i) => (i < 7 ? one : 0)) })}/56`;
  return client.query({
    name: `who-${ip.family}`,
    text: `SELECT username, acctstarttime, acctupdatetime, acctstoptime FROM radacct WHERE ${column} = $1 AND ${WHEN}`,
    values: [address, text(toAt), text(fromAt)],
  });
}

function text(at: Instant): string {
  return new Date(at).toISOString();
}
