// The last instant this installation knew to be right: what a clock that comes up wrong is compared with.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LastSeen, Seen } from '../../flow/ports.ts';
import { replaceFile } from './durable-file.ts';

export function lastSeenFile(stateFolder: string): LastSeen {
  const path = join(stateFolder, 'last-seen');
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined;
        throw cause;
      });
      return text === undefined ? undefined : parseSeen(text);
    },
    write: (seen) => replaceFile(path, `${JSON.stringify(seen)}\n`),
  };
}

/** A file that says nothing is no fresh installation: it counts as a jump that somebody must look at. */
function parseSeen(text: string): Seen {
  try {
    const { at, jumped } = JSON.parse(text) as Partial<Seen>;
    if (typeof at === 'number' && typeof jumped === 'boolean') return { at, jumped };
  } catch {
    // below
  }
  return { at: 0, jumped: true };
}
