// One writer per state folder: an exclusive SQLite transaction on a file of its own, which ends with the process
// however it dies. A pid file would lie after a power cut.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Throws when another process holds the folder. The answer gives it free. */
export function claimWriter(stateFolder: string): () => void {
  const lock = new DatabaseSync(join(stateFolder, 'writer.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new Error(`another engawa process writes to ${stateFolder}; next: stop it, or order through its socket`, {
      cause,
    });
  }
  return () => {
    lock.exec('ROLLBACK');
    lock.close();
  };
}
