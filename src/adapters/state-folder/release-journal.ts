// The releases of `engawa release-all`, one JSON line each, appended with fsync before any element is removed.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleaseEntry, ReleaseJournal } from '../../flow/ports.ts';
import { appendDurably } from './durable-file.ts';

export function releaseJournal(stateFolder: string): ReleaseJournal {
  const path = join(stateFolder, 'releases.jsonl');
  /** What no disk would take: imported while this process lives, and written with the next append. */
  let unwritten: readonly ReleaseEntry[] = [];
  return {
    append: async (entries) => {
      unwritten = [...unwritten, ...entries];
      if (unwritten.length === 0) return;
      // The leading line end closes a line that a power cut tore.
      await appendDurably(path, `\n${unwritten.map((entry) => JSON.stringify(entry)).join('\n')}\n`);
      unwritten = [];
    },
    entries: async () => {
      const written = await readEntries(path);
      const known = new Set(written.map((entry) => entry.id));
      return [...written, ...unwritten.filter((entry) => !known.has(entry.id))];
    },
  };
}

/** «No such file» alone means «no releases»: what cannot be read must not pass for nothing. */
async function readEntries(path: string): Promise<readonly ReleaseEntry[]> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  });
  if (file === undefined) return [];
  const entries: ReleaseEntry[] = [];
  try {
    for await (const line of file.readLines({ encoding: 'utf8' })) {
      const entry = parseEntry(line);
      if (entry !== undefined) entries.push(entry);
    }
  } finally {
    await file.close();
  }
  return entries;
}

function parseEntry(line: string): ReleaseEntry | undefined {
  if (line === '') return undefined;
  try {
    const found = JSON.parse(line) as Partial<ReleaseEntry>;
    const whole =
      typeof found.id === 'string' &&
      typeof found.lineId === 'string' &&
      typeof found.epoch === 'number' &&
      typeof found.at === 'number' &&
      typeof found.by === 'string' &&
      typeof found.reason === 'string';
    return whole ? (found as ReleaseEntry) : undefined;
  } catch {
    return undefined;
  }
}
