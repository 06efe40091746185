// MariaDB and MySQL by the package mysql2: as postgres.ts, for the other kind.
import { isIP } from 'node:net';
import { type Connection, createConnection } from 'mysql2/promise';
import {
  CONNECT_TIMEOUT_MS,
  type Connect,
  type DatabaseAccess,
  SqlFault,
  type SqlRow,
  type SqlSession,
  STATEMENT_TIMEOUT_MS,
} from './session.ts';

/** Throws when TLS is wanted to an address: mysql2 compares a certificate with names alone. */
export function mariadb(access: DatabaseAccess): Connect {
  if (access.ca !== undefined && isIP(access.host) !== 0)
    throw new Error('TLS to MariaDB: name the host as its certificate does, not by an address');
  return async () => {
    const { host, port, database, user, password, ca } = access;
    let connection: Connection | undefined;
    try {
      connection = await createConnection({
        host,
        port,
        database,
        user,
        password,
        ...(ca === undefined ? {} : { ssl: { ca, verifyIdentity: true } }),
        charset: 'utf8mb4',
        connectTimeout: access.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        // A server that asks for a file of ours gets none.
        flags: ['-LOCAL_FILES'],
      });
      connection.on('error', () => {});
      // Whatever the server's default: too long a name is refused, not cut to the name of somebody else.
      await connection.query("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'");
      return session(connection, access.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS);
    } catch (cause) {
      connection?.destroy();
      throw new SqlFault('trouble', cause);
    }
  };
}

function session(connection: Connection, timeout: number): SqlSession {
  return {
    async run(sql, values = []) {
      try {
        // BEGIN and its like are no prepared statements.
        const [rows] = await (values.length === 0
          ? connection.query({ sql, timeout })
          : connection.execute({ sql, timeout }, [...values]));
        return Array.isArray(rows) ? (rows as SqlRow[]) : [];
      } catch (cause) {
        throw new SqlFault(isValue(cause) ? 'value' : 'trouble', cause);
      }
    },
    async close() {
      connection.destroy(); // `end` would wait for a server that may be the reason for closing
    },
  };
}

/** Data too long, no such text in the column's character set, CHECK OPTION failed, out of range, duplicate. */
const VALUE_ERRORS: ReadonlySet<unknown> = new Set([1406, 1366, 3988, 1369, 1264, 1062]);

function isValue(cause: unknown): boolean {
  return VALUE_ERRORS.has((cause as { readonly errno?: unknown }).errno);
}
