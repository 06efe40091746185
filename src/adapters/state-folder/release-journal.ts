// The releases of `engawa release-all`, one JSON line each, appended with fsync before any element is removed.
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReleaseEntry, ReleaseJournal } from '../../flow/ports.ts';
import { appendDurably } from './durable-file.ts';

export function releaseJournal(stateFolder: string): ReleaseJournal {
  const path = join(stateFolder, 'releases.jsonl');
  return {
    append: async (entries) => {
      if (entries.length === 0) return;
      // The leading line end closes a line that a power cut tore.
      await appendDurably(path, `\n${entries.map((entry) => JSON.stringify(entry)).join('\n')}\n`);
    },
    entries: () => readEntries(path),
  };
}

async function readEntries(path: string): Promise<readonly ReleaseEntry[]> {
  if (!existsSync(path)) return [];
  const entries: ReleaseEntry[] = [];
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
    const entry = parseEntry(line);
    if (entry !== undefined) entries.push(entry);
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
