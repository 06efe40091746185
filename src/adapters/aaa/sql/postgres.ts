// PostgreSQL by the package pg: one client, no pool, for there is one writer.
import pg from 'pg';
import {
  CONNECT_TIMEOUT_MS,
  type Connect,
  type DatabaseAccess,
  SqlFault,
  type SqlSession,
  STATEMENT_TIMEOUT_MS,
} from './session.ts';

const CLOSE_WITHIN_MS = 1000;

export function postgres(access: DatabaseAccess): Connect {
  return async () => {
    const { host, port, database, user, password, ca } = access;
    const timeoutMs = access.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
    const client = new pg.Client({
      host,
      port,
      database,
      user,
      password,
      ssl: ca === undefined ? false : { ca },
      application_name: 'engawa',
      connectionTimeoutMillis: access.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      query_timeout: timeoutMs,
      statement_timeout: timeoutMs,
      keepAlive: true,
    });
    // Told by the next statement; without a listener a lost connection would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (cause) {
      client.end().catch(() => {});
      throw new SqlFault('trouble', cause);
    }
    return session(client);
  };
}

function session(client: pg.Client): SqlSession {
  return {
    async run(statement, values = []) {
      let count = 0;
      const text = statement.replaceAll('?', () => `$${++count}`);
      try {
        return (await client.query<Record<string, unknown>>(text, [...values])).rows;
      } catch (cause) {
        throw new SqlFault(isValue(cause) ? 'value' : 'trouble', cause);
      }
    },
    close: () => closeWithin(client, CLOSE_WITHIN_MS),
  };
}

/** `end` says goodbye and waits for the answer of a server that may be the reason for closing. */
async function closeWithin(client: pg.Client, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([client.end(), late]).finally(() => clearTimeout(timer));
}

/** SQLSTATE class 22 (data exception) and 23 (integrity); a value that is no text of the database's encoding is 22021. */
function isValue(cause: unknown): boolean {
  const { code } = cause as { readonly code?: unknown };
  return typeof code === 'string' && /^2[23]/.test(code);
}
