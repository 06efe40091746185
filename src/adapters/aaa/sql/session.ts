// One connection to the operator's database, as little of SQL as the groups need, and what its failures mean. The drivers are
// postgres.ts and mariadb.ts.

export type SqlValue = string | number;
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlSession {
  /** `?` for each value, whatever the driver's own form. Throws SqlFault. */
  run(statement: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  close(): Promise<void>;
}

/** Throws SqlFault. */
export type Connect = () => Promise<SqlSession>;

/** `value`: the database cannot hold this one; others go on. `trouble`: connection, rights or tables; try again later. */
export class SqlFault extends Error {
  readonly kind: 'value' | 'trouble';

  constructor(kind: SqlFault['kind'], cause: unknown) {
    super(textOf(cause), { cause });
    this.kind = kind;
  }
}

/** For a log: one line, no values; drivers put rows into other fields, which are left out. */
function textOf(cause: unknown): string {
  const { message = '', code } = cause as { readonly message?: string; readonly code?: unknown };
  const text = `${typeof code === 'string' ? `${code} ` : ''}${message}`;
  return text
    .replaceAll(/\B'[^']*'|"[^"]*"/g, '…')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 200);
}

export interface DatabaseAccess {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** The certificate authority, PEM. Absent: no TLS, for a database on this machine. */
  readonly ca?: string;
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
}

export const CONNECT_TIMEOUT_MS = 5000;
export const STATEMENT_TIMEOUT_MS = 10_000;
