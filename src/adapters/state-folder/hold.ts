// The engineer's stop as a file: `touch /var/lib/engawa/hold` works with everything of ours dead. Content is optional.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hold, HoldSwitch } from '../../flow/ports.ts';
import { removeFile, replaceFile } from './durable-file.ts';

export function holdFile(stateFolder: string): HoldSwitch {
  const path = join(stateFolder, 'hold');
  /** What no disk would take: on in this process all the same, until it is lifted. */
  let unwritten: Hold | undefined;
  return {
    current: () => unwritten ?? readHold(path),
    set: async (hold) => {
      unwritten = { on: true, ...hold };
      await replaceFile(path, `${JSON.stringify(hold)}\n`).catch((cause: Error) => touch(path, cause));
      unwritten = undefined;
    },
    lift: async () => {
      await removeFile(path);
      unwritten = undefined;
    },
  };
}

/** A full disk often still takes an empty file, and an empty file is a hold. */
function touch(path: string, cause: Error): void {
  try {
    closeSync(openSync(path, 'a', 0o640));
  } catch {
    throw cause;
  }
}

function readHold(path: string): Hold {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').slice(0, 4096);
  } catch (error) {
    // Anything but «no such file» counts as on: doubt favours stillness for the mass.
    return { on: (error as NodeJS.ErrnoException).code !== 'ENOENT' };
  }
  try {
    const found = JSON.parse(text) as Record<string, unknown>;
    return {
      on: true,
      ...(typeof found['by'] === 'string' ? { by: found['by'] } : {}),
      ...(typeof found['at'] === 'number' ? { at: found['at'] } : {}),
      ...(typeof found['reason'] === 'string' ? { reason: found['reason'] } : {}),
    };
  } catch {
    return { on: true, by: 'a file made by hand' };
  }
}
