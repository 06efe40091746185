// One SQLite file, one writer, group commit: every write of one turn of the event loop shares a transaction and one
// fsync, each inside its own savepoint so that a failing one does not take its neighbours down.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

type Value = null | number | bigint | string | Uint8Array;
/** Anything Kysely can compile; the result type rides along. */
export interface Compilable<Row> {
  compile(): CompiledQuery<Row>;
}

/** Builds queries with types; runs none: execution is synchronous, on our own connections. */
export function queryBuilder<Schema>(): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Day partitions and IN-lists make new texts; the bound keeps a long-lived process flat. */
const STATEMENTS_KEPT = 1000;

/** Synchronous access inside a transaction (writer) or outside one (reader). Statements are prepared once and cached. */
export class Connection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #tuples = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  all<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile();
    return this.allSql<Row>(sql, parameters as Value[]);
  }

  first<Row>(query: Compilable<Row>): Row | undefined {
    return this.all(query)[0];
  }

  run(query: Compilable<unknown>): number {
    const { sql, parameters } = query.compile();
    return this.runSql(sql, parameters as Value[]);
  }

  /** For the hot statements: same cache, no builder. */
  allSql<Row>(sql: string, parameters: readonly Value[] = []): Row[] {
    return this.#prepare(sql).all(...parameters) as Row[];
  }

  /** Rows as arrays, for what is asked a hundred thousand times a second. */
  tuplesSql<Row extends readonly Value[]>(sql: string, parameters: readonly Value[]): Row[] {
    let statement = this.#tuples.get(sql);
    if (statement === undefined) {
      if (this.#tuples.size >= STATEMENTS_KEPT) this.#tuples.clear();
      statement = this.#db.prepare(sql);
      statement.setReturnArrays(true);
      this.#tuples.set(sql, statement);
    }
    return statement.all(...parameters) as unknown as Row[];
  }

  /** Number of rows changed. */
  runSql(sql: string, parameters: readonly Value[] = []): number {
    return Number(this.#prepare(sql).run(...parameters).changes);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_KEPT) this.#statements.clear();
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

interface Waiting {
  readonly work: (tx: Connection) => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Most writes that may wait for one turn; beyond it callers get an error instead of an unbounded queue. */
const QUEUE_LIMIT = 50_000;
/** How long one turn's transaction may hold the event loop before the rest waits for the next turn. */
const TURN_MS = 25;

export class Database {
  readonly #writer: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #tx: Connection;
  readonly path: string;
  readonly read: Connection;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #closed = false;

  private constructor(path: string) {
    this.path = path;
    // Subscriber data: nobody else reads it. SQLite gives -wal and -shm the mode of the file.
    closeSync(openSync(path, 'a', 0o600));
    this.#writer = new DatabaseSync(path, { timeout: 5000 });
    this.#writer.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8192;',
    );
    this.#tx = new Connection(this.#writer);
    this.#reader = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    this.read = new Connection(this.#reader);
  }

  /** Creates the file when absent. Throws when it cannot be opened or is no database. */
  static open(path: string): Database {
    return new Database(path);
  }

  /** Schema changes only: runs at once, in a transaction of its own, before anything else is written. */
  migrate(work: (tx: Connection) => void): void {
    this.#writer.exec('BEGIN IMMEDIATE');
    try {
      work(this.#tx);
      this.#writer.exec('COMMIT');
    } catch (cause) {
      this.#writer.exec('ROLLBACK');
      throw cause;
    }
  }

  /** Durable (fsync) when the promise resolves. `work` must be synchronous; if it throws, only its own writes are undone. */
  write<T>(work: (tx: Connection) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    if (this.#waiting.length >= QUEUE_LIMIT)
      return Promise.reject(new Error('the store is overloaded: too many waiting writes'));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (value: never) => void, reject });
      this.#schedule();
    });
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#waiting;
    this.#waiting = [];
    const answers: (() => void)[] = [];
    try {
      if (batch.length > 0) this.#runAll(batch, answers);
    } catch (cause) {
      if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK');
      for (const one of batch) one.reject(cause);
      return;
    }
    for (const answer of answers) answer();
    // What did not fit goes first in the next turn, before anything that came in meanwhile.
    if (answers.length < batch.length) {
      this.#waiting = [...batch.slice(answers.length), ...this.#waiting];
      this.#schedule();
    }
  }

  /** As many as fit into the turn's time, at least one; returns after the fsync. */
  #runAll(batch: readonly Waiting[], answers: (() => void)[]): void {
    const start = performance.now();
    this.#writer.exec('BEGIN IMMEDIATE');
    for (const one of batch) {
      answers.push(this.#runOne(one));
      if (performance.now() - start > TURN_MS) break;
    }
    this.#writer.exec('COMMIT');
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #runOne(one: Waiting): () => void {
    this.#tx.runSql('SAVEPOINT one');
    try {
      const value = one.work(this.#tx);
      if (value instanceof Promise) throw new Error('work inside a transaction must be synchronous');
      this.#tx.runSql('RELEASE one');
      return () => one.resolve(value as never);
    } catch (error) {
      // Disk full and I/O errors end the whole transaction: then nothing of this turn happened, for anybody.
      if (!this.#writer.isTransaction) throw error;
      this.#writer.exec('ROLLBACK TO one');
      this.#writer.exec('RELEASE one');
      return () => one.reject(error);
    }
  }

  /** One unmoving view for long reads, on a connection of its own; `work` may wait between its reads. */
  async snapshot<T>(work: (view: Connection) => Promise<T>): Promise<T> {
    const db = new DatabaseSync(this.path, { readOnly: true, timeout: 5000 });
    try {
      db.exec('BEGIN');
      return await work(new Connection(db));
    } finally {
      db.close();
    }
  }

  /** Waits for what was accepted, then closes both connections. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#waiting.length > 0) this.#flush();
    this.#reader.close();
    this.#writer.close();
  }
}
