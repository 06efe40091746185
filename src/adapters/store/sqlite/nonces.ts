// Nonces of signed deliveries with what they were answered: small rows for ten minutes, cleared away as new ones come. How many
// there can be is bounded by the rate of each sender.
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Instant } from '../../../core/kernel/time.ts';
import type { Claimed, Json, Nonces } from '../../../flow/ports.ts';
import type { Database } from './database.ts';
import type { Migration } from './schema.ts';

const TABLE = `
CREATE TABLE intake_nonce (
  sender TEXT NOT NULL, nonce TEXT NOT NULL, digest TEXT NOT NULL, expires_at INTEGER NOT NULL, answer BLOB,
  PRIMARY KEY (sender, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX intake_nonce_expires ON intake_nonce(expires_at);
`;

export const NONCES_MIGRATION: Migration = { number: 8, name: 'nonces of signed deliveries', sql: TABLE };

const CLEAR = `DELETE FROM intake_nonce WHERE (sender, nonce) IN
  (SELECT sender, nonce FROM intake_nonce WHERE expires_at < ? LIMIT 100)`;
const CLAIM = `INSERT INTO intake_nonce (sender, nonce, digest, expires_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (sender, nonce) DO NOTHING`;

export class SqliteNonces implements Nonces {
  readonly #database: Database;
  readonly #now: () => Instant;

  constructor(database: Database, now: () => Instant) {
    this.#database = database;
    this.#now = now;
  }

  claim(entry: {
    readonly sender: string;
    readonly nonce: string;
    readonly digest: string;
    readonly expiresAt: Instant;
  }): Promise<Claimed> {
    const { sender, nonce, digest, expiresAt } = entry;
    return this.#database.write((tx): Claimed => {
      tx.runSql(CLEAR, [this.#now()]);
      if (tx.runSql(CLAIM, [sender, nonce, digest, expiresAt]) === 1) return { kind: 'fresh' };
      const row = tx.allSql<{ digest: string; answer: Uint8Array | null }>(
        'SELECT digest, answer FROM intake_nonce WHERE sender = ? AND nonce = ?',
        [sender, nonce],
      )[0];
      if (row?.digest !== digest) return { kind: 'other' };
      return row.answer === null ? { kind: 'same' } : { kind: 'same', answer: unpack(row.answer) };
    });
  }

  keep(sender: string, nonce: string, answer: Json): Promise<void> {
    return this.#database.write((tx) => {
      tx.runSql('UPDATE intake_nonce SET answer = ? WHERE sender = ? AND nonce = ?', [
        zstdCompressSync(JSON.stringify(answer)),
        sender,
        nonce,
      ]);
    });
  }
}

function unpack(bytes: Uint8Array): Json {
  return JSON.parse(zstdDecompressSync(bytes).toString()) as Json;
}
