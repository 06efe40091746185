// Reads one whole regular file. The folder may belong to somebody with fewer rights than we have: a link in it must not make us
// read for them what they cannot.
import { constants, open } from 'node:fs/promises';
import { err, ok, type Result } from '../../../core/kernel/result.ts';

export type FileTrouble = 'not-regular' | 'too-large' | 'growing';

export async function readRegularFile(path: string, maxBytes: number): Promise<Result<Buffer, FileTrouble>> {
  // O_NONBLOCK: opening a named pipe would wait for its writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ELOOP' || cause.code === 'ENXIO') return undefined;
    throw cause;
  });
  if (file === undefined) return err('not-regular');
  try {
    const before = await file.stat();
    if (!before.isFile()) return err('not-regular');
    if (before.size > maxBytes) return err('too-large');
    const bytes = await file.readFile();
    const after = await file.stat();
    const isWhole = after.size === bytes.length && after.mtimeMs === before.mtimeMs;
    return isWhole ? ok(bytes) : err('growing');
  } finally {
    await file.close();
  }
}
