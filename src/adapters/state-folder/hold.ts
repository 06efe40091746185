// The engineer's stop as a file: `touch /var/lib/engawa/hold` works with everything of ours dead. Content is optional.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hold, HoldSwitch } from '../../flow/ports.ts';
import { removeFile, replaceFile } from './durable-file.ts';

export function holdFile(stateFolder: string): HoldSwitch {
  const path = join(stateFolder, 'hold');
  return {
    current: () => readHold(path),
    set: (hold) => replaceFile(path, `${JSON.stringify(hold)}\n`),
    lift: () => removeFile(path),
  };
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
